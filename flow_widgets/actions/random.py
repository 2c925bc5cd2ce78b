"""A value by chance: a number, a text, or one of several."""

from __future__ import annotations

import math
import string
from collections.abc import Iterator, Sequence
from random import Random as Source
from typing import Any, ClassVar, Literal

from pydantic import Field

from flow_widgets.actions.base import Action, Context, Outcome
from flow_widgets.errors import InvalidValue, Problem
from flow_widgets.flow.data import JsonValue
from flow_widgets.flow.template import Templated

_LETTERS = string.ascii_letters + string.digits


class Random(Action):
    """Gives a value by chance; it is no secret, so it makes no password.

    With a ``seed`` it gives the same value each time.
    """

    is_instant: ClassVar[bool] = True

    type: Literal["random"] = "random"
    kind: Literal["text", "integer", "number", "choice"] = "number"
    """What it gives: letters and digits, a whole number, a number, or one of ``choices``."""
    min: float = Field(default=0, allow_inf_nan=False)
    """The lowest number; it may come."""
    max: float = Field(default=100, allow_inf_nan=False)
    """The highest number; it may come."""
    decimals: int = Field(default=2, ge=0, le=15)
    """How many digits a number has behind its point."""
    length: int = Field(default=10, ge=1, le=10_000)
    """How many letters and digits a text has."""
    choices: Templated[list[JsonValue]] = Field(default_factory=list)
    """What is chosen from."""
    seed: int | None = None
    """A number from which all chance is made; None: another value each time."""

    def problems(self) -> Sequence[Problem]:
        """Return what is wrong with the range or the choices."""
        return list(_problems(self))

    async def run(self, ctx: Context) -> Outcome:
        """Return the value.

        Raises:
            InvalidValue: The list of choices is empty.
        """
        source = ctx.random if self.seed is None else Source(self.seed)  # noqa: S311  # no secret
        return Outcome(output=self._drawn(source))

    def _drawn(self, source: Source) -> Any:
        match self.kind:
            case "text":
                return "".join(source.choices(_LETTERS, k=self.length))
            case "integer":
                return source.randint(math.ceil(self.min), math.floor(self.max))
            case "number":
                value = round(source.uniform(self.min, self.max), self.decimals)
                return min(max(value, self.min), self.max)  # rounding may step over an end
            case "choice":
                if not self.choices:
                    raise InvalidValue("choices: the list is empty.", hint="Give at least one.")
                return source.choice(self.choices)


def _problems(action: Random) -> Iterator[Problem]:
    if action.kind == "choice" and not action.choices:
        yield Problem("choices", "there is nothing to choose from.", "Give a list.")
    if action.kind in ("integer", "number") and action.min > action.max:
        what = f"the lowest number, {action.min:g}, is above the highest, {action.max:g}."
        yield Problem("min", what, "Swap them.")
    elif action.kind == "integer" and math.ceil(action.min) > math.floor(action.max):
        what = f"there is no whole number from {action.min:g} to {action.max:g}."
        yield Problem("min", what, "Widen the range.")
