"""What a flow declares of its values: the inputs that a run takes, the slots of its shared state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import (
    SerializerFunctionWrapHandler,
    ValidationInfo,
    field_validator,
    model_serializer,
    model_validator,
)

from flow_widgets.flow.attachment import File
from flow_widgets.flow.base import Model
from flow_widgets.flow.data import JsonValue

InputType = Literal["text", "number", "integer", "boolean", "json", "file"]
SlotType = Literal["any", "text", "number", "integer", "boolean", "object", "array"]


class Input(Model):
    """A value that a run takes."""

    type: InputType = "text"
    description: str = ""
    required: bool = True
    """Whether a run must be given it; False when there is a default."""
    default: JsonValue | File = None

    @field_validator("default", mode="before")
    @classmethod
    def _as_file(cls, value: Any, info: ValidationInfo) -> Any:
        """Take a file that was written as data."""
        is_file = isinstance(value, Mapping) and set(value) == set(File.model_fields)
        return File(**value) if is_file and info.data.get("type") == "file" else value

    @classmethod
    def normal(cls, document: Any) -> Any:
        """Return the keys of an input for a bare default, with type and ``required`` worked out.

        A dict is a default too, unless its keys are all keys of an input.
        """
        if not (isinstance(document, Mapping) and set(document) <= set(cls.model_fields)):
            document = {"default": document}
        if "default" not in document:
            return document
        return {"type": _input_type(document["default"]), "required": False, **document}

    _normal = model_validator(mode="before")(lambda cls, document: cls.normal(document))

    @model_serializer(mode="wrap")
    def _with_type(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Write the type always, and ``required`` where the default, or its lack, suggests otherwise."""
        body = {"type": self.type, **handler(self)}
        if not self.required:
            return {**body, "default": body.get("default")}
        return {**body, "required": True} if "default" in body else body


def _input_type(value: Any) -> InputType:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, File):
        return "file"
    kinds: dict[type, InputType] = {
        int: "integer",
        float: "number",
        str: "text",
        type(None): "text",
    }
    return kinds.get(type(value), "json")


class Slot(Model):
    """A value of the shared state: what type it is cast to when it is written, and how it begins."""

    type: SlotType = "any"
    description: str = ""
    default: JsonValue = None

    @classmethod
    def normal(cls, document: Any) -> Any:
        """Return the keys of a slot for a bare default, with the type worked out."""
        if isinstance(document, Mapping) and document and set(document) <= set(cls.model_fields):
            return document
        return {"type": _slot_type(document), "default": document}

    _normal = model_validator(mode="before")(lambda cls, document: cls.normal(document))

    @model_serializer(mode="wrap")
    def _with_type(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Write the type always, so that a slot is never read as a default."""
        return {"type": self.type, **handler(self)}


def _slot_type(value: Any) -> SlotType:
    if isinstance(value, bool):
        return "boolean"
    kinds: dict[type, SlotType] = {
        int: "number",
        float: "number",
        str: "text",
        list: "array",
        tuple: "array",
        dict: "object",
    }
    return kinds.get(type(value), "any")
