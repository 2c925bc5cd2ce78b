"""The inputs of a run: defaults filled in, values cast to what the flow declares."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from flow_widgets.errors import InvalidInputs, nearest
from flow_widgets.flow.attachment import File
from flow_widgets.flow.model import Flow, Input

_TRUE, _FALSE = {"true", "1", "yes", "on"}, {"false", "0", "no", "off", ""}


def run_inputs(flow: Flow, given: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the value of every declared input: what was given, cast, or its default.

    None counts as not given. The caller's mapping is not kept.

    Raises:
        InvalidInputs: A required input is missing, one is not declared, or a value does not fit.
    """
    values = dict(given or {})
    for name in values:
        if name not in flow.inputs:
            what = f"{name!r} is no input of this flow."
            hint = nearest(name, list(flow.inputs)) or f"Declare it: Flow(inputs={{{name!r}: …}})."
            raise InvalidInputs(what, hint=hint)
    missing = [
        name for name, one in flow.inputs.items() if one.required and values.get(name) is None
    ]
    if missing:
        raise InvalidInputs(
            f"{', '.join(map(repr, missing))} must be given.",
            hint=f"Pass inputs={{{', '.join(f'{name!r}: …' for name in missing)}}}.",
        )
    return {
        name: cast(name, one, values.get(name, one.default)) for name, one in flow.inputs.items()
    }


def cast(name: str, declared: Input, value: Any) -> Any:
    """Return a value as the type that the input declares; None stays None.

    Casting again changes nothing, as a value may pass more than one door.

    Raises:
        InvalidInputs: The value can't be read as that type.
    """
    if value is None or (isinstance(value, File) and declared.type in ("file", "text", "json")):
        return value
    try:
        return _CASTS[declared.type](value)
    except (ValueError, TypeError, OverflowError) as error:
        what = f"inputs[{name!r}] must be {declared.type}, not {type(value).__name__}."
        raise InvalidInputs(what, hint=str(error)) from None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise TypeError("Give a number.")
    return float(value)


def _integer(value: Any) -> int:
    if type(value) is int:
        return value
    if isinstance(value, str):
        with suppress(ValueError):
            return int(value)  # by way of a float, large numbers would lose digits
    number = _number(value)
    if number != int(number):
        raise ValueError("Give a whole number.")
    return int(number)


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise ValueError("Give true or false.")


def _json(value: Any) -> Any:
    """Return plain data; the text of an object or a list is read, every other text stays one."""
    if not isinstance(value, str):
        return json.loads(json.dumps(value))
    if value.lstrip()[:1] in ("{", "["):
        with suppress(ValueError, RecursionError):
            return json.loads(value)
    return value


def _file(value: Any) -> File:
    if isinstance(value, Mapping):
        return File(**value)
    raise TypeError('Give a File, such as File("report.pdf").')


_CASTS = {
    "text": _text,
    "number": _number,
    "integer": _integer,
    "boolean": _boolean,
    "json": _json,
    "file": _file,
}
