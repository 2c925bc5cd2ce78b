"""What each decision of the planner means: it is folded at once, and what follows is returned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flow_widgets.engine.attempts import Fact
from flow_widgets.engine.resources import Level, is_to_cancel
from flow_widgets.engine.starting import not_begun, start_action
from flow_widgets.run import decisions as decide
from flow_widgets.run import events as ev

if TYPE_CHECKING:
    from flow_widgets.engine.execution import Execution


@dataclass(slots=True)
class _Elsewhere:
    """Record a fact on another level, before anything else."""

    level: Level
    fact: Fact


def _record(run: Execution, level: Level, fact: Fact) -> list[Any]:
    return run.fold(level, fact)


def _start_action(run: Execution, level: Level, decision: decide.StartAction) -> list[Any]:
    return start_action(run, level, decision)


def _start_step(run: Execution, level: Level, decision: decide.StartStep) -> list[Any]:
    step = decision.step
    visit = decision.visit or level.state.steps[step].visit_count + 1
    fields = (visit, decision.actions, decision.rerun, decision.resumed)
    return run.fold(level, (ev.StepStarted, step, None, *fields))


def _complete_step(run: Execution, level: Level, decision: decide.CompleteStep) -> list[Any]:
    fields = (decision.visit, decision.ports)
    return run.fold(level, (ev.StepCompleted, decision.step, None, *fields))


def _fail_step(run: Execution, level: Level, decision: decide.FailStep) -> list[Any]:
    fields = (decision.visit, decision.reason, decision.cause)
    return run.fold(level, (ev.StepFailed, decision.step, None, *fields))


def _cancel_step(run: Execution, level: Level, decision: decide.CancelStep) -> list[Any]:
    return run.fold(level, (ev.StepCanceled, decision.step, None, decision.visit))


def _skip_step(run: Execution, level: Level, decision: decide.SkipStep) -> list[Any]:
    fields = (decision.reason, decision.cause)
    return run.fold(level, (ev.StepSkipped, decision.step, None, *fields))


def _mark_stale(run: Execution, level: Level, decision: decide.MarkStale) -> list[Any]:
    return run.fold(level, (ev.ActionStale, decision.step, decision.action, decision.reason))


def _mark_fresh(run: Execution, level: Level, decision: decide.MarkFresh) -> list[Any]:
    return run.fold(level, (ev.ActionFresh, decision.step, decision.action))


def _warn(run: Execution, level: Level, decision: decide.Warn) -> list[Any]:
    fields = ("warn", decision.text)
    return run.fold(level, (ev.LogWritten, decision.step, decision.action, *fields))


def _elsewhere(run: Execution, _: Level, item: _Elsewhere) -> list[Any]:
    run.work.appendleft((item.level, item.fact))
    return []


def _cancel_actions(run: Execution, level: Level, decision: decide.CancelActions) -> list[Any]:
    """Cancel what runs and waits; flows inside actions first, so that nothing of them comes later."""
    state = level.state
    cause = (state.cancel_cause, state.cancel_reason)
    items: list[Any] = [
        _Elsewhere(one, (ev.CancelRequested, None, None, *cause))
        for one in level.inner.values()
        if is_to_cancel(one, state.cancel_cause)
    ]
    parked = run.tasks.parked
    for one in [one for one in parked if one[0] is level]:
        parked.remove(one)
        items.append(not_begun(level, one[1], decision.reason))
    items.extend(not_begun(level, one, decision.reason) for one in run.waits.dropped(level))
    if decision.only_waits:
        return items
    for (step, action, attempt), task in level.tasks.items():
        if state.steps[step].actions[action].attempts[attempt - 1].status != "running":
            continue  # it has just settled, and its task is about to end
        items.append((ev.ActionCanceled, step, action, attempt))
        with suppress(RuntimeError):  # its loop was closed under it
            task.cancel()
    return items


CARRIED_OUT: dict[type, Callable[[Execution, Level, Any], Sequence[Any]]] = {
    tuple: _record,
    decide.StartStep: _start_step,
    decide.StartAction: _start_action,
    decide.CompleteStep: _complete_step,
    decide.FailStep: _fail_step,
    decide.CancelStep: _cancel_step,
    decide.SkipStep: _skip_step,
    decide.CancelActions: _cancel_actions,
    decide.MarkStale: _mark_stale,
    decide.MarkFresh: _mark_fresh,
    decide.Warn: _warn,
    _Elsewhere: _elsewhere,
}
