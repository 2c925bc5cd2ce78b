"""How the fields of events are written that are more than a text or a number, by their annotation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, NamedTuple

from flow_widgets.flow.limits import Budget
from flow_widgets.run.events import Failure

_TEXT, _MAYBE = (str,), (str, type(None))
PLAIN: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "str": _TEXT,
    "bool": (bool,),
    "int | None": (int, type(None)),
    "float | None": (int, float, type(None)),
    "str | None": _MAYBE,
    "RerunCause": _TEXT,
    "SkipCause": _TEXT,
    "FailCause": _TEXT,
    "CancelCause": _TEXT,
    "Origin": _TEXT,
    "Literal['debug', 'info', 'warn', 'error']": _TEXT,
}
"""Annotations whose values are written as they are, with the types that are read."""


class Form(NamedTuple):
    """A pair of functions: to JSON data, and back."""

    write: Callable[[Any], Any]
    read: Callable[[Any], Any]


def _tuples(value: Any) -> Any:
    """Return lists within lists as tuples."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def _numbers(value: Any) -> Any:
    found = tuple(value)
    if not all(isinstance(one, int) for one in found):
        raise ValueError("it holds what is no number")
    return found


def _places(value: Any) -> Any:
    return None if value is None else tuple((*_numbers(one),) for one in value if len(one) == 2)


def _texts(value: Any) -> Any:
    found = tuple(value)
    if not all(isinstance(one, str) for one in found):
        raise ValueError("it holds what is no text")
    return found


def _reads(value: Any) -> Any:
    return tuple((_tuples(source), digest) for source, digest in value)


FORMS: dict[str, Form] = {
    "tuple[int, ...]": Form(list, _numbers),
    "tuple[str, ...]": Form(list, _texts),
    "tuple[Place, ...]": Form(list, _places),
    "tuple[Place, ...] | None": Form(lambda value: value and list(value), _places),
    "tuple[Read, ...]": Form(list, _reads),
    "Budget | None": Form(
        lambda value: value and value.model_dump(mode="json", exclude_defaults=True),
        lambda value: None if value is None else Budget.model_validate(value),
    ),
    "Failure": Form(asdict, lambda value: Failure(**value)),
}
"""The other annotations, but for those that the codec itself takes care of."""
BY_CODEC = frozenset(
    {"Any", "dict[str, Any]", "tuple[tuple[str, Any], ...]", "Flow", "Action", "Action | None"}
)
"""Annotations whose values may be large, or are named by where they stand."""
