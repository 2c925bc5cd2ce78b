"""The format of the flow executor: elements by id, joined by connections that carry values by name.

Read are the definition ``{"elements": …, "connections": …, "start_element_id": …}`` and the whole
request around it, ``{"flow_id", "flow_definition", "initial_inputs", "config"}``. Keys may be written
with hyphens, types in any of their spellings. Each element becomes a step with the same id; what the
run is given at the beginning becomes inputs of the flow, with these values as their defaults. What
the request's ``config`` asks for is not granted by loading; see ``execution_options``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flow_widgets.errors import InvalidFlow, Problem, UnknownFormat
from flow_widgets.flow.model import Flow

from .branches import select_action
from .document import Element, body_of, normal_keys, read
from .edges import edges_of
from .elements import KINDS
from .wiring import Wiring

__all__ = ["dump", "execution_options", "is_format", "load", "notes"]

_OPTIONS = (
    "max_execution_time",
    "allow_custom_code",
    "custom_code_max_memory_mb",
    "custom_code_max_cpu_seconds",
    "enable_blockchain",
)


def is_format(document: Mapping[str, Any]) -> bool:
    """Whether a document has this format, also in a generation that can't be read."""
    if "format" in document or "steps" in document:
        return False
    keys = normal_keys(document)
    return "flow_definition" in keys or "elements" in keys or "nodes" in keys


def load(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the native document of a document in this format.

    Raises:
        InvalidFlow: An element's type is not known, or can't be run; a connection leads to nothing; a
            required input gets no value; or there is something else where a list or a dict must be.
        UnknownFormat: It has ``nodes``, as the next generation of the format.
    """
    native, problems = _loaded(document)
    errors = [one for one in problems if one.severity == "error"]
    if errors:
        raise InvalidFlow(errors)
    return native


def notes(document: Mapping[str, Any]) -> list[Problem]:
    """Return what one should know of a document that loads: what was guessed, or is not used.

    Raises:
        InvalidFlow, UnknownFormat: As ``load`` does.
    """
    return [one for one in _loaded(document)[1] if one.severity == "warning"]


def dump(flow: Flow) -> dict[str, Any]:
    """Raise UnknownFormat, as nothing is written in this format."""
    raise UnknownFormat("Flows are not written in the format 'executor'.", hint="Take 'native'.")


def execution_options(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the request around a definition asks of its run, for a server to grant or not.

    Times are in seconds; what is not asked for is left out.
    """
    config = normal_keys(body_of(document).get("config"))
    return {name: config[name] for name in _OPTIONS if config.get(name) is not None}


def _loaded(document: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    body = body_of(document)
    if "nodes" in body and "elements" not in body:
        raise UnknownFormat(
            "A definition with 'nodes' is of a later generation, which can't be loaded yet.",
            hint="Write it with 'elements', 'connections' and 'start_element_id'.",
        )
    definition = read(document)
    wiring = Wiring(definition)
    steps = [_step(each, wiring, definition.start) for each in definition.elements.values()]
    edges = edges_of(definition.connections, wiring)
    native = {
        "name": definition.name,
        **({"id": definition.id} if definition.id else {}),
        "description": definition.description,
        "inputs": wiring.asked.inputs,
        "steps": steps,
        "edges": edges,
    }
    unique = {(one.place, one.what): one for one in definition.problems}
    return native, list(unique.values())


def _step(element: Element, wiring: Wiring, start: str) -> dict[str, Any]:
    values = wiring.values(element.id)
    if element.type == "flow_select":
        action = select_action(element, values, wiring)
    else:
        action = KINDS[element.type].build(element, values, wiring.problems)
    if element.type == "start" and element.id != start:
        action = {**action, "type": "transform"}  # a run has one beginning
    return {"id": element.id, "name": element.name, "actions": [action]}
