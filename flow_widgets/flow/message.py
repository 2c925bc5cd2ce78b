"""Messages of a chat: a role and a text, or a list of parts and files."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Discriminator, Field, Tag

from flow_widgets.flow.attachment import File
from flow_widgets.flow.base import Model, Part
from flow_widgets.flow.data import JsonValue
from flow_widgets.flow.template import Templated

Role = Literal["system", "developer", "user", "assistant", "tool"]


class _MessagePart(Model):
    """What all parts have: some documents repeat the message's role in each."""

    role: Role | None = Field(default=None, exclude_if=lambda role: role is None)
    """Kept as it was loaded, and never sent."""


class TextPart(_MessagePart):
    """A piece of text."""

    type: Literal["text"]
    text: Templated[str]


class ImageUrl(Model):
    """Where an image is: an http(s) address or a data URL."""

    url: Templated[str] = Field(repr=False)
    detail: Literal["auto", "low", "high"] | None = Field(
        default=None, exclude_if=lambda detail: detail is None
    )


class ImagePart(_MessagePart):
    """An image, by URL or as data."""

    parts: ClassVar = {"image_url": Part(lambda _: ImageUrl)}
    type: Literal["image_url"]
    image_url: ImageUrl


class FileData(Model):
    """A file's content as a data URL, or the id of one that was uploaded before."""

    file_data: str | None = Field(default=None, repr=False, exclude_if=lambda data: data is None)
    filename: str | None = Field(default=None, exclude_if=lambda name: name is None)
    file_id: str | None = Field(default=None, exclude_if=lambda name: name is None)


class FilePart(_MessagePart):
    """A file."""

    parts: ClassVar = {"file": Part(lambda _: FileData)}
    type: Literal["file"]
    file: FileData


class AudioPart(_MessagePart):
    """A piece of audio, base64."""

    type: Literal["input_audio"]
    input_audio: dict[str, JsonValue] = Field(repr=False)


_BY_TYPE: dict[str, type[Model]] = {
    "text": TextPart,
    "image_url": ImagePart,
    "file": FilePart,
    "input_audio": AudioPart,
}


def _tag(value: Any) -> str:
    if isinstance(value, str):
        return "<words>"
    if isinstance(value, File) or (isinstance(value, dict) and "mime" in value):
        return "<attachment>"
    kind = value.get("type") if isinstance(value, dict) else getattr(value, "type", None)
    return f"<{kind}>"


ContentPart = Annotated[
    (
        Annotated[Templated[str], Tag("<words>")]
        | Annotated[File, Tag("<attachment>")]
        | Annotated[TextPart, Tag("<text>")]
        | Annotated[ImagePart, Tag("<image_url>")]
        | Annotated[FilePart, Tag("<file>")]
        | Annotated[AudioPart, Tag("<input_audio>")]
    ),
    Discriminator(
        _tag,
        custom_error_type="unknown_part",
        custom_error_message="is no message part: a text, a File, or a dict with type "
        "'text', 'image_url', 'file' or 'input_audio' is.",
    ),
]
"""A text, a ``File``, or one of the parts of the OpenAI API; a text may be one reference to a file."""


def _part_class(value: Any) -> type[Model] | None:
    if isinstance(value, dict):
        return File if "mime" in value else _BY_TYPE.get(str(value.get("type")))
    return None


class Message(Model):
    """One message: who says it, and what."""

    parts: ClassVar = {"content": Part(_part_class, many=True)}
    role: Role = "user"
    content: Templated[str] | tuple[ContentPart, ...] = ""
    name: str | None = Field(default=None, exclude_if=lambda name: name is None)
    tool_call_id: str | None = Field(default=None, exclude_if=lambda name: name is None)
    tool_calls: list[JsonValue] | None = Field(default=None, exclude_if=lambda calls: calls is None)

    def wire(self) -> dict[str, Any]:
        """Return the message as the OpenAI API takes it: files as parts, repeated roles removed."""
        body = self.model_dump(exclude={"content"}, mode="json")
        if isinstance(self.content, str):
            return {**body, "content": self.content}
        return {**body, "content": [_wire_part(part) for part in self.content]}

    @property
    def text(self) -> str:
        """All text of the message, its parts one below the other."""
        if isinstance(self.content, str):
            return self.content
        words = (part.text if isinstance(part, TextPart) else part for part in self.content)
        return "\n".join(word for word in words if isinstance(word, str))


def _wire_part(part: Any) -> dict[str, Any]:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    if isinstance(part, File):
        return part.part()
    return dict(part.model_dump(mode="json", exclude={"role"}))
