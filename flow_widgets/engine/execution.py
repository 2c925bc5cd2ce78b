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
from dataclasses import dataclass
from typing import Any

from flow_widgets.clock import Clock
from flow_widgets.engine.attempts import Fact, attempt_of, failed, failure_of
from flow_widgets.engine.context import ActionContext
from flow_widgets.engine.observers import Observers
from flow_widgets.errors import FlowError
from flow_widgets.flow.binding import bound
from flow_widgets.flow.graph import Place, source_of
from flow_widgets.flow.model import Action
from flow_widgets.flow.template import Reference
from flow_widgets.providers.base import Provider
from flow_widgets.run import events as ev
from flow_widgets.run import plan as do
from flow_widgets.run.plan import conclusion, plan
from flow_widgets.run.reduce import reduce
from flow_widgets.run.scope import lookup
from flow_widgets.run.stale import output_digest, value_digest
from flow_widgets.run.state import AttemptState, RunState

MAX_BACKLOG = 10_000
"""Events kept for a reader that comes after the start; beyond, a late reader begins where it came."""
GRACE_SECONDS = 1.0
"""How long a settled run waits for canceled tasks to close their streams before it counts as done."""


@dataclass(frozen=True, slots=True)
class _Launch:
    """Start the task of an attempt whose start has been recorded."""

    ready: Action
    step: int
    number: int
    attempt: int


class Execution:
    """One run while it can still change; its state is written by nobody else."""

    state: RunState

    def __init__(
        self,
        run_id: str,
        *,
        clock: Clock,
        observers: Observers,
        provider_of: Callable[[str | None], Provider],
        max_parallel: int | None,
    ) -> None:
        """Make an execution that has not begun: ``begin`` records its first event."""
        self.run_id = run_id
        self.observers = observers
        self.done: concurrent.futures.Future[None] = concurrent.futures.Future()
        self.backlog: deque[Any] | None = deque()
        self._clock, self._provider_of, self._max_parallel = clock, provider_of, max_parallel
        self._work: deque[Any] = deque()
        self._draining = False
        self._tasks: dict[tuple[int, int, int], asyncio.Task[None]] = {}
        self._parked: deque[do.StartAction] = deque()
        self._begun = False
        self._operation = 0
        """Which piece of work goes on; what ends an earlier one does not end it."""

    @property
    def shared(self) -> Mapping[str, Any]:
        """The shared state of the run."""
        return self.state.shared

    def begin(self, fact: Fact) -> None:
        """Record the event that starts work, in the running loop.

        Whoever waits already, because the work before has not been told to its end, waits on.
        """
        self.loop = asyncio.get_running_loop()
        self._operation += 1
        if self.done.done():
            self.done = concurrent.futures.Future()
        if self._begun:
            self.backlog = deque()
        self.record(fact)

    def record(self, fact: Fact) -> None:
        """Fold, tell and plan a fact and all that follows from it, now or after what is going on."""
        self._work.append(fact)
        self._drain()

    def _drain(self) -> None:
        if self._draining:
            return
        self._draining = True
        try:
            while self._work:
                self._step()
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
            self._work.append((ev.CancelRequested, None, None))
        while self._work:
            self._step()
        raise KeyboardInterrupt

    def _give_up(self, error: Exception) -> None:
        """Settle a run that a mistake of ours has stopped, so that its runner can go on."""
        self._work.clear()
        if self._begun and self.state.status == "running":
            reason = f"flow_widgets made a mistake: {type(error).__name__}: {error}"
            self.state.canceling = True
            fact = ev.FlowFailed(self.state.seq + 1, self.run_id, self._clock(), None, None, reason)
            self.state = reduce(self.state, fact)
            self._tell(fact)
        if not self.done.done():
            self.done.set_exception(error)

    def _step(self) -> None:
        item = self._work.popleft()
        if isinstance(item, tuple):
            follows: list[Any] = self._fold(item)
        else:
            follows = _CARRIED_OUT[type(item)](self, item)
        self._work.extendleft(reversed(follows))
        if not self._work and self._begun:
            end = conclusion(self.state)
            if end is not None:
                self._work.append(_SETTLED[end.status](end))

    def _fold(self, fact: Fact) -> list[Any]:
        kind, step, action, *fields = fact
        seq = self.state.seq + 1 if self._begun else 1
        event = kind(seq, self.run_id, self._clock(), step, action, *fields)
        self.state = reduce(self.state if self._begun else None, event)
        self._begun = True
        complaints = self._tell(event)
        if isinstance(event, (ev.FlowCompleted, ev.FlowFailed, ev.FlowCanceled)):
            again = any(isinstance(one, tuple) and one[0] is ev.RerunStarted for one in self._work)
            if not again:  # an observer may have asked for a rerun
                self._finish()
        follows: list[Any] = list(plan(self.state, event))
        return [*follows, *((ev.LogWritten, None, None, "warn", text) for text in complaints)]

    def _tell(self, event: Any) -> list[str]:
        backlog = self.backlog
        if backlog is not None:
            backlog.append(event)
            if len(backlog) > MAX_BACKLOG:
                self.backlog = None
        return self.observers.tell(event)

    def chunk(self, step: int, action: int, attempt: AttemptState, text: str) -> None:
        """Record a piece of an attempt's output; late pieces of a settled attempt are dropped."""
        if attempt.status != "running":
            return
        if self._draining:  # an action that streams from inside an observer's call
            self._work.append((ev.ActionChunk, step, action, attempt.number, text))
            return
        state = self.state
        event = ev.ActionChunk(
            state.seq + 1, self.run_id, self._clock(), step, action, attempt.number, text
        )
        reduce(state, event)
        self._draining = True  # what an observer asks for comes after all were told
        try:
            complaints = self._tell(event)
        finally:
            self._draining = False
        for complaint in complaints:
            self._work.append((ev.LogWritten, None, None, "warn", complaint))
        if self._work or self.observers.interrupted:
            self._drain()

    def log(self, step: int | None, action: int | None, level: Any, text: str) -> None:
        """Record a line of the log."""
        self.record((ev.LogWritten, step, action, level, text))

    def cancel(self) -> None:
        """Stop everything at once; once settled, or canceled before, nothing happens."""
        if self.state.status == "running" and not self.state.canceling:
            self.record((ev.CancelRequested, None, None))

    # What each decision means.

    def _start_step(self, decision: do.StartStep) -> list[Fact]:
        visit = self.state.steps[decision.step].visit_count + 1
        return [(ev.StepStarted, decision.step, None, visit, decision.actions, decision.rerun)]

    def _complete_step(self, decision: do.CompleteStep) -> list[Fact]:
        return [(ev.StepCompleted, decision.step, None, decision.visit, decision.ports)]

    def _fail_step(self, decision: do.FailStep) -> list[Fact]:
        return [(ev.StepFailed, decision.step, None, decision.visit, decision.reason)]

    def _cancel_step(self, decision: do.CancelStep) -> list[Fact]:
        return [(ev.StepCanceled, decision.step, None, decision.visit)]

    def _skip_step(self, decision: do.SkipStep) -> list[Fact]:
        return [(ev.StepSkipped, decision.step, None, decision.reason, decision.cause)]

    def _mark_stale(self, decision: do.MarkStale) -> list[Fact]:
        return [(ev.ActionStale, decision.step, decision.action, decision.reason)]

    def _mark_fresh(self, decision: do.MarkFresh) -> list[Fact]:
        return [(ev.ActionFresh, decision.step, decision.action)]

    def _cancel_actions(self, _: do.CancelActions) -> list[Fact]:
        facts: list[Fact] = [
            (ev.ActionSkipped, one.step, one.action, one.visit, "the run was canceled")
            for one in self._parked
        ]
        self._parked.clear()
        for (step, action, attempt), task in self._tasks.items():
            facts.append((ev.ActionCanceled, step, action, attempt))
            with suppress(RuntimeError):  # its loop was closed under it
                task.cancel()
        return facts

    def _start_action(self, decision: do.StartAction) -> list[Any]:
        if self.state.canceling:
            reason = "the run was canceled"
            return [(ev.ActionSkipped, decision.step, decision.action, decision.visit, reason)]
        if self._max_parallel is not None and len(self._tasks) >= self._max_parallel:
            self._parked.append(decision)
            return []
        step, number = decision.step, decision.action
        definition = self.state.graph.flow.steps[step].actions[number]
        attempt = len(self.state.action((step, number)).attempts) + 1
        reads: dict[Place | str, str | None] = {}
        model = getattr(definition, "model", None) or self.state.graph.flow.model
        start = (ev.ActionStarted, step, number, attempt, decision.visit, definition)
        try:
            ready = bound(_with_model(definition, model), lambda ref: self._value(ref, reads))
            model = self._model(ready)
        except FlowError as error:
            failure = failure_of(error)
            return [(*start, tuple(reads.items()), model), failed(step, number, attempt, failure)]
        begun = (*start, tuple(reads.items()), model, ready)
        return [begun, _Launch(ready, step, number, attempt)]

    def _value(self, reference: Reference, reads: dict[Place | str, str | None]) -> Any:
        """Look a reference up, and note what was read with its digest."""
        value = lookup(self.state, reference)
        for source in self._sources(reference):
            if isinstance(source, str):
                reads[source] = value_digest(self.state, source)
                continue
            reads[source] = output_digest(self.state, source)
            if self.state.action(source).status != "completed":
                text = f"{{{{{reference}}}}} takes the partial output of {source[0]}, {source[1]}"
                self._work.append((ev.LogWritten, None, None, "warn", text))
        return value

    def _sources(self, reference: Reference) -> list[Place | str]:
        source = source_of(self.state.graph.flow, reference)
        if reference.path[0] in self.state.shared:
            return [reference.path[0]]
        if isinstance(source, int):
            return [(source, a) for a in range(len(self.state.steps[source].actions))]
        return [source]

    def _model(self, action: Action) -> str | None:
        """Return the model that an action will call, None for one that calls none."""
        if not hasattr(action, "model"):
            return None
        if action.model:
            return str(action.model)
        return self._provider_of(getattr(action, "provider", None)).default_model

    def _launch(self, decision: _Launch) -> list[Fact]:
        key = (decision.step, decision.number, decision.attempt)
        attempt = self.state.action(key[:2]).attempts[decision.attempt - 1]
        ctx = ActionContext(self, self._provider_of, step=key[0], action=key[1], attempt=attempt)
        task = self.loop.create_task(self._run(decision.ready, ctx, attempt))
        self._tasks[key] = task
        task.add_done_callback(lambda _: self._ended(key))
        return []

    async def _run(self, action: Action, ctx: ActionContext, attempt: AttemptState) -> None:
        fact = await attempt_of(action, ctx)
        if attempt.status == "running" and fact[0] is not ev.ActionCanceled:
            self.record(fact)

    def _ended(self, key: tuple[int, int, int]) -> None:
        attempt = self.state.action(key[:2]).attempts[key[2] - 1]
        if attempt.status == "running":  # somebody else canceled its task: the loop is ending
            self.cancel()
        del self._tasks[key]
        while self._parked and len(self._tasks) < (self._max_parallel or 0):
            self._work.append(self._parked.popleft())
            self._drain()
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


def _with_model(action: Action, model: str | None) -> Action:
    if model is None or not hasattr(action, "model") or action.model is not None:
        return action
    return action.model_copy(update={"model": model})


_SETTLED: dict[str, Callable[[do.Settle], Fact]] = {
    "completed": lambda end: (ev.FlowCompleted, None, None),
    "failed": lambda end: (ev.FlowFailed, None, None, end.reason),
    "canceled": lambda end: (ev.FlowCanceled, None, None),
}
_CARRIED_OUT: dict[type, Callable[[Execution, Any], list[Any]]] = {
    do.StartStep: Execution._start_step,
    do.StartAction: Execution._start_action,
    do.CompleteStep: Execution._complete_step,
    do.FailStep: Execution._fail_step,
    do.CancelStep: Execution._cancel_step,
    do.SkipStep: Execution._skip_step,
    do.CancelActions: Execution._cancel_actions,
    do.MarkStale: Execution._mark_stale,
    do.MarkFresh: Execution._mark_fresh,
    _Launch: Execution._launch,
}
