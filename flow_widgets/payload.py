"""What goes over HTTP, and comes back: data as bytes, bytes as data, both without secrets."""

from __future__ import annotations

import base64
import json
import re
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

import jiter
from pydantic import JsonValue

from flow_widgets.flow.template import as_text

REMOVED = "[removed]"

_TEXTUAL = re.compile(r"text/|.*(?:[/+](?:json|xml|yaml)|javascript|x-www-form-urlencoded|ndjson)$")
_SECRET_NAME = re.compile(
    r"key|token|secret|passw|pwd|auth|cookie|credential|session|signature", re.IGNORECASE
)
"""What names of secrets hold; rather one value too many is hidden than one too few."""
_SLOW_CODECS = frozenset({"idna", "punycode"})
"""Codecs that take quadratic time, and that no page is written in."""


def packed(body: JsonValue, mime: str) -> tuple[bytes | None, str]:
    """Return what is sent and what it is, for a header that says it is of type ``mime``."""
    if body is None:
        return None, ""
    if isinstance(body, str):
        kind = "application/json" if _is_json(body) else "text/plain; charset=utf-8"
        return body.encode("utf-8", "replace"), kind
    if isinstance(body, dict) and mime.startswith("application/x-www-form-urlencoded"):
        lists = {key: one if isinstance(one, list) else [one] for key, one in body.items()}
        form = {key: [as_text(one) for one in values] for key, values in lists.items()}
        return urlencode(form, doseq=True).encode(), ""
    text = json.dumps(body, ensure_ascii=False)
    return text.encode("utf-8", "replace"), "application/json"


def _is_json(text: str) -> bool:
    if text.lstrip()[:1] not in ("{", "["):
        return False
    try:
        jiter.from_json(text.encode(), allow_inf_nan=False)
    except ValueError:
        return False
    return True


def unpacked(data: bytes, content_type: str) -> JsonValue:
    """Return an answer's body as JSON data, text, or base64; None when it is empty."""
    if not data:
        return None
    mime = content_type.partition(";")[0].strip().lower()
    if mime and not _TEXTUAL.match(mime):
        return {"base64": base64.b64encode(data).decode("ascii"), "mime": mime}
    text = _decoded(data, content_type)
    if not mime and "\ufffd" in text:
        encoded = base64.b64encode(data).decode("ascii")
        return {"base64": encoded, "mime": "application/octet-stream"}
    if mime.endswith(("/json", "+json")):
        try:
            parsed: JsonValue = jiter.from_json(text.encode(), allow_inf_nan=False)
            return parsed
        except ValueError:
            return text
    return text


def _decoded(data: bytes, content_type: str) -> str:
    match = re.search(r"charset=\"?([\w.:-]+)", content_type, re.IGNORECASE)
    charset = match[1].lower() if match else "utf-8"
    try:
        text = data.decode("utf-8" if charset in _SLOW_CODECS else charset, "replace")
    except (LookupError, UnicodeError):
        text = data.decode("utf-8", "replace")
    return text.encode("utf-8", "replace").decode("utf-8").removeprefix("\ufeff")


def excerpt(body: JsonValue) -> str:
    """Return the beginning of what a server says about an error, unless it is a page."""
    if body is None or (isinstance(body, str) and body.lstrip().startswith("<")):
        return ""
    text = " ".join(as_text(body)[:400].split())
    return f": {text[:200]}{'…' if len(text) > 200 else ''}".rstrip(".")


def forms_of(secrets: list[str]) -> tuple[str, ...]:
    """Return secrets as they may come back, the longest first; short ones are no secrets."""
    forms = {
        form for one in secrets for form in (one, quote(one, safe=""), quote(one), quote_plus(one))
    }
    return tuple(sorted((one for one in forms if len(one) >= 6), key=len, reverse=True))


def discreet(value: Any) -> Any:
    """Return JSON data to be shown: without the values whose names say that they may be secret."""
    if isinstance(value, dict):
        return {
            key: REMOVED if one and _SECRET_NAME.search(str(key)) else discreet(one)
            for key, one in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [discreet(one) for one in value]
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return json.dumps(discreet(json.loads(value)), ensure_ascii=False)
        except (ValueError, RecursionError):
            return REMOVED if _SECRET_NAME.search(value) else value
    return value


def without_bytes(data: bytes, secrets: tuple[str, ...]) -> bytes:
    """Return bytes with every occurrence of a secret removed, before they become base64."""
    for secret in secrets:
        data = data.replace(secret.encode("utf-8", "replace"), REMOVED.encode())
    return data


def without(value: Any, secrets: tuple[str, ...]) -> Any:
    """Return JSON data with every occurrence of a secret removed."""
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, REMOVED)
        return value
    if isinstance(value, dict):
        return {without(key, secrets): without(one, secrets) for key, one in value.items()}
    return [without(one, secrets) for one in value] if isinstance(value, list) else value
