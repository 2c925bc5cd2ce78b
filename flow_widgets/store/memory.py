"""A store in memory: for tests, and to look back within one process."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Iterator
from typing import Any

from flow_widgets.errors import RunChanged
from flow_widgets.run.events import ActionCompleted
from flow_widgets.run.view import RunStatus
from flow_widgets.store.base import Instant, OnCommit, OnFailure, RunInfo, no_such_run
from flow_widgets.store.lease import in_use
from flow_widgets.store.picking import Picking
from flow_widgets.store.tally import Tally

OWNER = "another widget or runner of this process"


class MemoryStore:
    """Keeps every event of every run while the process lives; takes runs that nobody claimed, too."""

    place = "memory"
    notice = ""

    def __init__(self) -> None:
        """Begin with no run."""
        self.on_commit: OnCommit | None = None
        self._events: dict[str, list[Any]] = {}
        self._tallies: dict[str, Tally] = {}
        self._labels: dict[str, str] = {}
        self._claimed: set[str] = set()
        self._outputs: dict[str, ActionCompleted] = {}

    def __call__(self, event: Any) -> None:
        """Keep an event."""
        self._events.setdefault(event.run_id, []).append(event)
        if self.on_commit is not None:
            self.on_commit(event.run_id, event.seq)

    def claim(self, run_id: str, seq: int, on_failure: OnFailure) -> None:
        if run_id in self._claimed:
            raise in_use(run_id, OWNER)
        if seq and run_id not in self._events:
            raise no_such_run(run_id, self.place)
        if self.committed(run_id) != seq:
            raise changed(run_id, seq, self.committed(run_id))
        self._claimed.add(run_id)

    def release(self, run_id: str) -> None:
        self._claimed.discard(run_id)

    def flush(self) -> None:
        """Do nothing: what was told is kept."""

    def committed(self, run_id: str) -> int:
        events = self._events.get(run_id)
        return events[-1].seq if events else 0

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
    ) -> builtins.list[RunInfo]:
        picking = Picking.of(flow_id, status, since, until, search)
        found = [info for info in map(self.info, builtins.list(self._events)) if picking.has(info)]
        found.sort(key=lambda info: (info.started_at, info.id), reverse=True)
        return found[offset:] if limit is None else found[offset : offset + limit]

    def info(self, run_id: str) -> RunInfo:
        owner = OWNER if run_id in self._claimed else None
        return self._tally(run_id).info(run_id, label=self._labels.get(run_id, ""), owner=owner)

    def events(self, run_id: str) -> Iterator[Any]:
        if run_id not in self._events:
            raise no_such_run(run_id, self.place)
        return iter(self._events[run_id][:])

    def delete(self, run_ids: Iterable[str]) -> int:
        wanted = [run_id for run_id in dict.fromkeys(run_ids) if run_id in self._events]
        for run_id in wanted:
            if run_id in self._claimed:
                raise in_use(run_id, OWNER)
        for run_id in wanted:
            for known in (self._events, self._tallies, self._labels):
                known.pop(run_id, None)
        gone = set(wanted)
        self._outputs = {
            identity: event for identity, event in self._outputs.items() if event.run_id not in gone
        }
        return len(wanted)

    def rename(self, run_id: str, label: str) -> None:
        if run_id not in self._events:
            raise no_such_run(run_id, self.place)
        self._labels[run_id] = label

    def recall(self, identity: str) -> ActionCompleted | None:
        for run_id in builtins.list(self._events):
            self._tally(run_id)
        return self._outputs.get(identity)

    def close(self) -> None:
        """Let go of all runs."""
        self._claimed.clear()

    def _tally(self, run_id: str) -> Tally:
        """Return the line about a run, with what came since it was last looked at."""
        if run_id not in self._events:
            raise no_such_run(run_id, self.place)
        events, tally = self._events[run_id], self._tallies.setdefault(run_id, Tally())
        for event in events[tally.seq :]:
            tally.fold(event)
        for identity, seq, at in tally.recalled:
            known = self._outputs.get(identity)
            if known is None or known.at <= at:
                self._outputs[identity] = events[seq - 1]
        tally.recalled.clear()
        return tally


def changed(run_id: str, known: int, stored: int) -> RunChanged:
    """Return the error for a run whose stored log does not end where somebody thinks it does."""
    what = f"The run {run_id!r} has {stored} stored events, and {known} of them are known here."
    hint = "Load the run again." if known else "Give the new run another id."
    return RunChanged(what, hint=hint, run_id=run_id, known=known, stored=stored)
