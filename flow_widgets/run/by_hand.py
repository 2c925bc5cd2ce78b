"""Folds what actions set in the shared state, and what a person does to an output (R15)."""

from __future__ import annotations

from typing import Any

from flow_widgets.flow.graph import Place
from flow_widgets.flow.shared import written
from flow_widgets.flow.template import as_text
from flow_widgets.run import events as ev
from flow_widgets.run.state import AttemptState, RunState, StepState


def write(state: RunState, place: Place, writes: tuple[tuple[str, Any], ...]) -> None:
    """Set values in the shared state, and remember who did."""
    for path, value in writes:
        state.shared = written(state.shared, path, value)
        writers = state.writers.setdefault(path.split(".")[0], [])
        if writers[-1:] != [place]:
            writers.append(place)
        if state.home is not None:
            state.written.append((path, value))


def output_edited(state: RunState, event: ev.OutputEdited) -> None:
    """Add an attempt that a person wrote; its visit is none of the run's."""
    action = state.action((event.step or 0, event.action or 0))
    number = len(action.attempts) + 1
    attempt = AttemptState(number, 0, event.definition, event.reads, event.at, rerun=True)
    attempt.origin = "edit"
    attempt.status, attempt.ended_at = "completed", event.at
    attempt.output, attempt.digest = event.output, event.digest
    text = as_text(event.output) if event.output not in (None, "") else ""
    attempt.parts, attempt.chars = [text] if text else [], len(text)
    newest = action.newest
    had = newest.ports if newest is not None else ()
    attempt.ports = had or event.definition.ports[:1]
    attempt.writes = event.writes
    write(state, (event.step or 0, event.action or 0), event.writes)
    action.attempts.append(attempt)
    action.status, action.reason, action.stale = "completed", None, None
    _settle_by_hand(state, state.steps[event.step or 0])


def _settle_by_hand(state: RunState, step: StepState) -> None:
    """Let a step that had not completed count as completed when all its actions have (R15)."""
    if step.status != "completed" and all(one.status == "completed" for one in step.actions):
        step.status, step.reason, step.skip_cause, step.failed = "completed", None, None, False
        step.undone.clear()


def output_pinned(state: RunState, event: ev.OutputPinned) -> None:
    """Pin an output, or let it go."""
    state.action((event.step or 0, event.action or 0)).pinned = event.pinned
