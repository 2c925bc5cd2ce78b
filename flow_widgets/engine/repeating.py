"""How an attempt ends that another may follow: the gate hears of a refusal, and a retry is decided."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flow_widgets.engine.attempts import Fact
from flow_widgets.engine.resources import Level
from flow_widgets.engine.retrying import retry_delay, with_reason
from flow_widgets.flow.model import Action
from flow_widgets.run import events as ev
from flow_widgets.run.events import Failure
from flow_widgets.run.state import AttemptState

if TYPE_CHECKING:
    from flow_widgets.engine.execution import Execution

_ERROR, _RETRY_SECONDS = 4, 7
"""Where the failure and the time of the next attempt stand in the fact of a failed attempt."""


def ending(run: Execution, level: Level, action: Action, attempt: AttemptState, fact: Fact) -> Fact:
    """Return the fact that ends an attempt: of a failed one it says whether and when another follows."""
    if fact[0] is not ev.ActionFailed:
        return fact
    _, step, number, _, failure = fact[: _ERROR + 1]
    key = (level, step, number, attempt.number)
    is_everyone_refused = run.waits.refused(key, attempt.visit, failure)
    if action.retries_itself or level.state.canceling:
        return fact
    tried = [
        one
        for one in level.state.steps[step].actions[number].attempts
        if one.visit == attempt.visit
    ]
    facts: dict[str, Any] = {
        "retry": action.retry or run.resources.retry or level.flow.retry,
        "attempts": len(tried),
        "waited_seconds": sum(one.retry_seconds or 0.0 for one in tried),
        "chars": attempt.chars,
        "is_everyone_refused": is_everyone_refused,
        "budget": run.retries,
    }
    seconds = retry_delay(failure, random=run.resources.random, **facts)
    if seconds is None:
        return _with(fact, with_reason(failure, **facts), None)
    if not run.meter.allows(level, step, number, attempt.visit, seconds):
        return fact
    return _with(fact, failure, seconds)


def _with(fact: Fact, failure: Failure, seconds: float | None) -> Fact:
    """Return the fact of a failed attempt with its failure in other words, and its next attempt."""
    whole = (*fact, *(None,) * (_RETRY_SECONDS + 1 - len(fact)))
    before, after = whole[:_ERROR], whole[_ERROR + 1 : _RETRY_SECONDS]
    return (*before, failure, *after, seconds, *whole[_RETRY_SECONDS + 1 :])
