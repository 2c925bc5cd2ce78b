"""When the next call to a model may begin: one gate for all runs and threads of this process.

A gate knows three things: the rate and the number of parallel calls that the provider's options
allow; until when everybody has to pause after a refusal (429); and how many parallel calls the
server bears. The last is halved by a refusal and grows by one with each success. Nothing here waits:
the time comes in with the question, in seconds of a monotonic clock.
"""

from __future__ import annotations

import enum
import random
import threading
import weakref
from collections.abc import Callable, Hashable
from typing import Any

from flow_widgets.engine.retrying import (
    FIRST_BACKOFF_SECONDS,
    MAX_ASKED_SECONDS,
    MAX_BACKOFF_SECONDS,
)
from flow_widgets.providers.base import Provider

_MAX_BURST = 10
"""Calls that may begin at once under a rate, after a quiet time; at most those of one second."""
_MAX_GAP_SECONDS = 0.1
"""The longest time between two calls that begin after a pause."""


class Busy(enum.Enum):
    """The answer of a gate when a call may begin as soon as another has ended."""

    PLACE = "place"


class Gate:
    """Lets calls to one model of one server begin; may be asked from any thread."""

    def __init__(self, model: str, *, chance: random.Random | None = None) -> None:
        """Make a gate that lets everybody in until something is known."""
        self.model = model
        self.successes = 0
        """Calls that have ended well."""
        self._chance = chance or random.Random()  # noqa: S311  # spreads load, guards nothing
        self._lock = threading.Lock()
        self._inside = 0
        self._max_parallel: int | None = None
        self._per_minute: int | None = None
        self._due = float("-inf")
        """When a call would begin that came neither early nor late, at the rate."""
        self._open_at = float("-inf")
        self._next_at = float("-inf")
        """When the next one may begin after a pause, so that not all begin at once."""
        self._gap_seconds = 0.0
        self._borne: int | None = None
        """Parallel calls that the server seems to bear; None when it bore all so far."""
        self._refused_at = 0
        self._refusals = 0
        self._on_free: dict[Callable[[], None], None] = {}

    def __repr__(self) -> str:
        return f"Gate({self.model!r}, inside={self._inside}, borne={self._borne})"

    @property
    def reason(self) -> str:
        """What somebody waits for who was not let in, in a few words."""
        return f"rate limit of {self.model}"

    def allow(self, *, per_minute: int | None, max_parallel: int | None) -> None:
        """Set what the options of the provider allow; None is no limit."""
        if (per_minute, max_parallel) == (self._per_minute, self._max_parallel):
            return
        with self._lock:
            self._per_minute, self._max_parallel = per_minute, max_parallel
        self._tell()

    def enter(
        self, now: float, on_free: Callable[[], None] | None = None, *, anyway: bool = False
    ) -> float | Busy | None:
        """Take a place and return None; or return in how many seconds to ask again, or ``Busy``.

        Args:
            now: The time, in seconds of the monotonic clock.
            anyway: Whether a person wants it, who is let in whatever else holds.
            on_free: Called once, from any thread and at once if need be, when a place is free again
                after ``Busy``; it should only wake somebody who asks again. One of a run is enough.
        """
        with self._lock:
            seconds = max(self._open_at, self._next_at, self._due - self._early()) - now
            if seconds > 0 and not anyway:
                return seconds
            if self._is_full() and not anyway:
                if on_free is not None:
                    self._on_free[on_free] = None
                return Busy.PLACE
            self._inside += 1
            if self._per_minute:
                self._due = max(self._due, now) + 60.0 / self._per_minute
            if self._borne is not None:
                self._next_at = now + self._gap_seconds * self._chance.uniform(0.5, 1.5)
            return None

    def forget(self, on_free: Callable[[], None]) -> None:
        """Call ``on_free`` no more."""
        with self._lock:
            self._on_free.pop(on_free, None)

    def left(self, *, ok: bool, anyway: bool = False) -> None:
        """Give a place back that ``enter`` took; ``ok`` says whether the call ended well.

        Who was let in ``anyway`` and ended well has found out that nobody needs to wait any more.
        """
        with self._lock:
            self._inside -= 1
            if ok and anyway:
                self._open_at = self._next_at = float("-inf")
            if ok:
                self.successes += 1
                self._refusals = 0
                self._grow()
        self._tell()

    def refused(self, now: float, seconds: float | None = None) -> None:
        """Pause everybody, because a call was refused for the rate; call it before ``left``.

        Args:
            now: The time, in seconds of the monotonic clock.
            seconds: What the server asks to wait; None for a pause that doubles with each refusal.
                Beyond a minute nobody else is held up: they are refused and fail by themselves.
        """
        with self._lock:
            is_news = now >= self._open_at  # the others were sent before anybody knew
            if is_news:
                self._refusals += 1
                self._refused_at = max(self._inside, 2)
                self._borne = self._refused_at // 2
            if not seconds:
                backoff = FIRST_BACKOFF_SECONDS * 2.0 ** min(self._refusals - 1, 10)
                seconds = min(MAX_BACKOFF_SECONDS, backoff)
            if seconds > MAX_ASKED_SECONDS:
                return
            self._open_at = max(self._open_at, now + seconds)
            self._gap_seconds = min(_MAX_GAP_SECONDS, seconds / (self._borne or 1))
            self._next_at = self._open_at + self._gap_seconds * self._chance.random()

    def _early(self) -> float:
        """How many seconds before its time a call may begin, under the rate."""
        if not self._per_minute:
            return float("inf")
        burst = max(1, min(_MAX_BURST, self._per_minute // 60))
        return (burst - 1) * 60.0 / self._per_minute + 1e-9

    def _is_full(self) -> bool:
        limits = [limit for limit in (self._max_parallel, self._borne) if limit is not None]
        return bool(limits) and self._inside >= min(limits)

    def _grow(self) -> None:
        if self._borne is not None:
            self._borne += 1
            if self._borne > self._refused_at:
                self._borne = None

    def _tell(self) -> None:
        """Wake everybody who waits for a place, if there is one."""
        if not self._on_free:
            return
        with self._lock:
            if self._is_full():
                return
            waiting, self._on_free = self._on_free, {}
        for on_free in waiting:
            on_free()


_gates: dict[Hashable, Gate] = {}
_objects: dict[int, Any] = {}
_lock = threading.Lock()


def gate_of(provider: Provider, model: str | None) -> Gate:
    """Return the gate before a model of a provider, with the limits that this provider names.

    Providers with an equal ``limit_key`` share it, such as two for the same server; of others, each
    object has its own. The options ``requests_per_minute`` and ``max_parallel`` of the provider that
    was used last count.
    """
    key = (_key(provider), model)
    with _lock:
        gate = _gates.get(key)
        if gate is None:
            gate = _gates[key] = Gate(model or getattr(provider, "name", "") or "the model")
    gate.allow(
        per_minute=getattr(provider, "requests_per_minute", None),
        max_parallel=getattr(provider, "max_parallel", None),
    )
    return gate


def _key(provider: Provider) -> Hashable:
    key: Hashable = getattr(provider, "limit_key", None)
    if key is not None:
        return key
    number = id(provider)
    if number not in _objects:
        try:
            _objects[number] = weakref.ref(provider, lambda _: _let_go(number))
        except TypeError:  # it takes no weak reference: kept, so that its number stays its own
            _objects[number] = provider
    return number


def _let_go(number: int) -> None:
    """Drop the gates of an object that is gone; its number may be given again."""
    _objects.pop(number, None)
    for key in [key for key in list(_gates) if key[0] == number]:  # type: ignore[index]  # a pair
        _gates.pop(key, None)
