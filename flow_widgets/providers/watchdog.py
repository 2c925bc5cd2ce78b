"""The timers of one streamed call, without a timeout object per piece of data.

One timer runs per call. It looks when it fires whether data has come since, and sleeps again for
what is left; so data costs one clock reading. When a limit has really passed, it cancels the task,
as ``asyncio.timeout`` does, and the call turns that cancellation into an error of its own kind.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Literal, Self

from .base import Timeouts

Limit = Literal["first_byte", "idle", "total", "grace"]
"""The limit that passed; ``grace`` is the short wait for the rest of an answer that is complete."""


class Watchdog:
    """Cancels the current task when the stream is late; a context manager that then swallows it."""

    expired: Limit | None

    def __init__(self, timeouts: Timeouts) -> None:
        self.expired = None
        self._timeouts = timeouts

    def __enter__(self) -> Self:
        task = asyncio.current_task()
        assert task is not None, "a call runs in a task"
        self._task = task
        self._cancelling = task.cancelling()
        self._loop = asyncio.get_running_loop()
        self._started = self._loop.time()
        self._last_data: float | None = None
        self._grace_ends: float | None = None
        self._handle = self._loop.call_at(self._deadline()[0], self._check)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        self._handle.cancel()
        if self.expired is None:
            return False
        # A cancellation from outside that came at the same time wins over ours.
        return self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError

    def data(self, now: float) -> None:
        """Note that data arrived ``now``, on the clock of the loop."""
        first = self._last_data is None
        self._last_data = now
        if first:  # the idle limit may end earlier than the timer that is set
            self._arm()

    def grace(self, seconds: float) -> None:
        """Let the stream end within ``seconds`` from now."""
        self._grace_ends = self._loop.time() + seconds
        self._arm()

    def _arm(self) -> None:
        self._handle.cancel()
        self._handle = self._loop.call_at(self._deadline()[0], self._check)

    def _deadline(self) -> tuple[float, Limit]:
        limits = self._timeouts
        total: tuple[float, Limit] = (self._started + limits.total, "total")
        if self._grace_ends is not None:
            return min((self._grace_ends, "grace"), total)
        if self._last_data is None:
            return min((self._started + limits.first_byte, "first_byte"), total)
        return min((self._last_data + limits.idle, "idle"), total)

    def _check(self) -> None:
        at, limit = self._deadline()
        if self._loop.time() < at:
            self._handle = self._loop.call_at(at, self._check)
            return
        self.expired = limit
        self._task.cancel()
