"""One HTTP client per event loop: a connection belongs to the loop that opened it.

Whoever ends a loop in order (``asyncio.run`` does) closes its async generators first. One is left
waiting in each loop, whose end closes the clients: a user has nothing to remember.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Hashable
from typing import Any
from weakref import WeakKeyDictionary

_Made = tuple[Any, Any]
"""An HTTP client and the SDK client that sends over it."""


class Connections:
    """Clients by event loop and settings; may be used from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Hashable, _Made]] = (
            WeakKeyDictionary()
        )
        self._guards: WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[Any, asyncio.Task[None]]]
        self._guards = WeakKeyDictionary()

    def client(self, settings: Hashable, make: Callable[[], _Made]) -> Any:
        """Return the SDK client for ``settings`` in the running loop, made at its first use."""
        loop = asyncio.get_running_loop()
        if loop not in self._guards:
            guard = self._until_the_end()
            self._guards[loop] = guard, loop.create_task(_begun(guard))
        with self._lock:
            for other in [other for other in self._by_loop if other.is_closed()]:
                del self._by_loop[other]
            clients = self._by_loop.setdefault(loop, {})
            if settings not in clients:
                clients[settings] = make()
            return clients[settings][1]

    async def _until_the_end(self) -> AsyncGenerator[None, None]:
        loop = asyncio.get_running_loop()
        try:
            yield
        finally:
            if _runs(loop):  # not so when a loop was thrown away without being ended
                await self.close()

    async def close(self) -> None:
        """Close the clients of the running loop; a later call opens new ones."""
        with self._lock:
            clients = self._by_loop.pop(asyncio.get_running_loop(), {})
        for http, _ in clients.values():
            if http is not None:  # a client that is used as it is belongs to whoever passed it
                await http.aclose()


async def _begun(guard: AsyncGenerator[None, None]) -> None:
    await anext(guard)


def _runs(loop: asyncio.AbstractEventLoop) -> bool:
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False
