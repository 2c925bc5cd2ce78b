"""What keeps a flow, or some of its actions, from being run: found before anything is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from inspect import iscoroutinefunction
from typing import Any

from flow_widgets.actions.base import Permissions
from flow_widgets.errors import FlowError, Problem
from flow_widgets.flow.check import check_flow
from flow_widgets.flow.graph import Place
from flow_widgets.flow.model import Action, Flow
from flow_widgets.providers.base import Provider

ProviderNamed = Callable[[str | None], Provider]
Named = tuple[str | None, str | None]
"""The model and the provider that a flow, or one around it, names."""


def problems_before(
    flow: Flow,
    places: list[Place] | None,
    provider_named: ProviderNamed,
    permissions: Permissions,
) -> list[Problem]:
    """Return the problems of a flow, or of the actions at some places, and of what they call."""
    wanted = None if places is None else {f"steps[{s}].actions[{a}]" for s, a in places}
    found = [
        problem
        for problem in check_flow(flow)
        if wanted is None or any(problem.place.startswith(place) for place in wanted)
    ]
    for s, step in enumerate(flow.steps):
        for a, action in enumerate(step.actions):
            if places is None or (s, a) in places:
                place = f"steps[{s}].actions[{a}]"
                found.extend(_of_action(action, place, (flow.model, flow.provider), provider_named))
                found.extend(_refused(action, place, permissions))
    return found


def _refused(action: Action, place: str, permissions: Permissions) -> Iterator[Problem]:
    """Yield what an action, or one in a flow inside it, may not do here."""
    if not iscoroutinefunction(getattr(type(action), "run", None)):
        name = type(action).__name__
        yield Problem(f"{place}.type", f"{name} can't run.", "Give it 'async def run(self, ctx)'.")
    for problem in action.refusals(permissions):
        yield replace(problem, place=f"{place}.{problem.place}")
    for field, body in action.bodies.items():
        for s, step in enumerate(body.flow.steps):
            for a, one in enumerate(step.actions):
                yield from _refused(one, f"{place}.{field}.steps[{s}].actions[{a}]", permissions)


def _of_action(
    action: Action, place: str, named: Named, provider_named: ProviderNamed
) -> Iterator[Problem]:
    """Yield what keeps an action, or one in a flow inside it, from reaching its model."""
    if action.needs_provider:
        yield from _configuration(action, place, named, provider_named)
    for field, body in action.bodies.items():
        for s, step in enumerate(body.flow.steps):
            for a, one in enumerate(step.actions):
                inside = f"{place}.{field}.steps[{s}].actions[{a}]"
                own = (body.flow.model or named[0], body.flow.provider or named[1])
                yield from _of_action(one, inside, own, provider_named)


def _configuration(
    action: Any, place: str, named: Named, provider_named: ProviderNamed
) -> Iterator[Problem]:
    model, provider_name = named
    try:
        provider = provider_named(getattr(action, "provider", None) or provider_name)
        provider.check()
    except FlowError as error:
        yield Problem(f"{place}.provider", error.what, error.hint)
        return
    if not (getattr(action, "model", None) or model or provider.default_model):
        hint = "Set model=… on the action or on the Flow, or OpenAIProvider(model=…)."
        yield Problem(f"{place}.model", "no model is named.", hint)
