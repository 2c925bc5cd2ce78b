"""Which outputs no longer are what their definition and their sources would give, and why.

Theory of operation. An attempt remembers the definition it ran with, that definition with its values in
place, the mark of its code, and a digest of every value it read. As long as none of these is another,
nothing is looked at twice. When one is, the definition of now is filled in with the values of now: an
output is stale only where that is not what its attempt was (R5). So what only moved, was renamed, or
reads an equal value elsewhere stays fresh, and undoing an edit makes everything fresh again (R6).

Not everything can be filled in again. What an action fills in itself, flows inside it, shared values
that others have set since, and outputs on a cycle are compared as they are written, with the digests
of what was read (R18). Rules R5 to R10, R15, R17 and R18 of docs/spec.md.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from heapq import heapify, heappop, heappush
from typing import Any

from flow_widgets.errors import FlowError
from flow_widgets.flow.attachment import File
from flow_widgets.flow.binding import Use, bound
from flow_widgets.flow.binding import deferred_fields as deferred
from flow_widgets.flow.code_mark import action_code
from flow_widgets.flow.graph import Place
from flow_widgets.flow.model import Action
from flow_widgets.flow.models import leaves_model_open, takes_model, with_model
from flow_widgets.flow.template import Lookup, Reference, descend
from flow_widgets.run.digest import digest
from flow_widgets.run.events import Read, Source
from flow_widgets.run.identity import NAMES, differing, identity
from flow_widgets.run.scope import lookup
from flow_widgets.run.state import ActionState, AttemptState, RunState


def staleness(
    state: RunState, changed: list[Place], *, including: bool = False
) -> dict[Place, str | None]:
    """Return why each changed action, and each that depends on one, is stale; None where it is fresh.

    With ``including`` it is not the outputs of the changed ones that are others, so that those behind
    them are looked at only where it makes a difference. Actions come in the order of the graph.
    """
    result: dict[Place, str | None] = {}
    dependents, rank = state.graph.dependents, state.graph.rank
    found = set(changed)
    if not including:
        found.update(one for place in changed for one in dependents.get(place, ()))
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
    if action.pinned or attempt.origin == "edit":
        return None
    if attempt.origin == "pin":
        return "it is pinned no more"
    return (
        _unsettled_source(state, place)
        or _change(state, place, attempt)
        or _stale_source(state, place, attempt, known)
    )


def _unsettled_source(state: RunState, place: Place) -> str | None:
    """Return that an output it reads is being made anew: what there is of it is not to be compared."""
    for source in sorted(_outputs_of(state, place)):
        if state.action(source).status in ("running", "waiting"):
            return _ran(state, source)
    return None


def _stale_source(
    state: RunState, place: Place, attempt: AttemptState, known: dict[Place, str | None]
) -> str | None:
    writers = _writers_read(attempt, sources_of(state, place))
    for source in sorted(_outputs_of(state, place) | _apart(state, place, writers)):
        if known.get(source, state.action(source).stale) is not None:
            return f"step {source[0]} is stale"
    return None


def _ran(state: RunState, source: tuple[Any, ...]) -> str:
    """Return what has happened to an output that an action read: another was made, or written."""
    newest = state.action((source[0], source[1])).newest
    what = "was edited" if newest is not None and newest.origin == "edit" else "ran again"
    return f"step {source[0]} {what}"


def _outputs_of(state: RunState, place: Place) -> set[Place]:
    """Return the actions whose outputs an action refers to, apart from those on its cycle (R10)."""
    found = {one for one in sources_of(state, place) if isinstance(one, tuple)}
    return _apart(state, place, found)


def _writers_read(attempt: AttemptState, names: Container[Any]) -> set[Place]:
    """Return the actions from which an attempt read shared values of these names."""
    reads = (source for source, _ in attempt.reads if isinstance(source, tuple))
    return {(one[0], one[1]) for one in reads if len(one) == 3 and one[2] in names}


def _apart(state: RunState, place: Place, sources: set[Place]) -> set[Place]:
    cycle = state.graph.cycle_of[place[0]]
    return {one for one in sources if cycle < 0 or state.graph.cycle_of[one[0]] != cycle}


# What an output was made from, and what it would be made from now.


def _change(state: RunState, place: Place, attempt: AttemptState) -> str | None:
    """Return why an action would make something else now than its attempt did, None if it would not."""
    old, new = attempt.definition, state.graph.flow.steps[place[0]].actions[place[1]]
    if old.type != new.type:
        return "type changed"
    code = action_code(new)
    if attempt.rendered is not None and attempt.code != code:
        return "code changed"
    if _has_other_model(attempt, new, state.graph.flow.model):
        return "model changed"
    if _is_untouched(state, place, attempt, new):
        return None
    if attempt.rendered is None or not _is_exact(state, place, attempt):
        return _written_change(state, place, attempt, new)
    try:
        now = bound(with_model(new, state.graph.flow.model), _values(state, place))
    except FlowError:
        now = None
    if now is not None and identity(now, code) == identity(attempt.rendered, code) != "":
        return None
    return _why(state, place, attempt, now)


def _has_other_model(attempt: AttemptState, new: Action, model: str | None) -> bool:
    """Whether the model of the flow, which an action or one inside it takes, is another one."""
    rendered = attempt.rendered
    if rendered is not None and leaves_model_open(attempt.definition) and leaves_model_open(new):
        return bool(getattr(rendered, "model", None) != model)
    return takes_model(new) and any(one != model for one in _models_inside(attempt))


def _models_inside(attempt: AttemptState) -> Iterator[str | None]:
    """Yield the models that actions inside an attempt took from the flow around it."""
    for run in (attempt.inner or {}).values():
        if run.graph.flow.model is not None:
            continue
        for step in run.steps:
            for inner in (one for action in step.actions for one in action.attempts):
                if inner.rendered is not None and leaves_model_open(inner.definition):
                    yield getattr(inner.rendered, "model", None)
                yield from _models_inside(inner)


def _is_untouched(state: RunState, place: Place, attempt: AttemptState, new: Action) -> bool:
    """Whether the definition and all that was read are what they were, so that nothing is filled in."""
    if any(seen is None for _, seen in attempt.reads):
        return False
    if attempt.definition is not new and _fields_apart(attempt.definition, new):
        return False
    return dict(reads_of(state, place)) == dict(attempt.reads)


def _is_exact(state: RunState, place: Place, attempt: AttemptState) -> bool:
    """Whether what an attempt was made from can be compared with what it would be made from now (R18)."""
    new = state.graph.flow.steps[place[0]].actions[place[1]]
    late = {*deferred(type(new)), *new.bodies}
    if any(_field_of(need.use) in late for need in state.graph.needs[place]):
        return False
    names = {one for one in sources_of(state, place) if isinstance(one, str)}
    writers = _writers_read(attempt, names)
    for name in names:
        setting = _setting(state, place, name)
        if setting and setting != set(state.writers[name]):
            return False  # somebody else has set it since
        writers |= setting
    if any(not state.graph.is_before(writer[0], place[0]) for writer in writers):
        return False
    sources = {one for one in sources_of(state, place) if isinstance(one, tuple)} | writers
    return _apart(state, place, sources) == sources


def _field_of(use: Use) -> str:
    return re.split(r"[.\[]", use.place, maxsplit=1)[0]


def _setting(state: RunState, place: Place, name: str) -> set[Place]:
    """Return the actions before one that have set a shared value."""
    before = state.graph.is_before
    return {w for w in state.writers.get(name, ()) if w != place and before(w[0], place[0])}


def _values(state: RunState, place: Place) -> Lookup:
    """Return the lookup of an action's values as it would find them at its turn.

    A shared value that nobody before it has set is what it was in the beginning.
    """

    def value(reference: Reference) -> Any:
        name = reference.path[0]
        if name in state.shared and not _setting(state, place, name):
            slots = state.graph.flow.state
            if name in state.inputs:
                return descend(state.inputs[name], reference, 1)
            if name in slots:
                return descend(slots[name].default, reference, 1)
        return lookup(state, reference)

    return value


def _why(state: RunState, place: Place, attempt: AttemptState, now: Action | None) -> str:
    """Return what an action is different for: its definition, where its references lead, or a value."""
    new = state.graph.flow.steps[place[0]].actions[place[1]]
    edited = _fields_apart(attempt.definition, new)
    differing = edited if now is None else _fields_apart(attempt.rendered, now)
    for field in differing:
        if field in edited:
            return f"{field} changed"
    if {_looked_at(source) for source, _ in attempt.reads} != sources_of(state, place):
        return "it refers to another step now"
    lost = [one for one, seen in attempt.reads if seen is None and isinstance(one, tuple)]
    return (
        _other_value(state, place, attempt)
        or next((_ran(state, source) for source in lost), None)
        or f"{(*differing, 'what it refers to')[0]} changed"
    )


def _written_change(
    state: RunState, place: Place, attempt: AttemptState, new: Action
) -> str | None:
    """Return what differs in a definition as it is written, or in what was read (R18)."""
    edited = _fields_apart(attempt.definition, new)
    if edited:
        return f"{edited[0]} changed"
    if {_looked_at(source) for source, _ in attempt.reads} != sources_of(state, place):
        return "it refers to another step now"
    return _other_value(state, place, attempt)


def _other_value(state: RunState, place: Place, attempt: AttemptState) -> str | None:
    """Return which value that was read has another digest now, apart from outputs on a cycle (R10)."""
    cycle = state.graph.cycle_of[place[0]]
    for source, seen in attempt.reads:
        if isinstance(source, str):
            if value_digest(state, source) != seen:
                return "inputs changed"
        elif cycle >= 0 and state.graph.cycle_of[source[0]] == cycle:
            continue
        elif source_digest(state, source) != seen:
            return _ran(state, source)
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

    Ids and names do not count; what changes nothing that is sent does.
    """
    if old is new:
        return None
    if old.type != new.type:
        return "type"
    return next(differing(old, new, NAMES), None)


def _fields_apart(old: Any, new: Action) -> list[str]:
    """Return the fields in which two actions differ, apart from those that change nothing that is sent."""
    return list(differing(old, new, type(new).not_sent))


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
