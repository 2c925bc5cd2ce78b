"""Folds the end of a process, and how a run goes on that was cut off: with what had not completed.

Theory of operation. Interrupting settles what was open, keeping its text. Resuming puts every step
back to ``pending`` that failed unhandled, was canceled, or never ran because of that; what completed,
and branches that were not taken, stay. A step keeps the numbers of its visits that did not complete
(``undone``); resuming moves them to ``again``, and while one stands there the step counts as going on.
Each is begun once more under its number. How often edges fired stays too, so joins and cycles go on
where they stood; which edges are closed is found anew. An edge of a step that completed by a rerun or
by hand, and that therefore never fired, fires now. Rules R13 and R14 of docs/spec.md.
"""

from __future__ import annotations

from flow_widgets.flow.models import calls_model
from flow_widgets.run import events as ev
from flow_widgets.run.asked import prompt_of
from flow_widgets.run.edges import close_when_exhausted, is_each
from flow_widgets.run.spending import estimated
from flow_widgets.run.state import SETTLED, ActionState, AttemptState, RunState


def interruption_of(state: RunState, last_heard: float = 0.0) -> ev.FlowInterrupted:
    """Return the event that settles a run whose process is gone, and that was ``last_heard`` of then."""
    at = max([last_heard, state.started_at, *(line.at for line in state.log[-1:])])
    return ev.FlowInterrupted(state.seq + 1, state.id, at, None, None)


def flow_interrupted(state: RunState, event: ev.FlowInterrupted) -> None:
    """Settle what the process that ended had left open."""
    _cut(state, event.at)
    state.status, state.ended_at = "interrupted", event.at
    state.active_seconds += max(0.0, event.at - (state.active_at or event.at))
    state.active_at, state.cause, state.partial, state.scope = None, None, False, {}
    state.canceling, state.cancel_cause = False, None


def _cut(state: RunState, at: float) -> int:
    """Settle all that is open; return about how many tokens it had used."""
    used = 0
    for index, step in enumerate(state.steps):
        if not step.is_open:
            continue
        used += sum(_cut_action(action, at) for action in step.actions)
        step.undone.extend(number for number, visit in step.visits.items() if not visit.rerun)
        step.visits.clear()
        is_whole = not step.undone and all(one.status == "completed" for one in step.actions)
        step.status, step.ended_at = "completed" if is_whole else "canceled", at
        state.visiting.discard(index)
    state.open_visits = 0
    state.estimated_tokens += used
    state.unpriced = state.unpriced or used > 0
    return used


def _cut_action(action: ActionState, at: float) -> int:
    """Settle what runs of an action; what waited to run again keeps what it had (P6)."""
    used = sum(_cut_attempt(one, at) for one in action.attempts if one.status == "running")
    newest = action.newest
    if newest is None:
        action.status = "skipped" if action.status == "skipped" else "pending"
        return used
    is_between = newest.retry_seconds is not None
    action.status = "canceled" if is_between else newest.status
    action.reason, action.waits_until = None, None
    return used


def _cut_attempt(attempt: AttemptState, at: float) -> int:
    """Settle an attempt; return about how many tokens it and the flows inside it had used (R16)."""
    attempt.status, attempt.ended_at = "canceled", at
    attempt.parts = ["".join(attempt.parts)] if attempt.parts else []
    used = 0
    if calls_model(type(attempt.definition)):
        used = estimated(attempt.chars) + estimated(len(prompt_of(attempt.rendered) or ""))
        attempt.estimated_tokens = used
    for inner in (attempt.inner or {}).values():
        if inner.status == "running":
            used += _cut(inner, at)
            inner.status, inner.ended_at, inner.active_at = "canceled", at, None
    return used


def flow_resumed(state: RunState, event: ev.FlowResumed) -> None:
    """Open a settled run again, for all that had not completed."""
    state.status = "running"
    state.active_at, state.ended_at = event.at, None
    state.partial, state.cause, state.scope = False, "resume", {}
    state.targets, state.begun_at = None, event.at
    state.used_inputs = state.inputs
    state.canceling, state.cancel_cause, state.stopped_by = False, None, None
    state.budget = event.budget or state.budget
    for index, _ in enumerate(state.steps):
        if is_unfinished(state, index):
            _reopen(state, index)
    for index, step in enumerate(state.steps):
        if step.status == "completed":
            _fire_missed(state, index)
    _close_again(state)


def is_unfinished(state: RunState, index: int) -> bool:
    """Whether a step of a settled run is left to a resume: not completed, nor done with otherwise."""
    step = state.steps[index]
    if step.undone or step.again or step.limited:
        return True
    if step.status == "failed":
        return not any(arc.port == "error" for arc in state.graph.out[index])
    if step.status == "skipped":
        return step.skip_cause != "dead"
    return step.status != "completed"


def _reopen(state: RunState, index: int) -> None:
    step = state.steps[index]
    if step.limited:
        _give_back(state, index)
    step.status, step.reason, step.skip_cause, step.failed = "pending", None, None, False
    step.ended_at, step.limited = None, False
    step.again, step.undone = sorted({*step.again, *step.undone}), []
    for action in step.actions:
        action.reason = None
        if action.status != "completed":
            action.status = "pending"
    is_by_rerun = step.own_visits and not step.again and state.graph.cycle_of[index] < 0
    for arc in state.graph.out[index]:
        held = state.arcs[arc.index]
        held.failed = False
        if is_by_rerun and state.graph.joins[index] != "no_wait":
            held.fired = 0  # it had completed, and a rerun of it has not: it fires once more


def _give_back(state: RunState, index: int) -> None:
    """Undo what edges held when a step came to its limit, so that it comes there again (C5)."""
    for arc in state.graph.out[index]:
        state.arcs[arc.index].fired -= arc.port == "error"
    taken = [arc for arc in state.graph.into[index] if state.arcs[arc.index].taken]
    for arc in taken[:1] if is_each(state, index) else taken:
        state.arcs[arc.index].taken -= 1


def _fire_missed(state: RunState, index: int) -> None:
    """Fire the edges that a step off the cycles leads along now, and that never fired."""
    graph, step = state.graph, state.steps[index]
    if graph.cycle_of[index] >= 0 or graph.joins[index] == "no_wait":
        return
    newest = step.actions[0].newest if len(step.actions) == 1 else None
    ports = newest.ports if newest is not None else ("success",)
    for arc in graph.out[index]:
        held = state.arcs[arc.index]
        if arc.is_fired(ports) and not held.fired:
            held.fired = 1


def _close_again(state: RunState) -> None:
    """Find anew which edges are closed, and which steps nothing had led to and something can (J2)."""
    graph = state.graph
    for arc in state.arcs:
        arc.closed = False
    for index in graph.order:
        cycle = graph.cycle_of[index]
        members = (index,) if cycle < 0 else graph.cycles[cycle]
        if index != members[0]:
            continue
        if any(_is_led_to(state, one, cycle) for one in members):
            for one in members:
                if state.steps[one].skip_cause == "dead":
                    _reopen(state, one)
        if cycle >= 0 or state.steps[index].status in SETTLED:
            close_when_exhausted(state, index)


def _is_led_to(state: RunState, index: int, cycle: int) -> bool:
    """Whether an edge from elsewhere has fired for a step, or still can."""
    cycle_of = state.graph.cycle_of
    arcs = (one for one in state.graph.into[index] if cycle < 0 or cycle_of[one.source] != cycle)
    held = (state.arcs[one.index] for one in arcs)
    return any(one.fired > one.taken or not one.closed for one in held)


def left_of(state: RunState) -> list[tuple[int, int]]:
    """Return the actions that a resume would run, as far as they are known; empty when there is none."""
    if state.status not in ("failed", "canceled", "interrupted"):
        return []
    chosen = chosen_left(state)
    if chosen or not state.whole:
        return chosen
    return [
        (index, number)
        for index, step in enumerate(state.steps)
        if is_unfinished(state, index)
        for number, action in enumerate(step.actions)
        if action.status != "completed"
    ]


def chosen_left(state: RunState) -> list[tuple[int, int]]:
    """Return what a resume runs as a rerun: of work on chosen actions those that did not complete.

    When all of them have, or the work was of the whole flow, the run itself goes on: ``FlowResumed``.
    """
    return [place for place in state.targets or () if _is_left(state, state.action(place))]


def _is_left(state: RunState, action: ActionState) -> bool:
    newest = action.newest
    if action.status != "completed" or newest is None:
        return True
    return len(action.attempts) <= action.had and not action.pinned
