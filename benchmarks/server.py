"""A local server that streams chat completions, so cheap that what is measured is the client.

Every answer is made once per shape and kept as bytes. The shape stands in the path, so a client
chooses it by its ``base_url``; a delay of 0 sends the whole answer at once:

    http://127.0.0.1:PORT/chunks/<number>/every/<microseconds>/v1

It prints its port, and ends when its standard input is closed.
"""

from __future__ import annotations

import asyncio
import json
import re
import selectors
import socket
import sys
from functools import cache

MODEL = "local-model"
WARM_UP = "warm up"
"""A prompt that is answered with five chunks at once, whatever the path says."""
WARM_UP_CHUNKS = 5

_PATH = re.compile(rb"POST /chunks/(\d+)/every/(\d+)/v1/chat/completions ")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
    b"x-request-id: req_local\r\ntransfer-encoding: chunked\r\n\r\n"
)
_NOT_FOUND = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"


def text_of(chunks: int) -> str:
    """Return the whole text of an answer."""
    return "".join(map(_piece, range(chunks)))


def _piece(index: int) -> str:
    return f"{index:06} word "


def _event(data: str) -> bytes:
    """Return an SSE event as one HTTP chunk, as api.openai.com sends it."""
    event = f"data: {data}\n\n".encode()
    return b"%x\r\n%b\r\n" % (len(event), event)


def _chunk(choices: list[dict], usage: dict | None = None) -> bytes:
    document = {
        "id": "chatcmpl-CfT0b7h4n2v5Jw0Qm9q1yZx3aBcDe",
        "object": "chat.completion.chunk",
        "created": 1_763_650_000,
        "model": MODEL,
        "service_tier": "default",
        "system_fingerprint": "fp_560af6e559",
        "choices": choices,
        "usage": usage,
        "obfuscation": "a9Xk2fQ7",
    }
    return _event(json.dumps(document, separators=(",", ":")))


def _choice(delta: dict, finish_reason: str | None = None) -> list[dict]:
    return [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}]


@cache
def events(chunks: int) -> tuple[bytes, ...]:
    """Return the body of an answer, one item per event, the end of the body with the last."""
    usage = {"prompt_tokens": 12, "completion_tokens": chunks, "total_tokens": 12 + chunks}
    return (
        _chunk(_choice({"role": "assistant", "content": "", "refusal": None})),
        *(_chunk(_choice({"content": _piece(index)})) for index in range(chunks)),
        _chunk(_choice({}, "stop")),
        _chunk([], usage),
        _event("[DONE]") + b"0\r\n\r\n",
    )


@cache
def at_once(chunks: int) -> bytes:
    return _HEAD + b"".join(events(chunks))


class Connection(asyncio.Protocol):
    """One client; it sends its next request after it has read the answer."""

    def connection_made(self, transport):
        self.transport = transport
        self.received = b""
        self.pacing: asyncio.Task | None = None
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def connection_lost(self, _error):
        if self.pacing is not None:
            self.pacing.cancel()

    def data_received(self, data):
        self.received += data
        head, blank, body = self.received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not blank or (length is not None and len(body) < int(length[1])):
            return
        self.received = b""
        path = _PATH.match(head)
        if path is None:
            self.transport.write(_NOT_FOUND)
        elif WARM_UP.encode() in body:
            at_once(int(path[1]))  # made now, so that no measurement waits for it
            self.transport.write(at_once(WARM_UP_CHUNKS))
        elif path[2] == b"0":
            self.transport.write(at_once(int(path[1])))
        else:
            self.pacing = asyncio.ensure_future(self.paced(int(path[1]), int(path[2]) / 1e6))

    async def paced(self, chunks, delay):
        loop = asyncio.get_running_loop()
        self.transport.write(_HEAD)
        due = loop.time()
        for event in events(chunks):
            self.transport.write(event)
            due = max(due, loop.time() - delay) + delay  # what is late is not made up for
            await asyncio.sleep(due - loop.time())


async def serve():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Connection, "127.0.0.1", 0, backlog=1000)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.close()


if __name__ == "__main__":
    # select() waits to the microsecond; epoll() rounds up to whole milliseconds.
    loop = asyncio.SelectorEventLoop(selectors.SelectSelector())
    loop.run_until_complete(serve())
