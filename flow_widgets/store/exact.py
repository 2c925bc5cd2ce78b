"""JSON that gives back exactly what it was made of, half characters (lone surrogates) included.

JSON in ASCII joins two half characters that stand side by side, so texts that hold any are written as
numbers. Nothing here names a class, and nothing but data is ever made from what is read.
"""

from __future__ import annotations

import json
from typing import Any

MARK = "~~"
"""The only key of a dict that stands for a value written in the other way."""

_ascii = json.JSONEncoder(separators=(",", ":")).encode
_wide = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def dumps(value: Any) -> str:
    """Return JSON data as ASCII text.

    Raises:
        TypeError, ValueError, RecursionError: It is no JSON data.
    """
    text = _ascii(value)
    if MARK not in text and ("\\ud" not in text or _is_whole(value)):
        return text
    return _ascii({MARK: _written(value)})


def loads(text: str | bytes) -> Any:
    """Return the data of a text that ``dumps`` has made.

    Raises:
        ValueError, RecursionError: It is no such text.
    """
    return unmarked(json.loads(text))


def unmarked(value: Any) -> Any:
    """Return the value of what ``dumps`` wrote, already read as JSON."""
    if type(value) is dict and len(value) == 1 and MARK in value:
        return _read(value[MARK])
    return value


def _is_whole(value: Any) -> bool:
    """Whether no text in it holds half characters."""
    try:
        _wide(value).encode()
    except UnicodeEncodeError:
        return False
    return True


def _written(value: Any) -> Any:
    """Return a value with lists and dicts as tagged lists, and texts as numbers where need be."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return ["s", *map(ord, value)]
        return value
    if isinstance(value, dict):
        pairs = ["d"]
        for key, item in value.items():
            pairs.append(_written(key))
            pairs.append(_written(item))
        return pairs
    if isinstance(value, (list, tuple)):
        return ["l", *map(_written, value)]
    return value


def _read(value: Any) -> Any:
    if not isinstance(value, list):
        if isinstance(value, dict):
            raise ValueError("a dict stands where none can")  # noqa: TRY004  # of what was read
        return value
    kind, *rest = value or [None]
    if kind == "s":
        return "".join(map(chr, rest))
    if kind == "l":
        return list(map(_read, rest))
    if kind == "d":
        return dict(zip(map(_read, rest[::2]), map(_read, rest[1::2]), strict=True))
    raise ValueError(f"{kind!r} is no kind of value")
