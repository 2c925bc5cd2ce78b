"""One attempt of one action: run it, and say how it ended as a fact, whatever it did."""

from __future__ import annotations

import asyncio
import traceback
from typing import Any

from flow_widgets.actions.base import Outcome
from flow_widgets.engine.context import ActionContext
from flow_widgets.errors import FlowError, ProviderError
from flow_widgets.flow.model import Action
from flow_widgets.run import events as ev
from flow_widgets.run.digest import digest
from flow_widgets.run.events import Failure

Fact = tuple[Any, ...]
"""An event's class, step, action, and its own fields, before it has a number and a time."""


async def attempt_of(action: Action, ctx: ActionContext) -> Fact:
    """Run an action whose templates are filled in, and return the fact that ends its attempt."""
    try:
        outcome = await action.run(ctx)  # type: ignore[attr-defined]  # RunnableAction; flow/ knows no run
    except asyncio.CancelledError:
        return (ev.ActionCanceled, ctx.step, ctx.action, ctx.attempt)
    except KeyboardInterrupt:  # the user's, not the action's: the run is canceled as its task ends
        raise
    except BaseException as error:  # noqa: BLE001  # a task's edge: it becomes a fact, SystemExit too
        return failed(ctx.step, ctx.action, ctx.attempt, failure_of(error, ctx), ctx)
    return _completed(action, outcome, ctx)


def _completed(action: Action, outcome: Any, ctx: ActionContext) -> Fact:
    if not isinstance(outcome, Outcome):
        outcome = Outcome(output=outcome)
    try:
        mark = digest(outcome.output)
    except (TypeError, ValueError) as error:
        what = f"The output of {type(action).__name__} is no JSON data: {error}."
        failure = Failure("invalid_output", what, "Return dicts, lists, texts, numbers or None.")
        return failed(ctx.step, ctx.action, ctx.attempt, failure, ctx)
    usage = outcome.usage
    return (
        ev.ActionCompleted,
        ctx.step,
        ctx.action,
        ctx.attempt,
        outcome.output,
        mark,
        outcome.ports or action.ports[:1],
        outcome.model,
        usage.prompt_tokens,
        usage.completion_tokens,
        usage.total_tokens,
        outcome.finish_reason,
        outcome.request_id,
        outcome.note,
    )


def failed(
    step: int, action: int, attempt: int, failure: Failure, ctx: ActionContext | None = None
) -> Fact:
    """Return the fact that an attempt failed, with the tokens that a finished call has used."""
    result = ctx.result if ctx else None
    if result is not None and failure.request_id is None:
        failure.request_id = result.request_id
    tokens = result.usage.total_tokens if result and result.usage else None
    return (ev.ActionFailed, step, action, attempt, failure, tokens)


def failure_of(error: BaseException, ctx: ActionContext | None = None) -> Failure:
    """Return an exception as a failure to show: ours with their own words, others with a traceback."""
    if isinstance(error, ProviderError):
        return Failure(
            error.kind,
            error.what,
            error.hint,
            error.status,
            error.request_id,
            error.retryable,
            error.retry_after_seconds,
            error.detail,
        )
    if isinstance(error, FlowError):
        kind = "".join("_" + c.lower() if c.isupper() else c for c in type(error).__name__)
        return Failure(kind.lstrip("_"), error.what, error.hint)
    detail = "".join(traceback.format_exception(error, limit=-8))[-4000:]
    what = f"The action raised {type(error).__name__}: {str(error)[:500]}."
    return Failure("exception", what, "Look at Details.", detail=detail)
