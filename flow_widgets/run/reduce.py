"""Folds events into the state of a run: the only place where a status changes.

Theory of operation. Each event type has one function that writes what the event says, and nothing
else: what should happen next is for ``plan``. The functions trust the engine (an event is a fact),
so they check nothing but late work: an attempt that has settled is never written again (R3). A
chunk is a list append and three counters (R4). Rules R1 to R9 of docs/spec.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from flow_widgets.flow.graph import Place, compile_graph
from flow_widgets.flow.model import Flow
from flow_widgets.flow.template import as_text
from flow_widgets.run import events as ev
from flow_widgets.run.log import line_for, out_line
from flow_widgets.run.state import (
    SETTLED,
    ActionState,
    ArcState,
    AttemptState,
    RunState,
    StepState,
    VisitState,
)
from flow_widgets.run.view import ActionStatus


def reduce(state: RunState | None, event: Any) -> RunState:
    """Return the state after an event; the given state is updated in place.

    Only ``FlowStarted`` is folded into None.
    """
    if state is None:
        state = _initial(event)
    state.seq = event.seq
    kind = type(event)
    if kind is ev.ActionChunk:
        _chunk(state, event)
        return state
    _FOLDS[kind](state, event)
    state.log.append(line_for(state, event))
    return state


def _chunk(state: RunState, event: ev.ActionChunk) -> None:
    attempt = _action(state, event).attempts[event.attempt - 1]
    if attempt.first_chunk_at is None:
        attempt.first_chunk_at = event.at
        state.log.append(out_line(state, event))
    attempt.parts.append(event.text)
    attempt.chars += len(event.text)


def _initial(event: ev.FlowStarted) -> RunState:
    graph = compile_graph(event.flow)
    return RunState(
        id=event.run_id,
        number=event.number,
        graph=graph,
        inputs=event.inputs,
        used_inputs=event.inputs,
        started_at=event.at,
        steps=_pending_steps(event.flow),
        arcs=[ArcState() for _ in graph.arcs],
    )


def _pending_steps(flow: Flow) -> list[StepState]:
    return [
        StepState(step.id, [ActionState(action.id) for action in step.actions])
        for step in flow.steps
    ]


def _flow_started(state: RunState, event: ev.FlowStarted) -> None:
    state.status = "running"
    state.active_at = event.at
    state.shared = dict(event.inputs)
    state.partial = event.targets is not None
    state.scope = dict.fromkeys(event.targets or ())
    state.cause = "step" if event.targets else None


def _rerun_started(state: RunState, event: ev.RerunStarted) -> None:
    state.status = "running"
    state.active_at, state.ended_at = event.at, None
    state.partial, state.cause = True, event.cause
    state.used_inputs = state.inputs
    state.scope = dict.fromkeys(event.targets)
    state.canceling, state.stopped_by = False, None


def _flow_revised(state: RunState, event: ev.FlowRevised) -> None:
    old = state.steps
    before = {step.id: step for step in old}
    state.graph = compile_graph(event.flow)
    state.arcs = [ArcState(closed=True) for _ in state.graph.arcs]
    state.steps = [
        _revised_step(step, before[step.id]) if step.id in before else step
        for step in _pending_steps(event.flow)
    ]
    _move_reads(old, state.steps)


def _revised_step(fresh: StepState, before: StepState) -> StepState:
    known = {action.id: action for action in before.actions}
    actions = [known.get(action.id, action) for action in fresh.actions]
    return replace(before, actions=actions)


def _move_reads(old: list[StepState], new: list[StepState]) -> None:
    """Let what was read stand where its step and action stand now (R9)."""
    places = {
        (step.id, action.id): (s, a)
        for s, step in enumerate(new)
        for a, action in enumerate(step.actions)
    }
    moved: dict[Place | str, Place | str] = {
        (s, a): places.get((step.id, action.id), GONE)
        for s, step in enumerate(old)
        for a, action in enumerate(step.actions)
    }
    for step in new:
        for action in step.actions:
            for attempt in action.attempts:
                attempt.reads = tuple((moved.get(one, one), seen) for one, seen in attempt.reads)


GONE = ""
"""Stands in an attempt's reads for an action that the flow does not have any more."""


def _inputs_revised(state: RunState, event: ev.InputsRevised) -> None:
    state.inputs = event.inputs
    state.shared = {**state.shared, **event.inputs}


def _step_started(state: RunState, event: ev.StepStarted) -> None:
    step = _step(state, event)
    step.visit_count = event.visit
    step.visits[event.visit] = VisitState(event.visit, event.rerun, len(event.actions))
    step.failed = step.failed and not event.rerun
    step.reason = step.reason if step.failed else None
    step.status, step.skip_cause = "running", None
    step.started_at, step.ended_at = event.at, None
    state.open_visits += 1
    for action in event.actions:
        state.scope.pop((event.step or 0, action), None)
        step.actions[action].status = "pending"
        step.actions[action].reason = None


def _end_visit(state: RunState, event: Any, status: ActionStatus) -> bool:
    """Close a visit with the status of the step, and say whether its edges can fire (R7)."""
    step = _step(state, event)
    visit = step.visits.pop(event.visit)
    state.open_visits -= 1
    step.status = "running" if step.visits else status
    if not step.visits:
        step.ended_at = event.at
    return not visit.rerun


def _step_completed(state: RunState, event: ev.StepCompleted) -> None:
    step = _step(state, event)
    if not _end_visit(state, event, "failed" if step.failed else "completed"):
        return
    for arc in state.graph.out[event.step or 0]:
        state.arcs[arc.index].fired += arc.is_fired(event.ports)
    _close_when_exhausted(state, event.step or 0)


def _step_failed(state: RunState, event: ev.StepFailed) -> None:
    step, index = _step(state, event), event.step or 0
    step.failed, step.reason = True, event.reason
    if event.visit == 0:
        _unmet(step, event)
    elif not _end_visit(state, event, "failed"):
        if state.graph.flow.on_error == "stop":
            state.scope = {}
        return
    out = state.graph.out[index]
    handled = any(arc.port == "error" for arc in out)
    for arc in out:
        if arc.port == "error":
            state.arcs[arc.index].fired += 1
        elif not handled:
            state.arcs[arc.index].failed = True
    _close_when_exhausted(state, index)
    if not handled and state.graph.flow.on_error == "stop" and state.stopped_by is None:
        state.stopped_by = index


def _unmet(step: StepState, event: ev.StepFailed) -> None:
    """Settle a step whose join failed, so that it was never visited (J5)."""
    step.status, step.skip_cause, step.ended_at = "failed", "failed", event.at
    for action in step.actions:
        action.status, action.reason = "skipped", event.reason


def _step_canceled(state: RunState, event: ev.StepCanceled) -> None:
    _end_visit(state, event, "canceled")


def _step_skipped(state: RunState, event: ev.StepSkipped) -> None:
    step = _step(state, event)
    step.status, step.reason, step.skip_cause = "skipped", event.reason, event.cause
    for action in step.actions:
        action.status, action.reason = "skipped", event.reason
    _close_when_exhausted(state, event.step or 0)


def _close_when_exhausted(state: RunState, index: int) -> None:
    """Close the edges of a step that can't be visited again, and so on behind it (P7)."""
    front = [index]
    while front:
        step = front.pop()
        if not _is_exhausted(state, step):
            continue
        for arc in state.graph.out[step]:
            state.arcs[arc.index].closed = True
            again = state.graph.joins[arc.target] == "no_wait"
            if again and state.steps[arc.target].status in SETTLED:
                front.append(arc.target)


def _is_exhausted(state: RunState, index: int) -> bool:
    """Whether a settled step has no visit open, and no edge that fires brings another one."""
    step, into = state.steps[index], state.graph.into[index]
    if step.visits or state.graph.joins[index] != "no_wait":
        return not step.visits
    arcs = [state.arcs[arc.index] for arc in into]
    return all(arc.closed for arc in arcs) and sum(arc.fired for arc in arcs) <= step.visit_count


def _action_started(state: RunState, event: ev.ActionStarted) -> None:
    action = _action(state, event)
    attempt = AttemptState(
        event.attempt,
        event.visit,
        event.definition,
        event.reads,
        event.at,
        event.model,
        event.rendered,
    )
    action.attempts.append(attempt)
    action.status, action.reason, action.stale = "running", None, None
    _step(state, event).visits[event.visit].attempts.append(attempt)


def _settle(state: RunState, event: Any, status: ActionStatus) -> AttemptState | None:
    """Close an attempt and count it in its visit; None when it had settled before (R3)."""
    action = _action(state, event)
    attempt: AttemptState = action.attempts[event.attempt - 1]
    if attempt.status in SETTLED:
        return None
    attempt.status, attempt.ended_at = status, event.at
    attempt.parts = ["".join(attempt.parts)] if attempt.parts else []
    if attempt is action.newest:
        action.status = status
    _step(state, event).visits[attempt.visit].open -= 1
    return attempt


def _action_completed(state: RunState, event: ev.ActionCompleted) -> None:
    attempt = _settle(state, event, "completed")
    if attempt is None:
        return
    attempt.output, attempt.digest, attempt.ports = event.output, event.digest, event.ports
    if not attempt.parts and event.output not in (None, ""):
        attempt.parts = [as_text(event.output)]
        attempt.chars = len(attempt.parts[0])
    attempt.model = event.model or attempt.model
    attempt.prompt_tokens = event.prompt_tokens
    attempt.completion_tokens = event.completion_tokens
    attempt.total_tokens = event.total_tokens
    attempt.finish_reason, attempt.request_id = event.finish_reason, event.request_id
    attempt.note = event.note
    _count_tokens(state, event.total_tokens)


def _action_failed(state: RunState, event: ev.ActionFailed) -> None:
    attempt = _settle(state, event, "failed")
    if attempt is None:
        return
    attempt.error, attempt.request_id = event.error, event.error.request_id
    attempt.total_tokens = event.total_tokens
    _count_tokens(state, event.total_tokens)


def _action_canceled(state: RunState, event: ev.ActionCanceled) -> None:
    _settle(state, event, "canceled")


def _action_skipped(state: RunState, event: ev.ActionSkipped) -> None:
    action, visit = _action(state, event), _step(state, event).visits[event.visit]
    if action.newest is None:
        action.status, action.reason = "skipped", event.reason
    else:  # what it had before still stands
        action.status = action.newest.status
    visit.open, visit.cut = visit.open - 1, True


def _action_stale(state: RunState, event: ev.ActionStale) -> None:
    _action(state, event).stale = event.reason


def _action_fresh(state: RunState, event: ev.ActionFresh) -> None:
    _action(state, event).stale = None
    if state.cause == "stale":
        state.scope.pop((event.step or 0, event.action or 0), None)


def _cancel_requested(state: RunState, event: ev.CancelRequested) -> None:
    state.canceling = True
    state.scope = {}


def _flow_settled(state: RunState, event: ev.FlowSettled) -> None:
    status = {ev.FlowCompleted: "completed", ev.FlowFailed: "failed", ev.FlowCanceled: "canceled"}
    state.status = status[type(event)]  # type: ignore[assignment]  # the values are run statuses
    state.ended_at = event.at
    state.active_seconds += event.at - (event.at if state.active_at is None else state.active_at)
    state.active_at, state.cause, state.partial, state.scope = None, None, False, {}


def _log_written(state: RunState, event: ev.LogWritten) -> None:
    """Only the log changes."""


def _count_tokens(state: RunState, tokens: int | None) -> None:
    if tokens is not None:
        state.tokens = (state.tokens or 0) + tokens


def _step(state: RunState, event: ev.Event) -> StepState:
    return state.steps[event.step or 0]


def _action(state: RunState, event: ev.Event) -> ActionState:
    return state.action((event.step or 0, event.action or 0))


_FOLDS: dict[type, Callable[[RunState, Any], None]] = {
    ev.FlowStarted: _flow_started,
    ev.RerunStarted: _rerun_started,
    ev.FlowRevised: _flow_revised,
    ev.InputsRevised: _inputs_revised,
    ev.StepStarted: _step_started,
    ev.StepCompleted: _step_completed,
    ev.StepFailed: _step_failed,
    ev.StepCanceled: _step_canceled,
    ev.StepSkipped: _step_skipped,
    ev.ActionStarted: _action_started,
    ev.ActionCompleted: _action_completed,
    ev.ActionFailed: _action_failed,
    ev.ActionCanceled: _action_canceled,
    ev.ActionSkipped: _action_skipped,
    ev.ActionStale: _action_stale,
    ev.ActionFresh: _action_fresh,
    ev.LogWritten: _log_written,
    ev.CancelRequested: _cancel_requested,
    ev.FlowCompleted: _flow_settled,
    ev.FlowFailed: _flow_settled,
    ev.FlowCanceled: _flow_settled,
}
