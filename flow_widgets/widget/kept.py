"""The runs to choose from: those that a widget holds, and those that its store keeps.

Theory of operation. The list is asked for with every delta, so what the store says is held here and
read again only when that may have changed: when a run begins or settles, when one is picked, when a
view opens, and every few seconds while somebody else drives a run of the flow. A kept run is read
when it is picked; one that went on elsewhere since it was read is read anew. All of it happens on
the engine's thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from flow_widgets.engine.run import Run
from flow_widgets.engine.runner import FlowRunner
from flow_widgets.engine.shelf import is_of
from flow_widgets.errors import RunInUse, StoreError
from flow_widgets.flow.model import Flow
from flow_widgets.run import events as ev
from flow_widgets.run.view import RunLine

if TYPE_CHECKING:
    from flow_widgets.store.base import RunInfo

LISTED = 50
"""How many of the newest kept runs there are to choose from."""
LOOK_AGAIN_SECONDS = 5.0
"""Between two looks at a run that somebody else drives."""
_BEGINS = (ev.FlowStarted, ev.RerunStarted, ev.FlowResumed)
_SETTLES = (ev.FlowCompleted, ev.FlowFailed, ev.FlowCanceled)


class Kept:
    """The runs of a widget's flow, read from the store when they are wanted."""

    def __init__(self, runner: FlowRunner) -> None:
        """Begin with nothing read; ``on_look`` is called when it is time to look again."""
        self.runner = runner
        self.trouble = ""
        """Why kept runs can't be read, in a sentence or two; empty while they can."""
        self.made_with: dict[str, Flow] = {}
        """The definition with which the newest work of each held run was done."""
        self.on_look: Callable[[], object] = lambda: None
        self._is_due = True
        self._infos: dict[str, RunInfo] = {}
        self._is_ours: dict[str, bool] = {}
        self._timer: asyncio.TimerHandle | None = None

    def note(self, event: Any) -> None:
        """Note an event of any run of the widget."""
        if event.path:
            return
        if isinstance(event, _BEGINS):
            self.made_with[event.run_id] = self.runner.flow
        if isinstance(event, (*_BEGINS, *_SETTLES)):
            self._is_due = True

    def expire(self) -> None:
        """Have the store read before the next list is made."""
        self._is_due = True

    def lines(self) -> list[RunLine]:
        """Return a line for every run to choose from, oldest first."""
        if self._is_due:
            self._look()
        runs = {run.id: run for run in self.runner.runs}
        lines = {run_id: _line_of(info) for run_id, info in self._infos.items()}
        lines |= {run.id: _line(run) for run in runs.values() if not self._is_behind(run)}
        return sorted(lines.values(), key=lambda line: (line["started_at"], line["id"]))

    def elsewhere(self) -> list[str]:
        """Return a sentence for each kept run that somebody else drives."""
        held = {run.id: run for run in self.runner.runs}
        return [
            going_on(info.number, info.owner)
            for info in self._infos.values()
            if _is_driven(info) and (info.id not in held or self._is_behind(held[info.id]))
        ]

    def last(self) -> Run | None:
        """Return the last run that has settled, None when there is none; it is not made current.

        Raises:
            StoreError: It can't be read.
        """
        self._look()
        run = self.runner._reopened(None)
        return None if run is None else self._noted(self._renewed(run))

    def opened(self, run_id: str) -> Run:
        """Return a run, as it stands in the store if it went on elsewhere; it is not made current.

        Raises:
            NoSuchRun, StoreError: It can't be read.
            RunInUse: Somebody else drives it.
        """
        self._look()
        info = self._infos.get(run_id)
        held = next((run for run in self.runner.runs if run.id == run_id), None)
        if info is not None and _is_driven(info) and (held is None or self._is_behind(held)):
            raise in_use(info.number, info.owner, run_id)
        if held is not None:
            return self._noted(self._renewed(held))
        run = self.runner._reopened(run_id)
        assert run is not None
        return self._noted(run)

    def _renewed(self, run: Run) -> Run:
        """Return a held run, read again when there is more of it in the store."""
        if not self._is_behind(run):
            return run
        runs = self.runner.runs
        self.runner.runs = [one for one in runs if one is not run]
        try:
            again = self.runner._reopened(run.id)
        except StoreError:
            self.runner.runs = runs
            raise
        assert again is not None
        self.made_with.pop(run.id, None)
        return again

    def _noted(self, run: Run) -> Run:
        self.made_with.setdefault(run.id, run.flow)
        self._is_due = True
        return run

    def _is_behind(self, run: Run) -> bool:
        """Whether a run that is held here went on elsewhere, as far as was looked."""
        info, keeping = self._infos.get(run.id), self.runner.execution(run).keeping
        return info is not None and not keeping.is_claimed and info.seq > keeping._seq

    def _look(self) -> None:
        """Read what the store keeps of the flow."""
        self._is_due = False
        try:
            found = self.runner.shelf.kept(self.runner.flow, limit=LISTED)
            self._infos = {info.id: info for info in found if self._is_of_flow(info)}
            self.trouble = ""
        except StoreError as error:
            self.trouble = f"Earlier runs can't be read. {error}"
        if self._timer is None and self.elsewhere():
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(LOOK_AGAIN_SECONDS, self._look_again)

    def _look_again(self) -> None:
        self._timer, self._is_due = None, True
        self.on_look()

    def _is_of_flow(self, info: RunInfo) -> bool:
        """Whether a run is one of this flow, and not of another one that has no name either."""
        flow, store = self.runner.flow, self.runner.shelf.store
        if flow.name != type(flow).model_fields["name"].default or store is None:
            return True
        if info.id not in self._is_ours:
            with suppress(StoreError):  # one that can't be read is not offered
                first = next(iter(store.events(info.id)), None)
                self._is_ours[info.id] = first is not None and is_of(first.flow, flow)
        is_ours = self._is_ours.get(info.id, False)
        return is_ours or any(run.id == info.id for run in self.runner.runs)


def in_use(number: int, owner: str | None, run_id: str) -> RunInUse:
    """Return the error for a run that somebody else drives, in a widget's words."""
    hint = "Wait until it has ended there, or run the flow anew here."
    return RunInUse(going_on(number, owner), hint=hint, run_id=run_id, owner=owner)


def going_on(number: int, owner: str | None) -> str:
    """Return that a run goes on elsewhere, and where."""
    if owner is not None and owner.startswith("process "):
        where = f"in another kernel ({owner.removesuffix(' on this machine')})"
        return f"Run {number} goes on {where}."
    return f"Run {number} goes on elsewhere in this kernel."


def _is_driven(info: RunInfo) -> bool:
    return info.status == "running" and info.owner is not None


def _line(run: Run) -> RunLine:
    started, ended = run.started_at, run.ended_at
    return {
        "id": run.id,
        "number": run.number,
        "status": run.status,
        "started_at": started.timestamp() if started else 0.0,
        "ended_at": ended.timestamp() if ended else None,
    }


def _line_of(info: RunInfo) -> RunLine:
    return {
        "id": info.id,
        "number": info.number,
        "status": info.status,
        "started_at": info.started_at,
        "ended_at": info.ended_at,
    }
