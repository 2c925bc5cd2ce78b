"""A loopback server of chat completions that counts: requests of each prompt, and pieces it sent."""

from __future__ import annotations

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from .scenarios import faults, pieces

CUT_AFTER = 3
"""How many pieces of an answer come that is broken off."""


@dataclass
class CountingServer:
    """Answers every prompt with its pieces, one after the other, with a pause between two."""

    pause: float = 0.006
    port: int = 0
    requests: Counter[str] = field(default_factory=Counter)
    sent: dict[str, list[list[str]]] = field(default_factory=lambda: defaultdict(list))
    """The pieces that were sent of each prompt, request by request."""
    count: int = 0
    """The pieces that were sent, all together."""
    on_piece: Callable[[int], object] | None = None
    hold: asyncio.Event = field(default_factory=asyncio.Event)
    """The first answer to a prompt with ``[hold]`` stops after some pieces until it is set."""

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._exchange(reader, writer):
                pass
        except (OSError, EOFError):
            pass
        finally:
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
        length = next(int(line[15:]) for line in head if line.startswith("content-length:"))
        prompt = json.loads(await reader.readexactly(length))["messages"][-1]["content"]
        self.requests[prompt] += 1
        if self.requests[prompt] > faults(prompt):
            return await self._answer(writer, prompt, pieces(prompt))
        if "[cut" in prompt:
            return await self._answer(writer, prompt, pieces(prompt)[:CUT_AFTER], whole=False)
        body = json.dumps({"error": {"message": "not now", "type": "", "code": None}}).encode()
        writer.write(b"HTTP/1.1 503 -\r\nretry-after-ms: 20\r\ncontent-type: application/json\r\n")
        writer.write(b"content-length: %d\r\n\r\n%b" % (len(body), body))
        await writer.drain()
        return True

    async def _answer(
        self, writer: asyncio.StreamWriter, prompt: str, texts: list[str], *, whole: bool = True
    ) -> bool:
        writer.write(b"HTTP/1.1 200 -\r\ncontent-type: text/event-stream\r\n")
        writer.write(b"transfer-encoding: chunked\r\n\r\n")
        sent: list[str] = []
        self.sent[prompt].append(sent)
        for number, text in enumerate(texts):
            if "[hold]" in prompt and number == CUT_AFTER and len(self.sent[prompt]) == 1:
                await self.hold.wait()
            sent.append(text)
            await self._send(writer, chunk({"content": text}))
            self.count += 1
            if self.on_piece is not None:
                self.on_piece(self.count)
            await asyncio.sleep(self.pause)
        if not whole:
            return False
        await self._send(writer, chunk({}, finish="stop"))
        words = len(texts)
        usage = {"prompt_tokens": 1, "completion_tokens": words, "total_tokens": words + 1}
        await self._send(writer, {**chunk({}), "choices": [], "usage": usage})
        await self._send(writer, None)
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True

    async def _send(self, writer: asyncio.StreamWriter, document: Any) -> None:
        data = b"[DONE]" if document is None else json.dumps(document).encode()
        event = b"data: %b\n\n" % data
        writer.write(b"%x\r\n%b\r\n" % (len(event), event))
        await writer.drain()


def chunk(delta: dict[str, str], *, finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "choices": [choice]}


@asynccontextmanager
async def counting_server() -> AsyncIterator[CountingServer]:
    """Run a server; it lives in the parent, so that it outlives every process that is killed."""
    counting = CountingServer()
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await counting.serve(reader, writer)
        except asyncio.CancelledError:
            pass
        finally:
            tasks.discard(task)

    server = await asyncio.start_server(connected, "127.0.0.1", 0, limit=1 << 24)
    counting.port = server.sockets[0].getsockname()[1]
    try:
        yield counting
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
