"""Run flows of language-model calls where you work: a live widget, a runner, DataFrames."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flow_widgets.actions.base import Action, Context, Outcome
    from flow_widgets.actions.chat import Chat
    from flow_widgets.engine.run import Run
    from flow_widgets.engine.runner import FlowRunner
    from flow_widgets.errors import FlowError, InvalidFlow, Problem, ProviderError
    from flow_widgets.export.frames import save, to_frame
    from flow_widgets.flow.attachment import File
    from flow_widgets.flow.check import check_flow
    from flow_widgets.flow.formats import dump_flow, load_flow
    from flow_widgets.flow.message import Message
    from flow_widgets.flow.model import Edge, Flow, Input, Step
    from flow_widgets.flow.template import Templated
    from flow_widgets.widget.flow_widget import FlowWidget

__version__ = "0.1.0"

_HOMES = {
    "Action": "actions.base",
    "Chat": "actions.chat",
    "Context": "actions.base",
    "Edge": "flow.model",
    "File": "flow.attachment",
    "Flow": "flow.model",
    "FlowError": "errors",
    "FlowRunner": "engine.runner",
    "FlowWidget": "widget.flow_widget",
    "Input": "flow.model",
    "InvalidFlow": "errors",
    "Message": "flow.message",
    "Outcome": "actions.base",
    "Problem": "errors",
    "ProviderError": "errors",
    "Run": "engine.run",
    "Step": "flow.model",
    "Templated": "flow.template",
    "check_flow": "flow.check",
    "dump_flow": "flow.formats",
    "load_flow": "flow.formats",
    "save": "export.frames",
    "to_frame": "export.frames",
}
__all__ = [
    "Action",
    "Chat",
    "Context",
    "Edge",
    "File",
    "Flow",
    "FlowError",
    "FlowRunner",
    "FlowWidget",
    "Input",
    "InvalidFlow",
    "Message",
    "Outcome",
    "Problem",
    "ProviderError",
    "Run",
    "Step",
    "Templated",
    "check_flow",
    "dump_flow",
    "load_flow",
    "save",
    "to_frame",
]


def __getattr__(name: str) -> Any:
    """Load a public name on first use, so that importing the package stays quick (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted([*__all__, "__version__"])
