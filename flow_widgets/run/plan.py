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
What differs where edges form a cycle is in ``run/edges.py``, and ends here in ``_arrival`` and ``_due``.

The engine carries decisions out depth-first, so a decision may have effects before the next of the
same list is looked at. None is checked again then: the order of a list sees to it that no effect
of one can reach a step that a later one is about (P8).

Work on chosen actions (a rerun, or a run of one step) fires no edges: it starts the actions in
``state.scope``, each when no step before it in the graph is still in scope (R7). A run that goes on
after it was cut off looks at all that is pending, once, and then goes on as ever (R14).
Rules P1 to P10, J1 to J6 and C1 to C6 of docs/spec.md. ``plan_from_scratch`` scans the whole state and
must agree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any

from flow_widgets.flow.graph import Place
from flow_widgets.run import events as ev
from flow_widgets.run.decisions import (
    CancelActions,
    CancelStep,
    CompleteStep,
    Decision,
    FailStep,
    MarkFresh,
    MarkStale,
    Settle,
    SkipStep,
    StartAction,
    StartStep,
    Warn,
)
from flow_widgets.run.edges import begun
from flow_widgets.run.events import SkipCause
from flow_widgets.run.joins import due, first, next_join, resumed, spread, status_in
from flow_widgets.run.stale import staleness
from flow_widgets.run.state import RunState, VisitState


def plan(state: RunState, event: Any) -> list[Decision]:
    """Return what follows from an event that was just folded into the state."""
    consequence = _CONSEQUENCES.get(type(event))
    if consequence is None:
        return []
    found = consequence(state, event)
    return found if isinstance(found, list) else list(found)


def conclusion(state: RunState) -> Settle | None:
    """Return the end of the run when nothing is open or left to start, else None (P9)."""
    if state.status != "running" or state.open_visits or state.scope:
        return None
    if state.canceling:
        return _stopped(state)
    if state.stopped_by is not None:
        return Settle("failed", f"step {state.stopped_by} failed")
    for index, step in enumerate(state.steps):
        if step.status == "failed" and not _is_handled(state, index):
            return Settle("failed", f"step {index} failed")
    causes = {step.skip_cause for step in state.steps}
    if "failed" in causes:
        return Settle("failed", "steps were skipped after a failure")
    if "canceled" in causes or any(step.status == "canceled" for step in state.steps):
        return Settle("canceled")
    return Settle("completed")


def _stopped(state: RunState) -> Settle:
    """Return the end of a run that was stopped: by a person, a budget, or a store that fails."""
    if state.cancel_cause == "user":
        return Settle("canceled")
    return Settle("failed" if state.cancel_cause == "store" else "canceled", state.cancel_reason)


def _is_handled(state: RunState, step: int) -> bool:
    return any(arc.port == "error" for arc in state.graph.out[step])


# What follows from each event, in the order in which a run meets them.


def _flow_started(state: RunState, event: ev.FlowStarted) -> Iterator[Decision]:
    if state.partial:
        yield from _next_in_scope(state)
        return
    for step in begun(state):
        yield first(state, step)


def _rerun_started(state: RunState, event: ev.RerunStarted) -> Iterator[Decision]:
    yield from _next_in_scope(state)


def _flow_resumed(state: RunState, event: ev.FlowResumed) -> list[Decision]:
    return resumed(state)


def _next_in_scope(state: RunState, after: int | None = None) -> Iterator[Decision]:
    """Start the chosen actions before which no chosen step is left or open (R7).

    After a step has settled only those behind it can have become free; all others were started.
    """
    busy = 0
    chosen: dict[int, list[int]] = {}
    for step, action in state.scope:
        chosen.setdefault(step, []).append(action)
        busy |= 1 << step
    for step in state.visiting:
        busy |= 1 << step
    for step in sorted(chosen):
        before = state.graph.earlier(step)
        if not before & busy and (after is None or before >> after & 1):
            yield StartStep(step, tuple(sorted(chosen[step])), rerun=True)


def _step_started(state: RunState, event: ev.StepStarted) -> list[Decision]:
    step, visit = event.step or 0, event.visit
    found: list[Decision] = [StartAction(step, action, visit) for action in event.actions]
    if not found and event.resumed and state.steps[step].actions:
        found = _visit_settled(state, step, visit)
    elif not found:
        found = [CompleteStep(step, visit, state.graph.flow.steps[step].ports[:1])]
    if state.graph.cycle_of[step] < 0 or _is_ending(state) or event.rerun:
        return found
    return [*next_join(state, step), *found]


def _is_ending(state: RunState) -> bool:
    return state.canceling or state.stopped_by is not None


def _action_settled(state: RunState, event: Any) -> list[Decision]:
    place = (event.step, event.action)
    attempt = state.steps[event.step].actions[event.action].attempts[event.attempt - 1]
    found = _visit_settled(state, event.step, attempt.visit)
    if attempt.writes:
        found = [*_conflicts(state, place, attempt.writes), *found]
    is_again = state.partial or state.cause == "resume"
    return [*_mark_stale(state, [place]), *found] if is_again else found


def _action_skipped(state: RunState, event: ev.ActionSkipped) -> list[Decision]:
    return _visit_settled(state, event.step or 0, event.visit)


def _visit_settled(state: RunState, step: int, number: int) -> list[Decision]:
    visit = state.steps[step].visits.get(number)
    return [] if visit is None or visit.open else [_settled_visit(state, step, visit)]


def _conflicts(
    state: RunState, place: Place, writes: Iterable[tuple[str, Any]]
) -> Iterator[Decision]:
    """Tell of shared values that were also set by an action that no edge orders before this one (P10)."""
    graph = state.graph
    for path, _ in writes:
        for other in dict.fromkeys(reversed(state.writers[path.split(".")[0]])):
            if graph.is_before(other[0], place[0]) or graph.is_before(place[0], other[0]):
                continue
            if other != place and _has_set(state, other, path):
                who = f"{other[0]}, {other[1]}"
                text = f"{path!r} was also set by {who}, in parallel; this value stands now"
                yield Warn(*place, text)
                break


def _has_set(state: RunState, place: Place, path: str) -> bool:
    """Whether an action has set what stands at a path, a part of it, or what it is a part of."""
    newest = state.action(place).newest
    paths = [f"{one}." for one, _ in newest.writes] if newest else []
    return any(one.startswith(f"{path}.") or f"{path}.".startswith(one) for one in paths)


def _settled_visit(state: RunState, index: int, visit: VisitState) -> Decision:
    """A step settles when all its actions have; a rerun counts the others as they stand (P3)."""
    step = state.steps[index]
    number = None if visit.rerun else visit.number
    statuses = [status_in(action, number) for action in step.actions]
    if "failed" in statuses:
        failed = [number for number, status in enumerate(statuses) if status == "failed"]
        count = len(failed)
        reason = f"action {index}, {failed[0]} failed" if count == 1 else f"{count} actions failed"
        return FailStep(index, visit.number, reason)
    if visit.cut or "canceled" in statuses:
        return CancelStep(index, visit.number)
    only = step.actions[0].attempts[-1] if len(step.actions) == 1 else None
    if only is not None and visit.attempts:
        only = visit.attempts[-1]
    return CompleteStep(index, visit.number, only.ports if only else ("success",))


def _step_settled(state: RunState, event: Any) -> Iterable[Decision]:
    index = event.step or 0
    if state.partial:
        is_completed = isinstance(event, ev.StepCompleted)
        unskipped = _unskipped(state, index, event.ports) if is_completed else ()
        return chain(unskipped, _next_in_scope(state, after=index))
    if state.canceling:
        return ()  # what was pending is skipped since the cancel
    if state.stopped_by is not None:
        return _stop(state, index) if index == state.stopped_by else ()
    return spread(state, index, _fired_ports(event))


def _fired_ports(event: Any) -> tuple[str, ...]:
    if isinstance(event, ev.StepCompleted):
        return event.ports
    return ("error",) if isinstance(event, ev.StepFailed) else ()


def _stop(state: RunState, failed: int) -> Iterator[Decision]:
    """Skip what has not started; what was decided together with the failed step still starts (P4)."""
    reason = f"step {failed} failed"
    for index, step in enumerate(state.steps):
        is_decided = bool(step.again or due(state, index))
        is_decided = is_decided and not state.graph.is_before(failed, index)
        if step.status == "pending" and not is_decided:
            yield SkipStep(index, reason, "failed")


def _skip_pending(state: RunState, reason: str, cause: SkipCause) -> Iterator[Decision]:
    for index, step in enumerate(state.steps):
        if step.status == "pending":
            yield SkipStep(index, reason, cause)


def _unskipped(state: RunState, index: int, ports: tuple[str, ...]) -> Iterator[Decision]:
    """After a step ran again, what it leads to now and had not, can be run (R8)."""
    reached = {arc.target for arc in state.graph.out[index] if arc.is_fired(ports)}
    for later, step in enumerate(state.steps):
        kept = step.skip_cause in ("failed", "canceled") and state.graph.is_before(index, later)
        if kept or (step.skip_cause == "dead" and later in reached):
            for action, action_state in enumerate(step.actions):
                if action_state.stale is None:
                    yield MarkStale(later, action, f"step {index} ran again")


def _step_skipped(state: RunState, event: ev.StepSkipped) -> list[Decision]:
    index = event.step or 0
    if event.cause != "dead" or state.graph.cycle_of[index] >= 0:
        return []  # of a cycle all was decided when it was over
    return spread(state, index, ())


def _cancel_requested(state: RunState, event: ev.CancelRequested) -> Iterator[Decision]:
    if state.open_visits:
        yield CancelActions(event.reason, only_waits=event.cause == "store")
    if not state.partial:
        yield from _skip_pending(state, event.reason, "canceled")


def _revised(state: RunState, event: Any) -> Iterator[Decision]:
    places = [(s, a) for s, step in enumerate(state.steps) for a, _ in enumerate(step.actions)]
    yield from _mark_stale(state, places, including=True)


def _output_edited(state: RunState, event: ev.OutputEdited) -> Iterator[Decision]:
    """What depends on an output that a person wrote is stale; what a failure kept can run (R15)."""
    index = event.step or 0
    step = state.steps[index]
    yield from _mark_stale(state, [(index, event.action or 0)])
    if step.status == "completed":
        newest = step.actions[0].newest if len(step.actions) == 1 else None
        yield from _unskipped(state, index, newest.ports if newest else ("success",))


def _output_pinned(state: RunState, event: ev.OutputPinned) -> Iterator[Decision]:
    yield from _mark_stale(state, [(event.step or 0, event.action or 0)], including=True)


def _mark_stale(
    state: RunState, changed: list[Place], *, including: bool = False
) -> Iterator[Decision]:
    for place, reason in staleness(state, changed, including=including).items():
        old = state.action(place).stale
        if reason is None and old is not None:
            yield MarkFresh(*place)
        elif reason is not None and reason != old:
            yield MarkStale(*place, reason)


_CONSEQUENCES: dict[type, Callable[[RunState, Any], Iterable[Decision]]] = {
    ev.FlowStarted: _flow_started,
    ev.RerunStarted: _rerun_started,
    ev.FlowResumed: _flow_resumed,
    ev.FlowRevised: _revised,
    ev.InputsRevised: _revised,
    ev.StepStarted: _step_started,
    ev.ActionCompleted: _action_settled,
    ev.ActionFailed: _action_settled,
    ev.ActionCanceled: _action_settled,
    ev.ActionSkipped: _action_skipped,
    ev.StepCompleted: _step_settled,
    ev.StepFailed: _step_settled,
    ev.StepCanceled: _step_settled,
    ev.StepSkipped: _step_skipped,
    ev.CancelRequested: _cancel_requested,
    ev.OutputEdited: _output_edited,
    ev.OutputPinned: _output_pinned,
}


def plan_from_scratch(state: RunState) -> list[Decision]:
    """Return every decision about pending steps of a whole run, by scanning all of its state.

    For the tests: after ``plan`` has been carried out to its end, this finds nothing left to decide.
    """
    if state.status != "running" or state.partial or state.canceling:
        return []
    if state.stopped_by is not None:
        return list(_skip_pending(state, f"step {state.stopped_by} failed", "failed"))
    return [
        decision
        for index, step in enumerate(state.steps)
        if step.status == "pending" or state.graph.cycle_of[index] >= 0
        for decision in due(state, index)
    ]
