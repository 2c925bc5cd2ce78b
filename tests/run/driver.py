"""Carries out what ``plan`` decides, as the engine does, with no event loop and no clock.

Facts and decisions are worked off depth-first, and an attempt that has begun stays open until a test,
or its script, settles it. Every event is kept, so that a test can fold them again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from probes import Done, Fail, Probe, flow, inputs

from flow_widgets.errors import FlowError
from flow_widgets.flow.binding import bound
from flow_widgets.flow.code_mark import action_code
from flow_widgets.flow.graph import Place
from flow_widgets.flow.inputs import run_inputs
from flow_widgets.flow.limits import Budget
from flow_widgets.flow.model import Flow
from flow_widgets.flow.models import with_model
from flow_widgets.run import decisions as do
from flow_widgets.run import events as ev
from flow_widgets.run.digest import digest
from flow_widgets.run.plan import conclusion, plan
from flow_widgets.run.reduce import reduce
from flow_widgets.run.resume import chosen_left
from flow_widgets.run.scope import lookup
from flow_widgets.run.stale import reads_of
from flow_widgets.run.state import RunState

__all__ = ["Done", "Driver", "Fail", "Probe", "drive", "flow", "inputs"]
STARTED_AT = 1_000.0
Key = tuple[int, int, int]
"""Step, action and attempt."""


class Driver:
    """One run, driven by a test."""

    state: RunState

    def __init__(
        self,
        flow: Flow,
        *,
        given: Mapping[str, Any] | None = None,
        targets: Sequence[Place] | None = None,
        max_parallel: int | None = None,
        number: int = 1,
        trigger: int | None = None,
        held: Sequence[Place] = (),
    ) -> None:
        self.events: list[Any] = []
        self.live: list[Key] = []
        self.waits: list[do.StartAction] = []
        """Actions that wait for their next attempt, or are held before the first."""
        self.held = set(held)
        """Actions that have to wait each time before they begin."""
        self.watch: Callable[[Any], None] = lambda event: None
        self.at = STARTED_AT
        self._parked: deque[do.StartAction] = deque()
        self._work: deque[Any] = deque()
        self._draining = False
        self._max_parallel = max_parallel
        places = None if targets is None else tuple(targets)
        values = run_inputs(flow, given, trigger=trigger)
        fact = (ev.FlowStarted, None, None, number, flow, values, places, trigger)
        self._first = fact

    def start(self) -> Driver:
        """Begin the run."""
        self.record(self._first)
        return self

    # What a test does.

    def complete(self, step: int | str, action: int = 0, value: Any = None, **given: Any) -> None:
        """Let the oldest open attempt of an action complete."""
        self.settle(self._open(step, action), Done(value, **given))

    def fail(self, step: int | str, action: int = 0, what: str = "It broke.", **given: Any) -> None:
        """Let the oldest open attempt of an action fail."""
        self.settle(self._open(step, action), Fail(what, **given))

    def go_on(self, wait: do.StartAction | None = None) -> None:
        """Begin the next attempt of an action that waits, by default of the first."""
        found = wait or self.waits[0]
        self.waits.remove(found)
        for fact in self._begin(found):
            self.record(fact)

    def interrupt(self) -> None:
        """Let the process end, and somebody find out."""
        self._forget()
        self.record((ev.FlowInterrupted, None, None))

    def crash(self, after: int) -> None:
        """Lose all events but the first ones, as a process that ends while they are being written."""
        self._forget()
        del self.events[after:]
        self.state = self.folded()
        if self.state.status == "running":
            self.interrupt()

    def _forget(self) -> None:
        for one in (self._parked, self.live, self.waits):
            one.clear()

    def resume(self, budget: Budget | None = None) -> None:
        """Go on with what had not completed, as a runner does."""
        chosen = chosen_left(self.state)
        if chosen:
            self.rerun(*chosen, cause="resume")
        else:
            self.record((ev.FlowResumed, None, None, budget))

    def edit(self, place: Place, value: Any, writes: tuple[tuple[str, Any], ...] = ()) -> None:
        """Write an output by hand."""
        definition = self.state.graph.flow.steps[place[0]].actions[place[1]]
        made = (value, digest(value), definition, reads_of(self.state, place), writes)
        self.record((ev.OutputEdited, *place, *made))

    def pin(self, place: Place, *, pinned: bool = True) -> None:
        """Pin an output, or let it go."""
        self.record((ev.OutputPinned, *place, pinned))

    def chunk(self, step: int | str, text: str, action: int = 0) -> None:
        """Let the oldest open attempt of an action stream a text."""
        key = self._open(step, action)
        self.record((ev.ActionChunk, *key, text))

    def cancel(self, *cause: str) -> None:
        """Cancel the run; ``cause`` and reason say why, unless a person does."""
        self.record((ev.CancelRequested, None, None, *cause))

    def rerun(self, *places: Place, cause: str = "step") -> None:
        """Run actions again inside the run."""
        self.record((ev.RerunStarted, None, None, places, cause))

    def rerun_stale(self) -> None:
        """Run exactly what is stale."""
        self.rerun(*self.stale, cause="stale")

    def revise(self, flow: Flow) -> None:
        """Edit the definition."""
        self.record((ev.FlowRevised, None, None, flow))

    def revise_inputs(self, **values: Any) -> None:
        """Edit the inputs."""
        self.record((ev.InputsRevised, None, None, {**self.state.inputs, **values}))

    def log(self, text: str, level: str = "info", place: Place = (None, None)) -> None:  # type: ignore[assignment]
        """Write a line to the log."""
        self.record((ev.LogWritten, *place, level, text))

    def play(
        self,
        script: Mapping[Place, Any] | None = None,
        choose: Callable[[list[Key]], Key] = lambda live: live[0],
    ) -> Driver:
        """Settle open attempts until none is left, each as its script says, else well."""
        while self.live or self.waits:
            if not self.live:
                self.go_on()
                continue
            key = choose(list(self.live))
            outcome = (script or {}).get(key[:2], Done())
            self.settle(key, outcome[key[2] - 1] if isinstance(outcome, list) else outcome)
        return self

    def settle(self, key: Key, outcome: Done | Fail) -> None:
        """End an attempt."""
        step, action, attempt = key
        if isinstance(outcome, Fail):
            failure = ev.Failure("broken", outcome.what)
            wait = None if self.state.canceling else outcome.retry_seconds
            fact: tuple[Any, ...] = (
                ev.ActionFailed,
                step,
                action,
                attempt,
                failure,
                None,
                None,
                wait,
            )
            if wait is not None:
                visit = self.state.action((step, action)).attempts[attempt - 1].visit
                self.waits.append(do.StartAction(step, action, visit))
        else:
            for text in outcome.chunks:
                self.record((ev.ActionChunk, step, action, attempt, text))
            fact = self._completed(key, outcome)
        self.record(fact)
        self.live.remove(key)
        self._unpark()

    # What a test looks at.

    @property
    def statuses(self) -> dict[str, str]:
        """Return the status of each step, by id."""
        return {step.id: step.status for step in self.state.steps}

    @property
    def actions(self) -> dict[str, list[str]]:
        """Return the statuses of the actions of each step, by its id."""
        return {step.id: [action.status for action in step.actions] for step in self.state.steps}

    @property
    def stale(self) -> list[Place]:
        """Return the stale actions."""
        return [
            (s, a)
            for s, step in enumerate(self.state.steps)
            for a, action in enumerate(step.actions)
            if action.stale is not None
        ]

    @property
    def started(self) -> list[str]:
        """Return the ids of the steps in the order in which their visits began."""
        return self.told(ev.StepStarted)

    def told(self, kind: type) -> list[str]:
        """Return the ids of the steps that events of a kind were about, in order."""
        steps = self.state.steps
        return [steps[event.step].id for event in self.events if isinstance(event, kind)]

    def folded(self) -> RunState:
        """Return what all events fold into."""
        state = None
        for event in self.events:
            state = reduce(state, event)
        assert state is not None
        return state

    # How; the twin of ``engine/execution.py``.

    def record(self, fact: tuple[Any, ...]) -> None:
        """Fold and plan a fact and all that follows from it."""
        self._work.append(fact)
        if self._draining:
            return
        self._draining = True
        while self._work:
            item = self._work.popleft()
            follows = self._fold(item) if isinstance(item, tuple) else self._carry_out(item)
            self._work.extendleft(reversed(follows))
            end = conclusion(self.state) if not self._work else None
            if end is not None:
                reason = () if end.status == "completed" else (end.reason,)
                self._work.append((_SETTLED[end.status], None, None, *reason))
        self._draining = False

    def _fold(self, fact: tuple[Any, ...]) -> list[Any]:
        kind, step, action, *fields = fact
        self.at += 0.5
        event = kind(len(self.events) + 1, "r1", self.at, step, action, *fields)
        self.events.append(event)
        self.state = reduce(self.state if len(self.events) > 1 else None, event)
        self.watch(event)
        return list(plan(self.state, event))

    def _carry_out(self, decision: Any) -> list[Any]:
        match decision:
            case do.StartStep(step, actions, rerun, resumed, visit):
                number = visit or self.state.steps[step].visit_count + 1
                return [(ev.StepStarted, step, None, number, actions, rerun, resumed)]
            case do.StartAction():
                return self._start(decision)
            case do.CompleteStep(step, visit, ports):
                return [(ev.StepCompleted, step, None, visit, ports)]
            case do.FailStep(step, visit, reason, cause):
                return [(ev.StepFailed, step, None, visit, reason, cause)]
            case do.CancelStep(step, visit):
                return [(ev.StepCanceled, step, None, visit)]
            case do.SkipStep(step, reason, cause):
                return [(ev.StepSkipped, step, None, reason, cause)]
            case do.MarkStale(step, action, reason):
                return [(ev.ActionStale, step, action, reason)]
            case do.MarkFresh(step, action):
                return [(ev.ActionFresh, step, action)]
            case do.Warn(step, action, text):
                return [(ev.LogWritten, step, action, "warn", text)]
            case _:
                return self._cancel_all(decision)

    def _start(self, decision: do.StartAction) -> list[Any]:
        step, action = decision.step, decision.action
        if self._max_parallel is not None and len(self.live) >= self._max_parallel:
            self._parked.append(decision)
            return []
        if (step, action) in self.held:
            self.waits.append(decision)
            return [(ev.ActionHeld, step, action, decision.visit, 3.0, "rate limit")]
        return self._begin(decision)

    def _begin(self, decision: do.StartAction) -> list[Any]:
        step, action = decision.step, decision.action
        definition = self.state.graph.flow.steps[step].actions[action]
        attempt = len(self.state.action((step, action)).attempts) + 1
        start = (ev.ActionStarted, step, action, attempt, decision.visit, definition)
        ready = with_model(definition, self.state.graph.flow.model)
        try:
            ready = bound(ready, lambda reference: lookup(self.state, reference))
        except FlowError as error:
            failure = ev.Failure("missing_reference", error.what, error.hint)
            end = (ev.ActionFailed, step, action, attempt, failure, None)
            return [(*start, (), None), end]
        self.live.append((step, action, attempt))
        code = action_code(definition)
        return [(*start, reads_of(self.state, (step, action)), None, ready, code)]

    def _completed(self, key: Key, outcome: Done) -> tuple[Any, ...]:
        step, action, attempt = key
        text = "".join(outcome.chunks) or f"{self.state.steps[step].id} {attempt}"
        value = text if outcome.value is None else outcome.value
        ports = outcome.ports or self.state.graph.flow.steps[step].actions[action].ports[:1]
        usage = (None, None, None, 7, "stop", None, None)
        ends = (value, digest(value), ports, *usage, outcome.writes)
        return (ev.ActionCompleted, step, action, attempt, *ends)

    def _cancel_all(self, decision: do.CancelActions) -> list[Any]:
        facts: list[Any] = [
            (ev.ActionSkipped, one.step, one.action, one.visit, decision.reason)
            for one in self._parked
        ]
        facts += [self._wait_over(one, decision.reason) for one in self.waits]
        self._parked.clear()
        self.waits.clear()
        if not decision.only_waits:
            facts += [(ev.ActionCanceled, *key) for key in self.live]
            self.live.clear()
        return facts

    def _wait_over(self, wait: do.StartAction, reason: str) -> tuple[Any, ...]:
        """Return how a wait ends: between two attempts of a visit it is canceled."""
        attempts = self.state.action((wait.step, wait.action)).attempts
        failed = [
            one.number
            for one in attempts
            if one.visit == wait.visit and one.retry_seconds is not None
        ]
        if failed:
            return (ev.ActionCanceled, wait.step, wait.action, failed[-1])
        return (ev.ActionSkipped, wait.step, wait.action, wait.visit, reason)

    def _unpark(self) -> None:
        while self._parked and len(self.live) < (self._max_parallel or 0):
            self.record_decision(self._parked.popleft())

    def record_decision(self, decision: Any) -> None:
        """Carry a decision out, and what follows from it."""
        for fact in self._carry_out(decision):
            self.record(fact)

    def _open(self, step: int | str, action: int) -> Key:
        index = self.state.graph.flow.step_index(step)
        return next(key for key in self.live if key[:2] == (index, action))


def drive(flow: Flow, **given: Any) -> Driver:
    """Return a run of a flow that has begun."""
    return Driver(flow, **given).start()


_SETTLED = {"completed": ev.FlowCompleted, "failed": ev.FlowFailed, "canceled": ev.FlowCanceled}
