"""Finds everything that is wrong with a flow before anything runs, in the order of the document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flow_widgets.errors import FlowError, InvalidFlow, Problem, nearest
from flow_widgets.flow.binding import uses
from flow_widgets.flow.formats import load_flow
from flow_widgets.flow.graph import FACTS, SCOPES, Graph, compile_graph, named, source_of
from flow_widgets.flow.model import Flow, Step
from flow_widgets.flow.template import Reference


def check_flow(flow: Any) -> list[Problem]:
    """Return every problem of a flow, in document order; an empty list when it can run.

    Takes whatever ``load_flow`` takes, and reports what keeps it from loading as problems too.
    """
    if not isinstance(flow, Flow):
        try:
            flow = load_flow(flow)
        except InvalidFlow as error:
            return list(error.problems)
        except FlowError as error:
            return [Problem("", error.what, error.hint)]
    graph = compile_graph(flow)
    return [*_inputs(flow), *_steps(graph), *_edges(graph)]


def _inputs(flow: Flow) -> Iterator[Problem]:
    for name in flow.inputs:
        if name in SCOPES:
            yield Problem(f"inputs.{name}", f"{name!r} has a meaning of its own.", "Rename it.")


def _steps(graph: Graph) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, step in enumerate(graph.flow.steps):
        if step.id in seen:
            yield Problem(f"steps[{index}].id", f"{step.id!r} is used by two steps.", "Rename one.")
        seen.add(step.id)
        yield from _actions(graph, index, step)


def _actions(graph: Graph, index: int, step: Step) -> Iterator[Problem]:
    seen: set[str] = set()
    for number, action in enumerate(step.actions):
        place = f"steps[{index}].actions[{number}]"
        if action.id in seen:
            yield Problem(f"{place}.id", f"{action.id!r} is used by two actions of this step.")
        seen.add(action.id)
        for problem in action.problems():
            yield Problem(f"{place}.{problem.place}", problem.what, problem.hint, problem.severity)
        for use in uses(action):
            yield from _reference(graph, index, f"{place}.{use.place}", use.reference)


def _reference(graph: Graph, index: int, place: str, reference: Reference) -> Iterator[Problem]:
    flow, written, root = graph.flow, f"{{{{{reference}}}}}", reference.path[0]
    if root == "flow":
        if len(reference.path) > 1 and reference.path[1] not in FACTS:
            hint = nearest(reference.path[1], FACTS)
            yield Problem(place, f"{written} is nothing that the flow knows of itself.", hint)
        return
    if root != "steps":
        name = reference.path[1] if root == "inputs" and len(reference.path) > 1 else root
        if name not in flow.inputs:
            what = f"{written} is no input of this flow."
            yield Problem(place, what, _undeclared(flow, name))
        return
    source = source_of(flow, reference)
    if isinstance(source, str):
        yield Problem(place, f"{written} names no step of this flow.", _near_step(flow, reference))
        return
    step = source[0] if isinstance(source, tuple) else source
    if not graph.is_before(step, index) and not graph.cyclic:
        when = "its own step" if step == index else f"step {step}, which does not run before"
        hint = f"A step can use the outputs of steps that lead to it; this is step {index}."
        yield Problem(place, f"{written} refers to {when}.", hint)
        return
    yield from _member(place, written, reference)


def _member(place: str, written: str, reference: Reference) -> Iterator[Problem]:
    at = 4 if len(reference.path) > 3 and reference.path[2] == "actions" else 2
    member = reference.path[at] if len(reference.path) > at else ""
    if member != "output":
        base = ".".join(reference.path[:at])
        yield Problem(place, f"{written} names no output.", f"Write {{{{{base}.output}}}}.")


def _undeclared(flow: Flow, name: str) -> str:
    if name in SCOPES:
        return f"Name one of them: {{{{{name}.…}}}}."
    close = nearest(name, [*flow.inputs, *SCOPES])
    if close.startswith("Did you mean"):
        return close
    return f"Declare it: Flow(inputs={{{name!r}: …}})."


def _near_step(flow: Flow, reference: Reference) -> str:
    key = reference.path[1] if len(reference.path) > 1 else ""
    if named(key, flow.steps) is not None:
        return "The step has no such action."
    if key.isascii() and key.isdigit():
        count = len(flow.steps)
        return f"The flow has {count} step{'' if count == 1 else 's'}; indices start at 0."
    return nearest(key, [step.id for step in flow.steps])


def _edges(graph: Graph) -> Iterator[Problem]:
    flow = graph.flow
    ids = [step.id for step in flow.steps]
    steps = {step.id: step for step in reversed(flow.steps)}
    for index, edge in enumerate(flow.edges):
        for end, value in (("source", edge.source), ("target", edge.target)):
            if value not in steps:
                place = f"edges[{index}].{end}"
                yield Problem(place, f"{value!r} is no step of this flow.", nearest(value, ids))
        if edge.source in steps and edge.source_port is not None:
            ports = steps[edge.source].ports
            if edge.source_port not in ports:
                what = f"step {edge.source!r} has no port {edge.source_port!r}."
                hint = f"Its ports: {', '.join(ports)}."
                yield Problem(f"edges[{index}].source_port", what, hint)
    if graph.cyclic:
        stuck = [
            ids[step] for step in graph.order if graph.ancestors[step] == 0 and graph.into[step]
        ]
        what = "The edges form a cycle, which can't run."
        yield Problem("edges", what, f"Look at the edges of {', '.join(map(repr, stuck[:5]))}.")
