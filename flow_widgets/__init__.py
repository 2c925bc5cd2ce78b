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
    from flow_widgets.export.mermaid import to_mermaid
    from flow_widgets.flow.attachment import File
    from flow_widgets.flow.check import check_flow
    from flow_widgets.flow.declared import Input, Slot
    from flow_widgets.flow.formats import dump_flow, load_flow, load_notes
    from flow_widgets.flow.limits import Budget, Price, Retry
    from flow_widgets.flow.message import Message
    from flow_widgets.flow.model import Edge, Flow, Step
    from flow_widgets.flow.template import Templated
    from flow_widgets.history import runs
    from flow_widgets.widget.flow_widget import FlowWidget

__version__ = "0.1.0"

_HOMES = {
    "Action": "actions.base",
    "Budget": "flow.limits",
    "Chat": "actions.chat",
    "Context": "actions.base",
    "Edge": "flow.model",
    "File": "flow.attachment",
    "Flow": "flow.model",
    "FlowError": "errors",
    "FlowRunner": "engine.runner",
    "FlowWidget": "widget.flow_widget",
    "Input": "flow.declared",
    "InvalidFlow": "errors",
    "Message": "flow.message",
    "Outcome": "actions.base",
    "Price": "flow.limits",
    "Problem": "errors",
    "ProviderError": "errors",
    "Retry": "flow.limits",
    "Run": "engine.run",
    "Slot": "flow.declared",
    "Step": "flow.model",
    "Templated": "flow.template",
    "check_flow": "flow.check",
    "dump_flow": "flow.formats",
    "load_flow": "flow.formats",
    "load_notes": "flow.formats",
    "runs": "history",
    "save": "export.frames",
    "to_frame": "export.frames",
    "to_mermaid": "export.mermaid",
}
__all__ = [
    "Action",
    "Budget",
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
    "Price",
    "Problem",
    "ProviderError",
    "Retry",
    "Run",
    "Slot",
    "Step",
    "Templated",
    "check_flow",
    "dump_flow",
    "load_flow",
    "load_notes",
    "runs",
    "save",
    "to_frame",
    "to_mermaid",
]


def __getattr__(name: str) -> Any:
    """Load a public name on first use, so that importing the package stays quick (PEP 562).

    Events and types of action, which have modules of their own, are found here by their names too.
    """
    if name in _FURTHER:
        return import_module(f"{__name__}.{name}")
    home = _HOMES.get(name) or next((one for one in _FURTHER if _has(one, name)), None)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


_FURTHER = ("actions", "events")


def _has(home: str, name: str) -> bool:
    return name[:1].isupper() and name in import_module(f"{__name__}.{home}").__all__


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted([*__all__, "__version__"])
