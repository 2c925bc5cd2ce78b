"""The log: one line per fact, in words a person reads; outputs grow in their own line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flow_widgets.run import events as ev
from flow_widgets.run.state import AttemptState, LogLine, RunState


def line_for(state: RunState, event: Any) -> LogLine:
    """Return the log line of an event other than a chunk that was just folded into the state."""
    return _LINES[type(event)](state, event)


def inner_line(inner: RunState, event: Any) -> LogLine | None:
    """Return the line of an event of a flow inside an action: at that action, saying which run of it.

    None where it would say too little: a map of a thousand items is to be read too.
    """
    if type(event) in _QUIET_INSIDE:
        return None
    line = line_for(inner, event)
    where = " ".join(f"[{level.key}]" for level in event.path)
    if event.step is not None:
        step = inner.graph.flow.steps[event.step]
        where += f" {step.label or step.id}"
    first = event.path[0]
    return LogLine(event.at, line.level, f"{where}: {line.text}", first.step, first.action)


_QUIET_INSIDE = frozenset(
    {ev.FlowStarted, ev.FlowCompleted, ev.StepStarted, ev.StepCompleted, ev.ActionStarted}
)


def out_line(state: RunState, event: ev.ActionChunk) -> LogLine:
    """Return the line that stands for all output of the attempt that a chunk belongs to."""
    line = _line(event, "out", "")
    line.attempt = _attempt(state, event)
    return line


def seconds(value: float) -> str:
    """Return a duration as it is shown: ``0.41 s``, ``4.1 s``, ``2 min 5 s``, ``1 h 4 min``."""
    if value < 1:
        return f"{value:.2f}\u00a0s"
    if value < 59.95:
        return f"{value:.1f}\u00a0s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes}\u00a0min {rest}\u00a0s"
    return f"{minutes // 60}\u00a0h {minutes % 60}\u00a0min"


def counted(count: int, noun: str) -> str:
    """Return ``1 step`` or ``3 steps``, with thousands separated."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _line(event: Any, level: Any, text: str) -> LogLine:
    return LogLine(event.at, level, text, event.step, event.action)


def _flow_started(state: RunState, event: ev.FlowStarted) -> LogLine:
    if event.targets is None:
        actions = sum(len(step.actions) for step in state.steps)
        what = f"{counted(len(state.steps), 'step')}, {counted(actions, 'action')}"
    else:
        what = f"{counted(len(event.targets), 'action')} only"
    return _line(event, "info", f"Run {state.number} started: {what}")


def _rerun_started(state: RunState, event: ev.RerunStarted) -> LogLine:
    what = _RERUNS.get(event.cause, "Run again")
    return _line(event, "info", f"{what}: {counted(len(event.targets), 'action')}")


_RERUNS = {"stale": "Stale actions run again", "resume": "What had not completed runs"}


def _flow_resumed(state: RunState, event: ev.FlowResumed) -> LogLine:
    return _line(event, "info", f"Run {state.number} goes on with what had not completed")


def _flow_interrupted(state: RunState, event: ev.FlowInterrupted) -> LogLine:
    return _line(event, "error", "Interrupted: the process that drove this run ended")


def _step_started(state: RunState, event: ev.StepStarted) -> LogLine:
    count = len(event.actions)
    if count == 1:
        return LogLine(event.at, "info", "Step started: 1 action", event.step)
    many = " in parallel" if count else ""
    return _line(event, "info", f"Step started: {counted(count, 'action')}{many}")


def _step_completed(state: RunState, event: ev.StepCompleted) -> LogLine:
    return _line(event, "info", f"Step completed in {_step_time(state, event)}")


def _step_failed(state: RunState, event: ev.StepFailed) -> LogLine:
    return _line(event, "error", f"Step failed: {event.reason}")


def _step_canceled(state: RunState, event: ev.StepCanceled) -> LogLine:
    return _line(event, "warn", f"Step canceled after {_step_time(state, event)}")


def _step_time(state: RunState, event: Any) -> str:
    return seconds(event.at - (state.steps[event.step].started_at or 0.0))


def _step_skipped(state: RunState, event: ev.StepSkipped) -> LogLine:
    return _line(event, "info", f"Skipped: {event.reason}")


def _action_started(state: RunState, event: ev.ActionStarted) -> LogLine:
    number = f", attempt {event.attempt}" if event.attempt > 1 else ""
    model = f" {event.model}" if event.model else ""
    return _line(event, "debug", f"Started {event.definition.type}{model}{number}")


def _attempt(state: RunState, event: Any) -> AttemptState:
    found: AttemptState
    found = state.steps[event.step].actions[event.action].attempts[event.attempt - 1]
    return found


def _action_completed(state: RunState, event: ev.ActionCompleted) -> LogLine:
    attempt = _attempt(state, event)
    text = f"Completed in {seconds(event.at - attempt.started_at)}"
    if event.total_tokens is not None:
        text += f", {counted(event.total_tokens, 'token')}"
    if attempt.first_chunk_at is not None:
        text += f", first chunk after {seconds(attempt.first_chunk_at - attempt.started_at)}"
    if event.note:
        text += f", {_NOTES[event.note]}"
    if event.origin != "ran":
        text = _ORIGINS[event.origin]
    return _line(event, "warn" if event.note else "info", text)


_ORIGINS = {
    "cache": "Taken from an earlier run, nothing was sent",
    "kept": "Taken over from the attempt that was cut off, nothing was sent",
    "pin": "The pinned output is used, nothing was sent",
}


_NOTES = {
    "truncated": "cut off at the token limit",
    "refused": "the model refused to answer",
    "empty": "the output is empty",
}


def _action_failed(state: RunState, event: ev.ActionFailed) -> LogLine:
    request = f" Request {event.error.request_id}." if event.error.request_id else ""
    if event.retry_seconds is None:
        return _line(event, "error", f"{event.error}{request}")
    wait = f" Next try in {seconds(event.retry_seconds)}."
    return _line(event, "warn", f"{event.error.what}{request}{wait}")


def _action_held(state: RunState, event: ev.ActionHeld) -> LogLine:
    wait = "" if event.seconds is None else f", for {seconds(event.seconds)}"
    return _line(event, "debug", f"Waits: {event.reason}{wait}")


def _action_canceled(state: RunState, event: ev.ActionCanceled) -> LogLine:
    chars = _attempt(state, event).chars
    return _line(event, "warn", f"Canceled; {counted(chars, 'character')} kept")


def _output_edited(state: RunState, event: ev.OutputEdited) -> LogLine:
    return _line(event, "info", "The output was edited by hand")


def _output_pinned(state: RunState, event: ev.OutputPinned) -> LogLine:
    return _line(event, "info", "Pinned" if event.pinned else "Not pinned any more")


def _action_skipped(state: RunState, event: ev.ActionSkipped) -> LogLine:
    return _line(event, "info", f"Skipped: {event.reason}")


def _action_stale(state: RunState, event: ev.ActionStale) -> LogLine:
    return _line(event, "info", f"Stale: {event.reason}")


def _action_fresh(state: RunState, event: ev.ActionFresh) -> LogLine:
    return _line(event, "info", "Fresh again: nothing it uses has changed")


def _log_written(state: RunState, event: ev.LogWritten) -> LogLine:
    return _line(event, event.level, event.text)


def _cancel_requested(state: RunState, event: ev.CancelRequested) -> LogLine:
    text = "Cancel requested" if event.cause == "user" else f"Stopped: {event.reason}"
    return _line(event, "warn", text)


def _settled(state: RunState, event: Any) -> LogLine:
    why = getattr(event, "reason", "")
    reason = f": {why}" if why else ""
    level = {"completed": "info", "failed": "error", "canceled": "warn"}[state.status]
    text = f"Run {state.number} {state.status} in {seconds(state.active_seconds)}{reason}"
    return _line(event, level, text)


def _flow_revised(state: RunState, event: ev.FlowRevised) -> LogLine:
    return _line(event, "info", "The flow was edited")


def _inputs_revised(state: RunState, event: ev.InputsRevised) -> LogLine:
    return _line(event, "info", "The inputs were edited")


_LINES: dict[type, Callable[[RunState, Any], LogLine]] = {
    ev.FlowStarted: _flow_started,
    ev.RerunStarted: _rerun_started,
    ev.FlowResumed: _flow_resumed,
    ev.FlowInterrupted: _flow_interrupted,
    ev.FlowRevised: _flow_revised,
    ev.InputsRevised: _inputs_revised,
    ev.StepStarted: _step_started,
    ev.StepCompleted: _step_completed,
    ev.StepFailed: _step_failed,
    ev.StepCanceled: _step_canceled,
    ev.StepSkipped: _step_skipped,
    ev.ActionStarted: _action_started,
    ev.ActionHeld: _action_held,
    ev.ActionCompleted: _action_completed,
    ev.ActionFailed: _action_failed,
    ev.ActionCanceled: _action_canceled,
    ev.ActionSkipped: _action_skipped,
    ev.ActionStale: _action_stale,
    ev.ActionFresh: _action_fresh,
    ev.OutputEdited: _output_edited,
    ev.OutputPinned: _output_pinned,
    ev.LogWritten: _log_written,
    ev.CancelRequested: _cancel_requested,
    ev.FlowCompleted: _settled,
    ev.FlowFailed: _settled,
    ev.FlowCanceled: _settled,
}
