"""The provider ``openai``: any server that speaks the OpenAI chat-completions API."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr

from flow_widgets.errors import FlowError, ProviderError
from flow_widgets.flow.data import joined_surrogates

from . import sdk
from .address import is_http, is_local, is_loopback, place, secrets_in, shown, without_user
from .answer import Answer
from .base import ChatRequest, ChatResult, OnText
from .connections import Connections
from .failure import Scene, redactor, refused, timed_out, unreachable
from .objects import read_objects
from .reading import read_answer
from .sdk import Transport
from .watchdog import Watchdog

_PLACEHOLDER_KEY = "no-key-needed"
"""Sent to local servers, most of which look at no key; the SDK insists on one."""

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
"""What no value of a header may hold; a tab may stand in one."""


@dataclass(frozen=True, slots=True)
class _Settings:
    """Where a call goes and with which key, resolved when it starts."""

    base_url: str | None = field(repr=False)
    key: SecretStr


class OpenAIProvider:
    """Chat completions of the OpenAI API, or of a server that is compatible with it.

    Args:
        base_url: Address up to and including ``/v1``; else ``OPENAI_BASE_URL``, else OpenAI's.
        api_key: Key; else that of ``client``, else ``OPENAI_API_KEY``, read at each call. Servers
            on this machine or network need none.
        client: ``AsyncOpenAI``, ``AsyncAzureOpenAI``, or their synchronous forms, whose settings
            are taken over; its connections, retries and timeouts are not. Another object with
            ``chat.completions.create`` is used as it is.
        model: Model of an action that names none.
        headers: Sent with every request.
        transport: HTTP library: ``httpx`` (also ``auto``) or ``aiohttp``.
        requests_per_minute: How many calls may begin in a minute, of each model, evenly spread.
        max_parallel: How many calls of each model may be in flight at once.

    Raises:
        ProviderError: A header holds a control character (``not_configured``).
        FlowError: A limit is less than 1.
    """

    name = "openai"
    default_model: str | None

    def __init__(
        self,
        base_url: str | None = None,
        api_key: str | None = None,
        *,
        client: object | None = None,
        model: str | None = None,
        headers: Mapping[str, str] | None = None,
        transport: Transport = "auto",
        requests_per_minute: int | None = None,
        max_parallel: int | None = None,
    ) -> None:
        sdk.refuse_sync(client)
        _refuse_nothing(requests_per_minute=requests_per_minute, max_parallel=max_parallel)
        _refuse_control(headers or {})
        self.default_model = model
        self.requests_per_minute, self.max_parallel = requests_per_minute, max_parallel
        self._base_url = SecretStr(base_url) if base_url else None  # it may hold a password
        self._api_key = SecretStr(api_key.strip()) if api_key else None
        self._client: Any = client
        self._headers = {
            name: SecretStr(value.strip(" \t")) for name, value in (headers or {}).items()
        }
        self._transport: Transport = transport
        self._connections = Connections()
        self._asks_usage = True

    def __repr__(self) -> str:
        return f"OpenAIProvider(base_url={self._shown_url()!r}, model={self.default_model!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("A provider holds connections and keys, so it can't be pickled.")

    @property
    def limit_key(self) -> str:
        """The address that shares its limits with every provider for it, without its secrets."""
        return self._shown_url() or place(None)

    def check(self) -> None:
        """Return when a call could be sent; sends nothing.

        Raises:
            ProviderError: No key is known, or the base URL is none (``not_configured``).
        """
        if self._client is None:
            self._settings()

    async def chat(self, request: ChatRequest, on_text: OnText) -> ChatResult:
        """Stream one completion and return how it ended.

        Raises:
            ProviderError: The call failed; text that had arrived was passed to ``on_text``.
        """
        outcome = await self._outcome(request, on_text)
        if isinstance(outcome, ProviderError):
            raise outcome
        return outcome

    async def close(self) -> None:
        """Close every connection that was opened in the running event loop."""
        await self._connections.close()

    async def _outcome(self, request: ChatRequest, on_text: OnText) -> ChatResult | ProviderError:
        try:
            return await self._guarded(request, on_text)
        except ProviderError as error:
            # What led here holds requests with keys: neither the chain nor the frames go out.
            error.__cause__ = error.__context__ = error.__traceback__ = None
            return error

    async def _guarded(self, request: ChatRequest, on_text: OnText) -> ChatResult:
        client, scene = self._connected(request)
        answer = Answer(scene, on_text, max_chars=request.max_output_chars)
        with Watchdog(request.timeouts) as watchdog:
            await self._stream(client, request, answer, watchdog)
        limit = watchdog.expired
        if limit is not None and answer.finish_reason is None:
            seconds = getattr(request.timeouts, "total" if limit == "grace" else limit)
            error = timed_out(scene, limit, seconds)
            error.request_id = answer.request_id
            raise error
        return answer.result()

    async def _stream(
        self, client: Any, request: ChatRequest, answer: Answer, watchdog: Watchdog
    ) -> None:
        failure = None
        try:
            if self._is_plain():
                await _read_raw(await self._open(client, request), answer, watchdog)
            else:
                body, headers = self._body(request), _own_headers(request)
                await read_objects(client, body, answer, watchdog, headers=headers)
        except sdk.transport_errors() as error:
            failure = error
        # A finished answer is complete, whatever happens to its connection afterwards.
        if failure is not None and answer.finish_reason is None and watchdog.expired is None:
            raise _failed(answer, failure)

    async def _open(self, client: Any, request: ChatRequest) -> Any:
        body = self._body(request)
        try:
            return await _post(client, body, request)
        except sdk.openai_module().APIStatusError as error:
            asked = "stream_options" in body and "stream_options" not in request.params
            if not (asked and error.status_code in (400, 422) and "stream_options" in str(error)):
                raise
        self._asks_usage = False  # an older server: it told by refusing, before any work
        return await _post(client, self._body(request), request)

    def _body(self, request: ChatRequest) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": request.model,
            "messages": request.messages,
            "stream": True,
        }
        if self._asks_usage:
            body["stream_options"] = {"include_usage": True}
        return {**body, **request.params}

    def _is_plain(self) -> bool:
        return self._client is None or sdk.is_plain(self._client)

    def _connected(self, request: ChatRequest) -> tuple[Any, Scene]:
        """Return the client for this call in the running loop, and what its errors may tell."""
        headers = {name: value.get_secret_value() for name, value in self._headers.items()}
        if not self._is_plain():
            url = str(getattr(self._client, "base_url", "") or "")
            secrets = redactor([*headers.values(), *_secrets_of(self._client)])
            client = self._connections.client("as it is", lambda: (None, _patient(self._client)))
            return client, Scene(request.model, place(url), secrets)
        given, settings = self._client, self._settings()
        base_url, key = settings.base_url, settings.key

        def make() -> tuple[Any, Any]:
            trust_env = not is_loopback(base_url)  # no proxy can reach this machine's own ports
            http = sdk.http_client(self._transport, trust_env=trust_env)
            if given is not None:
                return http, sdk.client_like(given, http, headers=headers)
            url, user = without_user(base_url) if base_url else (None, {})
            plain_key, sent = key.get_secret_value(), {**user, **headers}
            return http, sdk.new_client(http, api_key=plain_key, base_url=url, headers=sent)

        client = self._connections.client(settings, make)
        values = [key.get_secret_value(), *headers.values(), *_secrets_of(given)]
        values += secrets_in(base_url)
        scene = Scene(request.model, place(base_url), redactor(values))
        return client, scene

    def _settings(self) -> _Settings:
        if self._client is not None:
            key = SecretStr(str(getattr(self._client, "api_key", "") or ""))
            return _Settings(str(self._client.base_url), key)
        base_url = self._own_url() or os.environ.get("OPENAI_BASE_URL") or None
        if base_url is not None and not is_http(base_url):
            raise ProviderError(
                "not_configured",
                f"The base_url {shown(base_url)!r} is not an HTTP address.",
                hint="Write it in full, such as 'http://localhost:11434/v1'.",
            )
        if base_url is not None and "?" in base_url:
            raise ProviderError(
                "not_configured",
                f"The base_url {shown(base_url)!r} holds a query, which no path can follow.",
                hint="Leave it out; pass a client with default_query for what has to stand there.",
            )
        return _Settings(base_url, self._key_for(base_url))

    def _key_for(self, base_url: str | None) -> SecretStr:
        key = self._api_key or SecretStr(os.environ.get("OPENAI_API_KEY", "").strip())
        if key.get_secret_value():
            _refuse_control({"Authorization": key.get_secret_value()})
            return key
        authorized = any(name.lower() == "authorization" for name in self._headers)
        if authorized or is_local(base_url):
            return SecretStr(_PLACEHOLDER_KEY)
        raise ProviderError(
            "not_configured",
            f"No key was found for the provider {self.name!r}.",
            hint=(
                "Set OPENAI_API_KEY, or pass OpenAIProvider(api_key=…) or a client, "
                'or try without a key: provider="offline".'
            ),
        )

    def _own_url(self) -> str | None:
        return self._base_url.get_secret_value() if self._base_url is not None else None

    def _shown_url(self) -> str | None:
        given = self._own_url() or getattr(self._client, "base_url", None)
        url = str(given or os.environ.get("OPENAI_BASE_URL") or "")
        return shown(url) if url else None


def _refuse_nothing(**limits: int | None) -> None:
    """Refuse a limit that would let nothing through."""
    for name, limit in limits.items():
        if limit is not None and limit < 1:
            raise FlowError(
                f"{name} is {limit}, so that no call could begin.", hint="Give 1 or more."
            )


def _refuse_control(headers: Mapping[str, str]) -> None:
    """Refuse what no header may hold while it can be told without a library showing the value."""
    for name, value in headers.items():
        if _CONTROL.search(value):
            raise ProviderError(
                "not_configured",
                f"The value of the header {name!r} holds a control character, such as a line break.",
                hint="Remove it; strip() does so at the ends.",
            )


def _own_headers(request: ChatRequest) -> dict[str, str]:
    key = request.idempotency_key
    return {} if key is None else {"Idempotency-Key": key}


async def _post(client: Any, body: dict[str, Any], request: ChatRequest) -> Any:
    """Send a body and return the SDK's stream, whose ``response`` is read by us."""
    stream_class = sdk.openai_module().AsyncStream[object]
    options: dict[str, Any] = {"timeout": sdk.timeout(request.timeouts.connect)}
    headers = _own_headers(request)
    if headers:
        options["headers"] = headers
    try:
        try:
            return await client.post(
                "/chat/completions",
                body=body,
                cast_to=object,
                stream=True,
                stream_cls=stream_class,
                options=options,
            )
        except UnicodeEncodeError:  # half a character in a prompt; nothing has been sent yet
            whole = json.loads(joined_surrogates(json.dumps(body, ensure_ascii=False)))
            return await client.post(
                "/chat/completions",
                body=whole,
                cast_to=object,
                stream=True,
                stream_cls=stream_class,
                options=options,
            )
    except (TypeError, ValueError) as error:
        raise ProviderError(
            "bad_request",
            f"The request can't be written as JSON ({type(error).__name__}).",
            hint="Check the parameters of the action.",
        ) from None


async def _read_raw(stream: Any, answer: Answer, watchdog: Watchdog) -> None:
    response = stream.response
    answer.request_id = answer.scene.request_id(response.headers)
    encoded = response.headers.get("content-encoding", "identity") != "identity"
    # Without an encoding to undo, the stream itself gives the same bytes for less work.
    reads = response.aiter_bytes() if encoded else aiter(response.stream)
    try:
        async with aclosing(reads):
            await read_answer(reads, answer, watchdog)
    finally:
        await stream.close()


def _failed(answer: Answer, error: Exception) -> ProviderError:
    response = getattr(error, "response", None)
    status = getattr(error, "status_code", None)
    if response is not None and isinstance(status, int):
        headers = {name.lower(): value for name, value in response.headers.items()}
        return refused(answer.scene, status, getattr(error, "body", None), headers)
    body = getattr(error, "body", None)
    failure = refused(answer.scene, None, body, {}) if body else unreachable(answer.scene, error)
    failure.request_id = answer.request_id
    return failure


def _patient(client: Any) -> Any:
    """Return the client without retries of its own, when it is one of the SDK's."""
    if not hasattr(client, "with_options") or not hasattr(client, "max_retries"):
        return client
    try:
        return client.with_options(max_retries=0, timeout=sdk.timeout(5.0))
    except TypeError:  # a subclass with a constructor of its own
        return client


def _secrets_of(client: Any) -> list[str]:
    if client is None:
        return []
    values = [getattr(client, name, None) for name in ("api_key", "_azure_ad_token")]
    custom = getattr(client, "_custom_headers", None)
    if isinstance(custom, Mapping):
        values += custom.values()
    return [value for value in values if isinstance(value, str)]
