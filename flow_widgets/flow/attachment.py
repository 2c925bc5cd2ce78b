"""Files attached to a message or given as an input: name, MIME type and content."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, GetCoreSchemaHandler, field_validator
from pydantic_core import CoreSchema, core_schema

from flow_widgets.errors import FileRefused
from flow_widgets.files import MAX_FILE_BYTES, mime_of, read_file
from flow_widgets.flow.base import Model

TEXT_TYPES = ("text/", "application/json", "application/xml", "application/yaml")


def _with_names(document: Any) -> Any:
    if isinstance(document, Mapping) and not all(isinstance(key, str) for key in document):
        raise ValueError("The keys of a file must be texts.")
    return document


class File(Model):
    """A local file or bytes, ready to be sent to a model.

    ``File("report.pdf")`` reads the file at once; ``File.of(data, name="chart.png")`` takes bytes.
    An image becomes an ``image_url`` part, any other file a ``file`` part; a text file that a
    template names inside a text is inserted as text.
    """

    name: str
    mime: str
    data: str = Field(repr=False)
    """The content, base64."""

    def __init__(
        self, path: str | Path | None = None, /, *, max_bytes: int = MAX_FILE_BYTES, **fields: Any
    ) -> None:
        """Read the file at ``path``, or take the fields as they are.

        Raises:
            FileRefused: The file is missing, is not a file, or has more than ``max_bytes`` bytes.
        """
        if path is not None:
            content = read_file(path, max_bytes=max_bytes)
            name = Path(path).name
            fields = {"name": name, "mime": mime_of(name), **fields, "data": _encoded(content)}
        super().__init__(**fields)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Look at the keys of a document first: pydantic calls the constructor above with them."""
        return core_schema.no_info_before_validator_function(_with_names, handler(source))

    @classmethod
    def of(cls, content: bytes, *, name: str, mime: str | None = None) -> File:
        """Return a file made of bytes; the MIME type is guessed from the name when it is not given."""
        if len(content) > MAX_FILE_BYTES:
            raise FileRefused(
                f"{name!r} has {len(content):,} bytes; the limit is {MAX_FILE_BYTES:,}.",
                hint="Attach a smaller file.",
            )
        return cls(name=name, mime=mime or mime_of(name), data=_encoded(content))

    @field_validator("name")
    @classmethod
    def _plain_name(cls, name: str) -> str:
        return name.replace("\\", "/").rsplit("/", 1)[-1]

    @property
    def content(self) -> bytes:
        """The bytes of the file."""
        try:
            return base64.b64decode(self.data, validate=True)
        except binascii.Error as error:
            raise FileRefused(f"{self.name!r} holds no valid base64.") from error

    @property
    def size_bytes(self) -> int:
        """The size of the content in bytes."""
        return len(self.data) * 3 // 4 - self.data[-2:].count("=")

    @property
    def is_text(self) -> bool:
        """Whether the content can stand inside a text."""
        return self.mime.startswith(TEXT_TYPES)

    @property
    def text(self) -> str:
        """The content as text.

        Raises:
            FileRefused: The file is no text, or not UTF-8.
        """
        if not self.is_text:
            raise FileRefused(
                f"{self.name!r} ({self.mime}) can't stand inside a text.",
                hint="Attach it instead: files=[…] on the action.",
            )
        try:
            return self.content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise FileRefused(f"{self.name!r} is not UTF-8 text.", hint="Convert it.") from error

    def part(self) -> dict[str, Any]:
        """Return the message part that carries this file, in the wire form of the OpenAI API."""
        url = f"data:{self.mime};base64,{self.data}"
        if self.mime.startswith("image/"):
            return {"type": "image_url", "image_url": {"url": url}}
        return {"type": "file", "file": {"filename": self.name, "file_data": url}}

    def __repr__(self) -> str:
        return f"File({self.name!r}, {self.mime}, {self.size_bytes:,} bytes)"


def _encoded(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
