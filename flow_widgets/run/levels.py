"""Finds the runs of flows inside actions in the state of the run around them."""

from __future__ import annotations

from flow_widgets.run import events as ev
from flow_widgets.run.state import AttemptState, RunState


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
