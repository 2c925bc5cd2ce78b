"""The shared state of a run: values by name, written by path, cast to what the flow declares.

Rules W1 to W3 of docs/spec.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flow_widgets.errors import FlowError
from flow_widgets.flow.casts import cast_value
from flow_widgets.flow.declared import Slot
from flow_widgets.flow.naming import as_index, hint_of, path_fault


class StateRefused(FlowError):
    """A value can't be written to the shared state."""


def check_path(path: str) -> None:
    """Return when a value can be written at a path of the shared state, so that references find it.

    Raises:
        StateRefused: It is no path, or its first name has a meaning of its own.
    """
    fault = path_fault(path)
    if fault:
        raise StateRefused(f"Nothing can be written there: {fault}", hint=hint_of(path))


def written(shared: Mapping[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Return the shared values with one of them, or a part of it, set; the given ones stay as they are.

    ``user.name`` makes ``user`` a dict when there is none; in a list the part names an index.

    Raises:
        StateRefused: The path is none, or what stands on the way is neither a dict nor a list with such
            an index.
    """
    check_path(path)
    root, *rest = path.split(".")
    return {**shared, root: _set(shared.get(root), rest, value, path)}


def _set(old: Any, rest: list[str], value: Any, path: str) -> Any:
    if not rest:
        return value
    key, *deeper = rest
    if old is None:
        old = {}
    if isinstance(old, Mapping):
        return {**old, key: _set(old.get(key), deeper, value, path)}
    index = as_index(key, len(old)) if isinstance(old, (list, tuple)) else None
    if index is not None:
        items = list(old)
        items[index] = _set(items[index], deeper, value, path)
        return items
    kind = "a list" if isinstance(old, (list, tuple)) else type(old).__name__
    what = f"The shared value {path!r} can't be set: {kind} stands where {key!r} would go."
    raise StateRefused(what, hint="Set the whole value, or choose another name.")


def cast_slot(name: str, slot: Slot, value: Any) -> Any:
    """Return a value as the type that its slot declares; None stays None.

    Raises:
        StateRefused: The value can't be read as that type.
    """
    try:
        return cast_value(slot.type, value)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        what = f"The shared value {name!r} takes {slot.type}, not {type(value).__name__}."
        raise StateRefused(what, hint=str(error)) from None
