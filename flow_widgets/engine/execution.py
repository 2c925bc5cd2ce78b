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
from typing import Any

from flow_widgets.clock import Clock
from flow_widgets.engine.attempts import (
    Fact,
    attempt_at_once,
    attempt_of,
    failed,
    failure_of,
)
from flow_widgets.engine.carrying import CARRIED_OUT
from flow_widgets.engine.context import ActionContext
from flow_widgets.engine.observers import Observers
from flow_widgets.engine.plain import copied
from flow_widgets.engine.resources import Level, Resources, calls_model, with_model
from flow_widgets.errors import FlowError
from flow_widgets.flow.binding import bound
from flow_widgets.flow.model import Action, Flow, triggers_of
from flow_widgets.flow.template import Reference
from flow_widgets.providers.base import Provider
from flow_widgets.run import decisions as decide
from flow_widgets.run import events as ev
from flow_widgets.run.plan import conclusion, plan
from flow_widgets.run.reduce import inner_of, reduce
from flow_widgets.run.scope import lookup
from flow_widgets.run.stale import reads_of
from flow_widgets.run.state import AttemptState, RunState

MAX_BACKLOG = 10_000
"""Events kept for a reader that comes after the start; beyond, a late reader begins where it came."""
MAX_IN_A_ROW = 128
"""How many instant actions run before one gets a task, so that the loop has its turn."""
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
    ) -> None:
        """Make an execution that has not begun: ``begin`` records its first event."""
        self.run_id = run_id
        self.observers = observers
        self.resources = resources
        self.clock = clock
        self.done: concurrent.futures.Future[None] = concurrent.futures.Future()
        self.backlog: deque[Any] | None = deque()
        self._max_parallel = max_parallel
        self._top = Level(())
        self.work: deque[tuple[Level, Any]] = deque()
        self._draining = False
        self.parked: deque[tuple[Level, decide.StartAction]] = deque()
        self._tasks = self._busy = 0
        """Tasks that have not ended; and those that count for the limit of parallel actions."""
        self._in_a_row = 0
        """How many instant actions have run since the loop had its turn."""
        self._operation = 0
        """Which piece of work goes on; what ends an earlier one does not end it."""

    @property
    def state(self) -> RunState:
        """The state of the run; there is none before it has begun."""
        return self._top.state

    def begin(self, fact: Fact) -> None:
        """Record the event that starts work, in the running loop.

        Whoever waits already, because the work before has not been told to its end, waits on.
        """
        self.loop = asyncio.get_running_loop()
        self._operation += 1
        if self.done.done():
            self.done = concurrent.futures.Future()
        if self._top.begun:
            self.backlog = deque()
        self.record(fact)

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

    def _give_up(self, error: Exception) -> None:
        """Settle a run that a mistake of ours has stopped, so that its runner can go on."""
        self.work.clear()
        if self._top.begun and self.state.status == "running":
            reason = f"flow_widgets made a mistake: {type(error).__name__}: {error}"
            self.state.canceling = True
            fact = ev.FlowFailed(self.state.seq + 1, self.run_id, self.clock(), None, None, reason)
            self._top.state = reduce(self.state, fact)
            self._tell(fact)
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
        top.state = reduce(top.state if top.begun else None, event)
        if not level.begun:
            level.begun = True
            level.state = inner_of(top.state, level.path)
        complaints = self._tell(event)
        if kind in _ENDS:
            self._settled(level)
        follows: list[Any] = plan(level.state, event)
        if complaints:
            follows.extend((ev.LogWritten, None, None, "warn", text) for text in complaints)
        return follows

    def _seq(self) -> int:
        return self._top.state.seq + 1 if self._top.begun else 1

    def _settled(self, level: Level) -> None:
        if level.settled is not None:
            if not level.settled.done():
                level.settled.set_result(None)
        elif not any(type(one) is tuple and one[0] is ev.RerunStarted for _, one in self.work):
            self._finish()  # unless an observer has asked for a rerun

    def _tell(self, event: Any) -> list[str]:
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

    def cancel(self, level: Level | None = None) -> None:
        """Stop everything at once; once settled, or canceled before, nothing happens."""
        level = level or self._top
        if level.state.status == "running" and not level.state.canceling:
            self.record((ev.CancelRequested, None, None), level)

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
        self._give_back(level, inner[:3])  # whoever only waits for others takes no place from them
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

    def start_action(self, level: Level, decision: decide.StartAction) -> list[Any]:
        step, number = decision.step, decision.action
        state = level.state
        if state.canceling:
            return [(ev.ActionSkipped, step, number, decision.visit, "the run was canceled")]
        definition = state.graph.flow.steps[step].actions[number]
        if self._is_full(level) and not definition.bodies:
            self.parked.append((level, decision))
            return []
        attempt = len(state.steps[step].actions[number].attempts) + 1
        model = level.model_for(definition)
        start = (ev.ActionStarted, step, number, attempt, decision.visit, definition)
        try:
            ready = bound(with_model(definition, model), lambda ref: self.value(level, ref))
            if calls_model(type(ready)):
                model = self._model(level, ready)
        except FlowError as error:
            failure = failure_of(error)
            return [(*start, (), model), failed(step, number, attempt, failure)]
        reads = () if level.path else reads_of(state, (step, number))
        follows = self.fold(level, (*start, reads, model, ready))
        self._launch(level, ready, step, number)
        return follows

    def _is_full(self, level: Level) -> bool:
        """Whether the run, or the flow inside an action, has as many actions in flight as it may."""
        if self._max_parallel is not None and self._busy >= self._max_parallel:
            return True
        limit = level.max_parallel
        return limit is not None and len(level.busy) >= limit

    def value(self, level: Level, reference: Reference) -> Any:
        """Return the value of a reference on a level; of an action that did not complete, with a warning."""
        value = copied(lookup(level.state, reference))
        if reference.path[0] == "steps":
            source = level.state.graph.index.source_of(reference)
            if isinstance(source, tuple) and level.state.action(source).status != "completed":
                text = f"{{{{{reference}}}}} takes the partial output of {source[0]}, {source[1]}"
                self.work.append((level, (ev.LogWritten, None, None, "warn", text)))
        return value

    def _model(self, level: Level, action: Any) -> str | None:
        """Return the model that an action will call."""
        if action.model:
            return str(action.model)
        return self.provider_on(level, getattr(action, "provider", None)).default_model

    def provider_on(self, level: Level, name: str | None) -> Provider:
        """Return the provider that an action names; None means its flow's, or the runner's."""
        return self.resources.provider_of(name or level.provider)

    def _launch(self, level: Level, ready: Action, step: int, number: int) -> None:
        """Start the task of an attempt whose start has just been recorded."""
        attempt = level.state.steps[step].actions[number].attempts[-1]
        if attempt.status != "running":  # an observer canceled the run as it was told of the start
            return
        ctx = ActionContext(self, level, step, number, attempt)
        if ready.is_instant and self._in_a_row < MAX_IN_A_ROW:
            self._run_at_once(ready, ctx, level)
            return
        task = self.loop.create_task(self._run(ready, ctx, level, attempt))
        key = (step, number, attempt.number)
        level.tasks[key] = task
        self._tasks += 1
        if not ready.bodies:
            level.busy.add(key)
            self._busy += 1
        task.add_done_callback(lambda ended: self._ended(level, key, attempt, ended))

    def _run_at_once(self, ready: Action, ctx: ActionContext, level: Level) -> None:
        if not self._in_a_row:
            self.loop.call_soon(self._had_its_turn)
        self._in_a_row += 1
        try:
            fact = attempt_at_once(ready, ctx)
        except KeyboardInterrupt:  # raised again when the facts are whole
            self.observers.interrupted = True
            fact = (ev.ActionCanceled, ctx.step, ctx.action, ctx.attempt)
        self.work.append((level, fact))

    def _had_its_turn(self) -> None:
        self._in_a_row = 0

    async def _run(
        self, action: Action, ctx: ActionContext, level: Level, attempt: AttemptState
    ) -> None:
        fact = await attempt_of(action, ctx)
        if attempt.status == "running" and fact[0] is not ev.ActionCanceled:
            self.record(fact, level)

    def _give_back(self, level: Level, key: tuple[int, int, int]) -> None:
        """Let others have the place of an action among those in flight."""
        if key in level.busy:
            level.busy.discard(key)
            self._busy -= 1
        for one in list(self.parked):
            if self._max_parallel is not None and self._busy >= self._max_parallel:
                return
            if not self._is_full(one[0]) and one in self.parked:
                self.parked.remove(one)
                self.work.append(one)
                self._drain()

    def _ended(
        self,
        level: Level,
        key: tuple[int, int, int],
        attempt: AttemptState,
        task: asyncio.Task[None],
    ) -> None:
        error = None if task.cancelled() else task.exception()
        if attempt.status == "running" and isinstance(error, Exception):
            self.record(failed(*key, failure_of(error)), level)
        elif attempt.status == "running":  # somebody else canceled its task: the loop is ending
            self.cancel()
        del level.tasks[key]
        self._tasks -= 1
        self._give_back(level, key)
        if not self._tasks and self.state.status != "running":
            self._resolve(self._operation)

    def _finish(self) -> None:
        if not self._tasks or self.loop.is_closed():
            self._resolve(self._operation)
        else:
            self.loop.call_later(GRACE_SECONDS, self._resolve, self._operation)

    def _resolve(self, operation: int) -> None:
        if operation == self._operation and not self.done.done():
            self.done.set_result(None)


_ENDS = frozenset({ev.FlowCompleted, ev.FlowFailed, ev.FlowCanceled})
_SETTLED: dict[str, Callable[[decide.Settle], Fact]] = {
    "completed": lambda end: (ev.FlowCompleted, None, None),
    "failed": lambda end: (ev.FlowFailed, None, None, end.reason),
    "canceled": lambda end: (ev.FlowCanceled, None, None),
}
