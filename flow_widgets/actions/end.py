"""Where a flow ends: says what its output is."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from flow_widgets.actions.base import Action, Context, Outcome
from flow_widgets.flow.data import JsonValue
from flow_widgets.flow.template import Templated


class End(Action):
    """Gives the output of the flow: the values that whoever runs it gets.

    Nothing is stopped by it; a flow with several branches may have several ends.
    """

    is_instant: ClassVar[bool] = True

    type: Literal["end"] = "end"
    values: Templated[dict[str, JsonValue]] = Field(default_factory=dict)
    """The output, each value by its name."""

    async def run(self, ctx: Context) -> Outcome:
        """Return the values."""
        output: Any = self.values
        return Outcome(output=output)
