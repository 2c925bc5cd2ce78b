"""Decides about the steps that edges lead to: when each starts, fails or is skipped.

Theory of operation. When a step has settled, its edges have fired, failed or closed in the state
already; here the steps at their ends are looked at, and those behind visits that are over. Off the
cycles a step is decided about once, by its join. On a cycle it is decided about whenever something
waits at it (``run/edges.py``). Rules J1 to J6 and C1 to C6 of docs/spec.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

from flow_widgets.run.decisions import Decision, FailStep, SkipStep, StartStep
from flow_widgets.run.edges import (
    can_come,
    is_each,
    is_over,
    is_quiet,
    is_to_begin,
    is_unmet,
    waiting,
)
from flow_widgets.run.state import SETTLED, ActionState, RunState
from flow_widgets.run.view import ActionStatus


def start(state: RunState, step: int) -> StartStep:
    """Begin a visit with all actions; of the first one without those that a person or a rerun made."""
    held = state.steps[step]
    if state.cause == "resume" and any(one.status == "completed" for one in held.actions):
        left = tuple(n for n, one in enumerate(held.actions) if one.status != "completed")
        if not held.own_visits or (state.graph.cycle_of[step] < 0 and held.status == "pending"):
            return StartStep(step, left, resumed=True)
    return StartStep(step, _numbers(len(held.actions)))


@cache
def _numbers(count: int) -> tuple[int, ...]:
    return tuple(range(count))


def spread(state: RunState, index: int, fired: tuple[str, ...]) -> list[Decision]:
    """Decide about the steps that the edges of a settled step lead to (J1 to J6).

    A step that stands behind another of them comes first: what follows from a decision is carried
    out before the next one, and must find nothing decided but not yet done (P8).
    """
    reached = _reached(state, index, fired)
    found: dict[int, list[Decision]] = {}
    if state.graph.cycles:
        found = {one.step: [one] for one in _joins_on_cycles(state, index, reached)}
    for step, count in reached.items():
        decisions = _arrival(state, step, count)
        if decisions:
            found[step] = decisions
    if len(found) < 2:
        return next(iter(found.values()), [])
    steps = list(found)
    if _is_one_behind(state, steps):
        steps.sort(key=lambda step: _turn(state, step))
    return [decision for step in steps for decision in found[step]]


def _turn(state: RunState, step: int) -> tuple[int, bool]:
    """Return the place of a step among several: those behind first, of a cycle its join first (P8)."""
    cycle = state.graph.cycle_of[step]
    first = step if cycle < 0 else state.graph.cycles[cycle][0]
    return -state.graph.rank[first], cycle >= 0 and is_each(state, step)


def _is_one_behind(state: RunState, steps: list[int]) -> bool:
    """Whether one of the steps stands behind another in the graph."""
    before = 0
    for step in steps:
        before |= state.graph.ancestors[step]
    return any(before >> step & 1 for step in steps)


def _reached(state: RunState, index: int, fired: tuple[str, ...]) -> dict[int, int]:
    """Return how often an edge to each step fired now, with steps behind visits that are over (P7)."""
    graph = state.graph
    reached: dict[int, int] = {}
    for arc in graph.out[index]:
        reached[arc.target] = reached.get(arc.target, 0) + arc.is_fired(fired)
    front = [s for s, count in reached.items() if not count or graph.cycle_of[s] >= 0]
    if graph.cycle_of[index] >= 0:
        front.append(index)
    seen: set[int] = set()
    while front:
        step = front.pop()
        for source in _over_with(state, step, seen):
            if graph.cycle_of[source] >= 0:
                reached.setdefault(source, 0)
            for arc in graph.out[source]:
                if state.arcs[arc.index].closed and arc.target not in reached:
                    reached[arc.target] = 0
                    front.append(arc.target)
    return reached


def _over_with(state: RunState, step: int, seen: set[int]) -> tuple[int, ...]:
    """Return the steps whose visits are all over with a step: itself, or its whole cycle, once."""
    graph = state.graph
    cycle = graph.cycle_of[step]
    if cycle < 0:
        is_over_now = graph.joins[step] == "no_wait" and state.steps[step].status in SETTLED
        return (step,) if is_over_now else ()
    if cycle in seen or not is_over(state, cycle):
        return ()
    seen.add(cycle)
    return graph.cycles[cycle]


def next_join(state: RunState, step: int) -> list[Decision]:
    """Return the next join to begin when a visit of one on the same cycle has begun (C6)."""
    found = None if is_each(state, step) else _ready_join(state, state.graph.cycle_of[step])
    return [] if found is None else [found]


def _joins_on_cycles(
    state: RunState, index: int, reached: dict[int, int]
) -> Iterator[StartStep | FailStep]:
    """Begin at most one visit of a join on each cycle that was touched (C6).

    When it has begun the next is looked for, so that no two decisions are about one step.
    """
    cycles = {state.graph.cycle_of[index]}
    cycles.update(state.graph.cycle_of[step] for step in reached)
    for cycle in sorted(cycles):
        found = _ready_join(state, cycle) if cycle >= 0 else None
        if found is not None:
            yield found


def _ready_join(state: RunState, cycle: int) -> StartStep | FailStep | None:
    """Return the first join of a cycle that can begin, or that a failure keeps from it (C3, C4)."""
    graph, members = state.graph, state.graph.cycles[cycle]
    joins = [step for step in members if not is_each(state, step)]
    for step in joins:
        for one in _due_on_cycle(state, step):
            if not isinstance(one, SkipStep):
                return one
    decided = {
        step
        for step in members
        if step not in joins and any(waiting(state, arc) for arc in graph.into[step])
    }
    unmet = [step for step in members if step not in decided and is_unmet(state, step)]
    for step in unmet:
        if graph.joins[step] == "all_success":
            return _unmet(state, step)
    if decided or not is_quiet(state, cycle):
        return None
    for step in joins:  # they wait for one another
        if any(waiting(state, arc) for arc in graph.into[step]):
            return _visit(state, step)
    return _unmet(state, unmet[0]) if unmet else None


def _arrival(state: RunState, target: int, count: int) -> list[Decision]:
    """Return what follows for a step when edges to it have fired ``count`` times, or have died."""
    if state.graph.cycle_of[target] >= 0:
        if count and is_each(state, target):
            return _visits(state, target, count)
        if count or state.steps[target].status != "pending":
            return []
        return [one for one in _due_on_cycle(state, target) if isinstance(one, SkipStep)]
    if state.graph.joins[target] == "no_wait" and count:
        return [start(state, target)] * count
    return due(state, target) if state.steps[target].status == "pending" else []


def _visits(state: RunState, step: int, count: int) -> list[Decision]:
    """Begin a visit for each of ``count`` firings; those decided before, but not begun, count too (C5)."""
    later = sum(waiting(state, arc) for arc in state.graph.into[step]) - count
    found = [_visit(state, step, later + number) for number in range(count)]
    begun = [one for one in found if isinstance(one, StartStep)]
    return [*found[len(begun) : len(begun) + 1], *begun]


def _visit(state: RunState, step: int, later: int = 0) -> StartStep | FailStep:
    """Begin a visit of a step on a cycle, unless it has been visited too often (C5)."""
    limit, visits = state.graph.flow.max_iterations, state.steps[step].visit_count + later
    total = state.cycle_visits + later
    if visits < limit and total < limit * RUN_FACTOR:
        return start(state, step)
    what = f"it was visited {visits} times" if visits >= limit else f"its cycle took {total} visits"
    reason = (
        f"{what}, the limit; raise max_iterations of the flow, or see why its cycle does not end"
    )
    return FailStep(step, 0, reason, "limit")


RUN_FACTOR = 10
"""How many times ``max_iterations`` all steps on cycles together may be visited."""


def _due_on_cycle(state: RunState, target: int) -> Sequence[StartStep | FailStep | SkipStep]:
    """Return what follows for a step on a cycle from what waits at it (C2, C3)."""
    arcs, mode = state.graph.into[target], state.graph.joins[target]
    came = [arc for arc in arcs if waiting(state, arc)]
    if is_each(state, target) and came:
        return [_visit(state, target)]
    if state.steps[target].is_open:
        return []
    held = [state.arcs[arc.index] for arc in arcs]
    if not came:
        if mode == "all_success" and is_unmet(state, target):
            return [_unmet(state, target)]
        is_dead = state.steps[target].status == "pending" and all(one.closed for one in held)
        return [_dead(state, target)] if is_dead else []
    if mode == "first_success":
        return [_visit(state, target)]
    if mode == "all_success" and any(one.failed for one in held):
        return [_unmet(state, target)]
    if all(waiting(state, arc) or not can_come(state, arc) for arc in arcs):
        return [_visit(state, target)]
    return []


def _end(state: RunState, target: int) -> Decision:
    """Return how a step ends that nothing led to."""
    if any(state.arcs[arc.index].failed for arc in state.graph.into[target]):
        return _unmet(state, target)
    return _dead(state, target)


def due(state: RunState, target: int) -> list[Decision]:
    """Return what follows for a pending step from its incoming edges; nothing when it has to wait."""
    graph = state.graph
    if graph.cycle_of[target] >= 0:
        return list(_due_on_cycle(state, target))
    into, mode = graph.into[target], graph.joins[target]
    fired = failed = waits = False
    for edge in into:
        arc = state.arcs[edge.index]
        fired = fired or arc.fired > 0
        failed = failed or arc.failed
        waits = waits or not (arc.fired or arc.closed)
    if not into or (fired and mode in ("first_success", "no_wait")):
        return [start(state, target)]
    if failed and mode == "all_success":
        return [_unmet(state, target)]
    if waits:
        return []
    if fired or (failed and mode == "all_done"):
        return [start(state, target)]
    return [_end(state, target)]


def first(state: RunState, step: int) -> Decision:
    """Decide about a step that a run begins with: of several triggers only one begins it (P1)."""
    actions = state.graph.flow.steps[step].actions
    if state.trigger in (None, step) or not any(action.is_trigger for action in actions):
        return start(state, step)
    return SkipStep(step, f"step {state.trigger} began this run", "dead")


def resumed(state: RunState) -> list[Decision]:
    """Decide about all that is left in a run that goes on, what stands behind first (R14, P8)."""
    graph = state.graph
    found: list[Decision] = []
    for step in reversed(graph.order):
        held = state.steps[step]
        found.extend(_redone(state, step, visit) for visit in held.again)
        if is_to_begin(state, step):
            found.append(first(state, step))
        elif graph.cycle_of[step] >= 0:
            found.extend(_due_again(state, step))
        elif graph.joins[step] == "no_wait" and graph.into[step]:
            count = sum(state.arcs[arc.index].fired for arc in graph.into[step]) - held.own_visits
            found.extend([start(state, step)] * count or _if_left(state, step))
        else:
            found.extend(_if_left(state, step))
    joins = (_ready_join(state, cycle) for cycle in range(len(graph.cycles)))
    return [*(one for one in joins if one is not None), *found]


def _if_left(state: RunState, step: int) -> list[Decision]:
    held = state.steps[step]
    return due(state, step) if held.status == "pending" and not held.again else []


def _redone(state: RunState, step: int, visit: int) -> StartStep:
    """Go on with a visit that did not complete, with the actions of it that had not."""
    actions = enumerate(state.steps[step].actions)
    left = tuple(n for n, action in actions if status_in(action, visit) != "completed")
    return StartStep(step, left, resumed=True, visit=visit)


def status_in(action: ActionState, visit: int | None) -> ActionStatus:
    """Return the status of an action, or of its newest attempt in one visit of its step.

    What a rerun or a person made counts in every visit. After a failure that was to be followed by
    another attempt, and was not, the action is canceled.
    """
    if visit is None:
        return action.status
    for attempt in reversed(action.attempts):
        if attempt.visit == visit or attempt.rerun:
            return "canceled" if attempt.retry_seconds is not None else attempt.status
    return "pending"


def _due_again(state: RunState, step: int) -> list[Decision]:
    """Decide about a step on a cycle: its firings that no visit took, and how it ends (C2)."""
    count = sum(waiting(state, arc) for arc in state.graph.into[step])
    if is_each(state, step) and count:
        return list(_visits(state, step, count))
    if state.steps[step].again:
        return []
    return [one for one in _due_on_cycle(state, step) if isinstance(one, SkipStep)]


def _unmet(state: RunState, target: int) -> FailStep:
    failed = [arc.source for arc in state.graph.into[target] if state.arcs[arc.index].failed]
    return FailStep(target, 0, f"step {failed[0]} failed, and this step needs it", "join")


def _dead(state: RunState, target: int) -> SkipStep:
    sources = sorted({arc.source for arc in state.graph.into[target]})
    names = " and ".join(f"step {source}" for source in sources[:3])
    return SkipStep(target, f"{names} did not lead here", "dead")
