"""How two values of JSON data compare; a comparison that makes no sense does not hold."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from flow_widgets.errors import InvalidValue
from flow_widgets.flow.pattern import found_in, pattern_fault
from flow_widgets.flow.template import as_text

OperatorName = Literal[
    "equals",
    "not_equals",
    "contains",
    "not_contains",
    "greater_than",
    "less_than",
    "greater_or_equal",
    "less_or_equal",
    "in",
    "is_empty",
    "matches",
]
"""What two values can be compared by."""

_SIGNS: dict[str, OperatorName] = {
    "==": "equals",
    "=": "equals",
    "!=": "not_equals",
    ">": "greater_than",
    "<": "less_than",
    ">=": "greater_or_equal",
    "<=": "less_or_equal",
}


def _named(value: Any) -> Any:
    return _SIGNS.get(value, value) if isinstance(value, str) else value


Operator = Annotated[OperatorName, BeforeValidator(_named)]
"""An operator as a field takes it: the short signs (``==``, ``>=``, …) are read as their names."""

_NUMBER = re.compile(r"\s*[+-]?(\d{1,300}(\.\d{0,300})?|\.\d{1,300})([eE][+-]?\d{1,3})?\s*")


def compare(left: Any, operator: Operator, right: Any, *, strict: bool = False) -> bool:
    """Return whether two values compare as the operator says; what makes no sense does not.

    Raises:
        InvalidValue: A regular expression takes too long.
    """
    try:
        return _HOLDS[operator](left, right, strict)
    except InvalidValue:
        raise
    except (RecursionError, ValueError):  # nested a thousand levels deep; a number of 5,000 digits
        return False


def _equals(left: Any, right: Any, strict: bool) -> bool:  # noqa: FBT001  # one shape for all in _HOLDS
    if not strict:
        first, second = _number(left), _number(right)
        if first is not None and second is not None:
            return first == second
    return _is_same(left, right)


def _number(value: Any) -> int | float | None:
    """Return a number, or the number that a text is; None when it is none."""
    if isinstance(value, (int, float)):
        return None if isinstance(value, bool) or math.isnan(value) else value
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        return None
    try:
        return int(value)  # by way of a float, large numbers would lose digits
    except ValueError:
        return float(value)


def _is_same(left: Any, right: Any) -> bool:
    """Whether two values are equal as data: 1 and 1.0 are, 1 and true are not."""
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        return len(left) == len(right) and all(map(_is_same, left, right))
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(
            _is_same(value, right[key]) for key, value in left.items()
        )
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def _contains(left: Any, right: Any, strict: bool) -> bool:  # noqa: FBT001  # see _equals
    if isinstance(left, (list, tuple)):
        return any(_equals(item, right, strict) for item in left)
    is_text = isinstance(right, str) or (not strict and _number(right) is not None)
    return is_text and isinstance(left, (str, Mapping)) and as_text(right) in left


def _matches(left: Any, right: Any, strict: bool) -> bool:  # noqa: FBT001  # see _equals
    is_text = isinstance(left, str) or (not strict and _number(left) is not None)
    if not is_text or pattern_fault(right):
        return False
    return found_in(right, as_text(left))


def _is_empty(left: Any, _right: Any, _strict: bool) -> bool:  # noqa: FBT001  # see _equals
    return left is None or (isinstance(left, (str, list, tuple, Mapping)) and not left)


def _order(left: Any, right: Any, strict: bool) -> int | None:  # noqa: FBT001  # see _equals
    """Return -1, 0 or 1 for before, equal or after; None where there is no order."""
    if strict and isinstance(left, str) != isinstance(right, str):
        return None
    first, second = _number(left), _number(right)
    is_text = strict and isinstance(left, str)
    if first is not None and second is not None and not is_text:
        return (first > second) - (first < second)
    if not all(isinstance(one, str) or _number(one) is not None for one in (left, right)):
        return None
    before, after = as_text(left), as_text(right)
    return (before > after) - (before < after)


_HOLDS: dict[Operator, Callable[[Any, Any, bool], bool]] = {
    "equals": _equals,
    "not_equals": lambda left, right, strict: not _equals(left, right, strict),
    "contains": _contains,
    "not_contains": lambda left, right, strict: not _contains(left, right, strict),
    "greater_than": lambda left, right, strict: _order(left, right, strict) == 1,
    "less_than": lambda left, right, strict: _order(left, right, strict) == -1,
    "greater_or_equal": lambda left, right, strict: _order(left, right, strict) in (0, 1),
    "less_or_equal": lambda left, right, strict: _order(left, right, strict) in (0, -1),
    "in": lambda left, right, strict: _contains(right, left, strict),
    "is_empty": _is_empty,
    "matches": _matches,
}
