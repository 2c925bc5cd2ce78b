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
    found = tuple((_tuples(source), digest) for source, digest in value)
    for source, digest in found:
        is_source = isinstance(source, str) or (
            isinstance(source, tuple)
            and len(source) in (2, 3)
            and all(isinstance(one, int) for one in source[:2])
            and isinstance(source[-1], str if len(source) == 3 else int)
        )
        if not is_source or not isinstance(digest, _MAYBE):
            raise ValueError("it holds what nothing is read from")
    return found


_FAILURE = {
    "kind": _TEXT,
    "what": _TEXT,
    "hint": _TEXT,
    "status": (int, type(None)),
    "request_id": _MAYBE,
    "retryable": (bool,),
    "retry_after_seconds": (int, float, type(None)),
    "detail": _TEXT,
}


def _failure(value: Any) -> Failure:
    found = Failure(**value)
    for name, types in _FAILURE.items():
        if not isinstance(getattr(found, name), types):
            raise ValueError(f"its {name!r} is {type(getattr(found, name)).__name__}")  # noqa: TRY004  # of what was read
    return found


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
    "Failure": Form(asdict, _failure),
}
"""The other annotations, but for those that the codec itself takes care of."""
BY_CODEC = frozenset(
    {"Any", "dict[str, Any]", "tuple[tuple[str, Any], ...]", "Flow", "Action", "Action | None"}
)
"""Annotations whose values may be large, or are named by where they stand."""
