"""The provider ``offline``: believable answers without a key, a network or a cost.

It is the real thing from the client's side: requests go through the openai SDK over HTTP to a
server inside this process, and come back as a stream. The text depends on the request only. For
tests, ``script`` says what the server answers to consecutive requests, and some model names fail on
purpose: ``offline/fail-429``, ``offline/fail-500-then-ok``, ``offline/stall``, ``offline/cut``,
``offline/slow``; ``offline/echo`` sends back the last message.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from pydantic import JsonValue

from .base import ChatRequest, ChatResult, OnText
from .loopback import (
    SESSION_HEADER,
    Hangup,
    Output,
    document,
    problem,
    running_server,
    sessions,
)
from .openai import OpenAIProvider
from .prompt import messages_text, seed_of
from .writing import Written, count_tokens, write

PIECES_PER_SECOND = 30.0
FIRST_PIECE_SECONDS = (0.2, 0.5)
_KEPT_REQUESTS = 10_000
_FAILING = re.compile(r"fail-(\d{3})(-then-ok)?$")
_STALL_SECONDS = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the server answers to one request; without a field set, it is a written answer."""

    text: str | None = None
    """Text to stream word by word; None for the written one."""
    chunks: Sequence[str] | None = None
    """Text to stream in exactly these pieces."""
    finish_reason: str | None = "stop"
    """None leaves the answer unfinished."""
    refusal: str | None = None
    status: int = 200
    error: JsonValue = None
    """Error object: the answer when ``status`` is an error, else the last event of the stream."""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_seconds: float = 0.0
    """Wait before the first byte of the body."""
    stall_after: int | None = None
    """Number of pieces after which the stream stands still for ``stall_seconds``."""
    stall_seconds: float = _STALL_SECONDS
    cut_after: int | None = None
    """Number of pieces after which the connection is closed."""
    raw: bytes | None = None
    """The whole body, byte by byte as given."""


class OfflineProvider:
    """Answers without a model.

    Args:
        pace: 1 streams about 30 words a second, 2 takes twice as long, 0 does not wait at all.
        script: What the server answers to the first requests, in order of their arrival; then
            follow written answers. A mapping has the fields of ``Reply``.
        model: Model of an action that names none; it changes nothing but the text.
    """

    name = "offline"
    default_model: str | None

    def __init__(
        self,
        *,
        pace: float = 1.0,
        script: Sequence[Reply | Mapping[str, Any]] = (),
        model: str = "offline",
    ) -> None:
        if not 0 <= pace < 1000:
            raise ValueError(f"pace must be 0 or more, and below 1000; it is {pace!r}.")
        self.default_model = model
        replies = [item if isinstance(item, Reply) else Reply(**item) for item in script]
        self._session = _Session(pace, replies)
        self._id = uuid4().hex
        sessions[self._id] = self._session
        self._lock = threading.Lock()
        self._client: tuple[str, OpenAIProvider] | None = None

    def __repr__(self) -> str:
        return f"OfflineProvider(pace={self._session.pace:g}, model={self.default_model!r})"

    @property
    def requests(self) -> list[dict[str, Any]]:
        """The bodies of the requests that reached the server, oldest first."""
        return list(self._session.requests)

    def check(self) -> None:
        """Return: nothing has to be configured."""

    async def chat(self, request: ChatRequest, on_text: OnText) -> ChatResult:
        """Stream one completion and return how it ended.

        Raises:
            ProviderError: The script or the model's name made the call fail.
        """
        return await self._connected().chat(request, on_text)

    async def close(self) -> None:
        """Close every connection that was opened in the running event loop."""
        if self._client is not None:
            await self._client[1].close()

    def _connected(self) -> OpenAIProvider:
        server = running_server()
        with self._lock:
            if self._client is None or self._client[0] != server.base_url:
                client = OpenAIProvider(
                    server.base_url, server.key, headers={SESSION_HEADER: self._id}
                )
                self._client = server.base_url, client
            return self._client[1]


class _Session:
    """The server's side of one provider."""

    def __init__(self, pace: float, replies: list[Reply]) -> None:
        self.pace = pace
        self.requests: list[dict[str, Any]] = []
        self._replies = replies
        self._failed_once: set[int] = set()

    def answer(self, body: dict[str, Any], request_id: str) -> Output:
        """Return the scripted answer that is due, or one that fits the model's name."""
        number = len(self.requests)
        if number < _KEPT_REQUESTS:
            self.requests.append(body)
        reply = self._replies[number] if number < len(self._replies) else self._by_model(body)
        headers = {"x-request-id": request_id, **reply.headers}
        if reply.raw is not None:
            return Output(
                reply.status,
                {"content-type": "text/event-stream", **headers},
                _bytes(reply.raw, reply.delay_seconds),
            )
        if reply.status >= 300:
            return self._refusal(reply, headers)
        written = _written(reply, body)
        pace = self.pace * (5.0 if body.get("model") == "offline/slow" else 1.0)
        if body.get("stream"):
            headers = {"content-type": "text/event-stream", **headers}
            return Output(reply.status, headers, _stream(reply, written, body, request_id, pace))
        return document(reply.status, _completion(reply, written, body, request_id), headers)

    def _by_model(self, body: dict[str, Any]) -> Reply:
        variant = str(body.get("model", "")).partition("offline/")[2]
        if variant == "echo":
            return Reply(text=messages_text(body.get("messages"), last=True))
        if variant == "stall":
            return Reply(stall_after=3)
        if variant == "cut":
            return Reply(cut_after=3)
        failing = _FAILING.match(variant)
        if failing is None or self._has_failed(failing, body):
            return Reply()
        return Reply(status=int(failing[1]))

    def _has_failed(self, failing: re.Match[str], body: dict[str, Any]) -> bool:
        """Return whether ``…-then-ok`` has had its failure for this very request."""
        if not failing[2]:
            return False
        key = hash(json.dumps(body, sort_keys=True))
        known = key in self._failed_once
        self._failed_once.add(key)
        return known

    def _refusal(self, reply: Reply, headers: dict[str, str]) -> Output:
        output = problem(reply.status, f"Scripted failure {reply.status}.", "scripted_failure")
        if reply.error is not None:
            output = document(reply.status, {"error": reply.error})
        output.headers.update(headers)
        output.pieces = _after(reply.delay_seconds, output.pieces)
        return output


def _written(reply: Reply, body: dict[str, Any]) -> Written:
    if reply.chunks is not None:
        return Written(list(reply.chunks), reply.finish_reason)
    if reply.refusal is not None and reply.text is None:
        return Written([], reply.finish_reason)
    written = write(body, text=reply.text)
    if written.finish_reason == "stop":
        written = Written(written.pieces, reply.finish_reason)
    return written


async def _stream(
    reply: Reply, written: Written, body: dict[str, Any], request_id: str, pace: float
) -> AsyncIterator[bytes]:
    common = {"id": f"chatcmpl-{request_id}", "object": "chat.completion.chunk", "created": 0}
    common["model"] = body.get("model")
    dice = random.Random(seed_of(body))  # noqa: S311 - no secret depends on it

    def event(delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return b"data: " + json.dumps({**common, "choices": [choice]}).encode() + b"\n\n"

    await asyncio.sleep(reply.delay_seconds + pace * dice.uniform(*FIRST_PIECE_SECONDS))
    yield event({"role": "assistant", "content": ""})
    for number, piece in enumerate(written.pieces):
        if number == reply.stall_after:
            async for nothing in _stall(reply.stall_seconds):
                yield nothing
        if number == reply.cut_after:
            raise Hangup
        yield event({"content": piece})
        if pace:
            await asyncio.sleep(pace * dice.uniform(0.6, 1.4) / PIECES_PER_SECOND)
    if reply.refusal is not None:
        yield event({"refusal": reply.refusal})
    if reply.error is not None:
        yield b"data: " + json.dumps({"error": reply.error}).encode() + b"\n\n"
        return
    if written.finish_reason is not None:
        yield event({}, written.finish_reason)
        if (body.get("stream_options") or {}).get("include_usage"):
            usage = {**common, "choices": [], "usage": _usage(written, body)}
            yield b"data: " + json.dumps(usage).encode() + b"\n\n"
        yield b"data: [DONE]\n\n"


async def _stall(seconds: float) -> AsyncIterator[bytes]:
    """Wait in small steps, so that a peer who leaves is noticed."""
    while seconds > 0:
        step = min(0.02, seconds)
        await asyncio.sleep(step)
        seconds -= step
        yield b""


async def _bytes(raw: bytes, delay_seconds: float) -> AsyncIterator[bytes]:
    await asyncio.sleep(delay_seconds)
    yield raw


async def _after(seconds: float, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    await asyncio.sleep(seconds)
    async for piece in pieces:
        yield piece


def _completion(
    reply: Reply, written: Written, body: dict[str, Any], request_id: str
) -> dict[str, Any]:
    content = "".join(written.pieces)
    message = {"role": "assistant", "content": content, "refusal": reply.refusal}
    return {
        "id": f"chatcmpl-{request_id}",
        "object": "chat.completion",
        "created": 0,
        "model": body.get("model"),
        "choices": [{"index": 0, "message": message, "finish_reason": written.finish_reason}],
        "usage": _usage(written, body),
    }


def _usage(written: Written, body: dict[str, Any]) -> dict[str, int]:
    prompt = count_tokens(messages_text(body.get("messages")))
    completion = count_tokens("".join(written.pieces))
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
