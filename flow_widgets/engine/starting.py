"""How an attempt begins: its templates are filled in, its output may be there already, its gate opens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flow_widgets.engine.attempts import Fact, failed, failure_of
from flow_widgets.engine.resources import Level
from flow_widgets.engine.reuse import output_for
from flow_widgets.errors import FlowError
from flow_widgets.flow.binding import bound
from flow_widgets.flow.code_mark import action_code
from flow_widgets.flow.model import Action
from flow_widgets.flow.models import calls_model, with_model
from flow_widgets.run import decisions as decide
from flow_widgets.run import events as ev
from flow_widgets.run.identity import identity
from flow_widgets.run.stale import reads_of

if TYPE_CHECKING:
    from flow_widgets.engine.execution import Execution


def start_action(run: Execution, level: Level, decision: decide.StartAction) -> list[Any]:
    """Begin an attempt, park it, or let it wait; return what follows."""
    step, number = decision.step, decision.action
    state = level.state
    if state.canceling:
        return [not_begun(level, decision, state.cancel_reason)]
    definition = state.graph.flow.steps[step].actions[number]
    if run.tasks.is_full(level) and not definition.bodies:
        run.tasks.parked.append((level, decision))
        return []
    attempt = len(state.steps[step].actions[number].attempts) + 1
    model = level.model_for(definition)
    code = action_code(definition)
    start = (ev.ActionStarted, step, number, attempt, decision.visit, definition)
    try:
        ready = bound(with_model(definition, model), lambda ref: run.value(level, ref))
        if calls_model(type(ready)):
            model = _model(run, level, ready)
        mark = _identity(run, level, ready, model, code)
    except FlowError as error:
        failure = failure_of(error)
        return [(*start, (), model, None, code), failed(step, number, attempt, failure)]
    reads = () if level.path else reads_of(state, (step, number))
    there = None
    is_again = bool(level.twins or run.pins) or run.state.cause == "stale"
    if mark or is_again or state.steps[step].actions[number].pinned:
        there = output_for(run, level, (step, number), ready, code=code, mark=mark)
    if there is None and ready.needs_provider and not ready.is_instant:
        held = run.waits.enter(level, decision, attempt, with_model(ready, model))
        if held is not None:
            return held
        run.retries.called()
    follows = run.fold(level, (*start, reads, model, ready, code, mark))
    if there is not None:
        return [*follows, there]
    run.tasks.launch(level, ready, step, number)
    return follows


def not_begun(level: Level, start: decide.StartAction, reason: str) -> Fact:
    """Return how an action ends that is not begun any more: between two attempts it is canceled."""
    step = level.state.steps[start.step]
    tried = [
        one.number
        for one in step.actions[start.action].attempts
        if one.visit == start.visit and one.retry_seconds is not None
    ]
    if tried and start.action in step.visits[start.visit].waiting:
        return (ev.ActionCanceled, start.step, start.action, tried[-1])
    return (ev.ActionSkipped, start.step, start.action, start.visit, reason)


def _identity(run: Execution, level: Level, ready: Action, model: str | None, code: str) -> str:
    """Return what an output is found again by, empty where none is kept for that."""
    if not ready.is_cacheable or run.keeping.store is None:
        return ""
    provider = run.provider_on(level, getattr(ready, "provider", None))
    where = f"{provider.name} {getattr(provider, 'limit_key', '')}"
    return identity(with_model(ready, model), code, provider=where)


def _model(run: Execution, level: Level, action: Any) -> str | None:
    """Return the model that an action will call."""
    provider = run.provider_on(level, getattr(action, "provider", None))
    return str(action.model) if action.model else provider.default_model
