"""Puts a flow together step by step: what ``Flow.add_step`` and ``Flow.add_edge`` do.

A flow is a frozen value to everybody who was given one. Only these two calls change one, by giving it
new tuples; runners and widgets hold a copy of their own (``snapshot``), so a flow that grows after a
run was started changes nothing there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flow_widgets.errors import InvalidFlow, NoSuchStep, Problem, nearest

if TYPE_CHECKING:
    from flow_widgets.flow.model import Action, Edge, Flow, JoinMode, Step


class Given(dict[int, tuple[Any, str]]):
    """What ``add_step`` took, by identity, with the id that its step got; any two of them are equal."""

    __hash__ = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Given)  # how a flow was put together is no part of what it is


def add_step(flow: Flow, given: Any, *, name: str, id: str, join: JoinMode | None) -> Step:
    """Add a step to a flow and return it, with the ids that it got."""
    from flow_widgets.flow.identity import identified

    step = _step(given, {"name": name, "id": id, "join": join})
    if step.id and any(one.id == step.id for one in flow.steps):
        raise ValueError(f"The flow has a step {step.id!r} already; give another id.")
    flow.__dict__["steps"] = steps = identified((*flow.steps, step))
    flow._given[builtin_id(given)] = (given, steps[-1].id)  # the builder is a part of it
    return steps[-1]


def _step(given: Any, changes: dict[str, Any]) -> Step:
    from flow_widgets.flow.model import Step

    document = dict(given) if isinstance(given, Step) else Step.normal(given)
    is_step = isinstance(document, Mapping) and all(isinstance(key, str) for key in document)
    if not is_step:
        what = f"{type(given).__name__} is no step."
        hint = "Give an action, a list of actions, a Step, or a dict of one of these."
        raise InvalidFlow([Problem("", what, hint)], subject="What is added")
    return Step(**{**document, **{key: value for key, value in changes.items() if value}})


builtin_id = id
"""The identity of an object, also where an argument is called ``id``."""


def add_edge(flow: Flow, source: Any, target: Any, source_port: str | None) -> Edge:
    """Add an edge to a flow and return it."""
    from flow_widgets.flow.model import Edge

    ends = [_end(flow, source, "source"), _end(flow, target, "target")]
    ports = flow.steps[ends[0]].ports
    if source_port is not None and source_port not in ports:
        step = flow.steps[ends[0]].id
        raise ValueError(
            f"Step {step!r} has no port {source_port!r}. Available ports: {', '.join(ports)}."
        )
    edge = Edge(
        source=flow.steps[ends[0]].id, target=flow.steps[ends[1]].id, source_port=source_port
    )
    flow.__dict__["edges"] = (*flow.edges, edge)
    return edge


def _end(flow: Flow, wanted: Any, kind: str) -> int:
    try:
        return flow.step_index(wanted)
    except NoSuchStep as error:
        raise ValueError(f"The {kind} of the edge: {error}") from None


def id_of(flow: Flow, wanted: Step | Action) -> str:
    """Return the id of the step that ``add_step`` took or returned, or that holds an action.

    Raises:
        NoSuchStep: The flow has no such step, or several that are equal.
    """
    given, identity = flow._given.get(builtin_id(wanted), (None, ""))  # as above
    if given is wanted:
        return identity
    for step in flow.steps:
        if step is wanted or any(action is wanted for action in step.actions):
            return step.id
    equal = [step.id for step in flow.steps if step == wanted or wanted in step.actions]
    if len(equal) == 1:
        return equal[0]
    if wanted.id and any(step.id == wanted.id for step in flow.steps):
        return wanted.id
    kind = type(wanted).__name__
    if equal:
        what = f"Several steps are equal to this {kind}: {', '.join(map(repr, equal))}."
        raise NoSuchStep(what, hint="Give the id, or what add_step returned.")
    hint = nearest(wanted.id, [step.id for step in flow.steps]) if wanted.id else "Add it first."
    raise NoSuchStep(f"This {kind} is no step of the flow.", hint=hint)


def snapshot(flow: Flow) -> Flow:
    """Return a flow that ``add_step`` and ``add_edge`` on the given one, or on others, do not change."""
    copy = flow.model_copy()
    copy._given = Given(flow._given)  # a copy shares it
    return copy
