"""The inputs of the flow: what its elements are given at the beginning, each under a name of its own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from flow_widgets.flow.naming import SCOPES

from .document import Field
from .expression import reference

_TYPES = {
    "string": "text",
    "int": "integer",
    "integer": "integer",
    "float": "number",
    "number": "number",
    "bool": "boolean",
    "boolean": "boolean",
}


class Asked:
    """Collects the inputs of a flow."""

    def __init__(self) -> None:
        self.inputs: dict[str, dict[str, Any]] = {}
        self._names: dict[tuple[str, str], str] = {}

    def has(self, name: str, owner: str = "") -> bool:
        """Whether an input was added for that owner under that name."""
        return (owner, name) in self._names

    def add(
        self, name: str, fields: Sequence[Field], default: Any = None, *, owner: str = ""
    ) -> None:
        """Add an input that these fields take; the first that names a type says which it has.

        Without an owner it is the start's. One of an element takes the element's name before its own
        where that is taken.
        """
        wish = f"{owner}_{name}" if owner and _plain(name) in self.inputs else name
        chosen = _plain(wish)
        while chosen in self.inputs or chosen in SCOPES:
            chosen += "_"
        self._names[owner, name] = chosen
        self.inputs[chosen] = _declared(fields, default)

    def reference(self, name: str, owner: str = "") -> str:
        """Return the template for an input that was added."""
        return reference("inputs", self._names[owner, name]) or ""


def _plain(name: str) -> str:
    """Return a name as it can stand in a template."""
    plain = re.sub(r"[^\w-]+", "_", name)
    return plain if re.match(r"[A-Za-z_]", plain) else f"_{plain}"


def _declared(fields: Sequence[Field], default: Any) -> dict[str, Any]:
    types = [field.type for field in fields if field.type != "any"]
    defaults = [field.default for field in fields if field.default is not None]
    about = next((one.description for one in fields if one.description), "")
    value = default if default is not None else next(iter(defaults), None)
    kind = _TYPES.get(types[0], "json") if types else _type_of(value)
    declared: dict[str, Any] = {"type": kind, **({"description": about} if about else {})}
    if value is None and any(field.required for field in fields):
        return declared
    is_text = kind == "text" and len(types) == len(fields)
    return {**declared, "required": False, "default": "" if value is None and is_text else value}


def _type_of(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    kinds = {str: "text", int: "integer", float: "number"}
    return kinds.get(type(value), "json")
