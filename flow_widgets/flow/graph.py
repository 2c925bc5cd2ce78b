"""The graph of a flow, compiled once: edges by index, joins, ancestors, and what refers to what."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple
from weakref import WeakValueDictionary

from flow_widgets.flow.binding import Use, uses
from flow_widgets.flow.cycles import back_edges, groups, ordered
from flow_widgets.flow.identity import found_in, names_of
from flow_widgets.flow.model import Flow, JoinMode
from flow_widgets.flow.template import Reference

Place = tuple[int, int]
"""Step index and action index."""
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


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Graph:
    """A flow with its edges resolved; made by ``compile_graph`` and never changed."""

    flow: Flow
    size: tuple[int, int]
    """How many steps and edges the flow had."""
    sequence: bool
    """Whether the steps simply follow one another."""
    arcs: tuple[Arc, ...]
    out: tuple[tuple[Arc, ...], ...]
    into: tuple[tuple[Arc, ...], ...]
    joins: tuple[JoinMode, ...]
    ancestors: tuple[int, ...]
    """For each step the set of steps before it, as bits."""
    cycles: tuple[tuple[int, ...], ...]
    """The groups of steps that lie on cycles, each in the order of the document."""
    cycle_of: tuple[int, ...]
    """For each step the index of its group in ``cycles``, or -1."""
    back: frozenset[int]
    """The edges that lead back, to where a cycle is entered."""
    begins: tuple[int, ...]
    """The steps that a run begins with: those that no edge leads to, else the first."""
    needs: dict[Place, tuple[Need, ...]]
    dependents: dict[Place, tuple[Place, ...]]
    """Which actions refer to an action's output, directly."""
    order: tuple[int, ...]
    """The steps so that each stands after those that lead to it; those on a cycle stand together."""
    rank: tuple[int, ...]
    """For each step its place in ``order``."""

    inner: dict[Place, tuple[Graph, ...]]
    """The graphs of the flows inside an action."""
    index: Index = field(compare=False)
    """Finds steps and actions by what references call them."""

    def inner_graph(self, place: Place, flow: Flow) -> Graph:
        """Return the graph of a flow inside an action, compiled with this one if it stands there."""
        known = (graph for graph in self.inner.get(place, ()) if graph.flow is flow)
        return next(known, None) or compile_graph(flow)

    def is_before(self, earlier: int, later: int) -> bool:
        """Whether a step stands somewhere before another in the graph."""
        return bool(self.ancestors[later] >> earlier & 1)

    def earlier(self, step: int) -> int:
        """Return the steps before one, as bits; of its own cycle those that stand earlier in order."""
        cycle, before = self.cycle_of[step], self.ancestors[step]
        if cycle >= 0:
            for member in self.cycles[cycle]:
                if self.rank[member] >= self.rank[step]:
                    before &= ~(1 << member)
        return before


_GRAPHS: WeakValueDictionary[int, Graph] = WeakValueDictionary()
"""The graphs that somebody holds, by the identity of their flow, which each of them keeps alive."""


def compile_graph(flow: Flow) -> Graph:
    """Return the graph of a flow; edges with an unknown end are left out (``check_flow`` reports them).

    As long as its graph is held, and the flow was not added to, it is not made again.
    """
    graph = _GRAPHS.get(id(flow))
    if graph is None or graph.size != (len(flow.steps), len(flow.edges)):
        graph = _GRAPHS[id(flow)] = _compiled(flow)
    return graph


def _compiled(flow: Flow) -> Graph:
    sequence = not flow.edges
    arcs = tuple(_sequence(flow) if sequence else _declared(flow))
    count = len(flow.steps)
    out = _grouped(count, arcs, lambda arc: arc.source)
    into = _grouped(count, arcs, lambda arc: arc.target)
    loops = _loops(count, out, into)
    ancestors = _ancestors(count, loops.order, into, loops)
    index = Index(flow)
    needs = {
        (s, a): tuple(Need(use, index.source_of(use.reference)) for use in uses(action))
        for s, step in enumerate(flow.steps)
        for a, action in enumerate(step.actions)
    }
    fallback: JoinMode = "all_done" if sequence else "all_success"
    entries = {arcs[index].target for index in loops.back}
    return Graph(
        flow=flow,
        size=(count, len(flow.edges)),
        sequence=sequence,
        arcs=arcs,
        out=out,
        into=into,
        joins=tuple(
            step.join or ("no_wait" if index in entries else fallback)
            for index, step in enumerate(flow.steps)
        ),
        ancestors=ancestors,
        cycles=loops.cycles,
        cycle_of=loops.cycle_of,
        back=loops.back,
        begins=_begins(into),
        needs=needs,
        dependents=_dependents(flow, needs, ancestors),
        order=loops.order,
        rank=_rank(loops.order),
        index=index,
        inner={
            (s, a): tuple(compile_graph(body.flow) for body in action.bodies.values())
            for s, step in enumerate(flow.steps)
            for a, action in enumerate(step.actions)
            if action.bodies
        },
    )


class _Loops(NamedTuple):
    cycles: tuple[tuple[int, ...], ...]
    cycle_of: tuple[int, ...]
    back: frozenset[int]
    order: tuple[int, ...]


def _loops(
    count: int, out: tuple[tuple[Arc, ...], ...], into: tuple[tuple[Arc, ...], ...]
) -> _Loops:
    edges = [[(arc.index, arc.target) for arc in arcs] for arcs in out]
    found = groups(edges)
    group_of = [0] * count
    for number, group in enumerate(found):
        for step in group:
            group_of[step] = number
    order = tuple(s for group in ordered(group_of, len(found), edges) for s in found[group])
    cycles = tuple(
        group
        for group in found
        if len(group) > 1 or any(arc.target == group[0] for arc in out[group[0]])
    )
    cycle_of = [-1] * count
    for number, group in enumerate(cycles):
        for step in group:
            cycle_of[step] = number
    back = back_edges(edges, _begins(into)) if cycles else frozenset()
    return _Loops(cycles, tuple(cycle_of), back, order)


def _begins(into: tuple[tuple[Arc, ...], ...]) -> tuple[int, ...]:
    return tuple(step for step, arcs in enumerate(into) if not arcs) or (0,) * bool(into)


def _rank(order: tuple[int, ...]) -> tuple[int, ...]:
    rank = [0] * len(order)
    for number, step in enumerate(order):
        rank[step] = number
    return tuple(rank)


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


def _ancestors(
    count: int, order: tuple[int, ...], into: tuple[tuple[Arc, ...], ...], loops: _Loops
) -> tuple[int, ...]:
    """Return the steps before each step; those on one cycle are all before one another."""
    before = [0] * count
    done: set[int] = set()
    for step in order:
        cycle = loops.cycle_of[step]
        if cycle < 0:
            for arc in into[step]:
                before[step] |= before[arc.source] | 1 << arc.source
        elif cycle not in done:
            done.add(cycle)
            together = 0
            for member in loops.cycles[cycle]:
                for arc in into[member]:
                    together |= before[arc.source] | 1 << arc.source
            for member in loops.cycles[cycle]:
                before[member] = together
    return tuple(before)


class Index:
    """The steps and actions of a flow by index, id or name, so that none is searched for twice."""

    def __init__(self, flow: Flow) -> None:
        """Take a flow; its names are looked at when the first is asked for."""
        self._flow = flow
        self._steps: dict[str, int] | None = None
        self._actions: dict[int, dict[str, int]] = {}

    def step(self, key: str) -> int | None:
        """Return the index of the step that a reference calls so, or None."""
        if self._steps is None:
            self._steps = names_of(self._flow.steps)
        return found_in(self._steps, key, len(self._flow.steps))

    def action(self, step: int, key: str) -> int | None:
        """Return the index of the action of a step that a reference calls so, or None."""
        actions = self._flow.steps[step].actions
        if step not in self._actions:
            self._actions[step] = names_of(actions)
        return found_in(self._actions[step], key, len(actions))

    def source_of(self, reference: Reference) -> Place | int | str:
        """Return what a reference looks at: an action, a step's index, or the name of a key.

        An unknown step or action gives the reference's first name, ``steps``.
        """
        path = reference.path
        if path[0] == "inputs" and len(path) > 1:
            return path[1]
        if path[0] != "steps" or len(path) < 2:
            return path[0]
        step = self.step(path[1])
        if step is None:
            return "steps"
        if len(path) > 3 and path[2] == "actions":
            action = self.action(step, path[3])
            return "steps" if action is None else (step, action)
        return (step, 0) if len(self._flow.steps[step].actions) == 1 else step


def source_of(flow: Flow, reference: Reference) -> Place | int | str:
    """Return what a reference of a flow looks at, as ``Index.source_of``."""
    return Index(flow).source_of(reference)


def _dependents(
    flow: Flow, needs: dict[Place, tuple[Need, ...]], ancestors: tuple[int, ...]
) -> dict[Place, tuple[Place, ...]]:
    """Return which actions use an action's output, or a shared value that it writes."""
    found: dict[Place, dict[Place, None]] = {}
    writers: dict[str, list[Place]] = {}
    for s, step in enumerate(flow.steps):
        for a, one in enumerate(step.actions):
            for name in one.writes:
                writers.setdefault(name, []).append((s, a))
    for place, wanted in needs.items():
        for need in wanted:
            if isinstance(need.source, tuple):
                found.setdefault(need.source, {})[place] = None
            elif isinstance(need.source, int):
                for action in range(len(flow.steps[need.source].actions)):
                    found.setdefault((need.source, action), {})[place] = None
            else:
                for writer in writers.get(need.source, ()):
                    if writer != place and ancestors[place[0]] >> writer[0] & 1:
                        found.setdefault(writer, {})[place] = None
    return {source: tuple(places) for source, places in found.items()}
