"""Says where a base URL points, without the secrets that it may hold."""

from __future__ import annotations

import base64
import ipaddress
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

_DEFAULT = "https://api.openai.com/v1"
_LOCAL_SUFFIXES = (".localhost", ".local", ".internal")


def is_http(url: str) -> bool:
    """Return whether ``url`` is a whole HTTP address."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def is_loopback(url: str | None) -> bool:
    """Return whether ``url`` points to this machine."""
    host = _host(url)
    address = _ip(host)
    return host == "localhost" if address is None else address.is_loopback


def is_local(url: str | None) -> bool:
    """Return whether ``url`` points to this machine or network, where servers need no key."""
    host = _host(url)
    address = _ip(host)
    if address is not None:
        return address.is_private
    return bool(host) and ("." not in host or host.endswith(_LOCAL_SUFFIXES))


def place(url: str | None) -> str:
    """Return host and port of ``url``, or of OpenAI's API for None."""
    url = url or _DEFAULT
    if not is_http(url):
        return "the server"
    port = urlsplit(url).port
    host = _host(url)
    host = f"[{host}]" if ":" in host else host
    return f"{host}:{port}" if port else host


def shown(url: str) -> str:
    """Return ``url`` without user name, password and query."""
    if not is_http(url):
        return url.rpartition("@")[2].partition("?")[0]
    parts = urlsplit(url)
    return f"{parts.scheme}://{place(url)}{parts.path}"


def without_user(url: str) -> tuple[str, dict[str, str]]:
    """Return ``url`` without user name and password, and the headers that say the same.

    HTTP libraries write whole addresses to their logs.
    """
    parts = urlsplit(url)
    if parts.username is None and parts.password is None:
        return url, {}
    header = _basic(parts.username, parts.password)
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2])
    return urlunsplit(bare), {"Authorization": f"Basic {header}"}


def secrets_in(url: str | None) -> list[str]:
    """Return the parts of ``url`` that may be secret: the password and the values of its query.

    The password is there as it is written, as it is meant, and as a header carries it.
    """
    if not url or not is_http(url):
        return []
    parts = urlsplit(url)
    values = [value for _, value in parse_qsl(parts.query)]
    if parts.password is None:
        return values
    header = _basic(parts.username, parts.password)
    return [parts.password, unquote(parts.password), header, *values]


def _basic(user: str | None, password: str | None) -> str:
    both = f"{unquote(user or '')}:{unquote(password or '')}"
    return base64.b64encode(both.encode()).decode("ascii")


def _host(url: str | None) -> str:
    return (urlsplit(url).hostname or "") if url else ""


def _ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
