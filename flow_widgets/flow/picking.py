"""Parts of plain data: what stands at a key, at a path, or where a JSONPath leads."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

from flow_widgets.errors import InvalidValue

MISSING: Final[Any] = object()
"""What is returned where nothing stands; None is a value."""

_PART = re.compile(r"""\[(-?\d{1,9})\]|\[(?:'([^']*)'|"([^"]*)")\]|\.?([^.\[\]]+)""")


def at_key(data: Any, key: str | int | tuple[str, ...]) -> Any:
    """Return what a dict or list has at a key, or ``MISSING``.

    Several keys give a dict of those that are there; a list of dicts gives those of each that has them.
    """
    if isinstance(data, dict):
        return _of_dict(data, key)
    if not isinstance(data, list):
        return MISSING
    index = _index(key, len(data))
    if index is not None:
        return data[index]
    if isinstance(key, int) or not all(isinstance(item, dict) for item in data):
        return MISSING
    found = [_of_dict(item, key) for item in data]
    return [one for one in found if one is not MISSING]


def _of_dict(data: dict[str, Any], key: str | int | tuple[str, ...]) -> Any:
    if isinstance(key, tuple):
        return {name: data[name] for name in key if name in data} or MISSING
    return data.get(str(key), MISSING)


def _index(key: Any, size: int) -> int | None:
    """Return a key as an index of a list of that size, or None; -1 is the last one."""
    if not isinstance(key, int) and not (isinstance(key, str) and re.fullmatch(r"-?\d{1,9}", key)):
        return None
    index = int(key)
    return index if -size <= index < size else None


def at_path(data: Any, path: str) -> Any:
    """Return what stands at a path of plain data, or ``MISSING``.

    ``a[0].b`` and ``a.0.b`` are the same; a path that begins with ``$`` is a JSONPath, which gives a list
    when it can lead to several places.

    Raises:
        InvalidValue: The path is none, or the data is nested too deeply for it.
    """
    if path.startswith("$"):
        return _at_json_path(data, path)
    for part in _parts(path):
        data = at_key(data, part) if isinstance(data, dict) else _item(data, part)
        if data is MISSING:
            break
    return data


def _item(data: Any, part: str) -> Any:
    index = _index(part, len(data)) if isinstance(data, list) else None
    return MISSING if index is None else data[index]


def path_fault(path: str) -> str:
    """Return why a path can't be used, or an empty text."""
    try:
        _compiled(path) if path.startswith("$") else _parts(path)
    except InvalidValue as error:
        return error.what
    return ""


@lru_cache(maxsize=1024)
def _parts(path: str) -> tuple[str, ...]:
    parts, end = [], 0
    while match := _PART.match(path, end):
        parts.append(next(one for one in match.groups() if one is not None))
        end = match.end()
    if end < len(path) or not parts or path.startswith("."):
        raise InvalidValue(f"{path!r} is no path: it can't be read from character {end + 1}.")
    return tuple(parts)


def _at_json_path(data: Any, path: str) -> Any:
    from jsonpath import JSONPathError

    from flow_widgets.flow.json_path import found_by

    query = _compiled(path)
    try:
        found = found_by(query, data) if isinstance(data, (dict, list)) else []
    except (JSONPathError, RecursionError) as error:
        raise InvalidValue(f"{path!r} can't be used on the data: {_words(error)}.") from None
    if query.singular_query():
        return found[0] if found else MISSING
    return found or MISSING


@lru_cache(maxsize=256)
def _compiled(path: str) -> Any:
    """Return a JSONPath ready to use.

    Raises:
        InvalidValue: It is none.
    """
    from jsonpath import JSONPathError

    from flow_widgets.flow.json_path import environment

    try:
        return environment().compile(path)
    except (JSONPathError, RecursionError) as error:
        raise InvalidValue(f"{path!r} is no JSONPath: {_words(error)}.") from None


def _words(error: Exception) -> str:
    return str(error).split("\n", 1)[0].rstrip(".") or type(error).__name__
