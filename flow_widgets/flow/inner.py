"""Flows as a field of an action holds them: copied, and not too many inside one another."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Annotated, Any

from pydantic import ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import PydanticCustomError

from flow_widgets.flow.building import snapshot
from flow_widgets.flow.model import Flow

MAX_DEPTH = 20
"""How deep flows may stand inside one another; each takes room on the stack of whoever walks them."""
_DEPTH: ContextVar[int] = ContextVar("_DEPTH", default=0)
"""How many flows are being read around the one that is read now."""


def _as_flow(value: Any, handler: ValidatorFunctionWrapHandler) -> Flow:
    """Take a list of steps as a flow, and of a flow a copy; refuse one that stands too deep."""
    if isinstance(value, Flow):
        value = snapshot(value)
    elif isinstance(value, (list, tuple)):
        value = {"steps": value}
    depth = _DEPTH.get() + 1
    if depth > MAX_DEPTH:
        raise _too_deep()
    token = _DEPTH.set(depth)
    try:
        flow: Flow = handler(value)
    finally:
        _DEPTH.reset(token)
    if depth + _height(flow) > MAX_DEPTH:
        raise _too_deep()
    return flow


def _height(flow: Flow) -> int:
    """Return how deep flows stand inside one another in a flow."""
    inner = (
        body.flow for step in flow.steps for one in step.actions for body in one.bodies.values()
    )
    return max((1 + _height(one) for one in inner), default=0)


def _too_deep() -> PydanticCustomError:
    what = f"flows stand inside one another deeper than {MAX_DEPTH} levels."
    hint = "Let one flow do what is repeated at each level."
    return PydanticCustomError("too_deep", "{what}", {"what": what, "hint": hint})


InnerFlow = Annotated[Flow, WrapValidator(_as_flow)]
"""A flow inside an action: a ``Flow``, its native document, or its list of steps."""
