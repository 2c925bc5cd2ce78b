"""Loads flows from every format it knows, finding the format itself, and writes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Protocol

import yaml
from pydantic import ValidationError

from flow_widgets.errors import FlowError, InvalidFlow, Problem, UnknownFormat, nearest
from flow_widgets.files import read_file
from flow_widgets.flow.base import place_of, problems_of
from flow_widgets.flow.building import snapshot
from flow_widgets.flow.data import MAX_DOCUMENT_NESTING, excess
from flow_widgets.flow.formats import executor, native, openrun, steps
from flow_widgets.flow.model import Flow


class Format(Protocol):
    """A module that reads and writes one format."""

    def is_format(self, document: Mapping[str, Any]) -> bool:
        """Whether a document has this format."""
        ...

    def load(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Return the native document of a document in this format."""
        ...

    def dump(self, flow: Flow) -> dict[str, Any]:
        """Return the flow as data in this format."""
        ...


FORMATS: dict[str, Format] = {
    "steps": steps,
    "openrun": openrun,
    "executor": executor,
    "native": native,
}
"""Tried in this order."""

MAX_DOCUMENT_BYTES = 50_000_000
_SHOWN_KEYS = 12
"""How much is shown of a place that is nested too deeply."""
FormatName = Literal["native", "steps", "executor", "openrun"]


def load_flow(source: Any) -> Flow:
    """Return the flow that a ``Flow``, dict, JSON or YAML text, or path holds, in any known format.

    Raises:
        UnknownFormat: The source is no flow in a known format.
        InvalidFlow: It is one, with problems; all are listed.
        FileRefused: The path can't be read.
    """
    if isinstance(source, Flow):
        return snapshot(source)
    document = _document(source)
    for reader in FORMATS.values():
        if reader.is_format(document):
            return _validated(reader.load(document))
    keys = ", ".join(map(repr, list(document)[:8]))
    close = nearest("steps", [str(key) for key in document])
    hint = "Did you mean 'steps'?" if close.startswith("Did") else "A flow has 'steps', a list."
    raise UnknownFormat(f"This is no flow in a known format; its keys are {keys}.", hint=hint)


def load_notes(source: Any) -> list[Problem]:
    """Return what one should know of a document that loads, such as what had to be guessed.

    Takes whatever ``load_flow`` takes. The notes are warnings, and places are those of the document.

    Raises:
        UnknownFormat, InvalidFlow, FileRefused: As ``load_flow`` does.
    """
    if isinstance(source, Flow):
        return []
    document = _document(source)
    load_flow(document)
    return executor.notes(document) if executor.is_format(document) else []


def dump_flow(flow: Flow, format: FormatName = "native") -> dict[str, Any]:
    """Return the flow as JSON-ready data; native data loads back to an equal flow.

    Raises:
        InvalidFlow: The flow holds something that the format can't express.
    """
    if format not in FORMATS:
        raise UnknownFormat(f"{format!r} is no known format.", hint=nearest(format, list(FORMATS)))
    return FORMATS[format].dump(flow)


def _validated(document: Mapping[str, Any]) -> Flow:
    try:
        return Flow.model_validate(document)
    except ValidationError as error:
        raise InvalidFlow(problems_of(error, Flow, document)) from None


def _document(source: Any) -> Mapping[str, Any]:
    if isinstance(source, Path) or (isinstance(source, str) and _is_path(source)):
        source = _decoded(read_file(source, max_bytes=MAX_DOCUMENT_BYTES))
    if isinstance(source, str):
        source = _parsed(source)
    if isinstance(source, (list, tuple)):
        source = {"steps": list(source)}
    if not isinstance(source, Mapping):
        kind = type(source).__name__
        raise UnknownFormat(
            f"A flow can't be loaded from {kind}.", hint="Give a dict, text or path."
        )
    found = excess(source, MAX_DOCUMENT_NESTING)
    if found:
        where = place_of(found[0][:_SHOWN_KEYS]) + "…" * (len(found[0]) > _SHOWN_KEYS)
        raise InvalidFlow([Problem(where, found[1], "Make it flatter.")])
    return source


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnknownFormat("The file is not UTF-8 text.", hint="Convert it.") from None


def _is_path(text: str) -> bool:
    if "\n" in text or len(text) > 1000 or text.lstrip()[:1] in ("", "{", "["):
        return False
    try:
        return Path(text).suffix.lower() in (".json", ".yaml", ".yml") or Path(text).exists()
    except (OSError, ValueError):  # too long for a name, or with a NUL: it can be none
        return False


def _parsed(text: str) -> Any:
    if text.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            where = f"line {error.lineno}, column {error.colno}"
            raise UnknownFormat(f"The JSON can't be read: {error.msg} at {where}.") from None
        except ValueError as error:  # a number of thousands of digits
            raise UnknownFormat(f"The JSON can't be read: {error}.") from None
        except RecursionError:
            raise UnknownFormat("The JSON is nested too deeply.") from None
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text)):
            raise UnknownFormat("The YAML holds aliases, which can grow without limit.")
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, LookupError, AttributeError) as error:
        # Besides its own errors PyYAML raises whatever a tag's text runs into: "!!bool x", "2020-13-01".
        if isinstance(error, FlowError):
            raise
        raise UnknownFormat(f"The YAML can't be read: {error}.") from None
    except RecursionError:
        raise UnknownFormat("The YAML is nested too deeply.") from None
