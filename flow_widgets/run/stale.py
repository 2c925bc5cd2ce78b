"""Which outputs no longer are what their definition and their sources would give, and why.

An attempt remembers the definition it ran with and a digest of every value it read. It is stale when
one of them differs now, or when an output it read is stale itself. Nothing is remembered beside
that, so undoing an edit makes everything fresh again (R6). Rules R5 to R8 of docs/spec.md.
"""

from __future__ import annotations

from flow_widgets.flow.attachment import File
from flow_widgets.flow.graph import Place
from flow_widgets.flow.model import Action
from flow_widgets.run.digest import digest
from flow_widgets.run.state import ActionState, AttemptState, RunState


def staleness(
    state: RunState, changed: list[Place], *, including: bool = False
) -> dict[Place, str | None]:
    """Return why each action that depends on a changed one is stale, None where it is fresh.

    ``including`` looks at the changed ones too. Actions come in the order of the graph.
    """
    touched = _downstream(state, changed)
    if including:
        touched |= set(changed)
    rank = {step: number for number, step in enumerate(state.graph.order)}
    result: dict[Place, str | None] = {}
    for place in sorted(touched, key=lambda one: (rank[one[0]], one[1])):
        action = state.action(place)
        if action.status == "completed":
            result[place] = _reason(state, place, action, result)
    return result


def _downstream(state: RunState, changed: list[Place]) -> set[Place]:
    found: set[Place] = set()
    front = list(changed)
    while front:
        for place in state.graph.dependents.get(front.pop(), ()):
            if place not in found:
                found.add(place)
                front.append(place)
    return found


def _reason(
    state: RunState, place: Place, action: ActionState, known: dict[Place, str | None]
) -> str | None:
    attempt = action.attempts[-1]
    edited = difference(attempt.definition, state.graph.flow.steps[place[0]].actions[place[1]])
    if edited:
        return f"{edited} changed"
    if {source for source, _ in attempt.reads} != _sources(state, place):
        return "it refers to another step now"
    for source, seen in attempt.reads:
        if isinstance(source, str):
            if value_digest(state, source) != seen:
                return "inputs changed"
            continue
        if output_digest(state, source) != seen:
            return f"step {source[0]} ran again"
        if known.get(source, state.action(source).stale) is not None:
            return f"step {source[0]} is stale"
    return None


def _sources(state: RunState, place: Place) -> set[Place | str]:
    """Return what the references of an action look at now, whole steps by their actions."""
    found: set[Place | str] = set()
    for need in state.graph.needs[place]:
        if isinstance(need.source, int):
            found |= {(need.source, a) for a in range(len(state.steps[need.source].actions))}
        else:
            found.add(need.source)
    return found


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


def value_digest(state: RunState, name: str) -> str | None:
    """Return the digest of a shared value, None when there is none of that name."""
    if name not in state.shared:
        return None
    value = state.shared[name]
    return digest(value.model_dump(mode="json") if isinstance(value, File) else value)
