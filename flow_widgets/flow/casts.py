"""Values read as the types that inputs and slots declare; casting again changes nothing.

Rule W2 of docs/spec.md.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from flow_widgets.flow.attachment import File
from flow_widgets.flow.declared import InputType, SlotType

_WORDS = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off", ""), False),
}


def cast_value(kind: InputType | SlotType, value: Any) -> Any:
    """Return a value as a type; None stays None.

    Raises:
        TypeError, ValueError, OverflowError, RecursionError: It can't be read as that type.
    """
    return value if value is None else _CASTS[kind](value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _number(value: Any) -> int | float:
    """Return a number as it is; of a text, what it is written as: ``42`` is whole, ``4.2`` is not."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise TypeError("Give a number.")
    if isinstance(value, str):
        with suppress(ValueError):
            return int(value)  # by way of a float, large numbers would lose digits
    number = value if isinstance(value, int) else float(value)
    if isinstance(number, float) and not math.isfinite(number):
        raise ValueError("Give a finite number.")
    return number


def _integer(value: Any) -> int:
    number = _number(value)
    if number != int(number):
        raise ValueError("Give a whole number.")
    return int(number)


def _boolean(value: Any) -> bool:
    word = str(value).strip().lower()
    if word not in _WORDS:
        raise ValueError("Give true or false.")
    return _WORDS[word]


def _data(value: Any) -> Any:
    """Return plain data; the text of an object or a list is read, every other text stays one."""
    if not isinstance(value, str):
        return json.loads(json.dumps(value, allow_nan=False))
    if value.lstrip()[:1] in ("{", "["):
        with suppress(ValueError, RecursionError):
            return json.loads(value)
    return value


def _file(value: Any) -> File:
    if isinstance(value, Mapping):
        return File(**value)
    raise TypeError('Give a File, such as File("report.pdf").')


def _object(value: Any) -> dict[str, Any]:
    found = json.loads(value) if isinstance(value, str) else value
    if not isinstance(found, Mapping):
        raise TypeError("Give an object, or its JSON text.")
    return dict(found)


def _array(value: Any) -> list[Any]:
    found = json.loads(value) if isinstance(value, str) else value
    if not isinstance(found, (list, tuple)):
        raise TypeError("Give a list, or its JSON text.")
    return list(found)


_CASTS: dict[InputType | SlotType, Callable[[Any], Any]] = {
    "any": lambda value: value,
    "text": _text,
    "number": _number,
    "integer": _integer,
    "boolean": _boolean,
    "json": _data,
    "file": _file,
    "object": _object,
    "array": _array,
}
