"""Reads a definition of elements and connections into records, whatever way its keys are spelt."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from flow_widgets.errors import InvalidFlow, Problem, nearest
from flow_widgets.flow.naming import PATH
from flow_widgets.flow.shape import DictOf, ListOf, Name, Record, unfit

_FIELDS = DictOf(Record({"type": Name()}))
_SHAPE = Record(
    {
        "flow_id": Name(),
        "start_element_id": Name(),
        "elements": DictOf(
            Record(
                {
                    "type": Name(),
                    "name": Name(),
                    "input_schema": _FIELDS,
                    "output_schema": _FIELDS,
                    "parameters": Record({}),
                }
            )
        ),
        "connections": ListOf(
            Record(
                {
                    "from_id": Name(),
                    "to_id": Name(),
                    "from_output": Name(),
                    "to_input": Name(),
                    "when": Name(),
                }
            )
        ),
        "initial_inputs": Record({}),
    }
)
"""What a document must look like, with its keys normalised, to be read at all."""
_SPELLINGS = {
    "source": "from_id",
    "target": "to_id",
    "from_port": "when",
    "source_port": "when",
    "sourcePort": "when",
}
"""Keys of a connection that mean another one."""
_ALIASES = {
    "flowswitch": "case",
    "datablocks": "datablock",
    "constant": "constants",
    "timeblock": "time",
    "buildtransaction": "build_transaction_json",
}
_TYPES = (
    "start",
    "end",
    "case",
    "flow_select",
    "chat_input",
    "context_history",
    "datablock",
    "rest_api",
    "metadata",
    "constants",
    "selector",
    "merger",
    "random_generator",
    "time",
    "llm_text",
    "llm_structured",
    "read_blockchain_data",
    "build_transaction_json",
    "custom",
)
_VALUE_TYPES = {"string", "int", "float"}
_REFERENCE = re.compile(rf"(?<!\\)(\\*)(\{{\{{\s*{PATH}(?:\s*\?\?\s*{PATH})*\s*\}}\}})")


class Field(NamedTuple):
    """An input or an output, as an element's schema declares it."""

    type: str = "any"
    required: bool = False
    default: Any = None
    description: str = ""
    options: tuple[Any, ...] = ()
    fields: Mapping[str, Field] = {}
    """What a value of type ``json`` holds."""


@dataclass(frozen=True, slots=True)
class Element:
    """One element: its type under its one name, and everything it was written with."""

    id: str
    index: int
    type: str
    name: str
    inputs: Mapping[str, Field]
    outputs: Mapping[str, Field]
    keys: Mapping[str, Any]

    def given(self, *names: str, default: Any = None) -> Any:
        """Return the first of several keys that has a value, in the element or its ``parameters``."""
        parameters = self.keys.get("parameters") or {}
        for name in names:
            for owner in (self.keys, parameters):
                if owner.get(name) is not None and (name != "type" or owner is parameters):
                    return owner[name]
        return default

    @property
    def value_type(self) -> str:
        """The type of value that it makes; in flat documents it may have taken the place of its own."""
        written = str(self.keys.get("type"))
        own = written if written in _VALUE_TYPES else ""
        return str(self.given("type", "data_type", "value_type", default=own))


@dataclass(frozen=True, slots=True)
class Connection:
    """Leads from an element to another, and may name what it carries."""

    index: int
    source: str
    target: str
    output: tuple[str, ...]
    """The path that it takes from the source; empty: everything of equal name."""
    input: tuple[str, ...]
    port: str | None
    """The case on which it is followed, if it names one."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A whole document."""

    id: str
    name: str
    description: str
    elements: Mapping[str, Element]
    connections: Sequence[Connection]
    start: str
    initial: Mapping[str, Mapping[str, Any]]
    """Values that elements are given at the beginning, by their ids."""
    problems: list[Problem] = field(default_factory=list)


def normal_keys(value: Any) -> dict[str, Any]:
    """Return a dict with its keys as texts, hyphens as underscores; of anything else an empty one."""
    if not isinstance(value, Mapping):
        return {}
    return {str(key).replace("-", "_"): item for key, item in value.items()}


def body_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document with the definition's keys beside those of the request around it."""
    body = normal_keys(document)
    if "flow_definition" not in body:
        return body
    return {**body, **normal_keys(body["flow_definition"])}


def literal(value: Any) -> Any:
    """Return plain data as it stands in a templated field: what looks like a reference is none."""
    if isinstance(value, str):
        return _REFERENCE.sub(lambda match: match[1] * 2 + "\\" + match[2], value)
    if isinstance(value, Mapping):
        return {str(key): literal(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [literal(item) for item in value]
    return value


def read(document: Mapping[str, Any]) -> Definition:
    """Return what a document says.

    Raises:
        InvalidFlow: It can't be read: a list or a dict is missing where there must be one, an
            element's type is not known, or a connection leads to no element.
    """
    body = _normal(body_of(document))
    problems = list(unfit(body, _SHAPE))
    if not isinstance(body.get("elements"), Mapping):
        problems = problems or [Problem("elements", "must be a dict of elements by id.")]
    if problems:
        raise InvalidFlow(problems)
    elements = {
        str(key): _element(str(key), index, raw)
        for index, (key, raw) in enumerate(body["elements"].items())
    }
    connections = [_connection(index, raw) for index, raw in enumerate(body["connections"])]
    problems = [*_unknown(elements, connections), *_no_start(elements, body)]
    if problems:
        raise InvalidFlow(problems)
    return _definition(body, elements, connections)


def _definition(
    body: Mapping[str, Any], elements: Mapping[str, Element], connections: Sequence[Connection]
) -> Definition:
    first = next((one.id for one in elements.values() if one.type == "start"), "")
    start = first if body.get("start_element_id") is None else str(body["start_element_id"])
    about = {**body, **normal_keys(body.get("metadata"))}
    notes: list[Problem] = []
    return Definition(
        id=str(body.get("flow_id") or ""),
        name=str(about.get("name") or body.get("flow_id") or "Flow"),
        description=str(about.get("description") or ""),
        elements=elements,
        connections=connections,
        start=start,
        initial=_initial(body.get("initial_inputs") or {}, elements, start, notes),
        problems=notes,
    )


def _normal(body: dict[str, Any]) -> dict[str, Any]:
    """Return the document with the keys of its elements and connections normalised."""
    elements, connections = body.get("elements"), body.get("connections") or []
    if isinstance(elements, Mapping):
        elements = {
            key: _normal_element(raw) if isinstance(raw, Mapping) else raw
            for key, raw in elements.items()
        }
    if isinstance(connections, (list, tuple)):
        connections = [
            {_SPELLINGS.get(key, key): item for key, item in normal_keys(raw).items()}
            if isinstance(raw, Mapping)
            else raw
            for raw in connections
        ]
    return {**body, "elements": elements, "connections": connections}


def _normal_element(raw: Mapping[str, Any]) -> dict[str, Any]:
    element = normal_keys(raw)
    for name in ("input_schema", "output_schema"):
        if isinstance(element.get(name), Mapping):
            element[name] = {str(key): _entry(one) for key, one in element[name].items()}
    if isinstance(element.get("parameters"), Mapping):
        element["parameters"] = normal_keys(element["parameters"])
    return element


def _entry(raw: Any) -> Any:
    """Return an entry of a schema as a dict: a bare text is its type."""
    if isinstance(raw, Mapping):
        return normal_keys(raw)
    return {"type": raw} if isinstance(raw, str) or raw is None else raw


def _element(id: str, index: int, keys: Mapping[str, Any]) -> Element:
    return Element(
        id=id,
        index=index,
        type=_type(keys),
        name=str(keys.get("name") or ""),
        inputs=_fields(keys.get("input_schema")),
        outputs=_fields(keys.get("output_schema")),
        keys=keys,
    )


def _type(keys: Mapping[str, Any]) -> str:
    """Return an element's type under its one name, or as it was written when it is not known."""
    written = str(keys.get("type") or "")
    squashed = re.sub(r"[^a-z0-9]", "", written.lower())
    by_squashed = {one.replace("_", ""): one for one in _TYPES} | _ALIASES
    if squashed in by_squashed:
        return by_squashed[squashed]
    if written in _VALUE_TYPES and ("timezone" in keys or "format" in keys):
        return "time"
    if written in _VALUE_TYPES and {"min", "max", "length", "decimal", "floating_point"} & {*keys}:
        return "random_generator"
    return written


def _fields(raw: Any) -> dict[str, Field]:
    if not isinstance(raw, Mapping):
        return {}
    return {str(name): _field(normal_keys(_entry(one))) for name, one in raw.items()}


def _field(raw: Mapping[str, Any]) -> Field:
    options = raw.get("enum") or raw.get("option") or raw.get("options")
    return Field(
        type=str(raw.get("type") or "any").strip().lower(),
        required=raw.get("required") in (True, "true", "True"),
        default=raw.get("default"),
        description=str(raw.get("description") or ""),
        options=tuple(options) if isinstance(options, (list, tuple)) else (),
        fields=_fields(raw.get("schema")),
    )


def _connection(index: int, raw: Mapping[str, Any]) -> Connection:
    source, target = str(raw.get("from_id", "")), str(raw.get("to_id", ""))
    return Connection(
        index=index,
        source=source,
        target=target,
        output=_path(raw.get("from_output"), source),
        input=_path(raw.get("to_input"), target),
        port=None if raw.get("when") is None else str(raw["when"]),
    )


def _path(written: Any, owner: str) -> tuple[str, ...]:
    """Return ``a.b[0]`` as a path, without the element's id that may stand before a colon."""
    text = "" if written is None else str(written).removeprefix(f"{owner}:")
    return tuple(part for part in re.sub(r"\[(\d+)\]", r".\1", text).split(".") if part)


def _unknown(
    elements: Mapping[str, Element], connections: Sequence[Connection]
) -> Iterator[Problem]:
    for one in elements.values():
        if one.type not in _TYPES:
            what = f"{one.type!r} is no known type of element."
            yield Problem(f"elements.{one.id}.type", what, nearest(one.type, _TYPES))
    for each in connections:
        for key, end in (("from_id", each.source), ("to_id", each.target)):
            if end not in elements:
                what = f"{end!r} is no element of this flow."
                place = f"connections[{each.index}].{key}"
                yield Problem(place, what, nearest(end, [*elements]))


def _no_start(elements: Mapping[str, Element], body: Mapping[str, Any]) -> Iterator[Problem]:
    start = body.get("start_element_id")
    if start is not None and str(start) not in elements:
        what = f"{start!r} is no element of this flow."
        yield Problem("start_element_id", what, nearest(str(start), [*elements]))
    elif start is None and all(one.type != "start" for one in elements.values()):
        yield Problem("start_element_id", "no element is named to start with.", "Name one.")


def _initial(
    given: Mapping[str, Any], elements: Mapping[str, Element], start: str, notes: list[Problem]
) -> dict[str, dict[str, Any]]:
    """Return initial inputs by element: those that no element's id stands before are the start's."""
    by_element = {str(key): value for key, value in given.items() if _is_for(key, value, elements)}
    found = {key: {str(name): one for name, one in by_element[key].items()} for key in by_element}
    for key, value in given.items():
        if str(key) in by_element:
            continue
        if by_element and isinstance(value, Mapping):
            what = f"{str(key)!r} is no element of this flow; its values are not used."
            hint = nearest(str(key), [*elements])
            notes.append(Problem(f"initial_inputs.{key}", what, hint, "warning"))
        else:
            found.setdefault(start, {})[str(key)] = value
    return found


def _is_for(key: Any, value: Any, elements: Mapping[str, Element]) -> bool:
    return isinstance(value, Mapping) and str(key) in elements
