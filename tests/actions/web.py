"""A loopback web server for the tests of requests, and the requests to it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

import pytest
from context import FakeContext, output

from flow_widgets.actions.base import Permissions
from flow_widgets.actions.request import Request
from flow_widgets.errors import RequestFailed
from flow_widgets.net import Access


@dataclass
class Seen:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def query(self):
        return parse_qsl(urlsplit(self.target).query)


def answer(body=b"", status=200, **headers) -> bytes:
    """Return a whole answer; keywords are headers, with ``_`` for ``-``."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {"content_length": len(data), "connection": "close"}
    if not isinstance(body, bytes):
        fields["content_type"] = "application/json"
    fields.update(headers)
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} Status\r\n{lines}\r\n".encode() + data


Answer = bytes | Callable[[Seen], bytes] | None
"""None says nothing until the client has gone; ``b""`` hangs up."""


@dataclass
class Server:
    """Plays answers in turn; the last one repeats."""

    answers: tuple[Answer, ...]
    port: int = 0
    seen: list[Seen] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader, writer):
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            method, target, _ = head[0].split(" ")
            pairs = (line.partition(":") for line in head[1:] if line)
            headers = {name.lower(): value.strip() for name, _, value in pairs}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            seen = Seen(method, target, headers, body)
            self.seen.append(seen)
            self.asked.set()
            found = self.answers[min(len(self.seen), len(self.answers)) - 1]
            if found is None:
                await reader.read()
            else:
                writer.write(found(seen) if callable(found) else found)
                await writer.drain()
        except (OSError, EOFError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def served(*answers: Answer):
    played = Server(answers)
    server = await asyncio.start_server(played.serve, "127.0.0.1", 0)
    played.port = server.sockets[0].getsockname()[1]
    try:
        yield played
    finally:
        server.close()
        await server.wait_closed()


SECRETS = frozenset({"A_TOKEN", "A_USER"})


def open_context(**values) -> FakeContext:
    return FakeContext(
        values, permissions=Permissions(access=Access(private_network=True), secrets=SECRETS)
    )


async def asked(server, ctx=None, path="/", **fields):
    """Return the output of a request to the server."""
    return await output(Request(url=server.url + path, **fields), ctx or open_context())


async def failure(server, ctx=None, **fields) -> RequestFailed:
    with pytest.raises(RequestFailed) as caught:
        await asked(server, ctx, **fields)
    return caught.value
