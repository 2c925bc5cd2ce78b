"""What an action can do: one type, one file; each class is loaded when it is first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flow_widgets.actions.case import Case
    from flow_widgets.actions.chat import Chat
    from flow_widgets.actions.chat_input import ChatInput
    from flow_widgets.actions.code import Code
    from flow_widgets.actions.conditional import Conditional
    from flow_widgets.actions.constants import Constants
    from flow_widgets.actions.data_block import DataBlock
    from flow_widgets.actions.delay import Delay
    from flow_widgets.actions.end import End
    from flow_widgets.actions.event import Event
    from flow_widgets.actions.flow_select import FlowSelect
    from flow_widgets.actions.history import History
    from flow_widgets.actions.loop import Loop
    from flow_widgets.actions.map import Map
    from flow_widgets.actions.merge import Merge
    from flow_widgets.actions.random import Random
    from flow_widgets.actions.reply import Reply
    from flow_widgets.actions.request import Request
    from flow_widgets.actions.schedule import Schedule
    from flow_widgets.actions.select import Select
    from flow_widgets.actions.set_state import SetState
    from flow_widgets.actions.start import Start
    from flow_widgets.actions.subflow import Subflow
    from flow_widgets.actions.switch import Switch
    from flow_widgets.actions.time import Time
    from flow_widgets.actions.transform import Transform
    from flow_widgets.actions.webhook import Webhook

_HOMES = {
    "Case": "case",
    "Chat": "chat",
    "ChatInput": "chat_input",
    "Code": "code",
    "Conditional": "conditional",
    "Constants": "constants",
    "DataBlock": "data_block",
    "Delay": "delay",
    "End": "end",
    "Event": "event",
    "FlowSelect": "flow_select",
    "History": "history",
    "Loop": "loop",
    "Map": "map",
    "Merge": "merge",
    "Random": "random",
    "Reply": "reply",
    "Request": "request",
    "Schedule": "schedule",
    "Select": "select",
    "SetState": "set_state",
    "Start": "start",
    "Subflow": "subflow",
    "Switch": "switch",
    "Time": "time",
    "Transform": "transform",
    "Webhook": "webhook",
}
__all__ = [
    "Case",
    "Chat",
    "ChatInput",
    "Code",
    "Conditional",
    "Constants",
    "DataBlock",
    "Delay",
    "End",
    "Event",
    "FlowSelect",
    "History",
    "Loop",
    "Map",
    "Merge",
    "Random",
    "Reply",
    "Request",
    "Schedule",
    "Select",
    "SetState",
    "Start",
    "Subflow",
    "Switch",
    "Time",
    "Transform",
    "Webhook",
]


def __getattr__(name: str) -> Any:
    """Load a type of action on first use (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the types of action."""
    return sorted(__all__)
