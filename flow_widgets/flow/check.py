"""Finds everything that is wrong with a flow before anything runs, in the order of the document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flow_widgets.errors import FlowError, InvalidFlow, Problem
from flow_widgets.flow.binding import own_uses
from flow_widgets.flow.formats import load_flow
from flow_widgets.flow.graph import Graph, compile_graph
from flow_widgets.flow.model import Action, Body, Flow, Step
from flow_widgets.flow.names import Names, reference_problems
from flow_widgets.flow.naming import declared_problems, hint_of, id_problems, path_fault
from flow_widgets.flow.wiring import wiring_problems


def check_flow(flow: Any) -> list[Problem]:
    """Return every problem of a flow, in document order; without errors it can run.

    Takes whatever ``load_flow`` takes, and reports what keeps it from loading as problems too.
    """
    if not isinstance(flow, Flow):
        try:
            flow = load_flow(flow)
        except InvalidFlow as error:
            return list(error.problems)
        except FlowError as error:
            return [Problem("", error.what, error.hint)]
    return list(_flow(compile_graph(flow), None))


def _flow(graph: Graph, around: Names | None) -> Iterator[Problem]:
    names = Names(graph, around)
    yield from _declared(graph.flow)
    seen: set[str] = set()
    for index, step in enumerate(graph.flow.steps):
        if step.id in seen:
            yield Problem(f"steps[{index}].id", f"{step.id!r} is used by two steps.", "Rename one.")
        seen.add(step.id)
        yield from id_problems(step.id, f"steps[{index}].id")
        yield from _step(names, index, step)
    yield from wiring_problems(graph, is_inner=around is not None)


def _declared(flow: Flow) -> Iterator[Problem]:
    yield from declared_problems(flow.inputs, "inputs", r"[\w-]+")  # {{inputs.2}} is a reference
    yield from declared_problems(flow.state, "state")
    for name in flow.state:
        if name in flow.inputs:
            what = f"{name!r} is an input of this flow already."
            yield Problem(f"state.{name}", what, "Rename one of them.")


def _step(names: Names, index: int, step: Step) -> Iterator[Problem]:
    seen: set[str] = set()
    for number, action in enumerate(step.actions):
        place = f"steps[{index}].actions[{number}]"
        if action.id in seen:
            yield Problem(f"{place}.id", f"{action.id!r} is used by two actions of this step.")
        seen.add(action.id)
        yield from id_problems(action.id, f"{place}.id")
        for problem in _action(names, (index, number), action):
            yield Problem(f"{place}.{problem.place}", problem.what, problem.hint, problem.severity)


def _action(names: Names, place: tuple[int, int], action: Action) -> Iterator[Problem]:
    """Yield the problems of an action, at places relative to it."""
    yield from action.problems()
    for path in action.saves:
        fault = path_fault(path)
        if fault:
            yield Problem("save_as", fault, hint_of(path))
    for use in own_uses(action):
        yield from reference_problems(names, place[0], use)
    graphs = names.graph.inner.get(place, ())
    for (field, body), graph in zip(action.bodies.items(), graphs, strict=True):
        around = None if body.is_isolated else names.inside(place[0], body.variables)
        if around is not None:
            yield from _required(field, body, around)
        for problem in _flow(graph, around):
            where = f"{field}.{problem.place}" if problem.place else field
            yield Problem(where, problem.what, problem.hint, problem.severity)


def _required(field: str, body: Body, around: Names) -> Iterator[Problem]:
    """Yield the inputs of a flow inside an action that nothing gives a value to."""
    for name, one in body.flow.inputs.items():
        is_given = name in body.variables or around.is_known(name, around.home)
        if one.required and one.default is None and not is_given:
            hint = f"Give it a default, or let a step before set {name!r}."
            yield Problem(f"{field}.inputs.{name}", f"{name!r} has no value here.", hint)
