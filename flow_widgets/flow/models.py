"""Which model an action calls: the one it names, else that of its flow, else of the flow around it."""

from __future__ import annotations

from functools import cache

from flow_widgets.flow.model import Action


@cache
def calls_model(kind: type[Action]) -> bool:
    """Whether actions of a type call a model."""
    return "model" in kind.model_fields


def with_model(action: Action, model: str | None) -> Action:
    """Return an action with the model that it is to call, unless it names one or calls none."""
    if model is None or not leaves_model_open(action):
        return action
    return action.model_copy(update={"model": model})


def leaves_model_open(action: Action) -> bool:
    """Whether an action calls a model and names none."""
    return calls_model(type(action)) and getattr(action, "model", None) is None


def takes_model(action: Action) -> bool:
    """Whether something inside an action calls the model of the flow that the action stands in."""
    flows = [body.flow for body in action.bodies.values() if body.flow.model is None]
    inside = [one for flow in flows for step in flow.steps for one in step.actions]
    return any(leaves_model_open(one) or takes_model(one) for one in inside)
