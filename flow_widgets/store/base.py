"""What a store is: an append-only log of events for each run, which folds into its state."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from flow_widgets.errors import NoSuchRun, StoreError
from flow_widgets.run.events import ActionCompleted
from flow_widgets.run.reduce import reduce
from flow_widgets.run.state import RunState
from flow_widgets.run.view import RunStatus

OnFailure = Callable[[StoreError], object]
"""Is told, once and on any thread, that events of a claimed run can't be written."""
OnCommit = Callable[[str, int], object]
"""Is told a run and the last number of its that is kept for good; must be quick, and call no store."""
Instant = float | date | str
"""Seconds since the epoch; or a date, a datetime, or either as ISO text, without a zone of this machine."""


@dataclass(frozen=True, slots=True)
class RunInfo:
    """One line about a stored run; times are seconds since the epoch."""

    id: str
    flow_id: str
    flow_name: str
    number: int
    status: RunStatus
    """``interrupted`` also where nobody has said so: whoever drove it is gone."""
    started_at: float
    ended_at: float | None
    active_seconds: float
    """How long it worked, without the times between reruns; without work that still goes on."""
    actions: int
    """How many its flow has, without those of flows inside them."""
    completed: int
    """How many of them have completed."""
    failed: int
    """How many of them have failed."""
    tokens: int | None
    """None while no server named any."""
    cost_usd: float | None
    """None while no price was known."""
    seq: int
    """The number of its last event."""
    updated_at: float
    """When that happened."""
    label: str = ""
    """A name that the user gave it."""
    owner: str | None = None
    """Who drives it, such as ``process 123 on this machine``; None: nobody."""


class Store(Protocol):
    """Keeps the events of runs that were claimed; may be called from any thread."""

    place: str
    """Where it is, in words for messages: a path, a URL without its password, or ``memory``."""
    notice: str
    """What a user should know about it, one or two sentences; mostly empty."""
    on_commit: OnCommit | None
    """Told after each commit, on the thread that wrote it."""

    def __call__(self, event: Any) -> None:
        """Take an event of a claimed run, to be written soon; never raises and never waits."""
        ...

    def claim(self, run_id: str, seq: int, on_failure: OnFailure) -> None:
        """Take the lease of a run before working on it; ``seq`` is the last number known, 0 for a new run.

        Raises:
            RunInUse: Somebody has it; the message says who.
            RunChanged: The stored run ends with another number.
            NoSuchRun: ``seq`` is not 0, and it keeps no such run.
            StoreError: It can't be written now.
        """
        ...

    def release(self, run_id: str) -> None:
        """Let go of a run, once all that was told of it is written."""
        ...

    def flush(self) -> None:
        """Return when all that was told is kept.

        Raises:
            StoreError: Something prevents that; the events wait in memory.
        """
        ...

    def committed(self, run_id: str) -> int:
        """Return the last number of a run that is kept for good, 0 when there is none."""
        ...

    def list(
        self,
        *,
        flow_id: str | None = None,
        status: RunStatus | None = None,
        since: Instant | None = None,
        until: Instant | None = None,
        search: str | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[RunInfo]:
        """Return what it keeps, the run that started last first.

        ``since`` and ``until`` are about the start, and include it; ``search`` is a text that stands in
        the label, the flow's name or the id, in any case.
        """
        ...

    def info(self, run_id: str) -> RunInfo:
        """Return the line about one run.

        Raises:
            NoSuchRun: It keeps no such run.
        """
        ...

    def events(self, run_id: str) -> Iterator[Any]:
        """Yield the events of a run in order, as they were told.

        Raises:
            NoSuchRun: It keeps no such run.
            StoreDamaged: A record can't be read; the message names run and number.
        """
        ...

    def delete(self, run_ids: Iterable[str]) -> int:
        """Delete runs, and what only they have kept; return how many there were.

        Raises:
            RunInUse: One of them is driven by somebody; none is deleted then.
        """
        ...

    def rename(self, run_id: str, label: str) -> None:
        """Give a run a name of the user's own; an empty one takes it away.

        Raises:
            NoSuchRun: It keeps no such run.
        """
        ...

    def recall(self, identity: str) -> ActionCompleted | None:
        """Return the newest completion of an attempt that had this identity and really ran, or None."""
        ...

    def close(self) -> None:
        """Write what waits, let go of all runs and of the file or connection; using it opens it again."""
        ...


def fold(store: Store, run_id: str) -> RunState:
    """Return the state that a stored run's events fold into.

    Raises:
        NoSuchRun: The store keeps no such run.
    """
    state: RunState | None = None
    for event in store.events(run_id):
        state = reduce(state, event)
    if state is None:
        raise no_such_run(run_id, store.place)
    return state


def no_such_run(run_id: str, place: str) -> NoSuchRun:
    """Return the error for a run that a store does not keep."""
    what = f"There is no run {run_id!r} in the store ({place})."
    return NoSuchRun(what, hint="runs() lists those that there are.", run_id=run_id)
