"""Folds what attempts have used and cost, on every level around them (R11)."""

from __future__ import annotations

from typing import Any

from flow_widgets.run.levels import inner_of
from flow_widgets.run.state import AttemptState, RunState


def count(state: RunState, attempt: AttemptState, event: Any) -> None:
    """Count what an attempt has used and cost."""
    attempt.cost_usd, attempt.estimated_tokens = event.cost_usd, event.estimated_tokens
    _count_in(state, event)


def _count_in(state: RunState, event: Any) -> None:
    tokens = getattr(event, "total_tokens", None)
    estimated = event.estimated_tokens
    if tokens is not None:
        state.tokens = (state.tokens or 0) + tokens
    state.estimated_tokens += estimated or 0
    if event.cost_usd is not None:
        state.cost_usd = (state.cost_usd or 0.0) + event.cost_usd
    elif tokens or estimated:
        state.unpriced = True


def count_outside(state: RunState, event: Any) -> None:
    """Count what an attempt inside an action has used there too, on each level around it (R11)."""
    tokens = getattr(event, "total_tokens", None)
    for depth, (step, action, number, _) in enumerate(event.path):
        around = inner_of(state, event.path[:depth])
        attempt = around.steps[step].actions[action].attempts[number - 1]
        if tokens is not None:
            attempt.inner_tokens = (attempt.inner_tokens or 0) + tokens
        _count_in(around, event)
