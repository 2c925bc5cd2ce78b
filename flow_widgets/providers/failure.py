"""Turns what a server or the network did wrong into one ``ProviderError`` without secrets."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import Any

from flow_widgets.errors import FailureKind, ProviderError
from flow_widgets.flow.data import joined_surrogates

MAX_DETAIL_CHARS = 2000
REMOVED = "[removed]"
_LONGEST_SECONDS = 1e9
"""What a larger number, where a server says how long to wait, stands for."""

_KEY_SHAPES = re.compile(
    r"(?:sk|pk|rk|gsk|xai|key)-[A-Za-z0-9_*.\-]{6,}|\bBearer\s+[^\s\"',;<>]+", re.IGNORECASE
)
_CONTEXT = re.compile(
    r"context.{0,10}(?:length|window|size)|prompt is too long|too many (?:input )?tokens",
    re.IGNORECASE,
)
_MODEL = re.compile(r"\bmodel\b", re.IGNORECASE)

_KIND_BY_CODE: dict[str, FailureKind] = {
    "insufficient_quota": "quota",
    "billing_hard_limit_reached": "quota",
    "billing_not_active": "quota",
    "context_length_exceeded": "context_length",
    "string_above_max_length": "context_length",
    "content_filter": "content_filter",
    "content_policy_violation": "content_filter",
    "responsibleaipolicyviolation": "content_filter",
    "invalid_api_key": "auth",
    "authentication_error": "auth",
    "permission_error": "auth",
    "rate_limit": "rate_limit",
    "rate_limit_exceeded": "rate_limit",
    "rate_limit_error": "rate_limit",
    "too_many_requests": "rate_limit",
    "invalid_request_error": "bad_request",
    "model_not_found": "bad_request",
    "server_error": "server_error",
    "api_error": "server_error",
    "internal_error": "server_error",
    "internal_server_error": "server_error",
    "overloaded_error": "server_error",
    "service_unavailable": "server_error",
    "timeout": "server_error",
}

_WHAT: dict[FailureKind, str] = {
    "rate_limit": "The model is over its rate limit",
    "quota": "The account has no quota left",
    "server_error": "The model's server failed",
    "auth": "The key was refused",
    "bad_request": "The server refused the request",
    "context_length": "The prompt is longer than the model can read",
    "content_filter": "The provider's content filter stopped the request",
    "too_large": "The request is too large for the server",
    "protocol": "The server's answer makes no sense here",
}

_HINT: dict[FailureKind, str] = {
    "rate_limit": "Wait and retry, or run fewer actions at once.",
    "quota": "Check the plan and billing of the account, then retry.",
    "server_error": "Retry; if it goes on, look at the provider's status page.",
    "auth": "Set OPENAI_API_KEY or pass a client, then retry.",
    "bad_request": "Check the parameters of the action.",
    "context_length": "Shorten the prompt, or use a model with a larger context.",
    "content_filter": "Change the prompt.",
    "too_large": "Send less, or smaller files.",
    "protocol": "Check that base_url points to an OpenAI-compatible API.",
}


@dataclass(frozen=True, slots=True)
class Redactor:
    """Removes known secrets, and whatever is shaped like one, from a server's words."""

    secrets: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Redactor({len(self.secrets)} secrets)"

    def __call__(self, text: str) -> str:
        """Return ``text`` cut to ``MAX_DETAIL_CHARS``, without secrets and halves of characters."""
        # Cut late: a key across the cut would lose its shape. The room bounds the work.
        text = joined_surrogates(text[: MAX_DETAIL_CHARS * 2])
        for secret in self.secrets:
            text = text.replace(secret, REMOVED)
        return _KEY_SHAPES.sub(REMOVED, text)[:MAX_DETAIL_CHARS]


def redactor(values: Iterable[str]) -> Redactor:
    """Return a redactor of ``values``; short ones are no secrets, and longest goes first.

    Servers and libraries may show a value without the spaces around it, or with escapes.
    """
    forms = {form for v in values for form in (v, v.strip(), repr(v)[1:-1], repr(v.strip())[1:-1])}
    return Redactor(tuple(sorted((v for v in forms if len(v) >= 6), key=len, reverse=True)))


@dataclass(frozen=True, slots=True)
class Scene:
    """What an error may tell about its call."""

    model: str
    host: str
    """Host and port of the server."""
    redact: Redactor = Redactor()

    def request_id(self, headers: Mapping[str, str]) -> str | None:
        """Return the id by which the server knows this call, if it told one."""
        name = headers.get("x-request-id") or headers.get("apim-request-id")
        return self.redact(name) if name else None


def refused(
    scene: Scene, status: int | None, body: object, headers: Mapping[str, str]
) -> ProviderError:
    """Return the error for an answer with an HTTP error status, or an error object in a stream.

    ``body`` is the parsed JSON answer, its ``error`` object, or text; ``headers`` are lowercase.
    """
    code, message = _code_and_message(body)
    if status is None:
        status = _inner_status(body, code)
    kind = kind_of(status, code, _type(body), message)
    bracket = f" ({status})" if status is not None else ""
    what, hint = f"{_WHAT[kind]}{bracket}.", _HINT[kind]
    if kind == "bad_request" and (code == "model_not_found" or _is_missing(status, message)):
        what = f"The model {scene.model!r} was not found at {scene.host}{bracket}."
        hint = "Check the model's name and the base_url."
    elif kind == "protocol" and status is not None and 300 <= status < 400:
        what = f"The server at {scene.host} redirects elsewhere{bracket}."
        hint = "Set base_url to the final address; redirects are not followed."
    return ProviderError(
        kind,
        what,
        hint=hint,
        status=status,
        request_id=scene.request_id(headers),
        retry_after_seconds=retry_after_seconds(headers),
        detail=scene.redact(message),
        should_retry=_should_retry(headers),
    )


def unreachable(scene: Scene, error: BaseException) -> ProviderError:
    """Return the error for a call that failed below HTTP, from what the transport raised."""
    causes = _causes(error)
    names = {type(cause).__name__ for cause in causes}
    detail = scene.redact(str(causes[-1]) or type(causes[-1]).__name__)
    if "CERTIFICATE_VERIFY_FAILED" in " ".join(map(str, causes)):
        what = f"The certificate of {scene.host} can't be verified."
        return ProviderError(
            "protocol", what, hint="Set SSL_CERT_FILE to the CA bundle.", detail=detail
        )
    if names & {"UnsupportedProtocol", "InvalidURL", "LocalProtocolError"}:
        hint = "It must be a URL such as http://localhost:11434/v1; headers must be plain text."
        return ProviderError(
            "not_configured", "The base_url or a header is invalid.", hint=hint, detail=detail
        )
    # The aiohttp transport calls a server that hangs up a timeout of the connection.
    if "ConnectTimeout" in names and not names & {"ServerDisconnectedError", "ClientOSError"}:
        what = f"No connection to {scene.host} in time."
        return ProviderError("timeout_connect", what, hint="Check the address, then retry.")
    if names & {"ConnectError", "ProxyError"}:
        what = f"No connection to {scene.host}."
        hint = "Check the base_url; is the server running?"
        return ProviderError("connection_lost", what, hint=hint, detail=detail)
    if names & {"DecodingError", "ContentEncodingError"}:
        what = f"The answer from {scene.host} is not encoded as it says."
        return ProviderError("protocol", what, hint=_HINT["protocol"], detail=detail)
    what = f"The connection to {scene.host} was lost."
    return ProviderError("connection_lost", what, hint="Retry.", detail=detail)


def timed_out(scene: Scene, limit: str, seconds: float) -> ProviderError:
    """Return the error for a limit of time that passed: ``first_byte``, ``idle`` or ``total``."""
    if limit == "first_byte":
        what = f"No answer came from {scene.host} within {seconds:g} s."
        return ProviderError("timeout_first_byte", what, hint="Retry, or allow more time.")
    if limit == "idle":
        what = f"The answer from {scene.host} stood still for {seconds:g} s."
        return ProviderError("timeout_idle", what, hint="Retry, or allow more time.")
    what = f"The answer from {scene.host} took longer than {seconds:g} s."
    return ProviderError("timeout_total", what, hint="Allow more time, or ask for less.")


def kind_of(status: int | None, code: str, type_: str, message: str) -> FailureKind:
    """Return the kind of failure that a status and an error object's words stand for."""
    for word in (code.lower(), type_.lower()):
        kind = _KIND_BY_CODE.get(word)
        # "invalid_request_error" is the type of nearly everything: the status knows better.
        if kind is not None and kind not in ("bad_request", "server_error"):
            return kind
    if status in (None, 400, 413, 422) and _CONTEXT.search(message):
        return "context_length"
    if status is None:
        return _KIND_BY_CODE.get(code.lower()) or _KIND_BY_CODE.get(type_.lower(), "server_error")
    if status in (401, 403):
        return "auth"
    if status == 402:
        return "quota"
    if status == 413:
        return "too_large"
    if status == 429:
        return "rate_limit"
    if status in (408, 409, 425) or status >= 500:
        return "server_error"
    return "protocol" if status < 400 else "bad_request"


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """Return how long the server asks to wait, never negative, or None when it does not say."""
    milliseconds = _number(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return max(0.0, milliseconds / 1000)
    value = headers.get("retry-after", "")
    seconds = _number(value)
    if seconds is not None:
        return max(0.0, seconds)
    try:
        when = parsedate_to_datetime(value)
        when = when if when.tzinfo else when.replace(tzinfo=UTC)
        return max(0.0, when.timestamp() - time.time())
    except (TypeError, ValueError, IndexError, OverflowError):
        return None


def _should_retry(headers: Mapping[str, str]) -> bool | None:
    return {"true": True, "false": False}.get(headers.get("x-should-retry", "").strip().lower())


def _causes(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and len(chain) < 12:
        chain.append(current)
        current = current.__cause__ or current.__context__
    return chain


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return max(-_LONGEST_SECONDS, min(_LONGEST_SECONDS, number)) if isfinite(number) else None


def _is_missing(status: int | None, message: str) -> bool:
    return status == 404 and (not message or bool(_MODEL.search(message)))


def _inner_status(body: object, code: str) -> int | None:
    """Return the status that an error object names: gateways pass that of the server behind them on."""
    error: Any = _error_object(body)
    named = error.get("status") if isinstance(error, Mapping) else None
    for value in (code, str(named)):
        if len(value) == 3 and value.isdecimal() and 400 <= int(value) < 600:
            return int(value)
    return None


def _error_object(body: object) -> object:
    if isinstance(body, list) and body:  # Google's servers
        body = body[0]
    while isinstance(body, Mapping) and isinstance(body.get("error"), (Mapping, str)):
        body = body["error"]
    return body


def _code_and_message(body: object) -> tuple[str, str]:
    error: Any = _error_object(body)
    if isinstance(error, Mapping):
        message = error.get("message") or error.get("detail") or ""
        code = error.get("code")
        return "" if code is None else str(code), message if isinstance(message, str) else str(
            message
        )
    return "", "" if error is None else str(error)


def _type(body: object) -> str:
    error: Any = _error_object(body)
    return str(error.get("type") or "") if isinstance(error, Mapping) else ""
