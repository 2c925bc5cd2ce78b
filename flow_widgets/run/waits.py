"""Folds the waits of actions: before they can begin, and between two attempts (R12).

A wait leaves the visit open. While another attempt of the action runs, in another visit of its step,
it is that attempt which is shown.
"""

from __future__ import annotations

from flow_widgets.run import events as ev
from flow_widgets.run.state import AttemptState, RunState, StepState


def action_held(state: RunState, event: ev.ActionHeld) -> None:
    """Let an action wait that can't begin yet."""
    place = (event.step or 0, event.action or 0)
    action = state.action(place)
    state.steps[place[0]].visits[event.visit].waiting.add(place[1])
    if action.status == "running":
        return
    action.status, action.reason = "waiting", event.reason
    action.waits_until = None if event.seconds is None else event.at + event.seconds


def action_skipped(state: RunState, event: ev.ActionSkipped) -> None:
    """End the wait of an action that never began; what it had before still stands (P6)."""
    place = (event.step or 0, event.action or 0)
    action, visit = state.action(place), state.steps[place[0]].visits[event.visit]
    action.waits_until = None
    if action.newest is None:
        action.status, action.reason = "skipped", event.reason
    else:
        action.status, action.reason = action.newest.status, None
    visit.open, visit.cut = visit.open - 1, True
    visit.waiting.discard(place[1])


def wait(step: StepState, attempt: AttemptState, event: ev.ActionFailed) -> None:
    """Let an action wait after an attempt that has just failed, and leave its visit open."""
    action, visit = step.actions[event.action or 0], step.visits[attempt.visit]
    visit.open += 1
    visit.waiting.add(event.action or 0)
    if attempt is action.newest:
        action.status, action.waits_until = "waiting", event.at + (event.retry_seconds or 0.0)


def wait_canceled(step: StepState, event: ev.ActionCanceled) -> None:
    """End the wait after an attempt that had failed; late work, where none waits, changes nothing."""
    number, action = event.action or 0, step.actions[event.action or 0]
    visit = step.visits.get(action.attempts[event.attempt - 1].visit)
    if visit is None or number not in visit.waiting:
        return
    visit.waiting.remove(number)
    visit.open -= 1
    if action.status == "waiting":
        newest = action.attempts[-1]
        is_between = newest.retry_seconds is not None
        action.status = "canceled" if is_between else newest.status
        action.reason, action.waits_until = None, None
