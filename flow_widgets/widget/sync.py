"""Sends the browser what changed: coalesced deltas at a steady rate, snapshots on request.

Theory of operation. Everything here runs on the engine's thread, so a snapshot and the deltas around
it are made and sent in one order and need no lock. All viewers are sent the same messages; one that
comes later starts from a snapshot, which is made after what is pending was flushed (S2). A timer runs
only while something is dirty; while a run goes on an empty delta each second lets a view notice
that it has lost the last one (S4). Rules S1 to S5 of docs/spec.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from flow_widgets.clock import Clock
from flow_widgets.engine.account import RUN
from flow_widgets.engine.run import Run
from flow_widgets.engine.runner import FlowRunner
from flow_widgets.run.delta import Projection
from flow_widgets.run.events import (
    FlowCanceled,
    FlowCompleted,
    FlowFailed,
    FlowResumed,
    FlowStarted,
    RerunStarted,
)
from flow_widgets.run.shown import budget_view, run_facts
from flow_widgets.run.view import SpentView, View
from flow_widgets.widget.definition import shown_value
from flow_widgets.widget.kept import Kept
from flow_widgets.widget.notices import Notices

FRAME_SECONDS = 0.05
"""Between two deltas: 20 a second, which a person reads as live and Jupyter carries with ease."""
SLOW_FRAME_SECONDS = 0.042
MANY_STREAMS = 20
"""With more live streams than this the slower rate is used, which keeps 50 streams under 0.1 MB/s."""
HEARTBEAT_SECONDS = 1.0
_SPENT = ["run", "spent"]

Send = Callable[[dict[str, Any]], None]


class Sync:
    """Keeps the viewers of one widget up to date."""

    def __init__(self, runner: FlowRunner, send: Send, *, clock: Clock) -> None:
        """Begin with nothing sent; ``on_settled`` is called after a run's last delta."""
        self.runner = runner
        self.seq = 0
        self.shown: Run | None = None
        self.inputs: dict[str, Any] = {}
        self.on_settled: Callable[[], None] = lambda: None
        self.kept = Kept(runner)
        self.notices = Notices(runner, self.kept)
        self._send, self._clock = send, clock
        self._projection: Projection | None = None
        self._facts: dict[str, Any] = {}
        self._spent: SpentView | None = None
        """What was sent last of what streams now."""
        self._timer: asyncio.TimerHandle | None = None
        self._heartbeat: asyncio.TimerHandle | None = None
        self._settling = False
        self._streams = 0

    def observe(self, event: Any) -> None:
        """Note an event of any run of this widget."""
        self.kept.note(event)
        if isinstance(event, (FlowStarted, RerunStarted, FlowResumed)) and not event.path:
            self._begin(event.run_id)
        if self._projection is not None and event.run_id == self._projection.state.id:
            self._projection.note(event)
        if isinstance(event, (FlowCompleted, FlowFailed, FlowCanceled)) and not event.path:
            self._settling = True
        if self._timer is None:
            self._arm()

    def _begin(self, run_id: str) -> None:
        """Show the run in which work begins."""
        self.notices.is_redefined = False
        if self.shown is None or self.shown.id != run_id:
            self.show(None)

    def show(self, run: Run | None) -> None:
        """Show a run; None means the newest, as soon as it has a state."""
        self.shown, self._projection = run, None
        self.mark()

    def mark(self) -> None:
        """Have what is beside the run (inputs, the list of runs) compared with the next delta."""
        if self._timer is None:
            self._arm()

    def _arm(self) -> None:
        wait = SLOW_FRAME_SECONDS if self._streams > MANY_STREAMS else FRAME_SECONDS
        self._timer = asyncio.get_running_loop().call_later(wait, self.flush)

    def flush(self) -> None:
        """Send what has changed, if anything has."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        sets, adds, pushes = self._run_ops()
        self._streams = len(adds)
        for key, value in self._beside().items():
            if self._facts.get(key) != value:
                self._facts[key] = value
                sets.append([[key], value])
        if sets or adds or pushes:
            self.seq += 1
            self._emit(sets, adds, pushes)
        if self._heartbeat is None:
            self._beat_later()
        if self._settling:
            self._settling = False
            self.on_settled()

    def _run_ops(self) -> tuple[list[Any], list[Any], list[Any]]:
        run = self.shown or self.runner.run
        if run is None:
            return [], [], []
        state = self.runner.execution(run).state
        if self._projection is None or self._projection.state is not state:
            self.shown = run
            self._projection = Projection(state)
        is_whole = self._projection.whole
        sets, adds, pushes = self._projection.ops()
        live = self._live_spent()
        if live is not None:
            sets = [one for one in sets if one[0][:2] != _SPENT]
        elif self._spent is not None:
            sets.append([_SPENT, run_facts(state)["spent"]])
        if live is not None and (is_whole or live != self._spent):
            sets.append([_SPENT, live])
        self._spent = live
        return sets, adds, pushes

    def _live_spent(self) -> SpentView | None:
        """Return what the shown run has spent with what streams now; None where nobody counts that."""
        if self.shown is None or self.shown.status != "running":
            return None
        execution = self.runner.execution(self.shown)
        account = execution.meter._accounts.get(RUN)
        if account is None or not (account.budget.tokens or account.budget.usd):
            return None
        settled: SpentView = run_facts(execution.state)["spent"]
        tokens = max(settled["tokens"], round(account.tokens))
        return {
            "tokens": tokens,
            "estimated": settled["estimated"] or tokens > (execution.state.tokens or 0),
            "usd": account.usd or settled["usd"],
            "unpriced": settled["unpriced"],
        }

    def snapshot(self) -> View:
        """Return everything as it was sent last, after sending what was pending."""
        self.flush()
        run = self._projection.view() if self._projection is not None else None
        if run is not None and self._spent is not None:
            run["spent"] = self._spent
        beside = self._beside()
        self._facts = dict(beside)
        return {"seq": self.seq, "now": self._clock(), "run": run, **beside}  # type: ignore[typeddict-item]  # beside has the other keys

    def _beside(self) -> dict[str, Any]:
        shown = self.shown
        inputs = {name: shown_value(value) for name, value in self.inputs.items()}
        used = {name: shown_value(value) for name, value in shown.inputs.items()} if shown else {}
        running = self.runner.run if self.runner.is_running else None
        return {
            "inputs": inputs,
            "inputs_edited": any(inputs.get(name, one) != one for name, one in used.items()),
            "runs": self.kept.lines(),
            "running": running.id if running else None,
            "notices": self.notices.all(shown or self.runner.run),
            "budget": budget_view(self.runner.budget or self.runner.flow.budget),
            "cache": self.runner.cache,
        }

    def _emit(self, sets: list[Any], adds: list[Any], pushes: list[Any]) -> None:
        message = {"k": "d", "seq": self.seq, "now": self._clock()}
        self._send({**message, "set": sets, "add": adds, "push": pushes})

    def _beat_later(self) -> None:
        self._heartbeat = asyncio.get_running_loop().call_later(HEARTBEAT_SECONDS, self._beat)

    def _beat(self) -> None:
        """Repeat the number of the last delta: each second of a run, and once after its end."""
        self._heartbeat = None
        self._emit([], [], [])
        if self.runner.is_running:
            self._beat_later()
