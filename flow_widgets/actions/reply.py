"""A text for the person at the other end, made from a template."""

from __future__ import annotations

from typing import ClassVar, Literal

from flow_widgets.actions.base import Action, Context, Outcome
from flow_widgets.flow.template import Templated


class Reply(Action):
    """Answers the person at the other end with a text, filled in from a template."""

    is_instant: ClassVar[bool] = True

    type: Literal["reply"] = "reply"
    text: Templated[str] = ""
    """The answer."""

    async def run(self, ctx: Context) -> Outcome:
        """Return the text."""
        return Outcome(output=self.text)
