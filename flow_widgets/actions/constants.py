"""Values that never change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from flow_widgets.actions.base import Action, Context, Outcome
from flow_widgets.errors import Problem
from flow_widgets.flow.data import JsonValue
from flow_widgets.flow.template import references


class Constants(Action):
    """Gives values as they are written; nothing is filled in in them."""

    is_instant: ClassVar[bool] = True

    type: Literal["constants"] = "constants"
    values: dict[str, JsonValue] = Field(default_factory=dict)
    """The values by their names."""

    def problems(self) -> Sequence[Problem]:
        """Return a warning where a reference stands, which is not filled in."""
        if not any(references(self.values)):
            return []
        what = "references are not filled in here."
        return [Problem("values", what, "Take the type 'transform' for that.", "warning")]

    async def run(self, ctx: Context) -> Outcome:
        """Return the values."""
        return Outcome(output=self.values)
