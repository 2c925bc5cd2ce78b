"""A loopback server that plays the script of a case: bytes, pauses and broken connections.

The case is named by the model of the request; the n-th request plays the n-th script, and the last
script repeats. A script is a list of operations, made by the functions of this module.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

Operation = Callable[["Exchange"], Awaitable[None]]
Script = Sequence[Operation]


class Closed(Exception):
    """The script closed the connection."""


@dataclass
class Seen:
    """What the server saw of one request."""

    headers: dict[str, str] = field(repr=False)  # they hold the key
    body: dict[str, Any]
    connection: int
    at: float = 0.0
    """When it came, on the clock of the loop."""
    disconnected_at: float | None = None


@dataclass
class Exchange:
    """One request that is being answered."""

    writer: asyncio.StreamWriter
    model: str
    chunked: bool = False

    async def send(self, data: bytes) -> None:
        """Send a part of the body, as one HTTP chunk if the body is chunked."""
        if self.chunked:
            data = b"%x\r\n%b\r\n" % (len(data), data)
        await self.send_plain(data)

    async def send_plain(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.writer.write(data)
        await self.writer.drain()


@dataclass
class FaultServer:
    """The running server."""

    scripts: Mapping[str, Sequence[Script]]
    port: int = 0
    seen: dict[str, list[Seen]] = field(default_factory=dict)
    left: asyncio.Condition = field(default_factory=asyncio.Condition)
    connections: int = 0

    @property
    def base_url(self) -> str:
        """The address for clients."""
        return f"http://127.0.0.1:{self.port}/v1"

    async def asked(self, case: str) -> None:
        """Wait until the first request of a case has come."""
        async with self.left:
            await self.left.wait_for(lambda: case in self.seen)

    async def disconnected(self, case: str, turn: int = -1) -> None:
        """Wait until the peer of a request of a case, by default the last one, has gone."""
        async with self.left:
            await self.left.wait_for(lambda: self.seen[case][turn].disconnected_at is not None)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until somebody closes it."""
        self.connections += 1
        number = self.connections
        try:
            while await self._exchange(reader, writer, number):
                pass
        except (OSError, EOFError, Closed, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int
    ) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in head[1:] if line)
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        body = json.loads(await reader.readexactly(int(headers.get("content-length", "0"))))
        case = body["model"]
        seen = Seen(headers, body, number, asyncio.get_running_loop().time())
        played = self.seen.setdefault(case, [])
        played.append(seen)
        async with self.left:
            self.left.notify_all()
        scripts = self.scripts[case]
        watch = asyncio.ensure_future(self._watch(reader, seen))
        play = asyncio.ensure_future(self._play(scripts, len(played), Exchange(writer, case)))
        try:
            await asyncio.wait([watch, play], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (watch, play):
                task.cancel()
            results = await asyncio.gather(watch, play, return_exceptions=True)
        return seen.disconnected_at is None and results[1] is None

    async def _play(self, scripts: Sequence[Script], turn: int, exchange: Exchange) -> None:
        for operation in scripts[min(turn, len(scripts)) - 1]:
            await operation(exchange)

    async def _watch(self, reader: asyncio.StreamReader, seen: Seen) -> None:
        try:
            data = await reader.read(1)
        except OSError:
            data = b""
        if not data:
            async with self.left:
                seen.disconnected_at = asyncio.get_running_loop().time()
                self.left.notify_all()


@asynccontextmanager
async def fault_server(scripts: Mapping[str, Sequence[Script]]) -> AsyncIterator[FaultServer]:
    """Run a server for these cases."""
    faults = FaultServer(scripts)
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await faults.serve(reader, writer)
        finally:
            tasks.discard(task)

    server = await asyncio.start_server(connected, "127.0.0.1", 0, limit=1 << 24)
    faults.port = server.sockets[0].getsockname()[1]
    try:
        yield faults
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def head(*, status: int = 200, chunked: bool = True, **headers: str) -> Operation:
    """Start an answer; keywords are headers, with ``_`` for ``-``."""

    async def operation(exchange: Exchange) -> None:
        exchange.chunked = chunked
        fields = {"content-type": "text/event-stream"}
        fields.update({name.replace("_", "-"): value for name, value in headers.items()})
        if chunked:
            fields["transfer-encoding"] = "chunked"
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        await exchange.send_plain(f"HTTP/1.1 {status} -\r\n{lines}\r\n".encode("latin-1"))

    return operation


def body(value: object, *, status: int = 200, **headers: str) -> Operation:
    """Send a whole answer: bytes as they are, anything else as JSON."""
    data = value if isinstance(value, bytes) else json.dumps(value).encode()

    async def operation(exchange: Exchange) -> None:
        fields = {"content-type": "application/json", "content-length": str(len(data))}
        fields.update({name.replace("_", "-"): value for name, value in headers.items()})
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        await exchange.send_plain(f"HTTP/1.1 {status} -\r\n{lines}\r\n".encode("latin-1") + data)

    return operation


def error(message: str, *, type: str = "", code: str | int | None = None) -> dict[str, Any]:
    """Return an error document of the API."""
    return {"error": {"message": message, "type": type, "param": None, "code": code}}


def chunk(delta: object, *, finish: str | None = None, index: int = 0) -> dict[str, Any]:
    """Return a chunk document of the API."""
    choice = {"index": index, "delta": delta, "finish_reason": finish}
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "choices": [choice]}


def event(value: object) -> bytes:
    """Return the bytes of one event."""
    return b"data: " + json.dumps(value, ensure_ascii=False).encode("utf-8") + b"\n\n"


def data(value: object, *, ascii: bool = False) -> Operation:
    """Send one event."""
    return raw(b"data: " + json.dumps(value).encode() + b"\n\n" if ascii else event(value))


def text(content: str) -> Operation:
    """Send a piece of text."""
    return data(chunk({"content": content}))


def finish(reason: str = "stop") -> Operation:
    """Send the reason why the model stopped."""
    return data(chunk({}, finish=reason))


def raw(*parts: bytes) -> Operation:
    """Send bytes, each part as an HTTP chunk."""

    async def operation(exchange: Exchange) -> None:
        for part in parts:
            await exchange.send(part)

    return operation


def unframed(part: bytes) -> Operation:
    """Send bytes without making an HTTP chunk of them."""

    async def operation(exchange: Exchange) -> None:
        await exchange.send_plain(part)

    return operation


done = raw(b"data: [DONE]\n\n")
end = unframed(b"0\r\n\r\n")


def pause(seconds: float) -> Operation:
    """Do nothing for a while."""

    async def operation(exchange: Exchange) -> None:
        await asyncio.sleep(seconds)

    return operation


def repeat(count: int, *operations: Operation) -> Operation:
    """Play operations many times."""

    async def operation(exchange: Exchange) -> None:
        for _ in range(count):
            for inner in operations:
                await inner(exchange)

    return operation


async def close(exchange: Exchange) -> None:
    """Close the connection in good order."""
    exchange.writer.close()
    raise Closed


async def reset(exchange: Exchange) -> None:
    """Reset the connection, after what was sent has arrived."""
    await asyncio.sleep(0.05)
    sock = exchange.writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    exchange.writer.transport.abort()
    raise Closed
