"""Puts several values together into one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any, ClassVar, Literal

from flow_widgets.actions.base import Action, Context, Outcome
from flow_widgets.errors import Problem
from flow_widgets.flow.data import JsonValue
from flow_widgets.flow.template import Templated, as_text


class Merge(Action):
    """Puts values together, from the first to the last.

    Dicts are merged key by key, dicts in them too, and of two other values at one key the later one
    stays. Lists are joined, texts too, numbers are added, of true and false one true is enough. Null
    gives way to anything. A text, number or boolean with one of another kind is joined as text; of
    anything else the later value stays.
    """

    is_instant: ClassVar[bool] = True

    type: Literal["merge"] = "merge"
    values: Templated[list[JsonValue]] | None = None
    """The values to merge."""
    named: Templated[dict[str, JsonValue]] | None = None
    """In place of ``values``: values that are kept apart, each under its name."""

    def problems(self) -> Sequence[Problem]:
        """Return whether not exactly one form is given."""
        if self.values is None and self.named is None:
            return [Problem("values", "there is nothing to merge.", "Give values, or named ones.")]
        if self.values is not None and self.named is not None:
            return [Problem("named", "values and named are both given.", "Give one of them.")]
        return []

    async def run(self, ctx: Context) -> Outcome:
        """Return the merged value."""
        values: Any = self.values or []
        output: Any = reduce(_merged, values, None) if self.named is None else self.named
        return Outcome(output=output)


def _merged(first: Any, second: Any) -> Any:
    if first is None or second is None:
        return second if first is None else first
    if isinstance(first, dict) and isinstance(second, dict):
        return _dicts(first, second)
    if isinstance(first, list) and isinstance(second, list):
        return [*first, *second]
    if not (_is_scalar(first) and _is_scalar(second)):
        return second
    if isinstance(first, bool) and isinstance(second, bool):
        return first or second
    if _is_number(first) and _is_number(second):
        return first + second
    return as_text(first) + as_text(second)


def _dicts(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Return two dicts as one, where the second one wins."""
    merged = dict(first)
    for key, value in second.items():
        old = merged.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            merged[key] = _dicts(old, value)
        else:
            merged[key] = value
    return merged


def _is_scalar(value: Any) -> bool:
    return isinstance(value, (str, int, float))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
