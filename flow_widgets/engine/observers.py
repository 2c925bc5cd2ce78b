"""Tells observers every event, and keeps a run going when one of them raises."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any

from flow_widgets.run.events import AnyEvent, FlowCanceled, FlowCompleted, FlowFailed

Observer = Callable[[Any], object]
"""Is told every event of a run, in order, on the thread that drives the run."""


class Observers:
    """The observers of a run; a subscription ends with the call that ``add`` returned."""

    def __init__(self, observers: tuple[Observer, ...] = ()) -> None:
        """Begin with these, told in this order."""
        self.all: tuple[Observer, ...] = observers
        self._reported: set[int] = set()

    def add(self, observer: Observer) -> Callable[[], None]:
        """Tell an observer from now on; the returned call ends that."""
        self.all = (*self.all, observer)

        def remove() -> None:
            self.all = tuple(each for each in self.all if each is not observer)

        return remove

    def tell(self, event: AnyEvent) -> list[str]:
        """Tell everybody; return what to log about observers that raised for the first time."""
        complaints: list[str] = []
        for observer in self.all:
            try:
                observer(event)
            except Exception as error:  # noqa: BLE001  # a stranger's code: it is logged
                if id(observer) not in self._reported:
                    self._reported.add(id(observer))
                    name = getattr(observer, "__qualname__", type(observer).__name__)
                    complaints.append(f"The observer {name} raised {type(error).__name__}: {error}")
        return complaints


class Subscription:
    """Events for an ``async for`` loop, in any event loop: a queue and one wake-up per pass."""

    def __init__(self, backlog: deque[Any]) -> None:
        """Begin with events that were kept."""
        self.queue: deque[Any] = deque(backlog)
        self.loop = asyncio.get_running_loop()
        self._ready = asyncio.Event()
        self._scheduled = False
        if self.queue:
            self._ready.set()

    def __call__(self, event: Any) -> None:
        """Keep an event, and wake the reader once per pass of its loop."""
        self.queue.append(event)
        if not self._scheduled and not self.loop.is_closed():
            self._scheduled = True
            self.loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self._scheduled = False
        self._ready.set()

    async def events(self, is_settled: Callable[[], bool]) -> AsyncIterator[Any]:
        """Yield events until the run has settled and the queue is empty."""
        while True:
            while self.queue:
                event = self.queue.popleft()
                yield event
                if isinstance(event, (FlowCompleted, FlowFailed, FlowCanceled)) and not self.queue:
                    return
            if is_settled():
                return
            self._ready.clear()
            if not self.queue:
                await self._ready.wait()
