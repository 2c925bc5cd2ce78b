"""Data that is written into the flow, as JSON, YAML, CSV or text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from pydantic import PrivateAttr

from flow_widgets.actions.base import Action, Context, Outcome
from flow_widgets.errors import InvalidValue, Problem
from flow_widgets.flow.data import JsonValue
from flow_widgets.flow.parsing import json_data, yaml_data
from flow_widgets.flow.table import records

MAX_CHARS = 5_000_000
"""How long a text may be that is read: this takes about a second, in which nothing else happens."""
MAX_YAML_CHARS = 500_000
"""The same for YAML, which takes far longer to read."""


class _Read:
    """What was read from a definition; any two are equal, as it is no part of what an action is."""

    __hash__ = None  # type: ignore[assignment]  # what is equal only so is no key

    def __init__(self) -> None:
        self.definition: Any = None
        self.value: Any = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Read)


class DataBlock(Action):
    """Gives data that is written into the flow; a text is read in its ``format``.

    Data that can't be read is found by the check of the flow, with its line and column. Nothing is
    filled in in it.
    """

    is_instant: ClassVar[bool] = True

    type: Literal["data_block"] = "data_block"
    data: JsonValue = None
    """The data: a text in the format below, or data that is given as it is."""
    format: Literal["json", "csv", "yaml", "text"] = "json"
    """How a text is read; ``csv`` gives a list of dicts, one for each row, ``text`` the text itself."""
    typed: bool = True
    """Whether numbers, true and false in a table are read as such; ``007`` stays a text."""
    headers: tuple[str, ...] | None = None
    """Names for the columns of a table, in place of those in its first row."""
    has_header: bool = True
    """Whether the first row of a table holds the names of the columns, and no data."""
    _read: _Read = PrivateAttr(default_factory=_Read)

    def problems(self) -> Sequence[Problem]:
        """Return what is wrong with the data and the names of the columns."""
        if self.headers is not None and len(set(self.headers)) < len(self.headers):
            return [Problem("headers", "a name stands there twice.", "Choose another name.")]
        if self.format == "csv" and self.headers is None and not self.has_header:
            return [Problem("headers", "the columns have no names.", "Give headers.")]
        try:
            self._parsed()
        except InvalidValue as error:
            return [Problem("data", error.what, error.hint)]
        return []

    async def run(self, ctx: Context) -> Outcome:
        """Return the data.

        Raises:
            InvalidValue: It can't be read.
        """
        return Outcome(output=self._parsed())

    def _parsed(self) -> Any:
        """Return the data, read once for each definition."""
        if not isinstance(self.data, str):
            return self.data
        definition = (self.data, self.format, self.typed, self.headers, self.has_header)
        if self._read.definition != definition:
            self._read.value = self._parsed_text(self.data)
            self._read.definition = definition
        return self._read.value

    def _parsed_text(self, data: str) -> Any:
        limit = MAX_YAML_CHARS if self.format == "yaml" else MAX_CHARS
        if self.format != "text" and len(data) > limit:
            what = f"{len(data):,} characters are over the limit of {limit:,} for {self.format}."
            raise InvalidValue(what, hint="Give a part of the data, or read it from a file.")
        match self.format:
            case "json":
                return json_data(data)
            case "yaml":
                return yaml_data(data)
            case "csv":
                return records(
                    data,
                    headers=self.headers,
                    has_header=self.has_header,
                    typed=self.typed,
                )
            case "text":
                return data
