from __future__ import annotations

import asyncio
import gzip
import tracemalloc

import pytest
from context import FakeContext, output
from web import answer, asked, failure, open_context, served

from flow_widgets import net
from flow_widgets.actions.base import Permissions
from flow_widgets.actions.request import Request
from flow_widgets.engine.runner import FlowRunner
from flow_widgets.errors import (
    AddressRefused,
    InvalidAddress,
    InvalidFlow,
    UnknownHost,
)
from flow_widgets.flow.model import Flow
from flow_widgets.net import Access


async def test_the_output_holds_the_whole_answer():
    async with served(answer({"n": [1, "é"]}, x_more="yes")) as server:
        found = await asked(server, path="/a")

    assert found["status"] == 200
    assert found["body"] == {"n": [1, "é"]}
    assert found["headers"]["x-more"] == "yes"
    assert found["url"] == f"{server.url}/a"
    assert server.seen[0].method == "GET"


@pytest.mark.parametrize(
    ("data", "mime", "expected"),
    [
        (b'{"a": 1}', "application/json", {"a": 1}),
        (b'{"a": 1}', "application/problem+json; charset=utf-8", {"a": 1}),
        (b'\xef\xbb\xbf{"a": 1}', "application/json", {"a": 1}),
        (b'{"a": ', "application/json", '{"a": '),
        (b"[NaN]", "application/json", "[NaN]"),
        (b"[" * 5000, "application/json", "[" * 5000),
        (b'{"a": 1}', "text/plain", '{"a": 1}'),
        ("é".encode("latin-1"), "text/plain; charset=iso-8859-1", "é"),
        ("é".encode(), 'text/html; charset="UTF-8"', "é"),
        (b"\xff", "text/plain", "�"),
        (b"abc", "text/plain; charset=punycode", "abc"),
        (b"abc", "text/plain; charset=no-such", "abc"),
        (b"abc", "text/plain; charset=zlib", "abc"),
        (b"<a/>", "image/svg+xml", "<a/>"),
        (b"a: 1", "application/yaml", "a: 1"),
        (b"abc", "", "abc"),
        (b"\x00\xff", "", {"base64": "AP8=", "mime": "application/octet-stream"}),
        (b"\x89PNG", "image/png", {"base64": "iVBORw==", "mime": "image/png"}),
        (b"", "application/json", None),
    ],
)
async def test_a_body_is_data_text_or_base64(data, mime, expected):
    headers = {"content_type": mime} if mime else {}

    async with served(answer(data, **headers)) as server:
        assert (await asked(server))["body"] == expected


@pytest.mark.parametrize(
    ("body", "sent", "mime"),
    [
        ({"q": "{{x}}"}, b'{"q": "a\\"b"}', "application/json"),
        (["é", 1, None], '["é", 1, null]'.encode(), "application/json"),
        ('{"q": "{{x}}"}', b'{"q": "a\\"b"}', "application/json"),
        ("{{data}}", b'{"k": 1}', "application/json"),
        ("hello {{x}}", b'hello a"b', "text/plain; charset=utf-8"),
        ("{not json", b"{not json", "text/plain; charset=utf-8"),
        (5, b"5", "application/json"),
        (None, b"", None),
    ],
)
async def test_a_body_is_sent_as_what_it_is(body, sent, mime):
    ctx = open_context(x='a"b', data={"k": 1})

    async with served(answer()) as server:
        await asked(server, ctx, method="post", body=body)

    assert (server.seen[0].method, server.seen[0].body) == ("POST", sent)
    assert server.seen[0].headers.get("content-type") == mime


async def test_a_form_is_sent_when_the_header_says_so():
    headers = {"Content-Type": "application/x-www-form-urlencoded"}

    async with served(answer()) as server:
        await asked(server, method="POST", headers=headers, body={"a": "x y", "b": [1, 2]})

    assert server.seen[0].body == b"a=x+y&b=1&b=2"
    assert server.seen[0].headers["content-type"] == headers["Content-Type"]


async def test_values_can_not_add_parts_to_the_url():
    ctx = open_context(id="../x?a=b#c", q="a&b=c", base="")

    async with served(answer()) as server:
        await asked(
            server, ctx, path="/items/{{id}}?k=1", params={"q": "{{q}}", "n": [1, True], "z": None}
        )

    assert server.seen[0].target.startswith("/items/..%2Fx%3Fa%3Db%23c?")
    assert server.seen[0].query == [("k", "1"), ("q", "a&b=c"), ("n", "1"), ("n", "true")]


async def test_headers_are_filled_in():
    headers = {"X-A": "{{a}}", "X-N": 5, "X-None": None, "Content-Length": "999"}

    async with served(answer()) as server:
        await asked(server, open_context(a="é"), headers=headers)

    sent = server.seen[0].headers
    assert sent["x-a"] == "é".encode().decode("latin-1")
    assert sent["x-n"] == "5"
    assert "x-none" not in sent
    assert sent["user-agent"] == "flow_widgets"
    assert "content-length" not in sent


@pytest.mark.parametrize("headers", [{"X-A": "s3cret\r\nX-B: 1"}, {"bad name": "s3cret"}])
async def test_a_header_of_several_lines_is_not_sent(headers):
    async with served(answer()) as server:
        error = await failure(server, headers=headers)

    assert error.kind == "bad_request"
    assert "s3cret" not in str(error)
    assert server.seen == []


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
async def test_every_method_is_sent(method):
    async with served(answer(b"" if method == "HEAD" else b"x")) as server:
        found = await asked(server, method="{{m}}", ctx=open_context(m=method.lower()))

    assert server.seen[0].method == method
    assert found["status"] == 200


async def test_head_has_no_body_however_large_it_would_be():
    async with served(answer(content_length="99999999")) as server:
        assert (await asked(server, method="HEAD", max_bytes=10))["body"] is None


async def test_a_redirect_is_followed():
    async with served(answer(b"", 302, location="/to"), answer(b"here")) as server:
        found = await asked(server, path="/from")

    assert (found["body"], found["url"]) == ("here", f"{server.url}/to")


async def test_a_redirect_into_the_private_network_is_refused():
    async with served(answer(b"", 302, location="http://169.254.169.254/latest")) as server:
        access = Access(hosts=frozenset({f"127.0.0.1:{server.port}"}))
        ctx = FakeContext(permissions=Permissions(access=access))
        with pytest.raises(AddressRefused, match="where clouds keep the keys"):
            await asked(server, ctx, raise_errors=False)

    assert ctx.slept == []


async def test_too_many_redirects_end():
    async with served(answer(b"", 302, location="/")) as server:
        error = await failure(server)

    assert (error.kind, error.what) == ("protocol", "127.0.0.1 redirects more than 5 times.")


async def test_the_private_network_is_refused_by_default():
    with pytest.raises(AddressRefused, match="allow_private_network=True"):
        await output(Request(url="http://127.0.0.1:1/"))


async def test_a_host_that_does_not_exist_is_told(monkeypatch):
    async def nothing(host, port):
        return []

    monkeypatch.setattr(net, "_resolve", nothing)

    with pytest.raises(UnknownHost, match=r"There is no host 'a.test'"):
        await output(Request(url="http://a.test/"))
    found = await output(Request(url="http://a.test/", raise_errors=False))
    assert found["status"] == 0


async def test_a_url_that_is_none_is_told():
    with pytest.raises(InvalidAddress, match="does not start with http"):
        await output(Request(url="{{url}}"), open_context(url="example.com"))


@pytest.mark.parametrize("declared", [True, False])
async def test_an_answer_that_is_too_large_is_not_read(declared):
    whole = answer(b"a" * 5000)
    head, _, body = whole.partition(b"\r\n\r\n")
    if not declared:
        head = b"\r\n".join(h for h in head.split(b"\r\n") if b"content-length" not in h)

    async with served(head + b"\r\n\r\n" + body) as server:
        error = await failure(server, max_bytes=1000)

    assert (error.kind, error.retryable) == ("too_large", False)
    assert "over the limit of 1,000 bytes" in error.what


async def test_a_bomb_is_not_unpacked():
    bomb = gzip.compress(gzip.compress(bytes(50_000_000), 1), 9)
    packed = answer(bomb, content_encoding="gzip, gzip", content_type="text/plain")

    async with served(packed) as server:
        tracemalloc.start()
        error = await failure(server, max_bytes=5_000_000)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert len(bomb) < 10_000
    assert error.kind == "too_large"
    assert peak < 20_000_000


async def test_a_packed_answer_is_unpacked():
    async with served(answer(gzip.compress(b"hello"), content_encoding="gzip")) as server:
        assert (await asked(server))["body"] == "hello"


async def test_a_packed_answer_that_is_broken_is_told():
    async with served(answer(b"no gzip", content_encoding="gzip")) as server:
        assert (await failure(server)).kind == "protocol"


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://example.com/{{id}}", []),
        ("{{base}}/x", []),
        ("https://{{host}}/x", []),
        ("https://{{host}}", []),
        ("http://127.0.0.1:{{port}}/", []),
        ("ftp://{{host}}/x", [("url", "error")]),
        ("ftp://example.com/{{id}}", [("url", "error")]),
        ("example.com", [("url", "error")]),
        ("https://me:pass@example.com/", [("url", "error")]),
        ("http://127.0.0.1:8000/{{id}}", []),
    ],
)
def test_a_url_is_checked_as_far_as_it_is_known(url, found):
    problems = Request(url=url).problems()

    assert [(problem.place, problem.severity) for problem in problems] == found


@pytest.mark.parametrize(
    ("fields", "places"),
    [
        ({"url": "http://127.0.0.1:8000/{{id}}"}, ["url"]),
        ({"url": "http://localhost/"}, ["url"]),
        ({"url": "http://169.254.169.254/latest"}, ["url"]),
        ({"url": "http://{{host}}/"}, []),
        ({"url": "https://example.com/", "auth": {"bearer": "A_TOKEN"}}, ["auth.bearer"]),
        ({"url": "https://example.com/", "auth": {"bearer": "OTHER"}}, []),
    ],
)
def test_what_the_owner_did_not_allow_is_told_before_a_run(fields, places):
    permissions = Permissions(secrets=frozenset({"OTHER"}))

    assert [one.place for one in Request(**fields).refusals(permissions)] == places


def test_a_method_that_is_none_is_told():
    with pytest.raises(InvalidFlow, match="method: must be 'GET', 'POST'"):
        Request(url="https://a.test/", method="FETCH")


async def test_canceling_ends_the_request():
    async with served(None) as server:
        task = asyncio.ensure_future(asked(server))
        await server.asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_the_runner_refuses_the_private_network_unless_it_is_allowed():
    async with served(answer(b"hello")) as server:
        flow = Flow(steps=[Request(url=server.url)])
        with pytest.raises(InvalidFlow, match="allow_private_network=True"):
            FlowRunner(flow).run_flow()
        allowed = await FlowRunner(flow, allowed_hosts=[f"127.0.0.1:{server.port}"]).run_flow()

    assert allowed.steps[0].output["body"] == "hello"
