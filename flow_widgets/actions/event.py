"""A flow that is begun by an event of another program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from flow_widgets.actions.base import Action, Context, Outcome
from flow_widgets.errors import Problem
from flow_widgets.flow.declared import Input

_PAYLOAD = {
    "event_name": Input(type="text", required=False, description="The name of the event."),
    "event_data": Input(type="json", required=False, description="What came with it."),
    "event_timestamp": Input(type="text", required=False, description="When it happened."),
}


class Event(Action):
    """Begins the flow when an event of its name is told to the server of flows.

    Its output, and the shared state, hold ``event_name``, ``event_data`` and ``event_timestamp``.
    """

    is_trigger: ClassVar[bool] = True
    is_instant: ClassVar[bool] = True

    type: Literal["event"] = "event"
    event_name: str = ""
    """The name of the events that begin it."""

    @property
    def payload(self) -> Mapping[str, Input]:
        """What an event brings."""
        return _PAYLOAD

    def problems(self) -> Sequence[Problem]:
        """Return whether the name is missing."""
        if self.event_name.strip():
            return []
        return [Problem("event_name", "the name is missing.", "Write one such as 'order.paid'.")]

    async def run(self, ctx: Context) -> Outcome:
        """Return what the event brought."""
        output: dict[str, Any] = {name: ctx.shared.get(name) for name in self.payload}
        return Outcome(output=output)
