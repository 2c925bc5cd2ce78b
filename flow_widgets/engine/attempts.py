"""One attempt of one action: run it, and say how it ended as a fact, whatever it did."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Mapping
from typing import Any

from flow_widgets.actions.base import Outcome
from flow_widgets.engine.context import ActionContext
from flow_widgets.engine.plain import copied
from flow_widgets.errors import FlowError, ProviderError
from flow_widgets.flow.model import Action
from flow_widgets.flow.shared import cast_slot, written
from flow_widgets.flow.template import Reference, descend
from flow_widgets.run import events as ev
from flow_widgets.run.digest import digest
from flow_widgets.run.events import Failure
from flow_widgets.run.outcome import slots_of
from flow_widgets.run.state import RunState

Fact = tuple[Any, ...]
"""An event's class, step, action, and its own fields, before it has a number and a time."""


async def attempt_of(action: Action, ctx: ActionContext) -> Fact:
    """Run an action whose templates are filled in, and return the fact that ends its attempt."""
    try:
        outcome = await action.run(ctx)  # type: ignore[attr-defined]  # RunnableAction; flow/ knows no run
        return _completed(action, outcome, ctx)
    except asyncio.CancelledError:
        return (ev.ActionCanceled, ctx.step, ctx.action, ctx.attempt)
    except KeyboardInterrupt:  # the user's, not the action's: the run is canceled as its task ends
        raise
    except BaseException as error:  # noqa: BLE001  # a task's edge: it becomes a fact, SystemExit too
        failure = failure_of(error, ctx)
        return failed(ctx.step, ctx.action, ctx.attempt, failure, ctx, output=_kept(error))


def attempt_at_once(action: Action, ctx: ActionContext) -> Fact:
    """Run an action that never awaits, and return the fact that ends its attempt."""
    running = attempt_of(action, ctx)
    try:
        running.send(None)
    except StopIteration as ended:
        fact: Fact = ended.value
        return fact
    running.close()
    what = f"{type(action).__name__} says that it is instant, but it awaits something."
    failure = Failure("not_instant", what, "Remove is_instant = True from the class.")
    return failed(ctx.step, ctx.action, ctx.attempt, failure, ctx)


def _kept(error: BaseException) -> Any:
    """Return what a failure of ours has to show all the same, if it is JSON data."""
    output = getattr(error, "output", None) if isinstance(error, FlowError) else None
    try:
        digest(output)
        return copied(output)
    except (TypeError, ValueError, RecursionError):
        return None


def _completed(action: Action, outcome: Any, ctx: ActionContext) -> Fact:
    if not isinstance(outcome, Outcome):
        outcome = Outcome(output=outcome)
    try:
        output = copied(outcome.output)
        mark = digest(output)
        writes: tuple[tuple[str, Any], ...] = ()
        if outcome.writes or action.save_as:
            writes = writes_of(action, outcome.output, outcome.writes or {}, ctx.state)
    except (TypeError, ValueError, RecursionError) as error:
        deep = isinstance(error, RecursionError)
        why = "it is nested too deeply" if deep else str(error)
        what = f"The output of {type(action).__name__} is no JSON data: {why}."
        failure = Failure("invalid_output", what, "Return dicts, lists, texts, numbers or None.")
        return failed(ctx.step, ctx.action, ctx.attempt, failure, ctx)
    except FlowError as error:
        return failed(ctx.step, ctx.action, ctx.attempt, failure_of(error, ctx), ctx)
    unknown = [port for port in outcome.ports or () if port not in action.ports]
    if unknown:
        what = f"{type(action).__name__} fired the port {unknown[0]!r}, which it does not have."
        failure = Failure("unknown_port", what, f"Its ports: {', '.join(action.ports)}.")
        return failed(ctx.step, ctx.action, ctx.attempt, failure, ctx, output=output)
    usage = outcome.usage
    return (
        ev.ActionCompleted,
        ctx.step,
        ctx.action,
        ctx.attempt,
        output,
        mark,
        outcome.ports or action.ports[:1],
        outcome.model,
        usage.prompt_tokens,
        usage.completion_tokens,
        usage.total_tokens,
        outcome.finish_reason,
        outcome.request_id,
        outcome.note,
        writes,
    )


def writes_of(
    action: Action, output: Any, given: Mapping[str, Any], state: RunState
) -> tuple[tuple[str, Any], ...]:
    """Return what goes to the shared state, cast to what the flow declares.

    Raises:
        StateRefused, MissingReference: A value does not fit, or the output has no such part.
    """
    found = dict(copied(given))
    for path, part in action.saves.items():
        reference = Reference(("output", *part.split("."))) if part else Reference(("output",))
        found[path] = copied(descend(output, reference, 1))
    slots, shared = slots_of(state), state.shared
    writes: list[tuple[str, Any]] = []
    for path, value in found.items():
        digest(value)  # refuses what is no JSON data
        root = path.split(".")[0]
        if path == root and root in slots:
            value = cast_slot(root, slots[root], value)  # noqa: PLW2901  # the cast value is written
        shared = written(shared, path, value)
        if path != root and root in slots:
            cast_slot(root, slots[root], shared[root])
        writes.append((path, value))
    return tuple(writes)


def failed(
    step: int,
    action: int,
    attempt: int,
    failure: Failure,
    ctx: ActionContext | None = None,
    *,
    output: Any = None,
) -> Fact:
    """Return the fact that an attempt failed, with the tokens that a finished call has used."""
    result = ctx.result if ctx else None
    if result is not None and failure.request_id is None:
        failure.request_id = result.request_id
    tokens = result.usage.total_tokens if result and result.usage else None
    return (ev.ActionFailed, step, action, attempt, failure, tokens, output)


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
        name = "".join("_" + c.lower() if c.isupper() else c for c in type(error).__name__)
        return Failure(
            getattr(error, "kind", None) or name.lstrip("_"),
            error.what,
            error.hint,
            getattr(error, "status", None),
            retryable=bool(getattr(error, "retryable", False)),
            retry_after_seconds=getattr(error, "retry_after_seconds", None),
        )
    detail = "".join(traceback.format_exception(error, limit=-8))[-4000:]
    what = f"The action raised {type(error).__name__}: {str(error)[:500]}."
    return Failure("exception", what, "Look at Details.", detail=detail)
