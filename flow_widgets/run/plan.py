"""Decides what happens next: the only place for joins, ports, cancellation, failure policy, reruns.

Theory of operation. After an event has been folded, ``plan`` looks at what that event touched and
returns decisions; the engine turns each into an event (``StepStarted``, ``StepSkipped``, …), which
is folded and planned in turn, until nothing is left to do. Then ``conclusion`` says whether the run
has settled. Nothing here waits, reads a clock or changes the state.

Joins count per edge (J1). An edge has *fired*, has *failed* (its source failed and nothing handled
it), or is *dead*: closed, because its source can't be visited again, without having fired (J2).
Closing spreads: a step all of whose edges are dead is skipped, which closes its own edges, so no
join waits for a branch that was not taken. A step whose join is ``no_wait`` is visited once per
firing, also while another visit of it is open; its edges close with the last edge into it (P7).

The engine carries decisions out depth-first, so a decision may have effects before the next of the
same list is looked at. None is checked again then: the order of a list sees to it that no effect
of one can reach a step that a later one is about (P8).

Work on chosen actions (a rerun, or a run of one step) fires no edges: it starts the actions in
``state.scope``, each when no step before it in the graph is still in scope (R7).
Rules P1 to P9 and J1 to J6 of docs/spec.md. ``plan_from_scratch`` scans the whole state and must agree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from flow_widgets.flow.graph import Place
from flow_widgets.run import events as ev
from flow_widgets.run.events import SkipCause
from flow_widgets.run.stale import staleness
from flow_widgets.run.state import SETTLED, ActionState, RunState, VisitState
from flow_widgets.run.view import ActionStatus


@dataclass(frozen=True, slots=True)
class StartStep:
    """Begin a visit of a step with these of its actions."""

    step: int
    actions: tuple[int, ...]
    rerun: bool = False


@dataclass(frozen=True, slots=True)
class StartAction:
    """Begin an attempt of an action in an open visit."""

    step: int
    action: int
    visit: int


@dataclass(frozen=True, slots=True)
class CompleteStep:
    """The visit has settled well; fire these ports."""

    step: int
    visit: int
    ports: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FailStep:
    """The visit has settled badly, or the join can't be met (visit 0)."""

    step: int
    visit: int
    reason: str


@dataclass(frozen=True, slots=True)
class CancelStep:
    """The visit has settled because the run is being canceled."""

    step: int
    visit: int


@dataclass(frozen=True, slots=True)
class SkipStep:
    """The step will not run."""

    step: int
    reason: str
    cause: SkipCause


@dataclass(frozen=True, slots=True)
class CancelActions:
    """Stop every attempt that runs."""


@dataclass(frozen=True, slots=True)
class MarkStale:
    """The action's output is no longer what it would be."""

    step: int
    action: int
    reason: str


@dataclass(frozen=True, slots=True)
class MarkFresh:
    """The action's output is again what it would be."""

    step: int
    action: int


@dataclass(frozen=True, slots=True)
class Settle:
    """The run is over."""

    status: str
    reason: str = ""


Decision = (
    StartStep
    | StartAction
    | CompleteStep
    | FailStep
    | CancelStep
    | SkipStep
    | CancelActions
    | MarkStale
    | MarkFresh
    | Settle
)


def plan(state: RunState, event: Any) -> list[Decision]:
    """Return what follows from an event that was just folded into the state."""
    consequence = _CONSEQUENCES.get(type(event))
    return list(consequence(state, event)) if consequence else []


def conclusion(state: RunState) -> Settle | None:
    """Return the end of the run when nothing is open or left to start, else None (P9)."""
    if state.status != "running" or state.open_visits or state.scope:
        return None
    if state.canceling:
        return Settle("canceled")
    for index, step in enumerate(state.steps):
        if step.status == "failed" and not _is_handled(state, index):
            return Settle("failed", f"step {index} failed")
    causes = {step.skip_cause for step in state.steps}
    if "failed" in causes:
        return Settle("failed", "steps were skipped after a failure")
    if "canceled" in causes or any(step.status == "canceled" for step in state.steps):
        return Settle("canceled")
    return Settle("completed")


def _is_handled(state: RunState, step: int) -> bool:
    return any(arc.port == "error" for arc in state.graph.out[step])


# What follows from each event, in the order in which a run meets them.


def _flow_started(state: RunState, event: ev.FlowStarted) -> Iterator[Decision]:
    if state.partial:
        yield from _next_in_scope(state)
        return
    for step, arcs in enumerate(state.graph.into):
        if not arcs:
            yield _start(state, step)


def _rerun_started(state: RunState, event: ev.RerunStarted) -> Iterator[Decision]:
    yield from _next_in_scope(state)


def _next_in_scope(state: RunState, after: int | None = None) -> Iterator[Decision]:
    """Start the chosen actions before which no chosen step is left or open (R7).

    After a step has settled only those behind it can have become free; all others were started.
    """
    busy = 0
    chosen: dict[int, list[int]] = {}
    for step, action in state.scope:
        chosen.setdefault(step, []).append(action)
        busy |= 1 << step
    for index, step_state in enumerate(state.steps):
        busy |= bool(step_state.visits) << index
    for step in sorted(chosen):
        before = state.graph.ancestors[step]
        if not before & busy and (after is None or before >> after & 1):
            yield StartStep(step, tuple(sorted(chosen[step])), rerun=True)


def _start(state: RunState, step: int) -> StartStep:
    return StartStep(step, tuple(range(len(state.steps[step].actions))))


def _step_started(state: RunState, event: ev.StepStarted) -> Iterator[Decision]:
    step = event.step or 0
    for action in event.actions:
        yield StartAction(step, action, event.visit)
    if not event.actions:
        yield CompleteStep(step, event.visit, state.graph.flow.steps[step].ports[:1])


def _action_settled(state: RunState, event: Any) -> Iterator[Decision]:
    place = (event.step or 0, event.action or 0)
    number = getattr(event, "visit", 0)
    if not isinstance(event, ev.ActionSkipped):
        number = state.action(place).attempts[event.attempt - 1].visit
        if state.partial:
            yield from _mark_stale(state, [place])
    visit = state.steps[place[0]].visits.get(number)
    if visit is not None and visit.open == 0:
        yield _settled_visit(state, place[0], visit)


def _settled_visit(state: RunState, index: int, visit: VisitState) -> Decision:
    """A step settles when all its actions have; a rerun counts the others as they stand (P3)."""
    step = state.steps[index]
    number = None if visit.rerun else visit.number
    statuses = [_status(action, number) for action in step.actions]
    failed = [number for number, status in enumerate(statuses) if status == "failed"]
    if failed:
        count = len(failed)
        reason = f"action {index}, {failed[0]} failed" if count == 1 else f"{count} actions failed"
        return FailStep(index, visit.number, reason)
    if visit.cut or "canceled" in statuses:
        return CancelStep(index, visit.number)
    only = visit.attempts[-1].ports if len(step.actions) == 1 else ("success",)
    return CompleteStep(index, visit.number, only)


def _status(action: ActionState, visit: int | None) -> ActionStatus:
    """Return the status of an action, or of its newest attempt in one visit of its step."""
    if visit is None:
        return action.status
    found = (attempt.status for attempt in reversed(action.attempts) if attempt.visit == visit)
    return next(found, "pending")


def _step_settled(state: RunState, event: Any) -> Iterator[Decision]:
    index = event.step or 0
    if state.partial:
        if isinstance(event, ev.StepCompleted):
            yield from _unskipped(state, index)
        yield from _next_in_scope(state, after=index)
    elif state.canceling:
        yield from _skip_pending(state, "the run was canceled", "canceled")
    elif state.stopped_by is not None:
        yield from _stop(state, state.stopped_by)
    else:
        yield from _spread(state, index, _fired_ports(event))


def _fired_ports(event: Any) -> tuple[str, ...]:
    if isinstance(event, ev.StepCompleted):
        return event.ports
    return ("error",) if isinstance(event, ev.StepFailed) else ()


def _stop(state: RunState, failed: int) -> Iterator[Decision]:
    """Skip what has not started; what was decided together with the failed step still starts (P4)."""
    reason = f"step {failed} failed"
    for index, step in enumerate(state.steps):
        is_decided = not state.graph.is_before(failed, index) and bool(_due(state, index))
        if step.status == "pending" and not is_decided:
            yield SkipStep(index, reason, "failed")


def _skip_pending(state: RunState, reason: str, cause: SkipCause) -> Iterator[Decision]:
    for index, step in enumerate(state.steps):
        if step.status == "pending":
            yield SkipStep(index, reason, cause)


def _unskipped(state: RunState, index: int) -> Iterator[Decision]:
    """After a step ran again, what its failure kept from running can be run (R8)."""
    for later, step in enumerate(state.steps):
        if step.skip_cause in ("failed", "canceled") and state.graph.is_before(index, later):
            for action, action_state in enumerate(step.actions):
                if action_state.stale is None:
                    yield MarkStale(later, action, f"step {index} ran again")


def _spread(state: RunState, index: int, fired: tuple[str, ...]) -> Iterator[Decision]:
    """Decide about the steps that the edges of a settled step lead to (J1 to J6).

    A step that stands behind another of them comes first: what follows from a decision is carried
    out before the next one, and must find nothing decided but not yet done (P8).
    """
    found = {
        step: _arrival(state, step, count) for step, count in _reached(state, index, fired).items()
    }
    steps = [step for step, decisions in found.items() if decisions]
    before = 0
    for step in steps:
        before |= state.graph.ancestors[step]
    if any(before >> step & 1 for step in steps):
        steps.sort(key=state.graph.order.index, reverse=True)
    for step in steps:
        yield from found[step]


def _reached(state: RunState, index: int, fired: tuple[str, ...]) -> dict[int, int]:
    """Return how often an edge to each step fired now, with steps behind visits that are over (P7)."""
    reached: dict[int, int] = {}
    for arc in state.graph.out[index]:
        reached[arc.target] = reached.get(arc.target, 0) + arc.is_fired(fired)
    front = [step for step, count in reached.items() if not count]
    while front:
        step = front.pop()
        is_over = state.graph.joins[step] == "no_wait" and state.steps[step].status in SETTLED
        for arc in state.graph.out[step] if is_over else ():
            if state.arcs[arc.index].closed and arc.target not in reached:
                reached[arc.target] = 0
                front.append(arc.target)
    return reached


def _arrival(state: RunState, target: int, count: int) -> list[Decision]:
    """Return what follows for a step when edges to it have fired ``count`` times, or have died."""
    if state.graph.joins[target] == "no_wait" and count:
        return [_start(state, target)] * count
    return _due(state, target) if state.steps[target].status == "pending" else []


def _due(state: RunState, target: int) -> list[Decision]:
    """Return what follows for a pending step from its incoming edges; nothing when it has to wait."""
    arcs = [state.arcs[arc.index] for arc in state.graph.into[target]]
    mode = state.graph.joins[target]
    if not arcs:
        return [_start(state, target)]
    if mode in ("first_success", "no_wait") and any(arc.fired for arc in arcs):
        return [_start(state, target)]
    if mode == "all_success" and any(arc.failed for arc in arcs):
        return [_unmet(state, target)]
    if not all(arc.fired or arc.closed for arc in arcs):
        return []
    if any(arc.fired or (arc.failed and mode == "all_done") for arc in arcs):
        return [_start(state, target)]
    return [_unmet(state, target) if any(arc.failed for arc in arcs) else _dead(state, target)]


def _unmet(state: RunState, target: int) -> FailStep:
    failed = [arc.source for arc in state.graph.into[target] if state.arcs[arc.index].failed]
    return FailStep(target, 0, f"step {failed[0]} failed, and this step needs it")


def _dead(state: RunState, target: int) -> SkipStep:
    sources = sorted({arc.source for arc in state.graph.into[target]})
    names = " and ".join(f"step {source}" for source in sources[:3])
    return SkipStep(target, f"{names} did not lead here", "dead")


def _step_skipped(state: RunState, event: ev.StepSkipped) -> Iterator[Decision]:
    if event.cause == "dead":
        yield from _spread(state, event.step or 0, ())


def _cancel_requested(state: RunState, event: ev.CancelRequested) -> Iterator[Decision]:
    if state.open_visits:
        yield CancelActions()


def _revised(state: RunState, event: Any) -> Iterator[Decision]:
    places = [(s, a) for s, step in enumerate(state.steps) for a, _ in enumerate(step.actions)]
    yield from _mark_stale(state, places, including=True)


def _mark_stale(
    state: RunState, changed: list[Place], *, including: bool = False
) -> Iterator[Decision]:
    for place, reason in staleness(state, changed, including=including).items():
        old = state.action(place).stale
        if reason is None and old is not None:
            yield MarkFresh(*place)
        elif reason is not None and reason != old:
            yield MarkStale(*place, reason)


_CONSEQUENCES: dict[type, Callable[[RunState, Any], Iterator[Decision]]] = {
    ev.FlowStarted: _flow_started,
    ev.RerunStarted: _rerun_started,
    ev.FlowRevised: _revised,
    ev.InputsRevised: _revised,
    ev.StepStarted: _step_started,
    ev.ActionCompleted: _action_settled,
    ev.ActionFailed: _action_settled,
    ev.ActionCanceled: _action_settled,
    ev.ActionSkipped: _action_settled,
    ev.StepCompleted: _step_settled,
    ev.StepFailed: _step_settled,
    ev.StepCanceled: _step_settled,
    ev.StepSkipped: _step_skipped,
    ev.CancelRequested: _cancel_requested,
}


def plan_from_scratch(state: RunState) -> list[Decision]:
    """Return every decision about pending steps of a whole run, by scanning all of its state.

    For the tests: after ``plan`` has been carried out to its end, this finds nothing left to decide.
    """
    if state.status != "running" or state.partial or state.canceling:
        return []
    if state.stopped_by is not None:
        return list(_skip_pending(state, f"step {state.stopped_by} failed", "failed"))
    pending = (index for index, step in enumerate(state.steps) if step.status == "pending")
    return [decision for index in pending for decision in _due(state, index)]
