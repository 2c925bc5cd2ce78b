"""A pause in a flow."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from flow_widgets.actions.base import Action, Context, Outcome
from flow_widgets.flow.template import Templated

MAX_SECONDS = 86_400
"""A day; what waits longer is better begun by a schedule."""


class Delay(Action):
    """Waits, then goes on; canceling the run ends the wait."""

    type: Literal["delay"] = "delay"
    seconds: Templated[Annotated[float, Field(ge=0, le=MAX_SECONDS, allow_inf_nan=False)]] = 1.0
    """How long: from 0 to 86,400 seconds, which is a day."""

    async def run(self, ctx: Context) -> Outcome:
        """Return the seconds, once they have passed."""
        seconds = float(self.seconds)
        await ctx.sleep(seconds)
        return Outcome(output=seconds)
