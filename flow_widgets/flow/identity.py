"""Which part is meant: by index, id or name; and ids for parts that were given none."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from flow_widgets.errors import NoSuchStep, nearest
from flow_widgets.flow.naming import as_index, is_index

if TYPE_CHECKING:
    from flow_widgets.flow.model import Action, Step


def index_in(wanted: int | str, names: list[tuple[str, str]], kind: str, owner: str) -> int:
    """Find an index in ``names``, which holds the id and the name of each item; ids come first."""
    count = len(names)
    if isinstance(wanted, int) and 0 <= wanted < count:
        return wanted
    for which in (0, 1):
        known = [pair[which] for pair in names]
        if wanted and wanted in known:
            return known.index(str(wanted))
    counted = f"{count} {kind}{'' if count == 1 else 's'}"
    what = f"There is no {kind} {wanted!r}: {owner} has {counted}."
    if isinstance(wanted, str):
        words = [name for pair in names for name in pair if name]
        raise NoSuchStep(what, hint=nearest(wanted, words))
    raise NoSuchStep(what, hint=f"Indices run from 0 to {count - 1}." if count else "")


def named(key: str, parts: Sequence[Step | Action]) -> int | None:
    """Return the index of the part that a reference calls by index, id or name, or None."""
    return found_in(names_of(parts), key, len(parts))


def names_of(parts: Sequence[Step | Action]) -> dict[str, int]:
    """Return the index of each part by its id, else by its name; of several the first counts."""
    found: dict[str, int] = {}
    for index, part in enumerate(parts):
        found.setdefault(part.id, index)
    for index, part in enumerate(parts):
        if part.name:
            found.setdefault(slug(part.name), index)
    return found


def found_in(names: Mapping[str, int], key: str, count: int) -> int | None:
    """Return the index that a key names among ``count`` parts, given the names of these, or None."""
    if is_index(key):
        return as_index(key, count)
    return names.get(key) if key else None


def slug(name: str) -> str:
    """Return a name as it can stand in a reference: lower case words joined by underscores."""
    words = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    return words if words and not words[0].isdigit() else ""


def identified(steps: Sequence[Step]) -> tuple[Step, ...]:
    """Return the steps with an id on each and on each action, unique where they were not given."""
    taken = {step.id for step in steps if step.id}
    named: list[Step] = []
    for index, step in enumerate(steps):
        ids = {action.id for action in step.actions if action.id}
        actions = tuple(
            action
            if action.id
            else action.model_copy(update={"id": _fresh(action.name, "a", i, ids)})
            for i, action in enumerate(step.actions)
        )
        identity = step.id or _fresh(step.label, "s", index, taken)
        named.append(step.model_copy(update={"id": identity, "actions": actions}))
    return tuple(named)


def _fresh(name: str, letter: str, index: int, taken: set[str]) -> str:
    base = slug(name) or f"{letter}{index}"
    candidate, count = base, 2
    while candidate in taken:
        candidate, count = f"{base}_{count}", count + 1
    taken.add(candidate)
    return candidate
