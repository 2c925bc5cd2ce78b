"""Reads the body of a streamed answer as fast as it comes, and no oftener than is useful.

A wake-up of the HTTP stack costs ten times what a chunk costs. So when chunks come faster than one
every ``FAST_GAP_SECONDS``, the reader rests for ``REST_SECONDS`` after a wake-up and then finds
several chunks at once; meanwhile the transport is paused and the kernel's buffer holds them. The
first chunks, slow streams, and a stream that is busy all the time are never held up.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from flow_widgets.errors import ProviderError

from .answer import Answer
from .sse import EventSplitter, EventTooLarge
from .watchdog import Watchdog

REST_SECONDS = 0.005
FAST_GAP_SECONDS = 0.005
BUSY_GAP_SECONDS = 0.0003
"""Below this gap the reader is busy without pause, so that resting would only cost time."""
_WAITED_SECONDS = 50e-6
"""A read that took longer had to wait; one from the buffer takes about 10 µs."""
_PAYLOADS_PER_TURN = 64
"""Payloads handled before other tasks of the event loop get a turn."""
_DRAIN_SECONDS = 0.1
"""How long the rest after ``[DONE]`` may take; it lets the connection be used again."""
_FINISH_SECONDS = 2.0
"""How long a finished answer waits for its usage and ``[DONE]``."""


_BOM = b"\xef\xbb\xbf"


def max_event_bytes(max_chars: int) -> int:
    """Return how large one event may be when an answer has at most ``max_chars``."""
    return 4 * max_chars + 65_536


async def read_answer(reads: AsyncIterator[bytes], answer: Answer, watchdog: Watchdog) -> None:
    """Pass the whole body on to ``answer``.

    Raises:
        ProviderError: The body is not what the API defines, or too large.
    """
    first = b""
    while _BOM.startswith(first.strip()) and len(first) < 65_536:
        try:
            first += await anext(reads)
        except StopAsyncIteration:
            break
    if _start(first).startswith((b"{", b"[", b"<")):
        await _read_document(first, reads, answer, watchdog)
        return
    try:
        await _read_events(first, reads, answer, watchdog)
    except EventTooLarge:
        raise answer.too_large() from None


def _start(data: bytes) -> bytes:
    return data.lstrip().removeprefix(_BOM).lstrip()


async def _read_events(
    data: bytes, reads: AsyncIterator[bytes], answer: Answer, watchdog: Watchdog
) -> None:
    splitter = EventSplitter(max_event_bytes=max_event_bytes(answer.max_chars))
    clock = asyncio.get_running_loop().time
    now = woke_at = clock()
    waited = True
    handled = total = 0  # payloads since the last wake-up, and of the answer
    gap = 1.0  # seconds from payload to payload, smoothed
    finishing = False
    feed, take, read = splitter.feed, answer.take, reads.__anext__
    while True:
        payloads = feed(data)
        for payload in payloads:
            take(payload)
            total += 1
            if not total % _PAYLOADS_PER_TURN:
                await asyncio.sleep(0)
        if payloads:
            handled += len(payloads)
            watchdog.data(now)
            if not finishing and answer.finish_reason is not None:
                finishing = True
                watchdog.grace(_FINISH_SECONDS)
            if answer.done:
                break
            if waited and BUSY_GAP_SECONDS < gap < FAST_GAP_SECONDS and not finishing:
                await asyncio.sleep(REST_SECONDS)
        before = clock()
        try:
            data = await read()
        except StopAsyncIteration:
            _take_rest(splitter, answer)
            return
        now = clock()
        waited = now - before > _WAITED_SECONDS
        if waited and handled:
            gap = (gap + (now - woke_at) / handled) / 2 if gap < 1.0 else (now - woke_at) / handled
            woke_at, handled = now, 0
    watchdog.grace(_DRAIN_SECONDS)
    async for _ in reads:
        pass


def _take_rest(splitter: EventSplitter, answer: Answer) -> None:
    """Take an event that the body's end cut off, unless it is cut inside its JSON."""
    for payload in splitter.finish():
        try:
            answer.take(payload)
        except ProviderError as error:
            if error.kind != "protocol":
                raise


async def _read_document(
    first: bytes, reads: AsyncIterator[bytes], answer: Answer, watchdog: Watchdog
) -> None:
    parts, size = [first], len(first)
    clock = asyncio.get_running_loop().time
    watchdog.data(clock())
    async for data in reads:
        watchdog.data(clock())
        parts.append(data)
        size += len(data)
        if size > max_event_bytes(answer.max_chars):
            raise answer.too_large()
    body = _start(b"".join(parts))
    if body.startswith(b"<"):
        raise answer.protocol_error("The server answered with a web page.")
    answer.take_document(body)
