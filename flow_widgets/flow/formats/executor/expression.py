"""Values that an input may hold while a definition is read: templates, and data with templates in it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from flow_widgets.flow.naming import as_index
from flow_widgets.flow.template import Reference, parse

_PART = re.compile(r"[\w-]+")


def reference(*path: str) -> str | None:
    """Return the template for a path, None when a part of it can't stand in one."""
    if not all(map(_PART.fullmatch, path)):
        return None
    return f"{{{{{'.'.join(path)}}}}}"


def either(values: Sequence[Any]) -> Any:
    """Return a template for the first of several values that exists, as far as that can be said."""
    paths: list[str] = []
    for value in values:
        only = _only(value)
        if only is None:
            return value if not paths else f"{{{{{' ?? '.join(paths)}}}}}"
        paths += [one for one in only.written.split(" ?? ") if one not in paths]
    return f"{{{{{' ?? '.join(paths)}}}}}"


def inside(value: Any, path: Sequence[str]) -> Any:
    """Return what stands at a path in a value.

    Raises:
        LookupError: There is nothing, or nothing can be said of it.
    """
    only = _only(value)
    if only is not None:
        ways = [".".join((one, *path)) for one in only.written.split(" ?? ")]
        return f"{{{{{' ?? '.join(ways)}}}}}"
    for part in path:
        if isinstance(value, Mapping):
            value = value[part]
            continue
        index = as_index(part, len(value)) if isinstance(value, (list, tuple)) else None
        if index is None:
            raise LookupError(part)
        value = value[index]
    return value


def nested(assigned: Sequence[tuple[Sequence[str], Any]]) -> dict[str, Any]:
    """Return the dict that has each value at its path; a later one takes the place of an earlier."""
    result: dict[str, Any] = {}
    for path, value in assigned:
        owner = result
        for part in path[:-1]:
            below = owner.get(part)
            owner[part] = dict(below) if isinstance(below, Mapping) else {}
            owner = owner[part]
        owner[path[-1]] = value
    return result


def _only(value: Any) -> Reference | None:
    """Return the reference that a template consists of."""
    pieces = parse(value) if isinstance(value, str) else ()
    first = pieces[0] if len(pieces) == 1 else None
    return first if isinstance(first, Reference) else None
