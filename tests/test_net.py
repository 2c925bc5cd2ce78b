from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import asynccontextmanager

import httpx2
import pytest

from flow_widgets import net
from flow_widgets.errors import AddressRefused, InvalidAddress, RequestFailed, UnknownHost
from flow_widgets.net import Access, check_url, client, literal, refusal

OPEN = Access(private_network=True)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1.",
        "127.1",
        "127.9.9.9",
        "0x7f000001",
        "0x7f.0.0.1",
        "0X7F.1",
        "2130706433",
        "017700000001",
        "0",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "100.64.0.1",
        "100.100.100.200",
        "169.254.169.254",
        "169.254.1.1",
        "0xa9fea9fe",
        "2852039166",
        "168.63.129.16",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "198.18.0.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "[::]",
        "[::1]",
        "[::127.0.0.1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::ffff:0:7f00:1]",
        "[::ffff:169.254.169.254]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b::a9fe:a9fe]",
        "[64:ff9b:1::1]",
        "[2002:7f00:1::]",
        "[2002:a00:1::]",
        "[2001::1]",
        "[2001:0:7f00:1::1]",
        "[2001:db8::1]",
        "[3fff::1]",
        "[100::1]",
        "[fc00::1]",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "[fec0::1]",
        "[ff02::1]",
        "[ff0e::1]",
        "[5f00::1]",
        "localhost",
        "LOCALHOST.",
        "a.localhost",
    ],
)
def test_no_address_that_is_not_global_is_let_through(host):
    with pytest.raises(AddressRefused, match="allow_private_network=True"):
        check_url(f"http://{host}/", Access())

    assert check_url(f"http://{host}/", OPEN).path == "/"


@pytest.mark.parametrize(
    "host",
    [
        "8.8.8.8",
        "1.1.1.1",
        "0x08080808",
        "172.32.0.1",
        "100.128.0.1",
        "[2606:4700:4700::1111]",
        "[::ffff:8.8.8.8]",
        "[64:ff9b::808:808]",
        "example.com",
        "metadata.google.internal",
        "127.0.0.1.nip.io",
        "localhost.example.com",
        "1.2.3.4.5",
        "0x7fz",
        "99999999999",
    ],
)
def test_names_and_global_addresses_pass_until_they_are_resolved(host):
    assert check_url(f"https://{host}:8443/a?b#c", Access()).port == 8443


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "does not start with http"),
        ("example.com", "does not start with http"),
        ("//example.com", "does not start with http"),
        ("ftp://example.com", "does not start with http"),
        ("file:///etc/passwd", "does not start with http"),
        ("gopher://example.com", "does not start with http"),
        ("http:///path", "has no host"),
        ("http://", "has no host"),
        ("http:example.com", "has no host"),
        ("http://user@example.com", "holds a user name"),
        ("http://user:pass@example.com", "holds a user name"),
        ("http://example.com@127.0.0.1/", "holds a user name"),
        ("http://example.com\\@127.0.0.1/", "holds a user name"),
        ("http://example.com:port/", "is invalid"),
        ("http://example.com:99999/", "is invalid"),
        ("http://exa mple.com/", "is invalid"),
        ("http://example.com/\n", "is invalid"),
        ("http://[::1/", "is invalid"),
        ("http://0177.0.0.1/", "is invalid"),
        ("http://a%2eb/", "is invalid"),
        ("http://a:0/", "is invalid"),
    ],
)
def test_what_is_no_url_of_http_is_refused_without_showing_it(url, words):
    with pytest.raises(InvalidAddress, match=words) as caught:
        check_url(url, OPEN)

    assert "user:pass" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("127.0.0.1", "this machine"),
        ("0.0.0.0", "this machine"),
        ("10.0.0.1", "an address of the private network"),
        ("169.254.169.254", "link-local, where clouds keep the keys of their machines"),
        ("2002:7f00:1::", "an address that hides another"),
        ("224.0.0.1", "an address of many machines"),
        ("8.8.8.8", ""),
    ],
)
def test_a_refusal_says_what_the_address_is(address, kind):
    assert refusal(literal(address)) == kind


@pytest.mark.parametrize(
    ("entry", "host", "port", "is_allowed"),
    [
        ("127.0.0.1", "127.0.0.1", 80, True),
        ("127.0.0.1", "127.1", 8000, True),
        ("127.0.0.1:8000", "127.0.0.1", 8000, True),
        ("127.0.0.1:8000", "127.0.0.1", 80, False),
        ("::1", "::1", 80, True),
        ("[::1]:8000", "::1", 8000, True),
        ("[::1]:8000", "::1", 80, False),
        ("Intranet.Local", "intranet.local.", 80, True),
        ("intranet.local:8000", "INTRANET.local", 8000, True),
        ("intranet.local", "x.intranet.local", 80, False),
        ("münchen.example", "xn--mnchen-3ya.example", 80, True),
        ("a:b", "a:b", 80, True),
        ("localhost", "localhost", 80, True),
    ],
)
def test_the_owner_can_allow_single_hosts(entry, host, port, is_allowed):
    assert Access(hosts=frozenset({entry})).allows(host, port) is is_allowed


class Server:
    """A server on loopback that keeps what it is sent and plays answers in turn."""

    def __init__(self, *answers: bytes):
        self.answers = list(answers)
        self.seen: list[bytes] = []
        self.port = 0

    async def serve(self, reader, writer):
        try:
            self.seen.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(self.answers.pop(0))
            await writer.drain()
        except (OSError, EOFError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def served(*answers: bytes, host: str = "127.0.0.1"):
    played = Server(*answers)
    server = await asyncio.start_server(played.serve, host, 0)
    played.port = server.sockets[0].getsockname()[1]
    try:
        yield played
    finally:
        server.close()
        await server.wait_closed()


def answer(status: int = 200, body: str = "", **headers: str) -> bytes:
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    size = f"content-length: {len(body)}\r\nconnection: close\r\n"
    return f"HTTP/1.1 {status} -\r\n{lines}{size}\r\n{body}".encode()


def names(**known: object):
    """Return a resolver that knows these names, and counts what it is asked."""

    async def resolve(host: str, port: int):
        resolve.asked.append(host)
        found = known[host.replace(".", "_").replace("-", "_")]
        if isinstance(found, BaseException):
            raise found
        return found if isinstance(found, list) else [found]

    resolve.asked = []
    return resolve


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["8.8.8.8", "127.0.0.1"],
        ["10.0.0.1"],
        ["169.254.169.254"],
        ["::1"],
        ["::ffff:10.0.0.1"],
        ["fe80::1%eth0"],
        ["64:ff9b::a00:1"],
    ],
)
@pytest.mark.parametrize("host", ["metadata.internal", "printer.local", "10.0.0.1.nip.io"])
async def test_a_name_is_refused_when_any_of_its_addresses_is_not_global(host, addresses):
    resolve = names(**{host.replace(".", "_"): addresses})

    async with client(Access(), timeout_seconds=5, resolve=resolve) as http:
        with pytest.raises(AddressRefused, match=f"Requests to {host} \\("):
            await http.get(f"http://{host}/")


async def test_a_host_is_resolved_once_and_asked_by_its_name():
    resolve = names(flow_test="127.0.0.1")

    async with (
        served(answer(body="hello")) as server,
        client(OPEN, timeout_seconds=5, resolve=resolve) as http,
    ):
        response = await http.get(f"http://flow.test:{server.port}/a?b=c")

    assert (response.text, str(response.url)) == (
        "hello",
        f"http://flow.test:{server.port}/a?b=c",
    )
    assert resolve.asked == ["flow.test"]
    assert f"host: flow.test:{server.port}\r\n".encode() in server.seen[0].lower()
    assert server.seen[0].startswith(b"GET /a?b=c HTTP/1.1\r\n")
    assert b"user-agent: flow_widgets\r\n" in server.seen[0].lower()


async def test_the_next_address_is_tried_when_one_does_not_answer():
    with socket.socket() as closed:
        closed.bind(("127.0.0.2", 0))
        async with served(answer(body="hello")) as server:
            resolve = names(flow_test=["127.0.0.2", "127.0.0.1"])
            async with client(OPEN, timeout_seconds=5, resolve=resolve) as http:
                assert (await http.get(f"http://flow.test:{server.port}/")).text == "hello"


async def test_tls_asks_for_the_name_and_not_for_the_address():
    resolve = names(flow_test="127.0.0.1")
    hello = b""

    async def listen(reader, writer):
        nonlocal hello
        hello = await reader.read(4000)
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with client(OPEN, timeout_seconds=5, resolve=resolve) as http:
        with pytest.raises(httpx2.ConnectError):
            await http.get(f"https://flow.test:{port}/")
    server.close()
    await server.wait_closed()

    assert b"flow.test" in hello


async def test_a_redirect_passes_the_same_gate():
    resolve = names(flow_test="127.0.0.1", inner_test="127.0.0.1")

    async with served(answer(302, location="http://inner.test/secret")) as server:
        access = Access(hosts=frozenset({f"flow.test:{server.port}"}))
        async with client(access, timeout_seconds=5, resolve=resolve) as http:
            with pytest.raises(AddressRefused, match=r"inner.test \(127.0.0.1\)"):
                await http.get(f"http://flow.test:{server.port}/")


@pytest.mark.parametrize(
    ("location", "error"),
    [
        ("http://127.0.0.1:1/", AddressRefused),
        ("http://[::ffff:169.254.169.254]/", AddressRefused),
        ("http://2130706433/", AddressRefused),
        ("http://user:pass@flow.test/", InvalidAddress),
        ("file:///etc/passwd", (InvalidAddress, httpx2.HTTPError)),
        ("gopher://flow.test/", (InvalidAddress, httpx2.HTTPError)),
    ],
)
async def test_a_redirect_to_a_trick_is_refused(location, error):
    resolve = names(flow_test="127.0.0.1")

    async with served(answer(302, location=location)) as server:
        access = Access(hosts=frozenset({"flow.test"}))
        async with client(access, timeout_seconds=5, resolve=resolve) as http:
            with pytest.raises(error):
                await http.get(f"http://flow.test:{server.port}/")


async def test_an_endless_redirect_ends():
    answers = [answer(302, location="/")] * 9
    async with served(*answers) as server, client(OPEN, timeout_seconds=5) as http:
        with pytest.raises(httpx2.TooManyRedirects):
            await http.get(f"http://127.0.0.1:{server.port}/")

    assert len(server.seen) == net.MAX_REDIRECTS + 1


SECRETS = {"authorization": "Bearer s3cret", "x-key": "s3cret", "cookie": "a=b", "x-plain": "1"}


async def redirected(where: str) -> list[bytes]:
    resolve = names(a_test="127.0.0.1", b_test="127.0.0.1")
    async with served(answer(302, set_cookie="c=d"), answer()) as server:
        server.answers[0] = answer(
            302, set_cookie="c=d", location=f"http://{where}:{server.port}/to"
        )
        async with client(OPEN, timeout_seconds=5, resolve=resolve) as http:
            url, sent = f"http://a.test:{server.port}/", {"secret_headers": ("x-key",)}
            await http.get(url, headers=SECRETS, extensions=sent)
            assert not http.cookies
    return [request.lower() for request in server.seen]


async def test_a_redirect_to_another_origin_goes_without_secrets():
    first, second = await redirected("b.test")

    assert b"bearer s3cret" in first
    assert b"cookie: a=b" in first
    assert b"s3cret" not in second
    assert b"cookie" not in second
    assert b"x-plain: 1" in second


async def test_a_redirect_to_the_same_origin_keeps_them():
    _, second = await redirected("a.test")

    assert second.count(b"s3cret") == 2
    assert b"cookie" not in second


def test_an_upgrade_to_https_keeps_them():
    request = httpx2.Request("GET", "https://a.test/", headers={"authorization": "x"})
    request.extensions["first_url"] = httpx2.URL("http://a.test/")

    net._drop_secrets(request)

    assert request.headers["authorization"] == "x"


async def test_the_environment_adds_no_proxy_and_no_password(monkeypatch, tmp_path):
    (tmp_path / ".netrc").write_text("default login me password s3cret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")

    async with served(answer(body="direct")) as server, client(OPEN, timeout_seconds=5) as http:
        assert (await http.get(f"http://127.0.0.1:{server.port}/")).text == "direct"

    assert b"authorization" not in server.seen[0].lower()


@pytest.mark.parametrize(
    ("found", "error"),
    [
        ([], UnknownHost),
        (socket.gaierror(socket.EAI_NONAME, "unknown"), UnknownHost),
        (UnicodeError("label too long"), UnknownHost),
        (socket.gaierror(socket.EAI_AGAIN, "later"), httpx2.ConnectError),
    ],
)
async def test_a_host_that_is_not_found_is_told(found, error):
    async with client(Access(), timeout_seconds=5, resolve=names(flow_test=found)) as http:
        with pytest.raises(error):
            await http.get("http://flow.test/")


async def test_a_name_server_that_does_not_answer_is_not_waited_for():
    async def resolve(host, port):
        await asyncio.Event().wait()

    async with client(Access(), timeout_seconds=0.05, resolve=resolve) as http:
        with pytest.raises(httpx2.ConnectTimeout):
            await http.get("http://flow.test/")


async def test_the_systems_resolver_is_asked_by_default():
    async with client(Access(), timeout_seconds=5) as http:
        with pytest.raises(AddressRefused):
            await http.get("http://localhost./")

    assert await net._resolve("127.0.0.1", 80) == ["127.0.0.1"]


@pytest.mark.parametrize(
    ("error", "kind", "retryable", "was_sent"),
    [
        (httpx2.ConnectTimeout, "timeout_connect", True, False),
        (httpx2.ReadTimeout, "timeout_total", True, True),
        (httpx2.ConnectError, "connection_lost", True, False),
        (httpx2.ReadError, "connection_lost", True, True),
        (httpx2.RemoteProtocolError, "connection_lost", True, True),
        (httpx2.TooManyRedirects, "protocol", False, True),
        (httpx2.DecodingError, "protocol", False, True),
    ],
)
def test_what_was_lost_is_told(error, kind, retryable, was_sent):
    request = httpx2.Request("GET", "http://flow.test/")

    found = net.lost(error("s3cret", request=request), request, 30)

    assert isinstance(found, RequestFailed)
    assert (found.kind, found.retryable, found.was_sent) == (kind, retryable, was_sent)
    assert "flow.test" in found.what
    assert "s3cret" not in str(found)


def test_a_connection_that_fails_after_a_redirect_was_sent_before():
    first = httpx2.Request("POST", "http://flow.test/")
    second = httpx2.Request("POST", "http://other.test/")

    assert net.lost(httpx2.ConnectError("", request=second), first, 30).was_sent


def test_a_certificate_that_is_not_trusted_is_told():
    request = httpx2.Request("GET", "https://flow.test/")
    error = httpx2.ConnectError("", request=request)
    error.__cause__ = ssl.SSLCertVerificationError("self-signed")

    found = net.lost(error, request, 30)

    assert "certificate of flow.test is not trusted" in found.what
    assert not found.retryable
