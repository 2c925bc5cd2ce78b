"""The graph of a flow, compiled once: edges by index, joins, ancestors, and what refers to what."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from flow_widgets.flow.binding import Use, uses
from flow_widgets.flow.model import Action, Flow, JoinMode, Step, slug
from flow_widgets.flow.template import Reference

Place = tuple[int, int]
"""Step index and action index."""
SCOPES = ("steps", "inputs", "flow")
"""First names of a reference that do not look into the shared state."""
FACTS = ("id", "name", "run_id")
"""What a reference can say of the flow: ``{{flow.name}}``."""


@dataclass(frozen=True, slots=True)
class Arc:
    """An edge by indices, with its port written out."""

    index: int
    source: int
    target: int
    port: str
    any_port: bool = False
    """Whether every port of a step that completed fires it, as in a sequence."""

    def is_fired(self, ports: tuple[str, ...]) -> bool:
        """Whether a visit that fires these ports fires this edge."""
        return self.port in ports or (self.any_port and bool(ports) and "error" not in ports)


@dataclass(frozen=True, slots=True)
class Need:
    """One thing that an action refers to, and where."""

    use: Use
    source: Place | int | str
    """An action, a whole step by its index, or the name of an input or state key."""


@dataclass(frozen=True, slots=True)
class Graph:
    """A flow with its edges resolved; made by ``compile_graph`` and never changed."""

    flow: Flow
    sequence: bool
    """Whether the steps simply follow one another."""
    arcs: tuple[Arc, ...]
    out: tuple[tuple[Arc, ...], ...]
    into: tuple[tuple[Arc, ...], ...]
    joins: tuple[JoinMode, ...]
    ancestors: tuple[int, ...]
    """For each step the set of steps before it, as bits."""
    cyclic: bool
    needs: dict[Place, tuple[Need, ...]]
    dependents: dict[Place, tuple[Place, ...]]
    """Which actions refer to an action's output, directly."""
    order: tuple[int, ...]
    """The steps so that each stands after those that lead to it; those on a cycle at the end."""

    def is_before(self, earlier: int, later: int) -> bool:
        """Whether a step stands somewhere before another in the graph."""
        return bool(self.ancestors[later] >> earlier & 1)


def compile_graph(flow: Flow) -> Graph:
    """Return the graph of a flow; edges with an unknown end are left out (``check_flow`` reports them)."""
    sequence = not flow.edges
    arcs = tuple(_sequence(flow) if sequence else _declared(flow))
    count = len(flow.steps)
    out = _grouped(count, arcs, lambda arc: arc.source)
    into = _grouped(count, arcs, lambda arc: arc.target)
    order = tuple(_ordered(out, into))
    fallback: JoinMode = "all_done" if sequence else "all_success"
    needs = {
        (s, a): tuple(_needs(flow, uses(action)))
        for s, step in enumerate(flow.steps)
        for a, action in enumerate(step.actions)
    }
    return Graph(
        flow=flow,
        sequence=sequence,
        arcs=arcs,
        out=out,
        into=into,
        joins=tuple(step.join or fallback for step in flow.steps),
        ancestors=_ancestors(count, order, into),
        cyclic=len(order) < count,
        needs=needs,
        dependents=_dependents(flow, needs),
        order=(*order, *sorted({*range(count)}.difference(order))),
    )


def _sequence(flow: Flow) -> Iterator[Arc]:
    for index in range(len(flow.steps) - 1):
        yield Arc(index, index, index + 1, flow.steps[index].ports[0], any_port=True)


def _declared(flow: Flow) -> Iterator[Arc]:
    places = {step.id: index for index, step in enumerate(flow.steps)}
    index = 0
    for edge in flow.edges:
        if edge.source in places and edge.target in places:
            source = places[edge.source]
            port = edge.source_port or flow.steps[source].ports[0]
            yield Arc(index, source, places[edge.target], port)
            index += 1


def _grouped(
    count: int, arcs: tuple[Arc, ...], end: Callable[[Arc], int]
) -> tuple[tuple[Arc, ...], ...]:
    """Return for each step the arcs that have it at an end."""
    found: list[list[Arc]] = [[] for _ in range(count)]
    for arc in arcs:
        found[end(arc)].append(arc)
    return tuple(map(tuple, found))


def _ordered(out: tuple[tuple[Arc, ...], ...], into: tuple[tuple[Arc, ...], ...]) -> Iterator[int]:
    left = [len(arcs) for arcs in into]
    ready = [step for step, count in enumerate(left) if count == 0]
    while ready:
        step = ready.pop(0)
        yield step
        for arc in out[step]:
            left[arc.target] -= 1
            if left[arc.target] == 0:
                ready.append(arc.target)


def _ancestors(
    count: int, order: tuple[int, ...], into: tuple[tuple[Arc, ...], ...]
) -> tuple[int, ...]:
    before = [0] * count
    for step in order:
        for arc in into[step]:
            before[step] |= before[arc.source] | 1 << arc.source
    return tuple(before)


def _needs(flow: Flow, found: Iterator[Use]) -> Iterator[Need]:
    for use in found:
        yield Need(use, source_of(flow, use.reference))


def source_of(flow: Flow, reference: Reference) -> Place | int | str:
    """Return what a reference looks at: an action, a step's index, or the name of a key.

    An unknown step or action gives the reference's first name, ``steps``.
    """
    path = reference.path
    if path[0] == "inputs" and len(path) > 1:
        return path[1]
    if path[0] != "steps" or len(path) < 2:
        return path[0]
    step = named(path[1], flow.steps)
    if step is None:
        return "steps"
    actions = flow.steps[step].actions
    if len(path) > 3 and path[2] == "actions":
        action = named(path[3], actions)
        return "steps" if action is None else (step, action)
    return (step, 0) if len(actions) == 1 else step


def named(key: str, parts: Sequence[Step | Action]) -> int | None:
    """Return the index of the part that a reference calls by index, id or name, or None."""
    if key.isascii() and key.isdigit():
        return int(key) if int(key) < len(parts) else None
    by_id = (index for index, part in enumerate(parts) if part.id == key)
    by_name = (index for index, part in enumerate(parts) if key and slug(part.name) == key)
    return next(chain(by_id, by_name), None)


def _dependents(flow: Flow, needs: dict[Place, tuple[Need, ...]]) -> dict[Place, tuple[Place, ...]]:
    found: dict[Place, dict[Place, None]] = {}
    for place, wanted in needs.items():
        for need in wanted:
            if isinstance(need.source, tuple):
                found.setdefault(need.source, {})[place] = None
            elif isinstance(need.source, int):
                for action in range(len(flow.steps[need.source].actions)):
                    found.setdefault((need.source, action), {})[place] = None
    return {source: tuple(places) for source, places in found.items()}
