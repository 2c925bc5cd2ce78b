"""A small HTTP server inside this process that speaks the chat-completions API on 127.0.0.1.

One server per process, on a thread and an event loop of its own, started at the first use. It
answers only requests that carry the key which this process made up; web pages can't reach it, since
a request with an ``Origin`` or a foreign ``Host`` is refused. What it answers comes from the
``Session`` that a private header names: the part that each ``OfflineProvider`` owns.
"""

from __future__ import annotations

import asyncio
import atexit
import hmac
import itertools
import json
import os
import secrets
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Protocol
from weakref import WeakValueDictionary

SESSION_HEADER = "x-offline-session"
MAX_BODY_BYTES = 64 * 1024 * 1024
_START_SECONDS = 10.0
_JSON = {"content-type": "application/json"}


@dataclass(slots=True)
class Output:
    """What is sent back for one request: a status, headers, and pieces of the body over time."""

    status: int
    headers: dict[str, str]
    pieces: AsyncIterator[bytes]
    """Parts of the body, each one HTTP chunk; an empty one only looks whether the peer is there."""


class Hangup(Exception):
    """The connection is to be closed here, in the middle of the answer."""


class Session(Protocol):
    """Answers the chat completions of one provider."""

    def answer(self, body: dict[str, Any], request_id: str) -> Output:
        """Return what the server sends for a request with this body."""
        ...


sessions: WeakValueDictionary[str, Session] = WeakValueDictionary()
"""By the value of the session header; an entry lives as long as its provider."""


@dataclass(slots=True)
class Server:
    """The running server: where it is and how to be let in."""

    key: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    port: int = 0
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop, repr=False)
    _thread: threading.Thread | None = field(default=None, repr=False)
    _started: threading.Event = field(default_factory=threading.Event, repr=False)
    _ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1), repr=False)

    _stopping: asyncio.Event = field(init=False, repr=False)
    _open: set[asyncio.Task[None]] = field(init=False, repr=False)

    @property
    def base_url(self) -> str:
        """The address for clients, with its ``/v1``."""
        return f"http://127.0.0.1:{self.port}/v1"

    def start(self) -> None:
        """Start the thread and wait until the server accepts connections."""
        self._thread = threading.Thread(target=self._run, name="flow-offline-server", daemon=True)
        self._thread.start()
        if not self._started.wait(_START_SECONDS):
            raise TimeoutError("The offline server did not start.")

    def stop(self) -> None:
        """Stop the server and join its thread; open answers are cut off."""
        if self._thread is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(2.0)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        self._stopping = asyncio.Event()
        self._open = set()
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0, backlog=1024)
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        await self._stopping.wait()
        server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            while await self._exchange(reader, writer):
                pass
        except (OSError, ValueError, EOFError, asyncio.LimitOverrunError, Hangup):
            pass  # the peer left or talks nonsense: nobody is there to be told
        except asyncio.CancelledError:
            pass  # the server stops
        finally:
            self._open.discard(task)
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Serve one request; return whether the connection may carry another."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ", 2)
        pairs = (line.partition(":") for line in head[1:] if line)
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        length = int(headers.get("content-length", "0"))
        if not 0 <= length <= MAX_BODY_BYTES:
            return False
        raw = await reader.readexactly(length)
        output = self._output(method, path.partition("?")[0], headers, raw)
        lines = [f"HTTP/1.1 {output.status} -", "transfer-encoding: chunked"]
        lines += [f"{name}: {value}" for name, value in output.headers.items()]
        writer.write("\r\n".join((*lines, "", "")).encode("latin-1"))
        gone = asyncio.ensure_future(reader.read(1))
        try:
            await _send(writer, output.pieces, gone)
        finally:
            gone.cancel()
            await asyncio.wait([gone])
        if not gone.cancelled():
            return False
        # Only now may the peer send its next request: nobody else reads any more.
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True

    def _output(self, method: str, path: str, headers: dict[str, str], raw: bytes) -> Output:
        own_hosts = (f"127.0.0.1:{self.port}", f"localhost:{self.port}")
        if "origin" in headers or headers.get("host") not in own_hosts:
            return problem(403, "Only this process may ask.", "permission_error")
        if (method, path) == ("GET", "/health"):
            return document(200, {"status": "ok"})
        given = headers.get("authorization", "").encode()
        if not hmac.compare_digest(given, f"Bearer {self.key}".encode()):
            return problem(401, "The key is not this process's.", "invalid_api_key")
        if (method, path) == ("GET", "/v1/models"):
            model = {"id": "offline", "object": "model", "created": 0, "owned_by": "offline"}
            return document(200, {"object": "list", "data": [model]})
        if (method, path) != ("POST", "/v1/chat/completions"):
            return problem(404, "There is no such route.", "invalid_request_error")
        session = sessions.get(headers.get(SESSION_HEADER, ""))
        try:
            body = json.loads(raw)
        except ValueError:
            body = None
        if session is None or not isinstance(body, dict):
            return problem(400, "The request is not a chat completion.", "invalid_request_error")
        return session.answer(body, f"req_offline_{next(self._ids):08x}")


def document(status: int, value: object, headers: dict[str, str] | None = None) -> Output:
    """Return an answer that is one JSON document."""

    async def pieces() -> AsyncIterator[bytes]:
        yield json.dumps(value).encode()

    return Output(status, {**_JSON, **(headers or {})}, pieces())


def problem(status: int, message: str, code: str) -> Output:
    """Return an error in the form of the API."""
    return document(status, {"error": {"message": message, "type": code, "code": code}})


_server: Server | None = None
_server_pid = 0
_starting = threading.Lock()


def running_server() -> Server:
    """Return the server of this process, started if it was not; after a fork it is a new one."""
    global _server, _server_pid
    with _starting:
        if _server is None or _server_pid != os.getpid():
            server = Server()
            server.start()
            atexit.register(server.stop)
            _server, _server_pid = server, os.getpid()
        return _server


async def _send(
    writer: asyncio.StreamWriter, pieces: AsyncIterator[bytes], gone: asyncio.Future[bytes]
) -> None:
    async for piece in pieces:
        if gone.done() or writer.is_closing():
            raise Hangup
        if piece:
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            await writer.drain()
