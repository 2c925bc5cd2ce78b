"""Which addresses a flow may reach, and an HTTP client that keeps to them.

Theory of operation. A flow may come from elsewhere, and a model may have written the URL that it
asks for, so a request must not become a way into the network of the machine that runs it. Names
prove nothing: what counts is the address that a connection goes to. So the transport resolves the
host itself, once, refuses it unless every address it got is global, and connects to one of those
very addresses; a second answer of the name server is never asked for. TLS still asks for, and
checks, the name. A redirect is a request like any other and passes the same gate. There are no
proxies, no netrc and no cookies: nothing of the machine goes along.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import httpx2

from flow_widgets.errors import (
    AddressRefused,
    InvalidAddress,
    RequestFailed,
    RequestFailure,
    UnknownHost,
)

MAX_REDIRECTS = 5
CONNECT_SECONDS = 10.0
"""How long finding a host and connecting to it may take; a host that is there answers sooner."""

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Returns the addresses of a host, or raises ``socket.gaierror``."""

_NUMBER = r"(?:0[xX][0-9a-fA-F]*|\d+)"
_OLD_IPV4 = re.compile(rf"{_NUMBER}(?:\.{_NUMBER}){{0,3}}")
"""``127.1``, ``0x7f000001``, ``2130706433``: the C library takes them for addresses."""

_HOST = re.compile(rb"[A-Za-z0-9._:-]+")

_NAT64 = IPv6Network("64:ff9b::/96")
_GLOBAL_IPV6 = IPv6Network("2000::/3")
_NAMED: tuple[tuple[IPv4Network | IPv6Network, str], ...] = tuple(
    (ipaddress.ip_network(network), kind)
    for network, kind in (
        ("168.63.129.16/32", "a service of the cloud for its own machines"),
        ("100.64.0.0/10", "a network of a provider or a cloud, not a global address"),
        # Python's own tables name these two only in part, or only in newer versions.
        ("192.0.0.0/24", "a reserved address"),
        ("192.88.99.0/24", "a reserved address"),
        ("2001::/23", "a reserved address, or one that hides another"),
        ("2002::/16", "an address that hides another"),
        ("3fff::/20", "a reserved address"),
    )
)
"""What is not global for us, beyond what the address itself tells."""

_SECRET_HEADERS = ("authorization", "cookie", "proxy-authorization")


@dataclass(frozen=True, slots=True)
class Access:
    """Which hosts requests of a flow may go to, beyond global addresses."""

    private_network: bool = False
    """Whether loopback, private and other addresses that are not global are allowed."""
    hosts: frozenset[str] = frozenset()
    """Hosts, as ``name`` or ``name:port``, that are allowed wherever they point to."""

    def allows(self, host: str, port: int) -> bool:
        """Return whether a host may be reached whatever its address is."""
        known = _entries(self.hosts)
        name = _plain(host)
        return self.private_network or bool({(name, None), (name, port)} & known)


def check_url(url: str | httpx2.URL, access: Access) -> httpx2.URL:
    """Return the URL, unless it is none or its host is written as an address that is refused.

    Nothing is resolved; a name is checked when a request is sent.

    Raises:
        InvalidAddress: It is no whole URL of HTTP, or holds a user name or a password.
        AddressRefused: Its host is this machine or an address that is not global.
    """
    try:
        parsed = httpx2.URL(url)
    except (httpx2.InvalidURL, UnicodeError):
        # Its message would show the URL, which may hold a secret.
        raise InvalidAddress("The URL is invalid.", hint=_EXAMPLE) from None
    if parsed.scheme not in ("http", "https"):
        raise InvalidAddress("The URL does not start with http:// or https://.", hint=_EXAMPLE)
    if not parsed.host:
        raise InvalidAddress("The URL has no host.", hint=_EXAMPLE)
    if not _HOST.fullmatch(parsed.raw_host) or not 0 < _port(parsed) < 65536:
        raise InvalidAddress("The host or the port of the URL is invalid.", hint=_EXAMPLE)
    if parsed.userinfo:
        what = "The URL holds a user name or a password."
        raise InvalidAddress(what, hint='Take it out, and use auth={"basic": …}.')
    address = IPv4Address("127.0.0.1") if _is_localhost(parsed.host) else literal(parsed.host)
    if address is not None:
        check_addresses(parsed.host, _port(parsed), [address], access)
    return parsed


_EXAMPLE = "Write it whole, such as https://example.com/data."


def check_addresses(host: str, port: int, addresses: Iterable[Address], access: Access) -> None:
    """Refuse a host when any of its addresses is not global and the owner did not allow it.

    Raises:
        AddressRefused: One of the addresses is refused.
    """
    if access.allows(host, port):
        return
    for address in addresses:
        kind = refusal(address)
        if kind:
            shown = _plain(host)
            where = shown if shown == str(address) else f"{shown} ({address})"
            raise AddressRefused(
                f"Requests to {where} are refused: it is {kind}.",
                hint="The owner can allow it: FlowRunner(flow, allow_private_network=True), "
                f'or allowed_hosts=["{_entry(shown, port)}"].',
                host=shown,
            )


def _entry(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def refusal(address: Address) -> str:
    """Return what an address is that requests may not go to, or an empty text for a global one."""
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped
        if inner is None and address in _NAT64:
            inner = IPv4Address(address.packed[-4:])
        if inner is not None:
            return refusal(inner)
    for network, kind in _NAMED:
        if address in network:
            return kind
    for is_so, kind in (
        (address.is_unspecified, "this machine"),
        (address.is_loopback, "this machine"),
        (address.is_link_local, "link-local, where clouds keep the keys of their machines"),
        (address.is_multicast, "an address of many machines"),
        (address.is_reserved, "a reserved address"),
        (not address.is_global, "an address of the private network"),
        (address.version == 6 and address not in _GLOBAL_IPV6, "a reserved address"),
    ):
        if is_so:
            return kind
    return ""


def literal(host: str) -> Address | None:
    """Return the address that a host is written as, in any form that C libraries take, or None."""
    text = host.strip("[]").rstrip(".")
    try:
        return ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(text)) if _OLD_IPV4.fullmatch(text) else None
    except OSError:
        return None


def client(
    access: Access,
    *,
    timeout_seconds: float,
    follow_redirects: bool = True,
    resolve: Resolve | None = None,
) -> httpx2.AsyncClient:
    """Return a client that reaches only what ``access`` allows; close it after use.

    ``timeout_seconds`` is the limit of every wait for the server; bound the whole by yourself.
    A redirect to another origin goes without ``Authorization``, without the headers that the request
    names in its extension ``secret_headers``, and without the parameters in ``secret_params``. These
    are added to the URL at the last moment, since httpx2 logs URLs. Beside what httpx2 raises, a
    request raises ``AddressRefused``, ``InvalidAddress`` and ``UnknownHost``.
    """
    return httpx2.AsyncClient(
        transport=_Guarded(access, resolve or _resolve),
        timeout=httpx2.Timeout(timeout_seconds, connect=min(timeout_seconds, CONNECT_SECONDS)),
        follow_redirects=follow_redirects,
        max_redirects=MAX_REDIRECTS,
        trust_env=False,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        headers={"user-agent": "flow_widgets"},
    )


def late(host: str, limit: float) -> RequestFailed:
    """Return the error for an answer that was not whole after so many seconds."""
    what = f"No whole answer came from {host} within {limit:g} s."
    hint = "Allow more time with timeout_seconds, or ask for less."
    return RequestFailed("timeout_total", what, hint=hint, retryable=True)


def lost(error: httpx2.HTTPError, first: httpx2.Request, limit: float) -> RequestFailed:
    """Return what kept an answer from coming."""
    host, was_sent = error.request.url.host, error.request.url != first.url
    if isinstance(error, httpx2.ConnectTimeout):
        what = f"No connection to {host} within {min(limit, CONNECT_SECONDS):g} s."
        return RequestFailed("timeout_connect", what, retryable=True, was_sent=was_sent)
    if isinstance(error, httpx2.TimeoutException):
        return late(host, limit)
    if isinstance(error, httpx2.ConnectError):
        if _is_untrusted(error):
            what = f"The certificate of {host} is not trusted: it may be someone else's."
            return RequestFailed("connection_lost", what, hint="Check the URL; is the clock right?")
        what = f"No connection to {host}."
        hint = "Check the URL; is the server running?"
        return RequestFailed("connection_lost", what, hint=hint, retryable=True, was_sent=was_sent)
    kind: RequestFailure = "protocol"
    if isinstance(error, httpx2.TooManyRedirects):
        what = f"{host} redirects more than {MAX_REDIRECTS} times."
    elif isinstance(error, httpx2.DecodingError):
        what = f"The answer from {host} can't be unpacked."
    else:
        kind, what = "connection_lost", f"The connection to {host} was lost."
    return RequestFailed(kind, what, retryable=kind == "connection_lost")


def _is_untrusted(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


class _Guarded(httpx2.AsyncBaseTransport):
    """Sends each request, redirects too, to a checked address of its host."""

    def __init__(self, access: Access, resolve: Resolve) -> None:
        self._access, self._resolve = access, resolve
        # The pool knows connections by their address, so one that was opened for a name must not
        # serve another name: none is kept.
        limits = httpx2.Limits(max_keepalive_connections=0)
        self._inner = httpx2.AsyncHTTPTransport(verify=_tls(), limits=limits)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        url = check_url(request.url, self._access)
        _drop_secrets(request)
        addresses = await self._addresses(request, url)
        for address in addresses[:-1]:
            try:
                return await self._inner.handle_async_request(_pinned(request, address))
            except (httpx2.ConnectError, httpx2.ConnectTimeout):
                continue  # nothing was sent; its other addresses may answer
        return await self._inner.handle_async_request(_pinned(request, addresses[-1]))

    async def _addresses(self, request: httpx2.Request, url: httpx2.URL) -> list[Address]:
        written = literal(url.host)
        if written is not None:
            return [written]
        limit = request.extensions.get("timeout", {}).get("connect")
        try:
            async with asyncio.timeout(limit):
                found = await self._resolve(url.raw_host.decode("ascii"), _port(url))
        except TimeoutError:
            what = f"{url.host} was not found in time"
            raise httpx2.ConnectTimeout(what, request=request) from None
        except socket.gaierror as error:
            if error.errno == socket.EAI_AGAIN:
                raise httpx2.ConnectError("The name server fails", request=request) from error
            raise _unknown(url.host) from error
        except UnicodeError:  # a part of the name is empty or too long
            raise _unknown(url.host) from None
        addresses = [ipaddress.ip_address(one.partition("%")[0]) for one in found]
        if not addresses:
            raise _unknown(url.host)
        check_addresses(url.host, _port(url), addresses, self._access)
        return addresses

    async def aclose(self) -> None:
        await self._inner.aclose()


def _unknown(host: str) -> UnknownHost:
    return UnknownHost(f"There is no host {host!r}.", hint="Check the URL, and the network.")


def _pinned(request: httpx2.Request, address: Address) -> httpx2.Request:
    """Return a request that goes to an address; Host and TLS are those of the name."""
    name = request.url.raw_host.decode("ascii")
    url = request.url.copy_with(host=str(address))
    secrets = request.extensions.get("secret_params")
    return httpx2.Request(
        request.method,
        url.copy_merge_params(secrets) if secrets else url,
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": name},
    )


def _drop_secrets(request: httpx2.Request) -> None:
    """Take its secrets out of a request that was redirected to another origin."""
    url = request.url
    first: httpx2.URL = request.extensions.setdefault("first_url", url)
    is_same = (url.scheme, url.host, _port(url)) == (first.scheme, first.host, _port(first))
    is_upgrade = (
        url.host == first.host
        and (first.scheme, _port(first)) == ("http", 80)
        and (url.scheme, _port(url)) == ("https", 443)
    )
    if not (is_same or is_upgrade):
        for name in (*_SECRET_HEADERS, *request.extensions.get("secret_headers", ())):
            request.headers.pop(name, None)
        request.extensions.pop("secret_params", None)


async def _resolve(host: str, port: int) -> Sequence[str]:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@cache
def _tls() -> ssl.SSLContext:
    """Return what certificates are checked with; loading it takes longer than a request."""
    return httpx2.create_ssl_context()


def _port(url: httpx2.URL) -> int:
    return url.port if url.port is not None else (443 if url.scheme == "https" else 80)


def _is_localhost(host: str) -> bool:
    name = host.lower().rstrip(".")
    return name == "localhost" or name.endswith(".localhost")


@lru_cache(maxsize=64)
def _entries(hosts: frozenset[str]) -> frozenset[tuple[str, int | None]]:
    """Return hosts as pairs of a name and a port, None for any."""
    found: set[tuple[str, int | None]] = set()
    for entry in hosts:
        name, colon, port = entry.rpartition(":")
        is_whole = literal(entry) is not None or not (colon and port.isdigit())
        found.add((_plain(entry), None) if is_whole else (_plain(name), int(port)))
    return frozenset(found)


def _plain(host: str) -> str:
    """Return a host in the one form in which hosts are compared."""
    address = literal(host)
    if address is not None:
        return str(address)
    name = host.lower().rstrip(".")
    try:
        return httpx2.URL(scheme="http", host=name).host
    except (httpx2.InvalidURL, UnicodeError):
        return name
