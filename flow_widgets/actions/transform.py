"""Makes data of another shape from values of the run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from flow_widgets.actions.base import Action, Context, Outcome
from flow_widgets.errors import Problem
from flow_widgets.flow.data import JsonValue
from flow_widgets.flow.template import Templated


class Transform(Action):
    """Puts values together in a new shape, with no model and no code.

    What is exactly one reference keeps its type, so ``{"who": "{{user.name}}", "count": "{{n}}"}`` gives
    a number where ``n`` is one.
    """

    is_instant: ClassVar[bool] = True

    type: Literal["transform"] = "transform"
    values: Templated[dict[str, JsonValue]] | None = None
    """The output as a dict of named values."""
    value: Templated[JsonValue] = None
    """The output itself, in place of ``values``: a list, a text, anything."""

    def problems(self) -> Sequence[Problem]:
        """Return whether both forms are given."""
        if self.values is None or self.value is None:
            return []
        return [Problem("value", "value and values are both given.", "Give one of them.")]

    async def run(self, ctx: Context) -> Outcome:
        """Return the values."""
        output: Any = self.value if self.values is None else self.values
        return Outcome(output=output)
