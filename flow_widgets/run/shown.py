"""The parts of a run as the browser is shown them, each made from the state alone."""

from __future__ import annotations

import json
from typing import Any

from flow_widgets.flow.limits import Budget
from flow_widgets.run.events import Failure
from flow_widgets.run.outcome import stop_reason_of
from flow_widgets.run.resume import left_of
from flow_widgets.run.state import (
    SETTLED,
    ActionState,
    ArcState,
    AttemptState,
    LogLine,
    RunState,
    StepState,
)
from flow_widgets.run.view import (
    ActionStatus,
    AttemptLine,
    BudgetView,
    EdgeStatus,
    ErrorView,
    LogLineView,
    ProgressView,
    StopView,
    WaitView,
)

TAIL_CHARS = 200
_WORST: tuple[ActionStatus, ...] = ("failed", "waiting", "running", "canceled")


def run_facts(state: RunState) -> dict[str, Any]:
    """Return what a run's view holds besides its steps, edges and log."""
    actions = [action for step in state.steps for action in step.actions]
    return {
        "id": state.id,
        "number": state.number,
        "status": state.status,
        "started_at": state.started_at,
        "active_at": state.active_at,
        "active_seconds": state.active_seconds,
        "ended_at": state.ended_at,
        "settled": sum(action.status in SETTLED for action in actions),
        "total": len(actions),
        "tokens": state.tokens,
        "cost_usd": state.cost_usd,
        "stale": sum(action.stale is not None for action in actions),
        "resumable": len(left_of(state)),
        "failed": sum(action.status == "failed" for action in actions),
        "cached": sum(one.newest is not None and one.newest.origin == "cache" for one in actions),
        "budget": budget_view(state.budget),
        "spent": {
            "tokens": (state.tokens or 0) + state.estimated_tokens,
            "estimated": state.estimated_tokens > 0,
            "usd": state.cost_usd,
            "unpriced": state.unpriced and _is_priced(state),
        },
        "stop": _stop(state),
    }


def _is_priced(state: RunState) -> bool:
    """Whether dollars are of interest: some cost is known, or there is a limit of them."""
    has_limit = state.budget is not None and state.budget.usd is not None
    return has_limit or state.cost_usd is not None


def budget_view(budget: Budget | None) -> BudgetView | None:
    """Return the limits of a budget; None without one."""
    if budget is None:
        return None
    return {"usd": budget.usd, "tokens": budget.tokens, "seconds": budget.seconds}


def _stop(state: RunState) -> StopView | None:
    """Return why a run ended before its end, where that was nobody's wish."""
    if state.status == "interrupted":
        text = "The process that ran this ended. What had completed is kept."
        return {"cause": "interrupted", "text": text}
    reason = stop_reason_of(state)
    if reason is None or state.cancel_cause is None or state.cancel_cause == "user":
        return None
    return {"cause": state.cancel_cause, "text": f"Stopped: {reason}. What has come is kept."}


def step_view(state: RunState, index: int) -> dict[str, Any]:
    """Return what a step's view holds besides its actions."""
    step = state.steps[index]
    return {
        "status": step_status(step),
        "stale": any(action.stale is not None for action in step.actions),
        "reason": step.reason,
        "started_at": step.started_at,
        "ended_at": step.ended_at,
        "tokens": _sum([one.newest.tokens for one in step.actions if one.newest]),
        "settled": sum(action.status in SETTLED for action in step.actions),
        "visits": step.visit_count,
    }


def edge_status(arc: ArcState) -> EdgeStatus:
    """Return the status to show of an edge; one that fired once stays fired."""
    if arc.fired:
        return "fired"
    if arc.failed:
        return "failed"
    return "dead" if arc.closed else "waiting"


def step_status(step: StepState) -> ActionStatus:
    """Return the status to show of a step: while it runs, the worst of its actions."""
    if step.status == "running":
        found = {action.status for action in step.actions}
        return next((status for status in _WORST if status in found), "running")
    return step.status


def _sum(counts: list[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def action_view(action: ActionState) -> dict[str, Any]:
    """Return what an action's view holds besides its text."""
    newest = action.newest
    made: dict[str, Any] = {
        "status": action.status,
        "stale": action.stale,
        "reason": action.reason,
        "waits": _waits(action),
        "pinned": action.pinned,
        "origin": newest.origin if newest else "ran",
        "attempt": newest.number if newest else 0,
        "attempts": [attempt_line(attempt) for attempt in action.attempts],
        "model": newest.model if newest else None,
        "started_at": newest.started_at if newest else None,
        "first_chunk_at": newest.first_chunk_at if newest else None,
        "ended_at": newest.ended_at if newest else None,
        "tokens": newest.tokens if newest else None,
        "cost_usd": newest.cost_usd if newest else None,
        "finish_reason": newest.finish_reason if newest else None,
        "truncated": newest is not None and newest.note == "truncated",
        "is_json": newest is not None and is_json(newest),
        "error": error_view(newest.error) if newest and newest.error else None,
        "progress": _progress(newest) if newest else None,
    }
    return made


def _waits(action: ActionState) -> WaitView | None:
    if action.status != "waiting":
        return None
    return {"until": action.waits_until, "reason": action.reason or ""}


def _progress(attempt: AttemptState) -> ProgressView | None:
    told = attempt.progress
    if told is None:
        return None
    return {"done": told.done, "total": told.total, "text": told.text}


def is_json(attempt: AttemptState) -> bool:
    """Whether a settled attempt's text is a JSON object or array."""
    if attempt.status not in SETTLED or not attempt.parts:
        return False
    if isinstance(attempt.output, (dict, list)):
        return True
    text = attempt.text.strip()
    if text[:1] + text[-1:] not in ("{}", "[]"):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def attempt_line(attempt: AttemptState) -> AttemptLine:
    """Return the line of an attempt in the list of attempts."""
    return {
        "number": attempt.number,
        "status": attempt.status,
        "started_at": attempt.started_at,
        "ended_at": attempt.ended_at,
        "tokens": attempt.tokens,
        "chars": attempt.chars if attempt.status in SETTLED else 0,
        "error": error_view(attempt.error) if attempt.error else None,
    }


def error_view(error: Failure) -> ErrorView:
    """Return a failure as the browser shows it."""
    return {
        "kind": error.kind,
        "what": error.what,
        "hint": error.hint,
        "status": error.status,
        "request_id": error.request_id,
        "retryable": error.retryable,
        "detail": error.detail,
    }


def line_view(n: int, line: LogLine) -> LogLineView:
    """Return a log line as the browser shows it; of a growing output only where it belongs."""
    attempt = line.attempt
    chars: int | None = None
    text = line.text
    if attempt is not None and attempt.status in SETTLED:
        chars, text = attempt.chars, attempt.text[-TAIL_CHARS:]
    return {
        "n": n,
        "at": line.at,
        "level": line.level,
        "step": line.step,
        "action": line.action,
        "attempt": attempt.number if attempt else None,
        "text": text,
        "chars": chars,
    }
