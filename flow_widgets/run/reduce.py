"""Folds events into the state of a run: the only place, with what it calls, where a status changes.

Theory of operation. Each event type has one function that writes what the event says, and nothing
else: what should happen next is for ``plan``. The functions trust the engine (an event is a fact),
so they check nothing but late work: an attempt that has settled is never written again (R3). A
chunk is a list append and three counters (R4). A failed attempt that is to be repeated leaves its
visit open and its action waiting (R12). A fact of a flow inside an action is folded into the
run that its path leads to; its log line goes to the outermost log. Rules R1 to R16 of docs/spec.md.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from flow_widgets.flow.graph import Graph, compile_graph
from flow_widgets.flow.template import as_text
from flow_widgets.run import events as ev
from flow_widgets.run.by_hand import output_edited, output_pinned, write
from flow_widgets.run.counting import count, count_outside
from flow_widgets.run.edges import close_when_exhausted, fail, fire, forgive, take
from flow_widgets.run.levels import inner_of, inner_runs
from flow_widgets.run.log import inner_line, line_for, out_line
from flow_widgets.run.resume import flow_interrupted, flow_resumed
from flow_widgets.run.revise import flow_revised, inputs_revised, pending_steps
from flow_widgets.run.state import (
    SETTLED,
    ActionState,
    ArcState,
    AttemptState,
    Progress,
    RunState,
    StepState,
    VisitState,
)
from flow_widgets.run.view import ActionStatus
from flow_widgets.run.waits import action_held, action_skipped, wait, wait_canceled


def reduce(state: RunState | None, event: Any) -> RunState:
    """Return the state after an event; the given state is updated in place.

    Only ``FlowStarted`` is folded into None.
    """
    if state is None:
        state = _initial(event, compile_graph(event.flow), None)
    state.seq = event.seq
    kind = type(event)
    if event.path:
        inner = _inner(state, event)
        is_news = kind in _SPENDING and not _has_settled(inner, event)
        _FOLDS[kind](inner, event)
        if is_news:
            count_outside(state, event)
        line = inner_line(inner, event) if kind not in _SILENT else None
        if line is not None:
            state.log.append(line)
        return state
    _FOLDS[kind](state, event)
    if kind not in _SILENT:
        state.log.append(line_for(state, event))
    return state


_SILENT = frozenset({ev.ActionChunk, ev.ActionProgressed})
"""Events that write no line of their own."""
_SPENDING = frozenset({ev.ActionCompleted, ev.ActionFailed, ev.ActionCanceled})
"""Events that say what an attempt has used."""


def _has_settled(state: RunState, event: Any) -> bool:
    return _action(state, event).attempts[event.attempt - 1].status in SETTLED


def _inner(state: RunState, event: Any) -> RunState:
    """Return the run of a flow inside an action that an event is about; a first event makes it."""
    if type(event) is not ev.FlowStarted:
        return inner_of(state, event.path)
    around = inner_of(state, event.path[:-1])
    step, action, number, key = event.path[-1]
    graph = around.graph.inner_graph((step, action), event.flow)
    made = _initial(event, graph, around)
    made.home = (step, action)
    inner_runs(around.steps[step].actions[action].attempts[number - 1])[key] = made
    return made


def _chunk(state: RunState, event: ev.ActionChunk) -> None:
    attempt = _action(state, event).attempts[event.attempt - 1]
    if attempt.first_chunk_at is None:
        attempt.first_chunk_at = event.at
        if not event.path:
            state.log.append(out_line(state, event))
    attempt.parts.append(event.text)
    attempt.chars += len(event.text)


def _progressed(state: RunState, event: ev.ActionProgressed) -> None:
    attempt = _action(state, event).attempts[event.attempt - 1]
    attempt.progress = Progress(event.done, event.total, event.text)


def _initial(event: ev.FlowStarted, graph: Graph, around: RunState | None) -> RunState:
    return RunState(
        id=event.run_id,
        number=event.number,
        graph=graph,
        inputs=event.inputs,
        used_inputs=event.inputs,
        started_at=event.at,
        steps=pending_steps(event.flow),
        arcs=[ArcState() for _ in graph.arcs],
        outer=None if event.is_isolated else around,
    )


def _flow_started(state: RunState, event: ev.FlowStarted) -> None:
    state.status = "running"
    state.active_at = event.at
    seen = state.outer.shared if state.outer else {}
    slots = {name: deepcopy(slot.default) for name, slot in event.flow.state.items()}
    state.shared = {**seen, **slots, **event.inputs}
    state.trigger = event.trigger
    state.partial = event.targets is not None
    state.targets, state.begun_at = event.targets, event.at
    state.whole = event.targets is None
    state.scope = dict.fromkeys(event.targets or ())
    state.cause = "step" if event.targets else None
    state.budget = event.budget


def _rerun_started(state: RunState, event: ev.RerunStarted) -> None:
    state.status = "running"
    state.active_at, state.ended_at = event.at, None
    state.partial, state.cause = True, event.cause
    state.used_inputs = state.inputs
    state.budget = event.budget or state.budget
    state.targets, state.begun_at = event.targets, event.at
    state.scope = dict.fromkeys(event.targets)
    for place in event.targets:
        state.action(place).had = len(state.action(place).attempts)
    state.canceling, state.cancel_cause, state.stopped_by = False, None, None


def _step_started(state: RunState, event: ev.StepStarted) -> None:
    step = _step(state, event)
    step.visit_count = max(step.visit_count, event.visit)
    step.reruns += event.rerun
    step.visits[event.visit] = VisitState(
        event.visit, event.rerun, len(event.actions), event.resumed
    )
    is_new = event.visit not in step.again
    if not is_new:
        step.again.remove(event.visit)
    step.failed = step.failed and not event.rerun
    step.reason = step.reason if step.failed else None
    step.status, step.skip_cause, step.limited = "running", None, False
    step.started_at, step.ended_at = event.at, None
    state.open_visits += 1
    state.visiting.add(event.step or 0)
    if state.graph.cycle_of[event.step or 0] >= 0 and is_new and not event.rerun:
        state.cycle_visits += 1
        index = event.step or 0
        take(state, index, early=state.graph.joins[index] == "first_success")
    for number in event.actions:
        action = step.actions[number]
        action.status, action.reason = "pending", None
    if state.scope:
        for number in event.actions:
            state.scope.pop((event.step or 0, number), None)


def _end_visit(state: RunState, event: Any, status: ActionStatus) -> bool:
    """Close a visit with the status of the step, and say whether its edges can fire (R7)."""
    step = _step(state, event)
    visit = step.visits.pop(event.visit)
    state.open_visits -= 1
    step.status = "running" if step.is_open else status
    if not step.visits:
        step.ended_at = event.at
        state.visiting.discard(event.step)
    if visit.rerun and status == "completed":
        step.undone.clear()
    return not visit.rerun


def _step_completed(state: RunState, event: ev.StepCompleted) -> None:
    step = _step(state, event)
    if not _end_visit(state, event, "failed" if step.failed else "completed"):
        return
    index = event.step or 0
    if state.graph.cycle_of[index] >= 0:
        forgive(state, [index])
    fire(state, index, event.ports)
    _close(state, index)


def _step_failed(state: RunState, event: ev.StepFailed) -> None:
    step, index = _step(state, event), event.step or 0
    step.failed, step.reason = True, event.reason
    if event.visit == 0:
        _unmet(state, step, event)
    elif not _end_visit(state, event, "failed"):
        if state.graph.flow.on_error == "stop":
            state.scope = {}
        return
    handled = fail(state, index) and event.cause != "limit"
    if event.visit and not handled:
        step.undone.append(event.visit)
    _close(state, index)
    if handled or state.stopped_by is not None:
        return
    if event.cause == "limit" or state.graph.flow.on_error == "stop":
        state.stopped_by = index


def _close(state: RunState, index: int) -> None:
    """Close the edges that can't fire any more, and let go of firings that can't come (P7, C4)."""
    cycle = state.graph.cycle_of[index]
    if cycle >= 0:
        forgive(state, state.graph.cycles[cycle])
    close_when_exhausted(state, index)


def _unmet(state: RunState, step: StepState, event: ev.StepFailed) -> None:
    """Settle a step whose join failed, or that came to its limit, so that it was not visited (J5)."""
    step.status, step.skip_cause, step.ended_at = "failed", "failed", event.at
    step.limited = event.cause == "limit"
    for action in step.actions:
        if action.newest is None:
            action.status, action.reason = "skipped", event.reason
    if state.graph.cycle_of[event.step or 0] >= 0:
        take(state, event.step or 0, early=True)


def _step_canceled(state: RunState, event: ev.StepCanceled) -> None:
    if _end_visit(state, event, "canceled"):
        _step(state, event).undone.append(event.visit)


def _step_skipped(state: RunState, event: ev.StepSkipped) -> None:
    step = _step(state, event)
    step.status, step.reason, step.skip_cause = "skipped", event.reason, event.cause
    for action in step.actions:
        action.status, action.reason = "skipped", event.reason
    close_when_exhausted(state, event.step or 0)


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
        code=event.code,
    )
    visit = _step(state, event).visits[event.visit]
    attempt.rerun = visit.rerun
    visit.waiting.discard(event.action or 0)
    visit.attempts.append(attempt)
    action.attempts.append(attempt)
    action.status, action.reason, action.stale = "running", None, None
    action.waits_until = None


def _settle(state: RunState, event: Any, status: ActionStatus) -> AttemptState | None:
    """Close an attempt and count it in its visit; None when it had settled before (R3)."""
    action = _action(state, event)
    attempt: AttemptState = action.attempts[event.attempt - 1]
    if attempt.status in SETTLED:
        return None
    attempt.status, attempt.ended_at = status, event.at
    attempt.parts = ["".join(attempt.parts)] if attempt.parts else []
    if attempt is action.attempts[-1]:
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
    attempt.origin, attempt.source = event.origin, event.source
    action = _action(state, event)
    action.pinned = action.pinned or event.origin == "pin"
    attempt.writes = event.writes
    write(state, (event.step or 0, event.action or 0), event.writes)
    count(state, attempt, event)


def _action_failed(state: RunState, event: ev.ActionFailed) -> None:
    attempt = _settle(state, event, "failed")
    if attempt is None:
        return
    attempt.error, attempt.request_id = event.error, event.error.request_id
    attempt.output = event.output
    attempt.total_tokens = event.total_tokens
    attempt.retry_seconds = event.retry_seconds
    count(state, attempt, event)
    if event.retry_seconds is not None:
        wait(_step(state, event), attempt, event)


def _action_canceled(state: RunState, event: ev.ActionCanceled) -> None:
    attempt = _settle(state, event, "canceled")
    if attempt is not None:
        count(state, attempt, event)
        return
    wait_canceled(_step(state, event), event)


def _action_stale(state: RunState, event: ev.ActionStale) -> None:
    _action(state, event).stale = event.reason


def _action_fresh(state: RunState, event: ev.ActionFresh) -> None:
    _action(state, event).stale = None
    place = (event.step or 0, event.action or 0)
    if state.cause in {"stale", "resume"} and place in state.scope:
        del state.scope[place]
        state.targets = tuple(one for one in state.targets or () if one != place)


def _cancel_requested(state: RunState, event: ev.CancelRequested) -> None:
    state.canceling = True
    state.cancel_cause, state.cancel_reason = event.cause, event.reason
    state.scope = {}


def _flow_settled(state: RunState, event: ev.FlowSettled) -> None:
    status = {ev.FlowCompleted: "completed", ev.FlowFailed: "failed", ev.FlowCanceled: "canceled"}
    state.status = status[type(event)]  # type: ignore[assignment]  # the values are run statuses
    state.ended_at = event.at
    begun = event.at if state.active_at is None else state.active_at
    state.active_seconds += max(0.0, event.at - begun)  # a clock may be set back meanwhile
    state.active_at, state.cause, state.partial, state.scope = None, None, False, {}


def _log_written(state: RunState, event: ev.LogWritten) -> None:
    """Only the log changes."""


def _step(state: RunState, event: Any) -> StepState:
    found: StepState = state.steps[event.step]
    return found


def _action(state: RunState, event: Any) -> ActionState:
    found: ActionState = state.steps[event.step].actions[event.action]
    return found


_FOLDS: dict[type, Callable[[RunState, Any], None]] = {
    ev.FlowStarted: _flow_started,
    ev.RerunStarted: _rerun_started,
    ev.FlowResumed: flow_resumed,
    ev.FlowInterrupted: flow_interrupted,
    ev.FlowRevised: flow_revised,
    ev.InputsRevised: inputs_revised,
    ev.StepStarted: _step_started,
    ev.StepCompleted: _step_completed,
    ev.StepFailed: _step_failed,
    ev.StepCanceled: _step_canceled,
    ev.StepSkipped: _step_skipped,
    ev.ActionStarted: _action_started,
    ev.ActionHeld: action_held,
    ev.ActionChunk: _chunk,
    ev.ActionProgressed: _progressed,
    ev.ActionCompleted: _action_completed,
    ev.ActionFailed: _action_failed,
    ev.ActionCanceled: _action_canceled,
    ev.ActionSkipped: action_skipped,
    ev.ActionStale: _action_stale,
    ev.ActionFresh: _action_fresh,
    ev.OutputEdited: output_edited,
    ev.OutputPinned: output_pinned,
    ev.LogWritten: _log_written,
    ev.CancelRequested: _cancel_requested,
    ev.FlowCompleted: _flow_settled,
    ev.FlowFailed: _flow_settled,
    ev.FlowCanceled: _flow_settled,
}
