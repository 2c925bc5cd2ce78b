"""What edges hold: how often they fired, whether they still can, and what waits at a step on a cycle.

Theory of operation. Off the cycles a step is visited once (``no_wait``: once for each firing), so an
edge closes when its source has settled. A step on a cycle is visited again and again: each visit
*takes* firings of its edges, one of every edge for a join, one in all for a step that is visited for
each firing. A join there waits for an edge only while something that goes on can still lead to its
firing (``can_come``), so a branch that was not taken in one iteration holds nobody up. When nothing
goes on in a cycle and nothing can enter it any more, all its edges close at once. Rules C1 to C5 of
docs/spec.md.
"""

from __future__ import annotations

from collections.abc import Iterable

from flow_widgets.flow.graph import Arc
from flow_widgets.run.state import SETTLED, RunState


def fire(state: RunState, step: int, ports: tuple[str, ...]) -> None:
    """Count a firing of each edge that leaves a step at one of these ports."""
    for arc in state.graph.out[step]:
        if arc.is_fired(ports):
            state.arcs[arc.index].fired += 1


def fail(state: RunState, step: int) -> bool:
    """Fire the ``error`` edges of a failed step, else let its edges fail; say whether it has some."""
    out = state.graph.out[step]
    handled = any(arc.port == "error" for arc in out)
    for arc in out:
        if arc.port == "error":
            state.arcs[arc.index].fired += 1
        elif not handled:
            state.arcs[arc.index].failed = True
    return handled


def waiting(state: RunState, arc: Arc) -> int:
    """Return how many firings of an edge its target, on a cycle, has not been visited for.

    For ``all_done`` a failure counts as one. What comes late for a visit is not waited with.
    """
    held = state.arcs[arc.index]
    failed = held.failed and state.graph.joins[arc.target] == "all_done"
    return max(held.fired - held.taken, 0) + failed


def is_each(state: RunState, step: int) -> bool:
    """Whether a step on a cycle is visited once for each firing, rather than once for all edges (C2)."""
    join = state.graph.joins[step]
    return join == "no_wait" or (join != "all_done" and len(state.graph.into[step]) == 1)


def take(state: RunState, step: int, *, early: bool = False) -> None:
    """Let a visit of a step on a cycle take the firings that it was begun for (C2).

    A visit that begins ``early``, before every edge has fired, takes those too that are still to come.
    """
    each = is_each(state, step)
    for arc in state.graph.into[step]:
        held = state.arcs[arc.index]
        if held.fired > held.taken:
            held.taken += 1
            if each:
                return
        elif early and not each and not held.failed and can_come(state, arc):
            held.taken += 1
        if not each:
            held.failed = False


def forgive(state: RunState, steps: Iterable[int]) -> None:
    """Let go of firings that were taken early at these steps and that can't come any more (C2)."""
    for step in steps:
        for arc in state.graph.into[step]:
            held = state.arcs[arc.index]
            if held.taken > held.fired and not can_come(state, arc):
                held.taken = held.fired


def close_when_exhausted(state: RunState, index: int) -> None:
    """Close the edges of a step that can't be visited again, and so on behind it (P7, C4)."""
    graph, front = state.graph, [index]
    while front:
        step = front.pop()
        cycle = graph.cycle_of[step]
        if cycle >= 0:
            sources = graph.cycles[cycle] if is_over(state, cycle) else ()
        else:
            sources = (step,) if _is_exhausted(state, step) else ()
        for source in sources:
            for arc in graph.out[source]:
                held = state.arcs[arc.index]
                if held.closed:
                    continue
                held.closed = True
                other = graph.cycle_of[arc.target]
                if other != cycle if other >= 0 else _is_revisited(state, arc.target):
                    front.append(arc.target)


def _is_revisited(state: RunState, step: int) -> bool:
    return state.graph.joins[step] == "no_wait" and state.steps[step].status in SETTLED


def _is_exhausted(state: RunState, index: int) -> bool:
    """Whether a settled step has no visit open, and no edge that fires brings another one."""
    step, into = state.steps[index], state.graph.into[index]
    if step.is_open or state.graph.joins[index] != "no_wait":
        return not step.is_open
    arcs = [state.arcs[arc.index] for arc in into]
    return all(arc.closed for arc in arcs) and sum(arc.fired for arc in arcs) <= step.own_visits


def is_over(state: RunState, cycle: int) -> bool:
    """Whether nothing goes on in a cycle, and nothing can begin there any more (C4)."""
    return is_quiet(state, cycle) and not any(
        is_unmet(state, step) or any(waiting(state, arc) for arc in state.graph.into[step])
        for step in state.graph.cycles[cycle]
    )


def is_unmet(state: RunState, step: int) -> bool:
    """Whether a failure has kept a step on a cycle from its first visit, so that it is to fail."""
    return state.steps[step].status == "pending" and any(
        state.arcs[arc.index].failed for arc in state.graph.into[step]
    )


def is_quiet(state: RunState, cycle: int) -> bool:
    """Whether no step of a cycle is visited now, and no edge that leads into it can fire any more."""
    graph = state.graph
    for step in graph.cycles[cycle]:
        if state.steps[step].is_open or is_to_begin(state, step):
            return False
        for arc in graph.into[step]:
            if graph.cycle_of[arc.source] != cycle and not state.arcs[arc.index].closed:
                return False
    return True


def begun(state: RunState) -> tuple[int, ...]:
    """Return the steps that the run began with, or that its trigger kept from beginning (P1)."""
    graph, trigger = state.graph, state.trigger
    if trigger is None:
        return graph.begins
    others = (step for step in graph.begins if step != trigger and not graph.into[step])
    return (trigger, *others)


def is_to_begin(state: RunState, step: int) -> bool:
    """Whether a step that the run begins with has not been come to, as its process had ended."""
    held = state.steps[step]
    return held.status == "pending" and not held.own_visits and step in begun(state)


def can_come(state: RunState, arc: Arc) -> bool:
    """Whether an edge to a join on a cycle may fire before that join has been visited again (C3)."""
    graph, cycle = state.graph, state.graph.cycle_of[arc.target]
    if graph.cycle_of[arc.source] != cycle:
        return not state.arcs[arc.index].closed
    seen, front = {arc.target}, [arc.source]
    while front:
        step = front.pop()
        if step in seen:
            continue
        seen.add(step)
        if state.steps[step].is_open:
            return True
        for one in graph.into[step]:
            if waiting(state, one):
                return True
            if graph.cycle_of[one.source] == cycle:
                front.append(one.source)
            elif not state.arcs[one.index].closed:
                return True
    return False
