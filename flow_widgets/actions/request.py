"""An HTTP request: sent to an address that is allowed, tried again where that is safe.

Theory of operation. A try ends with an answer or with a ``RequestFailed`` that knows whether the
same request may succeed later (``retryable``) and whether the server may have acted on it already
(``was_sent``). Trying again is safe when the connection was never made, when the server refused to
act (429), and when acting twice is acting once: the idempotent methods, and any request with an
``Idempotency-Key``. Secrets are read from the environment when the request is built. They live in
the request only, and are taken out of whatever the server says before anything is kept.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, ClassVar, Literal, get_args

import httpx2
from pydantic import BeforeValidator, Field

from flow_widgets import net, payload
from flow_widgets.actions.base import Action, Context, Outcome, Permissions
from flow_widgets.credentials import NAME_IT, NO_NAME, Auth
from flow_widgets.errors import (
    AddressRefused,
    InvalidAddress,
    Problem,
    RequestFailed,
    UnknownHost,
)
from flow_widgets.flow.base import Part
from flow_widgets.flow.data import JsonValue
from flow_widgets.flow.template import (
    Target,
    Templated,
    UrlText,
    as_text,
    has_reference,
    references,
)
from flow_widgets.providers.address import shown
from flow_widgets.providers.failure import retry_after_seconds

MAX_WAIT_SECONDS = 60.0
"""A server that asks for a longer wait is not asked again."""

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
_IDEMPOTENT = frozenset(get_args(Method)) - {"POST", "PATCH"}
_NEVER_BETTER = frozenset({501, 505})
"""Errors that a server would give again."""

_SECRET_HEADERS = frozenset(
    {
        "api-key",
        "apikey",
        "authorization",
        "cookie",
        "proxy-authorization",
        "x-access-token",
        "x-api-key",
        "x-auth-token",
        "x-goog-api-key",
    }
)
_SET_BY_CLIENT = frozenset({"connection", "content-length", "transfer-encoding"})
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_ORIGIN = re.compile(r"\s*([A-Za-z][A-Za-z0-9+.-]*)://[^/?#]*")


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


class Request(Action):
    """Sends an HTTP request; the output is ``{"status", "headers", "body", "url"}``.

    The body is parsed when it is JSON, text when it is text, else
    ``{"base64": …, "mime": …}``; None when there is none. A status of 400 or more fails the action,
    with the same output, unless ``raise_errors`` is off. Redirects are followed, five at most.
    """

    parts: ClassVar = {"auth": Part(lambda _: Auth)}
    retries_itself: ClassVar = True

    type: Literal["request"] = "request"
    url: UrlText
    """Where it goes: ``https://…``; values after its beginning are percent-encoded."""
    method: Templated[Annotated[Method, BeforeValidator(_upper)]] = "GET"
    """GET, POST, PUT, PATCH, DELETE, HEAD or OPTIONS."""
    headers: Templated[dict[str, JsonValue]] = Field(default_factory=dict)
    """None leaves one out."""
    params: Templated[dict[str, JsonValue]] = Field(default_factory=dict)
    """What is added to the query of the URL; a list repeats one, None leaves it out."""
    body: Annotated[JsonValue, Target(JsonValue, "json")] = None
    """Data is sent as JSON, or as a form when the ``Content-Type`` says so; text as it is."""
    auth: Auth | None = None
    """How it proves who it is; secrets stand here by the name of their variable only."""
    timeout_seconds: Templated[Annotated[float, Field(ge=1, le=300)]] = 30.0
    """How long one try may take, until the last byte of its answer."""
    retries: int = Field(default=2, ge=0, le=10)
    """How often it is tried again after a 5xx, a 429 or a lost connection, where that is safe."""
    max_bytes: int = Field(default=10_000_000, gt=0)
    """The largest answer that is read, unpacked."""
    raise_errors: bool = True
    """Off: a status of 400 or more is an output, a lost connection one with the status 0."""

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Show no value whose name says that it may be a secret, and no query."""
        for name, value in super().__repr_args__():
            yield name, shown(value) if name == "url" else payload.discreet(value)

    def problems(self) -> Sequence[Problem]:
        """Return what is wrong with the URL, the headers and the names of secrets."""
        anywhere = net.Access(private_network=True)
        return [*_url_problems(self.url, anywhere), *_header_problems(self)]

    def refusals(self, permissions: Permissions) -> Sequence[Problem]:
        """Return an address and secrets that the owner of the runner has not allowed."""
        secrets = self.auth.refused(permissions.secrets) if self.auth else ()
        if any(_url_problems(self.url, net.Access(private_network=True))):
            return [*secrets]  # told as what is wrong with the URL
        return [*_url_problems(self.url, permissions.access), *secrets]

    async def run(self, ctx: Context) -> Outcome:
        """Send the request, as often as it is worth it, and return the answer.

        Raises:
            InvalidAddress, AddressRefused: The URL, or one that it redirects to, can't be asked.
            UnknownHost: There is no such host.
            RequestFailed: No answer came, or one that says the request failed.
        """
        access, limit = ctx.permissions.access, float(self.timeout_seconds)
        call, number = _Call(self, ctx.permissions), 0
        async with net.client(access, timeout_seconds=limit) as http:
            while True:
                number += 1
                try:
                    return Outcome(output=await call.answer(http, limit))
                except (RequestFailed, UnknownHost) as error:
                    delay = call.delay(error, number, ctx)
                    if delay is None:
                        return Outcome(output=call.kept(error))
                    what = f"{call.label}: {error.what} Trying again in {delay:.1f} s"
                    ctx.log(f"{what} ({number} of {self.retries}).", "warn")
                await ctx.sleep(delay)


class _Call:
    """One request with its secrets, and the answers to it."""

    def __init__(self, action: Request, permissions: Permissions) -> None:
        self._action = action
        headers, params, secrets = (
            action.auth.read(permissions.secrets) if action.auth else ({}, {}, [])
        )
        sent = {**_headers(action), **headers}
        for name in _SECRET_HEADERS & set(sent):  # the value, and what follows ``Bearer``
            secrets += [sent[name], sent[name].partition(" ")[2]]
        self._secrets = payload.forms_of(secrets)
        url = net.check_url(action.url.strip(), permissions.access)
        asked = _params(action)
        content, mime = payload.packed(action.body, sent.get("content-type", ""))
        if mime:
            sent.setdefault("content-type", mime)
        self._request = httpx2.Request(
            str(action.method),
            url.copy_merge_params(asked) if asked else url,
            headers=[(name.encode("ascii"), value.encode()) for name, value in sent.items()],
            content=content,
            extensions={"secret_headers": (*headers, *_SECRET_HEADERS), "secret_params": params},
        )
        self.label = f"{action.method} {shown(str(url))}"
        self._is_safe = action.method in _IDEMPOTENT or "idempotency-key" in sent

    async def answer(self, http: httpx2.AsyncClient, limit: float) -> JsonValue:
        """Send the request once and return the output."""
        request = self._request
        for name, value in http.headers.items():  # it adds them only to those that it builds
            request.headers.setdefault(name, value)
        request.extensions["timeout"] = http.timeout.as_dict()
        try:
            async with asyncio.timeout(limit):
                response = await http.send(request, stream=True)
                try:
                    data = await self._read(response)
                finally:
                    await response.aclose()
        except TimeoutError:
            raise net.late(request.url.host, limit) from None
        except httpx2.HTTPError as error:
            raise net.lost(error, request, limit) from None  # its words may hold a header
        return self._judged(response, data)

    async def _read(self, response: httpx2.Response) -> bytes:
        limit, host = self._action.max_bytes, response.url.host
        what = f"The answer from {host} is over the limit of {limit:,} bytes."
        error = RequestFailed("too_large", what, hint="Raise max_bytes, or ask for less.")
        declared = response.headers.get("content-length", "")
        if declared.isdigit() and int(declared) > limit and self._action.method != "HEAD":
            raise error
        data = bytearray()
        async for part in response.aiter_bytes():
            data += part
            if len(data) > limit:
                raise error
        return bytes(data)

    def _judged(self, response: httpx2.Response, data: bytes) -> JsonValue:
        """Return the output, or raise when the status says that the request failed."""
        output = self._output(response, data)
        status = response.status_code
        if status < 400:
            return output
        what = f"{response.url.host} answered {status} {response.reason_phrase}".rstrip()
        raise RequestFailed(
            "http_error",
            f"{what}{payload.excerpt(output['body'])}.",
            hint=_HINTS.get(status, ""),
            status=status,
            output=output,
            retryable=status == 429 or (status >= 500 and status not in _NEVER_BETTER),
            was_sent=status != 429,
            retry_after_seconds=retry_after_seconds(response.headers),
        )

    def _output(self, response: httpx2.Response, data: bytes) -> dict[str, JsonValue]:
        output: dict[str, JsonValue] = {
            "status": response.status_code,
            "headers": dict(response.headers),
            "body": payload.unpacked(
                payload.without_bytes(data, self._secrets), response.headers.get("content-type", "")
            ),
            "url": str(response.url),
        }
        return payload.without(output, self._secrets) if self._secrets else output

    def delay(self, error: RequestFailed | UnknownHost, number: int, ctx: Context) -> float | None:
        """Return how long to wait before the next try, or None when this one was the last."""
        is_last = number > self._action.retries
        if is_last or not isinstance(error, RequestFailed) or not error.retryable:
            return None
        if error.was_sent and not self._is_safe:
            return None
        asked = error.retry_after_seconds
        if asked is not None:
            return asked if asked <= MAX_WAIT_SECONDS else None
        backoff = min(MAX_WAIT_SECONDS, 0.5 * 2.0 ** (number - 1))
        return backoff * ctx.random.uniform(0.75, 1.25)

    def kept(self, error: RequestFailed | UnknownHost) -> JsonValue:
        """Return a failure as the output, or raise it when it is to fail the action."""
        if self._action.raise_errors:
            raise error
        if isinstance(error, RequestFailed) and error.output is not None:
            return error.output
        url = payload.without(str(self._request.url), self._secrets)
        return {"status": 0, "headers": {}, "body": None, "url": url, "error": str(error)}


_HINTS = {
    401: "Check auth; is the variable that it names set to a valid secret?",
    403: "Check that the secret allows this.",
    404: "Check the URL.",
    429: "Ask less often, or allow more retries.",
}


def _headers(action: Request) -> dict[str, str]:
    """Return the headers that the action gives, by their names in lower case.

    Raises:
        RequestFailed: One of them can't be sent.
    """
    found: dict[str, str] = {}
    for name, value in _pairs(action.headers).items():
        if value is None:
            continue
        text = as_text(value).strip()
        if not _HEADER_NAME.fullmatch(name) or re.search(r"[\x00-\x08\x0a-\x1f\x7f]", text):
            what = f"The header {name!r} can't be sent: a header is one line of text."
            raise RequestFailed("bad_request", what)
        if name.lower() not in _SET_BY_CLIENT:
            found[name.lower()] = text
    return found


def _pairs(value: Any) -> dict[str, JsonValue]:
    return value if isinstance(value, dict) else {}


def _params(action: Request) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in _pairs(action.params).items():
        if value is not None:
            values = value if isinstance(value, list) else [value]
            found[name] = [as_text(one) for one in values]
    return found


def _url_problems(url: str, access: net.Access) -> Iterator[Problem]:
    """Yield what is wrong with as much of a URL as is known before its references are filled in."""
    written = url
    if has_reference(url):
        known = url.partition("{{")[0]
        origin = _ORIGIN.match(known)
        if origin is None:
            return
        is_whole = origin.end() < len(known)
        written = origin[0] if is_whole else f"{origin[1]}://example.com"
    try:
        net.check_url(written.strip(), access)
    except (InvalidAddress, AddressRefused) as error:
        yield Problem("url", error.what, error.hint)


def _header_problems(action: Request) -> Iterator[Problem]:
    for name, value in _pairs(action.headers).items():
        if not _HEADER_NAME.fullmatch(name):
            yield Problem(f"headers.{name}", "this can't be the name of a header.")
        elif name.lower() in _SECRET_HEADERS and value and not any(references(value)):
            hint = 'Use auth={"bearer": …} with the name of an environment variable.'
            what = "the flow holds a secret, and is shown and saved with it."
            yield Problem(f"headers.{name}", what, hint, "warning")
    for place in action.auth.pasted() if action.auth else ():
        yield Problem(place, NO_NAME, NAME_IT)
