"""Finds action classes by their type: registered by subclassing, discovered by entry point."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flow_widgets.flow.model import Action

GROUP = "flow_widgets.actions"
_classes: dict[str, type[Action]] = {}


def register(type_name: str, action_class: type[Action]) -> None:
    """Make a class known under its type; a later class takes the place of an earlier one."""
    _classes[type_name] = action_class


def find(type_name: str) -> type[Action] | None:
    """Return the class of an action type, loading the package that offers it, or None."""
    if type_name not in _classes:
        for point in entry_points(group=GROUP, name=type_name):
            point.load()
    return _classes.get(type_name)


def known() -> tuple[str, ...]:
    """Return the names of all action types, sorted, whether loaded or not."""
    return tuple(sorted({*_classes, *(point.name for point in entry_points(group=GROUP))}))
