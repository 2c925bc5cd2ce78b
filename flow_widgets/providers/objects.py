"""Streams through the SDK's own objects, for clients that are not plain ones: the slower way."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Mapping
from typing import Any

from .answer import Answer
from .watchdog import Watchdog

_CHUNKS_PER_TURN = 64


async def read_objects(
    client: Any,
    body: Mapping[str, Any],
    answer: Answer,
    watchdog: Watchdog,
    *,
    headers: Mapping[str, str],
) -> None:
    """Ask ``client.chat.completions.create`` and pass every chunk on to ``answer``.

    ``headers`` are sent when it takes ``extra_headers``.
    """
    create = client.chat.completions.create
    stream = create(**_arguments(create, body, headers))
    if inspect.isawaitable(stream):
        stream = await stream
    clock = asyncio.get_running_loop().time
    if not hasattr(stream, "__aiter__") and (
        isinstance(stream, Mapping) or hasattr(stream, "choices")
    ):
        answer.take_whole(plain(stream))
        return
    try:
        count = 0
        async for chunk in _chunks(stream):
            watchdog.data(clock())
            answer.take_chunk(plain(chunk))
            count += 1
            if not count % _CHUNKS_PER_TURN:
                await asyncio.sleep(0)
    finally:
        await _close(stream)


def plain(value: Any) -> Any:
    """Return an SDK object, or a double of one, as dicts and lists."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if value is None or isinstance(value, (str, int, float)):
        return value
    if hasattr(value, "model_dump"):
        return value.model_dump()
    return {key: plain(item) for key, item in vars(value).items()}


def _arguments(create: Any, body: Mapping[str, Any], headers: Mapping[str, str]) -> dict[str, Any]:
    """Return ``body`` as arguments of ``create``; what it does not name goes to ``extra_body``."""
    try:
        parameters = inspect.signature(create).parameters
    except (TypeError, ValueError):
        return dict(body)
    if headers and "extra_headers" in parameters:
        body = {**body, "extra_headers": dict(headers)}
    if "extra_body" not in parameters:
        return dict(body)
    known = {name: value for name, value in body.items() if name in parameters}
    unknown = {name: value for name, value in body.items() if name not in parameters}
    return {**known, "extra_body": unknown} if unknown else known


async def _chunks(stream: Any) -> AsyncIterator[Any]:
    if hasattr(stream, "__aiter__"):
        async for chunk in stream:
            yield chunk
        return
    for chunk in stream:
        yield chunk
        await asyncio.sleep(0)


async def _close(stream: Any) -> None:
    close = getattr(stream, "aclose", None) or getattr(stream, "close", None)
    if close is not None:
        closing = close()
        if inspect.isawaitable(closing):
            await closing
