"""Picks a part of data: by key, by path, or by JSONPath."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Literal

from flow_widgets.actions.base import Action, Context, Outcome
from flow_widgets.errors import InvalidValue, NothingFound, Problem
from flow_widgets.flow.data import JsonValue
from flow_widgets.flow.picking import MISSING, at_key, at_path, path_fault
from flow_widgets.flow.template import Templated


class Select(Action):
    """Picks a part of data: the value at a key or a path, or all that a JSONPath finds.

    A null that is there counts as found.
    """

    is_instant: ClassVar[bool] = True

    type: Literal["select"] = "select"
    data: Templated[JsonValue] = None
    """What is picked from."""
    key: str | int | tuple[str, ...] | None = None
    """A key of a dict, or several for a dict of them; of a list of dicts, these of each that has them; of
    another list, an index from 0."""
    path: str | None = None
    """A path such as ``users[0].name`` or ``users.0.name``, or a JSONPath (RFC 9535) that begins with
    ``$``; a JSONPath that can find several values gives a list."""
    paths: tuple[str, ...] = ()
    """Several paths, tried in this order, before ``path`` and ``key``."""
    default: JsonValue = None
    """What is given when nothing is found."""
    error_on_missing: bool = False
    """Whether the action fails when nothing is found."""

    def problems(self) -> Sequence[Problem]:
        """Return what is wrong with the paths."""
        return list(_problems(self))

    async def run(self, ctx: Context) -> Outcome:
        """Return what is found, or the default.

        Raises:
            NothingFound: Nothing is found, and ``error_on_missing`` is set.
            InvalidValue: A JSONPath can't be used on the data.
        """
        for place, path in self._paths():
            try:
                found = at_path(self.data, path)
            except InvalidValue as error:
                raise InvalidValue(f"{place}: {error.what}", hint=error.hint) from None
            if found is not MISSING:
                return Outcome(output=found)
        found = MISSING if self.key is None else at_key(self.data, self.key)
        if found is not MISSING:
            return Outcome(output=found)
        if self.error_on_missing:
            raise NothingFound(f"{self._sought()} is not in the data.", hint=_there_is(self.data))
        return Outcome(output=self.default)

    def _paths(self) -> Iterator[tuple[str, str]]:
        for index, path in enumerate(self.paths):
            yield f"paths[{index}]", path
        if self.path is not None:
            yield "path", self.path

    def _sought(self) -> str:
        sought: list[Any] = [path for _, path in self._paths()]
        return " or ".join(map(repr, sought if self.key is None else [*sought, self.key]))


def _problems(action: Select) -> Iterator[Problem]:
    if action.key is None and action.path is None and not action.paths:
        yield Problem("path", "nothing says what to pick.", "Give a key or a path.")
    for place, path in action._paths():
        fault = path_fault(path)
        if fault:
            hint = "Write users[0].name, or a JSONPath such as $.users[*].name."
            yield Problem(place, fault, hint)


def _there_is(data: Any) -> str:
    """Return what stands in data, as a hint."""
    match data:
        case dict() if data:
            names = ", ".join(repr(key) for key in list(data)[:8])
            return f"Its keys: {names}{', …' if len(data) > 8 else ''}."
        case list():
            return f"It is a list of {len(data)} items."
        case _:
            return "It is empty." if not data else f"It is {type(data).__name__}."
