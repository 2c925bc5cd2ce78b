"""The project's own format: the model's fields as they are, with a version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flow_widgets.errors import UnknownFormat
from flow_widgets.flow.model import Action, Flow

VERSION = "flow_widgets/1"


def is_format(document: Mapping[str, Any]) -> bool:
    """Whether a document is native: it names the version, or has steps."""
    return "format" in document or "steps" in document


def load(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document without its version.

    Raises:
        UnknownFormat: It was written by a newer version.
    """
    version = document.get("format", VERSION)
    if version != VERSION:
        raise UnknownFormat(
            f"The flow has the format {version!r}; this version reads {VERSION!r}.",
            hint="Update flow_widgets.",
        )
    return {key: value for key, value in document.items() if key != "format"}


def dump(flow: Flow) -> dict[str, Any]:
    """Return the flow as data, without what is at its default."""
    body = flow.model_dump(mode="json", exclude_defaults=True)
    return {"format": VERSION, **body, "steps": body.get("steps", [])}


def dump_action(action: Action) -> dict[str, Any]:
    """Return an action as data: its type, then what is not at its default."""
    return action.model_dump(mode="json", exclude_defaults=True)
