"""What is wrong with the edges of a flow: their ends, their ports, cycles, joins, steps left out."""

from __future__ import annotations

from collections.abc import Iterator

from flow_widgets.errors import Problem, nearest
from flow_widgets.flow.cycles import groups
from flow_widgets.flow.graph import Arc, Graph
from flow_widgets.flow.model import triggers_of

NO_TRIGGER = "No step is a trigger"
"""How the warning begins that nothing from outside can begin a run."""


def wiring_problems(graph: Graph, *, is_inner: bool) -> Iterator[Problem]:
    """Yield what is wrong with the edges of a graph; a flow inside an action needs no trigger."""
    yield from _ends(graph)
    yield from _beginnings(graph, is_inner=is_inner)
    yield from _cycles(graph)
    yield from _joins(graph)


def _ends(graph: Graph) -> Iterator[Problem]:
    flow = graph.flow
    ids = [step.id for step in flow.steps]
    steps = {step.id: step for step in reversed(flow.steps)}
    seen: set[tuple[str, str, str]] = set()
    for index, edge in enumerate(flow.edges):
        for end, value in (("source", edge.source), ("target", edge.target)):
            if value not in steps:
                place = f"edges[{index}].{end}"
                yield Problem(place, f"{value!r} is no step of this flow.", nearest(value, ids))
        if edge.source not in steps:
            continue
        ports = steps[edge.source].ports
        port = ports[0] if edge.source_port is None else edge.source_port
        if port not in ports:
            what = f"step {edge.source!r} has no port {port!r}."
            hint = f"Its ports: {', '.join(ports)}."
            yield Problem(f"edges[{index}].source_port", what, hint)
        if (edge.source, port, edge.target) in seen:
            what = f"The same edge leads from {edge.source!r} to {edge.target!r} already."
            yield Problem(f"edges[{index}]", what, "Remove one of them.", "warning")
        seen.add((edge.source, port, edge.target))


def _beginnings(graph: Graph, *, is_inner: bool) -> Iterator[Problem]:
    """Yield steps that no run comes to, and whether something from outside can begin one."""
    flow = graph.flow
    if graph.sequence:
        return
    triggers = triggers_of(flow)
    roots = [index for index in graph.begins if not (triggers and graph.into[index])]
    begins = {*roots, *triggers}
    reached, front = set(begins), list(begins)
    while front:
        for arc in graph.out[front.pop()]:
            if arc.target not in reached:
                reached.add(arc.target)
                front.append(arc.target)
    for index in sorted(set(range(len(flow.steps))) - reached):
        what = (
            f"No run comes to step {flow.steps[index].id!r}: no step that begins one leads to it."
        )
        yield Problem(f"steps[{index}]", what, "Add an edge to it, or remove it.")
    if not triggers and not is_inner:
        names = " and ".join(repr(flow.steps[index].id) for index in sorted(begins)[:3])
        what = f"{NO_TRIGGER}; a run begins with {names}."
        hint = "Add Start(), Webhook(…), Schedule(…) or Event(…) to say how it is begun."
        yield Problem("steps", what, hint, "warning")


def _cycles(graph: Graph) -> Iterator[Problem]:
    """Yield the cycles that nothing leads out of: each of their edges fires every time."""
    if not graph.cycles:
        return
    always = [
        [(arc.index, arc.target) for arc in arcs if _always_fires(graph, arc)] for arcs in graph.out
    ]
    for group in groups(always):
        if len(group) > 1 or any(target == group[0] for _, target in always[group[0]]):
            names = " → ".join(graph.flow.steps[step].id for step in (*group, group[0]))
            what = f"The cycle {names} never ends: no step on it chooses between ports."
            hint = "Let a step such as Conditional decide whether it goes round again."
            yield Problem("edges", what, hint)


def _always_fires(graph: Graph, arc: Arc) -> bool:
    """Whether an edge fires whenever its source completes: the source has only that port."""
    own = [port for port in graph.flow.steps[arc.source].ports if port != "error"]
    return own == [arc.port]


def _joins(graph: Graph) -> Iterator[Problem]:
    """Yield the joins of which an edge can't have fired when they begin first, as it comes from behind."""
    entries = {graph.arcs[index].target for index in graph.back}
    for index in sorted(entries):
        join = graph.joins[index]
        if join not in ("all_success", "all_done") or len(graph.into[index]) < 2:
            continue
        back = next(arc for arc in graph.into[index] if arc.index in graph.back)
        source = graph.flow.steps[back.source].id
        what = (
            f"{join!r} can never be satisfied by all edges: {source!r} runs only after this step, so "
            "its edge is not waited for."
        )
        hint = "Use join='no_wait' where a cycle is entered; it is the default there."
        yield Problem(f"steps[{index}].join", what, hint, "warning")
