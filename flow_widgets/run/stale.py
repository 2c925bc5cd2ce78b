"""Which outputs no longer are what their definition and their sources would give, and why.

An attempt remembers the definition it ran with and a digest of every value it read. It is stale when
one of them differs now, or when an output it read is stale itself. Nothing is remembered beside
that, so undoing an edit makes everything fresh again (R6). Rules R5 to R10 of docs/spec.md.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush

from flow_widgets.flow.attachment import File
from flow_widgets.flow.graph import Place
from flow_widgets.flow.model import Action
from flow_widgets.run.digest import digest
from flow_widgets.run.events import Read, Source
from flow_widgets.run.state import ActionState, AttemptState, RunState


def staleness(
    state: RunState, changed: list[Place], *, including: bool = False
) -> dict[Place, str | None]:
    """Return why each action that depends on a changed one is stale, None where it is fresh.

    ``including`` looks at the changed ones too. Actions come in the order of the graph.
    """
    result: dict[Place, str | None] = {}
    dependents, rank = state.graph.dependents, state.graph.rank
    first = (
        changed if including else [one for place in changed for one in dependents.get(place, ())]
    )
    found = set(first)
    front = [(rank[place[0]], place) for place in found]
    heapify(front)
    while front:
        place = heappop(front)[1]
        action = state.action(place)
        if action.status != "completed":
            continue
        result[place] = reason = _reason(state, place, action, result)
        if (reason is None) != (action.stale is None):  # else those behind it are as they were
            for behind in dependents.get(place, ()):
                if behind not in found:
                    found.add(behind)
                    heappush(front, (rank[behind[0]], behind))
    return result


def _reason(
    state: RunState, place: Place, action: ActionState, known: dict[Place, str | None]
) -> str | None:
    attempt = action.attempts[-1]
    edited = difference(attempt.definition, state.graph.flow.steps[place[0]].actions[place[1]])
    if edited:
        return f"{edited} changed"
    if {_looked_at(source) for source, _ in attempt.reads} != sources_of(state, place):
        return "it refers to another step now"
    cycle = state.graph.cycle_of[place[0]]
    for source, seen in attempt.reads:
        if isinstance(source, str):
            if value_digest(state, source) != seen:
                return "inputs changed"
            continue
        if cycle >= 0 and state.graph.cycle_of[source[0]] == cycle:
            continue  # outputs on a cycle are of different iterations (R10)
        if source_digest(state, source) != seen:
            return f"step {source[0]} ran again"
        writer = (source[0], source[1])
        if known.get(writer, state.action(writer).stale) is not None:
            return f"step {source[0]} is stale"
    return None


def _looked_at(source: Source) -> Place | str:
    """Return what a reference to a source looks at: of a written value its name."""
    return source[2] if isinstance(source, tuple) and len(source) == 3 else source


def sources_of(state: RunState, place: Place) -> set[Place | str]:
    """Return what the references of an action look at now, whole steps by their actions."""
    found: set[Place | str] = set()
    for need in state.graph.needs[place]:
        if isinstance(need.source, int):
            found |= {(need.source, a) for a in range(len(state.steps[need.source].actions))}
        else:
            found.add(need.source)
    return found


def reads_of(state: RunState, place: Place) -> tuple[Read, ...]:
    """Return what an action reads when it starts now, each with the digest that it has (R5).

    A shared value is read from where it came: from every action that has set it, else from the inputs.
    """
    if not state.graph.needs[place]:
        return ()
    reads: dict[Source, str | None] = {}
    for source in sources_of(state, place):
        if isinstance(source, tuple):
            reads[source] = output_digest(state, source)
            continue
        writers = [one for one in state.writers.get(source, ()) if one != place]
        for writer in writers:
            reads[*writer, source] = source_digest(state, (*writer, source))
        if not writers:
            reads[source] = value_digest(state, source)
    return tuple(reads.items())


def difference(old: Action, new: Action) -> str | None:
    """Return the name of the first field in which two definitions differ, or None.

    Ids and names do not count: they change nothing that is sent.
    """
    if old is new:
        return None
    if type(old) is not type(new):
        return "type"
    for name in type(new).model_fields:
        if name not in ("id", "name") and getattr(old, name) != getattr(new, name):
            return name
    return None


def output_digest(state: RunState, place: Place) -> str | None:
    """Return the digest of an action's newest output, None when its newest attempt has none."""
    newest: AttemptState | None = state.action(place).newest
    return newest.digest if newest else None


def source_digest(state: RunState, source: Place | tuple[int, int, str]) -> str | None:
    """Return the digest of an action's newest output, or of what it set in one shared value."""
    if len(source) == 2:
        return output_digest(state, source)
    newest = state.action((source[0], source[1])).newest
    writes = newest.writes if newest else ()
    return digest([[path, value] for path, value in writes if path.split(".")[0] == source[2]])


def value_digest(state: RunState, name: str) -> str | None:
    """Return the digest of an input, or of what a slot of the shared state begins with, else None."""
    slots = state.graph.flow.state
    if name in state.inputs:
        value = state.inputs[name]
    elif name in slots:
        value = slots[name].default
    else:
        return None
    return digest(value.model_dump(mode="json") if isinstance(value, File) else value)


def needed_first(state: RunState, places: list[Place]) -> list[Place]:
    """Return some actions with those that they use and that have never run, in the order of the flow."""
    chosen = set(places)
    for step in reversed(state.graph.order):
        for number, action in enumerate(state.steps[step].actions):
            users = state.graph.dependents.get((step, number), ())
            if action.status == "pending" and not action.attempts and chosen.intersection(users):
                chosen.add((step, number))
    return sorted(chosen)
