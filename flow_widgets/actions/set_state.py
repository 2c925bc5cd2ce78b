"""Writes values to the state that all steps of a run share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field

from flow_widgets.actions.base import Action, Context, Outcome
from flow_widgets.errors import Problem
from flow_widgets.flow.data import JsonValue
from flow_widgets.flow.naming import hint_of, path_fault
from flow_widgets.flow.template import Templated


class SetState(Action):
    """Writes one value, or several, to the shared state, where ``{{name}}`` finds them.

    A path such as ``user.name`` writes inside a value that is there. Values keep their types: what is
    exactly one reference is written as it is, not as text.
    """

    is_instant: ClassVar[bool] = True

    type: Literal["set_state"] = "set_state"
    key: str = ""
    """The path of the value: ``name``, or ``user.name`` to write inside another."""
    value: Templated[JsonValue] = None
    """What is written at ``key``."""
    values: Templated[dict[str, JsonValue]] = Field(default_factory=dict)
    """Several values by their paths, in place of ``key`` and ``value``."""

    @property
    def writes(self) -> tuple[str, ...]:
        """The first names of the paths that it writes, and of where its output is saved."""
        own = (path.split(".")[0] for path in self._written())
        return tuple(dict.fromkeys((*own, *super().writes)))

    def problems(self) -> Sequence[Problem]:
        """Return what is wrong with the paths."""
        return list(_problems(self))

    def _written(self) -> dict[str, Any]:
        """Return the values by their paths."""
        values = self.values if isinstance(self.values, dict) else {}
        return {self.key: self.value, **values} if self.key else values

    async def run(self, ctx: Context) -> Outcome:
        """Return what is written, each value by its path."""
        written = self._written()
        return Outcome(output=written, writes=written)


def _problems(action: SetState) -> Iterator[Problem]:
    if isinstance(action.values, str):
        what = "a template can't stand for all values: their paths must be known before a run."
        yield Problem("values", what, 'Write a dict: {"name": "{{…}}"}.')
        return
    if not action.key and not action.values:
        yield Problem("key", "there is nothing to write.", "Give a key and a value, or values.")
    if action.key and action.values:
        yield Problem("values", "key and values are both given.", "Give one of them.")
    if not action.key and action.value is not None:
        yield Problem("key", "a value is given, but no key.", "Give the path to write it to.")
    paths = [("key", action.key)] if action.key else []
    for place, path in [*paths, *((f"values.{path}", path) for path in action.values)]:
        fault = path_fault(path)
        if fault:
            yield Problem(place, fault, hint_of(path))
