"""What differs between two definitions of a flow, in lines for a person.

Steps and actions are told by their ids, as when a definition is edited (R9), so one that only moved is
no other one. What a part is called is no change.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flow_widgets.flow.code_mark import action_code
from flow_widgets.flow.model import Action, Flow, Step
from flow_widgets.run.identity import NAMES, differing

_LISTED = frozenset({"id", "description", "inputs", "state", "steps", "edges"})
"""Fields of a flow that are looked at one by one, or say nothing of what it does."""
_SHOWN = frozenset({"name", "model", "provider", "on_error", "max_parallel", "max_iterations"})
"""Fields of a flow whose values are short enough to be shown."""


def changes(old: Flow, new: Flow) -> list[str]:
    """Return what was changed, added and removed, in the order of the flow; empty for equal flows."""
    found = [*_of_flow(old, new)]
    found += _keys("input", old.inputs, new.inputs)
    found += _keys("shared value", old.state, new.state)
    found += _of_steps(old.steps, new.steps)
    if _edges(old) != _edges(new):
        found.append("edges changed")
    return found


def _of_flow(old: Flow, new: Flow) -> Iterator[str]:
    for field in differing(old, new, _LISTED):
        before, after = (_word(getattr(flow, field)) for flow in (old, new))
        yield f"{field} changed: {before} to {after}" if field in _SHOWN else f"{field} changed"


def _word(value: Any) -> str:
    return "none" if value is None else str(value)


def _keys(kind: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for name in new:
        if name not in old:
            yield f"{kind} {name} was added"
        elif any(differing(old[name], new[name])):
            yield f"{kind} {name} changed"
    for name in old:
        if name not in new:
            yield f"{kind} {name} was removed"


def _of_steps(old: Sequence[Step], new: Sequence[Step]) -> Iterator[str]:
    before = {step.id: step for step in old}
    after = {step.id for step in new}
    for index, step in enumerate(new):
        if step.id not in before:
            yield f"step {_called(str(index), step.label)} was added"
            continue
        known = before[step.id]
        fields = list(differing(known, step, NAMES | {"actions"}))
        if fields:
            yield f"step {_called(str(index), step.label)}: {_listed(fields)} changed"
        yield from _of_actions(index, known, step)
    for index, step in enumerate(old):
        if step.id not in after:
            yield f"step {_called(str(index), step.label)} was removed"
    if _moved([step.id for step in old], [step.id for step in new]):
        yield "steps were reordered"


def _of_actions(index: int, old: Step, new: Step) -> Iterator[str]:
    before = {action.id: action for action in old.actions}
    after = {action.id for action in new.actions}
    for number, action in enumerate(new.actions):
        where = _called(f"{index}, {number}", action.name or new.label)
        if action.id not in before:
            yield f"{where} was added"
            continue
        fields = _fields(before[action.id], action)
        if fields:
            yield f"{where}: {_listed(fields)} changed"
    for number, action in enumerate(old.actions):
        if action.id not in after:
            where = _called(f"{index}, {number}", action.name or old.label)
            yield f"{where} was removed"
    if _moved([one.id for one in old.actions], [one.id for one in new.actions]):
        yield f"actions of step {_called(str(index), new.label)} were reordered"


def _fields(old: Action, new: Action) -> list[str]:
    if old.type != new.type:
        return ["type"]
    code = ["code"] if action_code(old) != action_code(new) else []
    return [*differing(old, new, NAMES), *code]


def _moved(old: Sequence[str], new: Sequence[str]) -> bool:
    """Whether those that are in both stand in another order."""
    both = set(old) & set(new)
    return [one for one in old if one in both] != [one for one in new if one in both]


def _edges(flow: Flow) -> Counter[tuple[str, str, str]]:
    """Return the edges by the ids of their steps, with their ports written out."""
    ports = {step.id: step.ports[0] for step in flow.steps}
    return Counter(
        (edge.source, edge.source_port or ports.get(edge.source, ""), edge.target)
        for edge in flow.edges
    )


def _called(place: str, name: str) -> str:
    return f"{place} {name}" if name else place


def _listed(fields: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(fields[:-1]), fields[-1])))
