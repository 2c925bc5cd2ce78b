"""Folds events into the state of a run: the only place where a status changes.

Theory of operation. Each event type has one function that writes what the event says, and nothing
else: what should happen next is for ``plan``. The functions trust the engine (an event is a fact),
so they check nothing but late work: an attempt that has settled is never written again (R3). A
chunk is a list append and three counters (R4). A fact of a flow inside an action is folded into the
run that its path leads to; its log line goes to the outermost log. Rules R1 to R11 of docs/spec.md.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from flow_widgets.flow.graph import Graph, compile_graph
from flow_widgets.flow.shared import written
from flow_widgets.flow.template import as_text
from flow_widgets.run import events as ev
from flow_widgets.run.edges import close_when_exhausted, fail, fire, forgive, take
from flow_widgets.run.log import inner_line, line_for, out_line
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
        _FOLDS[kind](inner, event)
        if kind is ev.ActionCompleted or kind is ev.ActionFailed:
            _count_outside(state, event)
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


def inner_of(state: RunState, path: ev.Path) -> RunState:
    """Return the run of a flow inside an action, or inside an action of such a flow, and so on."""
    for step, action, attempt, key in path:
        state = inner_runs(state.steps[step].actions[action].attempts[attempt - 1])[key]
    return state


def inner_runs(attempt: AttemptState) -> dict[int | str, RunState]:
    """Return the runs of flows inside an attempt, by their key."""
    if attempt.inner is None:
        attempt.inner = {}
    return attempt.inner


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
    state.scope = dict.fromkeys(event.targets or ())
    state.cause = "step" if event.targets else None


def _rerun_started(state: RunState, event: ev.RerunStarted) -> None:
    state.status = "running"
    state.active_at, state.ended_at = event.at, None
    state.partial, state.cause = True, event.cause
    state.used_inputs = state.inputs
    state.scope = dict.fromkeys(event.targets)
    state.canceling, state.stopped_by = False, None


def _step_started(state: RunState, event: ev.StepStarted) -> None:
    step = _step(state, event)
    step.visit_count = event.visit
    step.visits[event.visit] = VisitState(event.visit, event.rerun, len(event.actions))
    step.failed = step.failed and not event.rerun
    step.reason = step.reason if step.failed else None
    step.status, step.skip_cause = "running", None
    step.started_at, step.ended_at = event.at, None
    state.open_visits += 1
    state.visiting.add(event.step or 0)
    if state.graph.cycle_of[event.step or 0] >= 0 and not event.rerun:
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
    step.status = "running" if step.visits else status
    if not step.visits:
        step.ended_at = event.at
        state.visiting.discard(event.step)
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
    for action in step.actions:
        if action.newest is None:
            action.status, action.reason = "skipped", event.reason
    if state.graph.cycle_of[event.step or 0] >= 0:
        take(state, event.step or 0, early=True)


def _step_canceled(state: RunState, event: ev.StepCanceled) -> None:
    _end_visit(state, event, "canceled")


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
    attempt.writes = event.writes
    for path, value in event.writes:
        state.shared = written(state.shared, path, value)
        writers = state.writers.setdefault(path.split(".")[0], [])
        place = (event.step or 0, event.action or 0)
        if writers[-1:] != [place]:
            writers.append(place)
        if state.home is not None:
            state.written.append((path, value))
    _count_tokens(state, event.total_tokens)


def _action_failed(state: RunState, event: ev.ActionFailed) -> None:
    attempt = _settle(state, event, "failed")
    if attempt is None:
        return
    attempt.error, attempt.request_id = event.error, event.error.request_id
    attempt.output = event.output
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


def _count_outside(state: RunState, event: Any) -> None:
    """Count the tokens of an attempt inside an action there too, on each level around it (R11)."""
    if event.total_tokens is None:
        return
    for depth, (step, action, number, _) in enumerate(event.path):
        around = inner_of(state, event.path[:depth])
        attempt = around.steps[step].actions[action].attempts[number - 1]
        attempt.inner_tokens = (attempt.inner_tokens or 0) + event.total_tokens
        _count_tokens(around, event.total_tokens)


def _step(state: RunState, event: Any) -> StepState:
    found: StepState = state.steps[event.step]
    return found


def _action(state: RunState, event: Any) -> ActionState:
    found: ActionState = state.steps[event.step].actions[event.action]
    return found


_FOLDS: dict[type, Callable[[RunState, Any], None]] = {
    ev.FlowStarted: _flow_started,
    ev.RerunStarted: _rerun_started,
    ev.FlowRevised: flow_revised,
    ev.InputsRevised: inputs_revised,
    ev.StepStarted: _step_started,
    ev.StepCompleted: _step_completed,
    ev.StepFailed: _step_failed,
    ev.StepCanceled: _step_canceled,
    ev.StepSkipped: _step_skipped,
    ev.ActionStarted: _action_started,
    ev.ActionChunk: _chunk,
    ev.ActionProgressed: _progressed,
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
