"""Tells observers every event, and keeps a run going when one of them raises."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from inspect import iscoroutinefunction
from typing import Any

from flow_widgets.errors import FlowError
from flow_widgets.run.events import AnyEvent, FlowCanceled, FlowCompleted, FlowFailed

Observer = Callable[[Any], object]
"""Is told every event of a run, in order, on the thread that drives the run."""


def checked(observer: Observer) -> Observer:
    """Return an observer that can be told events.

    Raises:
        FlowError: It is an ``async def``, whose calls nobody would await.
    """
    if iscoroutinefunction(observer):
        raise FlowError(
            f"The observer {observer.__qualname__} is an async function; nobody would await it.",
            hint="Pass a plain function, or use 'async for event in run'.",
        )
    return observer


class Observers:
    """The observers of a run: those of its runner, and readers of their own."""

    def __init__(self, shared: list[Observer] | None = None) -> None:
        """Tell the observers of a list, as it is at each event, and then those that are added."""
        self._shared = shared if shared is not None else []
        self._own: list[Observer] = []
        self._reported: set[int] = set()
        self.interrupted = False
        """Whether an interrupt came while an observer was told, and was not passed on yet."""

    @property
    def all(self) -> tuple[Observer, ...]:
        """Everybody who is told, in this order."""
        return (*self._shared, *self._own)

    def add(self, observer: Observer) -> Callable[[], None]:
        """Tell an observer from now on; the returned call ends that, however often it is made."""
        self._own.append(observer)

        def remove() -> None:
            if observer in self._own:
                self._own.remove(observer)

        return remove

    def tell(self, event: AnyEvent) -> list[str]:
        """Tell everybody; return what to log about observers that raised for the first time."""
        complaints: list[str] = []
        for observer in self.all:
            try:
                observer(event)
            except KeyboardInterrupt:  # raised when everybody was told and the facts are whole
                self.interrupted = True
            except BaseException as error:  # noqa: BLE001  # a stranger's code: it is logged
                if id(observer) not in self._reported:
                    self._reported.add(id(observer))
                    name = getattr(observer, "__qualname__", type(observer).__name__)
                    complaints.append(f"The observer {name} raised {type(error).__name__}: {error}")
        return complaints


class Subscription:
    """Events for an ``async for`` loop, in any event loop: a queue and one wake-up per pass."""

    def __init__(self) -> None:
        """Begin with no event, in the reader's loop."""
        self.queue: deque[Any] = deque()
        self.loop = asyncio.get_running_loop()
        self._ready = asyncio.Event()
        self._scheduled = False

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
                is_end = isinstance(event, (FlowCompleted, FlowFailed, FlowCanceled))
                if is_end and not event.path and not self.queue:
                    return
            if is_settled():
                return
            self._ready.clear()
            if not self.queue:
                await self._ready.wait()
