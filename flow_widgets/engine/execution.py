"""Drives one run: numbers and folds events, tells observers, carries out what ``plan`` decides.

Everything here happens on one event loop and, between two awaits, at once: a fact is folded, told and
planned, and its consequences go before anything that came later. Tasks are made here and nowhere
else; each ends in one fact.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from flow_widgets.clock import Clock
from flow_widgets.engine.attempts import Fact
from flow_widgets.engine.carrying import CARRIED_OUT
from flow_widgets.engine.keeping import Keeping
from flow_widgets.engine.metering import SETTLING, Meter
from flow_widgets.engine.observers import Observers
from flow_widgets.engine.plain import copied
from flow_widgets.engine.resources import Level, Resources, is_to_cancel
from flow_widgets.engine.retrying import RetryBudget
from flow_widgets.engine.reuse import Pins, twins_of
from flow_widgets.engine.tasks import Tasks
from flow_widgets.engine.waiting import Waits
from flow_widgets.errors import StoreError
from flow_widgets.flow.graph import Place
from flow_widgets.flow.limits import Budget
from flow_widgets.flow.model import Flow, triggers_of
from flow_widgets.flow.template import Reference
from flow_widgets.providers.base import Provider
from flow_widgets.run import decisions as decide
from flow_widgets.run import events as ev
from flow_widgets.run.levels import inner_of
from flow_widgets.run.plan import conclusion, plan
from flow_widgets.run.reduce import reduce
from flow_widgets.run.resume import interruption_of
from flow_widgets.run.scope import lookup
from flow_widgets.run.state import AttemptState, RunState

MAX_BACKLOG = 10_000
"""Events kept for a reader that comes after the start; beyond, a late reader begins where it came."""
GRACE_SECONDS = 1.0
"""How long a settled run waits for canceled tasks to close their streams before it counts as done."""


class Execution:
    """One run while it can still change; its state is written by nobody else."""

    def __init__(
        self,
        run_id: str,
        *,
        clock: Clock,
        observers: Observers,
        resources: Resources,
        max_parallel: int | None,
        keeping: Keeping | None = None,
        uses_cache: bool = False,
        is_forced: bool = False,
        pins: Pins | None = None,
    ) -> None:
        """Make an execution that has not begun: ``begin`` records its first event."""
        self.run_id = run_id
        self.keeping = keeping or Keeping(None, run_id)
        self.uses_cache, self.is_forced = uses_cache, is_forced
        self.budget: Budget | None = None
        """The budget of the runner when work last began."""
        self.pins: Pins = pins or {}
        self.observers = observers
        self.resources = resources
        self.clock = clock
        self.done: concurrent.futures.Future[None] = concurrent.futures.Future()
        self.backlog: deque[Any] | None = deque()
        self._top = Level(())
        self.work: deque[tuple[Level, Any]] = deque()
        self._draining = False
        self.tasks = Tasks(self, max_parallel)
        self.meter = Meter(self, resources.prices)
        self.waits = Waits(self)
        self.retries = RetryBudget()
        self.loop: Any = None
        """The loop that drives it; None before it has begun in this process."""
        self._operation = 0
        """Which piece of work goes on; what ends an earlier one does not end it."""

    @property
    def state(self) -> RunState:
        """The state of the run; there is none before it has begun."""
        return self._top.state

    def unpin(self, place: Place) -> None:
        """Use the output of an action no more that was pinned in an earlier run."""
        step = self.state.steps[place[0]]
        self.pins.pop((step.id, step.actions[place[1]].id), None)

    def restore(self, state: RunState, last_heard: float = 0.0) -> None:
        """Take the state of a run that was kept; one whose process is gone is interrupted."""
        self._top.state, self._top.begun = state, True
        self.done.set_result(None)
        if state.status == "running":
            fact = interruption_of(state, last_heard)
            self._top.state = reduce(state, fact)
            if self.keeping.tell is not None:
                self.keeping.tell(fact)

    def claim(self) -> None:
        """Take the run for this runner, before work on it begins or it is edited.

        Raises:
            StoreError: It can't be claimed; nothing has changed.
        """
        self.keeping.claim(self._store_failed)

    def begin(self, fact: Fact) -> None:
        """Record the event that starts work on a claimed run, in the running loop.

        Whoever waits already, because the work before has not been told to its end, waits on.
        """
        self.loop = asyncio.get_running_loop()
        self._operation += 1
        if self.done.done():
            self.done = concurrent.futures.Future()
        if self._top.begun:
            self.backlog = deque()
        self.record(fact)

    def _store_failed(self, error: StoreError) -> None:
        """Hear, on any thread, that what is told of the run can't be written."""
        if self.loop is not None:
            with suppress(RuntimeError):  # the loop is closed
                self.loop.call_soon_threadsafe(self._stop_unkept, error.what.rstrip("."))

    def _stop_unkept(self, why: str) -> None:
        if self.state.status == "running":
            self.cancel(cause="store", reason=f"the run can't be kept: {why}")
        else:
            text = f"The end of this run is not kept yet: {why}."
            self.record((ev.LogWritten, None, None, "warn", text))

    def record(self, fact: Fact, level: Level | None = None) -> None:
        """Fold, tell and plan a fact and all that follows from it, now or after what is going on."""
        self.work.append((level or self._top, fact))
        if not self._draining:
            self._drain()

    def _drain(self) -> None:
        if self._draining:
            return
        self._draining = True
        try:
            self._work_off()
            if self.observers.interrupted:
                self._interrupt()
        except Exception as error:  # ours: whoever waits for the run must hear of it
            self._give_up(error)
            raise
        finally:
            self._draining = False

    def _interrupt(self) -> None:
        """Cancel the run and pass on the interrupt that came while an observer was told."""
        self.observers.interrupted = False
        if self.state.status == "running" and not self.state.canceling:
            self.work.append((self._top, (ev.CancelRequested, None, None)))
        self._work_off()
        raise KeyboardInterrupt

    def go_on(self, level: Level, decision: decide.StartAction) -> None:
        """Start an action that had to wait."""
        self.work.append((level, decision))
        self._drain()

    def _give_up(self, error: Exception) -> None:
        """Settle a run that a mistake of ours has stopped, so that its runner can go on."""
        self.work.clear()
        if self._top.begun and self.state.status == "running":
            reason = f"flow_widgets made a mistake: {type(error).__name__}: {error}"
            self.state.canceling = True
            fact = ev.FlowFailed(self.state.seq + 1, self.run_id, self.clock(), None, None, reason)
            self._top.state = reduce(self.state, fact)
            self._tell(fact)
        self.waits.close()
        self.keeping.release(self.state.seq if self._top.begun else 0)
        if not self.done.done():
            self.done.set_exception(error)

    def _work_off(self) -> None:
        work = self.work
        while work:
            level, item = work.popleft()
            follows = CARRIED_OUT[type(item)](self, level, item)
            if follows:
                if len(follows) == 1:
                    work.appendleft((level, follows[0]))
                else:
                    work.extendleft([(level, one) for one in reversed(follows)])
            elif not work or work[0][0] is not level:
                self._conclude(level)

    def _conclude(self, level: Level) -> None:
        """Settle a level on which nothing goes on and nothing is left to do."""
        if not level.begun:
            return
        state = level.state
        if not state.open_visits:
            end = conclusion(state)
            if end is not None:
                self.work.appendleft((level, _SETTLED[end.status](end)))

    def fold(self, level: Level, fact: Fact) -> list[Any]:
        """Make the event of a fact, fold and tell it, and return what follows from it."""
        top, kind = self._top, fact[0]
        event = kind(self._seq(), self.run_id, self.clock(), *fact[1:])
        if level is not top:
            event.path = level.path
        if kind in SETTLING:
            self.meter.settle(level, event)
        top.state = reduce(top.state if top.begun else None, event)
        if not level.begun:
            level.begun = True
            level.state = inner_of(top.state, level.path)
        if kind is ev.ActionFailed and event.retry_seconds is not None:
            self._hold(level, event)
        complaints = self._tell(event)
        if kind in _ENDS:
            self._settled(level)
        if kind in self.meter.watched:
            self.meter.folded(level, event)
        follows: list[Any] = plan(level.state, event)
        if complaints:
            follows.extend((ev.LogWritten, None, None, "warn", text) for text in complaints)
        return follows

    def _hold(self, level: Level, event: ev.ActionFailed) -> None:
        """Try an action again that has failed, unless it had settled before."""
        step = level.state.steps[event.step or 0]
        visit = step.actions[event.action or 0].attempts[event.attempt - 1].visit
        if visit in step.visits and event.action in step.visits[visit].waiting:
            self.waits.hold(level, event, visit)

    def _seq(self) -> int:
        return self._top.state.seq + 1 if self._top.begun else 1

    def _settled(self, level: Level) -> None:
        if level.settled is not None:
            if not level.settled.done():
                level.settled.set_result(None)
        elif not any(type(one) is tuple and one[0] in _BEGINS for _, one in self.work):
            self._finish()  # unless an observer has asked for a rerun

    def _tell(self, event: Any) -> list[str]:
        keep = self.keeping.tell
        if keep is not None:
            keep(event)
        backlog = self.backlog
        if backlog is not None:
            backlog.append(event)
            if len(backlog) > MAX_BACKLOG:
                self.backlog = None
        return self.observers.tell(event)

    def chunk(self, level: Level, step: int, action: int, attempt: AttemptState, text: str) -> None:
        """Record a piece of an attempt's output; late pieces of a settled attempt are dropped."""
        if attempt.status != "running":
            return
        if self._draining:  # an action that streams from inside an observer's call
            self.work.append((level, (ev.ActionChunk, step, action, attempt.number, text)))
            return
        state = self._top.state
        event = ev.ActionChunk(
            state.seq + 1, self.run_id, self.clock(), step, action, attempt.number, text
        )
        if level.path:
            event.path = level.path
        reduce(state, event)
        self._draining = True  # what an observer asks for comes after all were told
        try:
            complaints = self._tell(event)
        finally:
            self._draining = False
        for complaint in complaints:
            self.work.append((level, (ev.LogWritten, None, None, "warn", complaint)))
        if self.work or self.observers.interrupted:
            self._drain()

    def cancel(
        self,
        level: Level | None = None,
        *,
        cause: ev.CancelCause = "user",
        reason: str = "the run was canceled",
    ) -> None:
        """Stop everything at once; once settled, or canceled before, nothing happens.

        What still runs of a run that can't be kept may be stopped by a person.
        """
        level = level or self._top
        if is_to_cancel(level, cause):
            self.record((ev.CancelRequested, None, None, cause, reason), level)

    async def run_inner(
        self,
        level: Level,
        inner: ev.Inner,
        flow: Flow,
        values: Mapping[str, Any],
        *,
        isolated: bool,
    ) -> RunState:
        """Run a flow inside an action and return its state once it has settled."""
        child = Level((*level.path, inner), level, flow)
        child.settled = self.loop.create_future()
        child.twins = twins_of(level, inner, is_stale=self.state.cause == "stale")
        self.tasks.give_back(
            level, inner[:3]
        )  # whoever only waits for others takes no place from them
        level.inner[child.path] = child
        try:
            triggers = triggers_of(flow)
            trigger = triggers[0] if len(triggers) == 1 else None
            start = (ev.FlowStarted, None, None, level.state.number, flow, dict(values), None)
            self.record((*start, trigger, isolated), child)
            await child.settled
        except asyncio.CancelledError:
            if child.begun:
                self.cancel(child)
            raise
        finally:
            del level.inner[child.path]
        return child.state

    def value(self, level: Level, reference: Reference) -> Any:
        """Return the value of a reference on a level; of an action that did not complete, with a warning."""
        value = copied(lookup(level.state, reference))
        if reference.path[0] == "steps":
            source = level.state.graph.index.source_of(reference)
            if isinstance(source, tuple) and level.state.action(source).status != "completed":
                text = f"{{{{{reference}}}}} takes the partial output of {source[0]}, {source[1]}"
                self.work.append((level, (ev.LogWritten, None, None, "warn", text)))
        return value

    def provider_on(self, level: Level, name: str | None) -> Provider:
        """Return the provider that an action names; None means its flow's, or the runner's."""
        return self.resources.provider_of(name or level.provider)

    def all_ended(self) -> None:
        """Hear that no task is left; a run that has settled is done then."""
        if self.state.status != "running":
            self._resolve(self._operation)

    def _finish(self) -> None:
        if not self.tasks.count or self.loop.is_closed():
            self._resolve(self._operation)
        else:
            self.loop.call_later(GRACE_SECONDS, self._resolve, self._operation)

    def _resolve(self, operation: int) -> None:
        if operation == self._operation and not self.done.done():
            self.waits.close()
            self.keeping.release(self.state.seq)
            self.done.set_result(None)


_BEGINS = frozenset({ev.RerunStarted, ev.FlowResumed})
_ENDS = frozenset({ev.FlowCompleted, ev.FlowFailed, ev.FlowCanceled})
_SETTLED: dict[str, Callable[[decide.Settle], Fact]] = {
    "completed": lambda end: (ev.FlowCompleted, None, None),
    "failed": lambda end: (ev.FlowFailed, None, None, end.reason),
    "canceled": lambda end: (ev.FlowCanceled, None, None, end.reason),
}
