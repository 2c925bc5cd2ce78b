"""Kept runs: to list, look at, compare in frames, delete, and share as one file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, overload

from flow_widgets.clock import as_datetime
from flow_widgets.engine.record import StoredRun
from flow_widgets.engine.shelf import DEFAULT
from flow_widgets.errors import FlowError, NoSuchRun, nearest
from flow_widgets.export.frames import to_frame
from flow_widgets.flow.model import Flow
from flow_widgets.run.log import counted, seconds
from flow_widgets.run.reduce import reduce
from flow_widgets.run.resume import interruption_of
from flow_widgets.run.view import RunStatus
from flow_widgets.store.base import Instant, RunInfo, Store, fold
from flow_widgets.store.files import export_runs, import_runs
from flow_widgets.store.opening import open_store

if TYPE_CHECKING:
    import pandas as pd

STATUSES: tuple[str, ...] = get_args(RunStatus)
MAX_SHOWN = 20
"""How many runs a notebook or a prompt shows of a list."""


def runs(
    flow: Flow | str | None = None,
    *,
    status: RunStatus | None = None,
    since: Instant | None = None,
    until: Instant | None = None,
    search: str | None = None,
    limit: int | None = None,
    store: Any = DEFAULT,
) -> Runs:
    """Return the runs that a store keeps, newest first; by default that beside the notebook.

    ``flow`` is a flow or its id, ``since`` and ``until`` are about the start (inclusive): a datetime, a
    date, ISO text or seconds. ``search`` is a text in the label, the flow's name or the run's id. No
    kernel that ran them is needed.

    Raises:
        StoreError: The store can't be read.
        FlowError: ``store`` is None, there is no such status, or a time or the limit is none.
    """
    opened = open_store(store)
    if opened is None:
        raise FlowError("No store is open, so there are no runs.", hint="Pass store='runs.db'.")
    if status is not None and status not in STATUSES:
        raise FlowError(f"{status!r} is no status of a run.", hint=nearest(status, STATUSES))
    if limit is not None and limit < 0:
        raise FlowError(f"limit is {limit}; it must be 0 or more, or None.")
    flow_id = flow.id if isinstance(flow, Flow) else flow
    found = opened.list(
        flow_id=flow_id, status=status, since=since, until=until, search=search, limit=limit
    )
    return Runs(opened, found)


class Runs(Sequence[RunInfo]):
    """Some runs of a store, as they were when they were listed."""

    def __init__(self, store: Store, found: Sequence[RunInfo]) -> None:
        """Hold what was found."""
        self._store, self._found = store, list(found)

    def __len__(self) -> int:
        return len(self._found)

    @overload
    def __getitem__(self, key: int) -> RunInfo: ...
    @overload
    def __getitem__(self, key: slice) -> Runs: ...
    def __getitem__(self, key: int | slice) -> RunInfo | Runs:
        if isinstance(key, slice):
            return Runs(self._store, self._found[key])
        return self._found[key]

    def load(self, run: str | RunInfo | int = 0) -> StoredRun:
        """Return one run with its outputs and log: by its place in the list, its id, or what is listed.

        To run it again, take it up: ``FlowRunner(flow).reopen(run_id)``, or ``FlowWidget(flow)``.

        Raises:
            NoSuchRun: There is no such run.
            StoreDamaged: It can't be read.
        """
        run_id = self._id_of(run)
        state = fold(self._store, run_id)
        info = self._store.info(run_id)
        if state.status == "running" and info.status == "interrupted":
            state = reduce(state, interruption_of(state, info.updated_at))
        return StoredRun(state)

    def to_frame(self, of: str = "actions", *, expand: bool = False) -> pd.DataFrame:
        """Return these runs as one DataFrame; the columns are those of ``flow_widgets.to_frame``."""
        return to_frame(self._loaded(), of, expand=expand)

    def delete(self, *which: str | RunInfo | int) -> int:
        """Delete the given runs for good and return how many there were.

        Raises:
            RunInUse: One of them is running; none is deleted then.
        """
        gone = {self._id_of(one) for one in which}
        count = self._store.delete(gone)
        self._found = [one for one in self._found if one.id not in gone]
        return count

    def delete_all(self) -> int:
        """Delete all runs of this list for good and return how many there were.

        Raises:
            RunInUse: One of them is running; none is deleted then.
        """
        return self.delete(*self._found)

    def rename(self, run: str | RunInfo | int, label: str) -> None:
        """Give a run a name of your own.

        Raises:
            NoSuchRun: There is no such run.
        """
        run_id = self._id_of(run)
        self._store.rename(run_id, label)
        self._found = [self._store.info(run_id) if one.id == run_id else one for one in self]

    def export(self, path: str | Path) -> Path:
        """Write these runs to a single file, to be imported elsewhere, and return its path.

        It holds their flows, inputs, files, outputs and logs, and no keys.
        """
        return export_runs(self._store, path, [one.id for one in self._found])

    def import_file(self, path: str | Path) -> list[str]:
        """Add the runs of an exported file to this store and return the ids of those that are new.

        Nothing in the file is executed. A run that is there already stays as it is.

        Raises:
            StoreDamaged, StoreTooNew: The file is none of ours, was changed, or is too new.
            RunChanged: A run of that id is there and differs.
        """
        return import_runs(self._store, path)

    def _id_of(self, run: str | RunInfo | int) -> str:
        if isinstance(run, RunInfo):
            return run.id
        if isinstance(run, str):
            return run
        if not -len(self) <= run < len(self):
            raise NoSuchRun(f"There is no run {run}; there are {counted(len(self), 'run')}.")
        return self._found[run].id

    def _loaded(self) -> Iterator[StoredRun]:
        return (self.load(one) for one in self._found)

    def __repr__(self) -> str:
        head = f"<{counted(len(self), 'run')} in {self._store.place}>"
        lines = [" · ".join(_cells(one)) for one in self._found[:MAX_SHOWN]]
        more = len(self) - MAX_SHOWN
        return "\n  ".join([head, *lines, *([f"{more} more"] if more > 0 else [])])

    def _repr_html_(self) -> str:
        heads = "".join(f"<th>{name}</th>" for name in _HEADS)
        rows = "".join(_row(_cells(one)) for one in self._found[:MAX_SHOWN])
        more = len(self) - MAX_SHOWN
        rest = f"<p>{more} more</p>" if more > 0 else ""
        table = f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
        return f"<p>{counted(len(self), 'run')} in {escape(self._store.place)}</p>{table}{rest}"


_HEADS = ("Run", "Flow", "Status", "Started", "Worked", "Actions", "Tokens", "Cost", "Id")


def _cells(info: RunInfo) -> tuple[str, ...]:
    started = as_datetime(info.started_at)
    done = f"{info.completed} of {info.actions}"
    return (
        info.label or f"Run {info.number}",
        info.flow_name,
        info.status.capitalize(),
        started.astimezone().strftime("%Y-%m-%d %H:%M") if started else "",
        seconds(_worked(info)),
        f"{done}, {info.failed} failed" if info.failed else done,
        "" if info.tokens is None else f"{info.tokens:,}",
        "" if info.cost_usd is None else f"${info.cost_usd:.4f}",
        info.id,
    )


def _worked(info: RunInfo) -> float:
    """Return how long a run worked, up to when it was written last where it has not ended."""
    is_open = info.ended_at is None
    return info.active_seconds or (info.updated_at - info.started_at if is_open else 0.0)


def _row(cells: Iterable[str]) -> str:
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
