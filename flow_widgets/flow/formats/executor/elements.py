"""What each type of element takes and gives, and the action that does its work."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from flow_widgets.errors import Problem
from flow_widgets.flow.template import as_text

from .branches import case_action
from .document import Element, Field, literal

Values = Mapping[str, Any]
"""What an element's inputs hold, as templates; without those that nothing is connected to."""
Build = Callable[[Element, Values, list[Problem]], dict[str, Any]]
"""Returns the raw action of an element; problems go to the list."""


class Kind(NamedTuple):
    """A type of element."""

    build: Build
    inputs: Mapping[str, Field] = {}
    outputs: Mapping[str, str] = {}
    """Path of each output in what the action gives; an empty one means all of it."""
    any_input: bool = False
    """Whether it takes inputs of any name."""
    any_output: bool = False
    """Whether it gives a dict, with its outputs by name."""
    asks: str = ""
    """The input that the run is asked for when nothing is connected to it."""


def _start(element: Element, values: Values, _: list[Problem]) -> dict[str, Any]:
    return {"type": "start", "values": dict(values)}


def _end(element: Element, values: Values, _: list[Problem]) -> dict[str, Any]:
    others = {name: value for name, value in values.items() if name not in _END_INPUTS}
    own = {
        "text_output": values.get("text_input"),
        "proposed_transaction": values.get("proposed_transaction"),
    }
    return {"type": "end", "values": {**own, **others}}


_END_INPUTS = {"text_input": Field("string", required=True), "proposed_transaction": Field("json")}


def _chat_input(element: Element, values: Values, _: list[Problem]) -> dict[str, Any]:
    bounds = {
        ours: element.given(theirs)
        for ours, theirs in (
            ("min_length", "min_length"),
            ("max_length", "max_length"),
            ("pattern", "validation_pattern"),
        )
        if element.given(theirs) is not None
    }
    required = bool(element.given("required", default=False))
    return {
        "type": "chat_input",
        "text": values.get("chat_input", ""),
        "required": required,
        **bounds,
    }


def _history(element: Element, values: Values, _: list[Problem]) -> dict[str, Any]:
    shape = str(element.given("format", default="full"))
    return {
        "type": "history",
        "messages": values.get("context_history", values.get("history", [])),
        "max_messages": element.given("max_messages", default=_ALL_MESSAGES),
        "include_system": element.given("include_system", default=True),
        "role": element.given("filter_by_role", default="all"),
        "format": {"text_only": "text"}.get(shape, shape),
    }


_ALL_MESSAGES = 1_000_000
"""The format has no limit where it names none."""


def _data_block(element: Element, _values: Values, _: list[Problem]) -> dict[str, Any]:
    action = {
        "type": "data_block",
        "data": element.given("data", default=""),
        "format": str(element.given("data_type", "format", default="json")).lower(),
    }
    headers = element.given("csv_headers")
    return {**action, "headers": headers} if headers else action


def _constants(element: Element, _values: Values, _: list[Problem]) -> dict[str, Any]:
    data, kind = element.given("data"), element.value_type
    parameters = element.keys.get("parameters") or {}
    if data is None and not kind and parameters:
        return {"type": "constants", "values": dict(parameters)}
    return {"type": "constants", "values": {"data": _coerced(data, kind)}}


def _coerced(value: Any, kind: str) -> Any:
    """Return a constant as the type that it is declared with, as it is where it can't be one."""
    cast, empty = _CASTS.get(kind, (None, None))
    if value is None or cast is None:
        return empty if value is None else value
    try:
        return cast(value)
    except (TypeError, ValueError, OverflowError):
        return value


def _as_bool(value: Any) -> bool:
    return value.strip().lower() in _YES if isinstance(value, str) else bool(value)


_YES = ("true", "yes", "1", "t", "y")
_CASTS: Mapping[str, tuple[Callable[[Any], Any] | None, Any]] = {
    "string": (as_text, ""),
    "int": (int, 0),
    "float": (float, 0.0),
    "bool": (_as_bool, False),
    "json": (None, {}),
    "list": (None, []),
}


def _metadata(element: Element, values: Values, _: list[Problem]) -> dict[str, Any]:
    data = element.given("data", default={})
    merged = {**literal(data), **values} if isinstance(data, Mapping) else dict(values)
    command = element.outputs.get("command")
    if command and command.options:
        merged.setdefault("command", literal(command.options[0]))
    for name, field in element.outputs.items():
        if field.required and name not in merged:
            merged[name] = literal(field.default)
    return {"type": "transform", "values": merged}


def _rest_api(element: Element, values: Values, problems: list[Problem]) -> dict[str, Any]:
    method = str(element.given("method", default="GET")).upper()
    in_body = method in ("POST", "PUT", "PATCH")
    action: dict[str, Any] = {
        "type": "request",
        "url": literal(element.given("url", default="")),
        "method": method,
        "raise_errors": False,
    }
    headers = literal(element.given("headers", default={}))
    headers = {**headers, **_key(element, action, problems)} if _is_dict(headers) else headers
    given = {
        "headers": headers,
        "body" if in_body else "params": values.get("params"),
        "timeout_seconds": element.given("timeout"),
        "retries": element.given("retry_count"),
    }
    return action | {name: value for name, value in given.items() if value not in (None, {})}


def _is_dict(value: Any) -> bool:
    return isinstance(value, dict)


def _key(element: Element, action: dict[str, Any], problems: list[Problem]) -> dict[str, str]:
    """Return the header that a key asks for; one that names a variable goes to ``auth`` instead."""
    key, place = element.given("api_key"), f"elements.{element.id}"
    if element.given("auth_type", default="none") != "none":
        what = "is not read from this format."
        problems.append(Problem(f"{place}.auth_type", what, "Use api_key with ${NAME}.", "warning"))
    if not key:
        return {}
    named = re.fullmatch(r"\$\{(\w+)\}", str(key))
    if named:
        action["auth"] = {"bearer": named[1]}
        return {}
    hint = "Put it into an environment variable, and write ${NAME} here."
    what = "the key stands in the flow itself, which is kept and shown."
    problems.append(Problem(f"{place}.api_key", what, hint, "warning"))
    return {"Authorization": f"Bearer {literal(str(key))}"}


def _selector(element: Element, values: Values, _: list[Problem]) -> dict[str, Any]:
    action = {"type": "select", "data": values.get("data"), "key": element.given("key")}
    for ours, theirs in (
        ("paths", "multiple_paths"),
        ("default", "default_value"),
        ("error_on_missing", "error_on_missing"),
    ):
        if element.given(theirs) is not None:
            action[ours] = element.given(theirs)
    return action


def _merger(element: Element, values: Values, _: list[Problem]) -> dict[str, Any]:
    if set(values) <= {"data1", "data2"}:
        return {"type": "merge", "values": [values.get("data1"), values.get("data2")]}
    return {"type": "merge", "named": dict(values)}


def _random(element: Element, _values: Values, _: list[Problem]) -> dict[str, Any]:
    is_floating = _as_bool(element.given("floating_point", default=True))
    given = {"string": "text", "int": "integer", "float": "number"}.get(element.value_type)
    names = {"min": "min", "max": "max", "decimal": "decimals", "length": "length"}
    bounds = {
        ours: element.given(theirs)
        for theirs, ours in names.items()
        if element.given(theirs) is not None
    }
    return {"type": "random", "kind": given or ("number" if is_floating else "integer"), **bounds}


def _time(element: Element, _values: Values, _: list[Problem]) -> dict[str, Any]:
    shape = str(element.given("format", default=_DEFAULT_TIME))
    if shape == "custom":
        shape = str(element.given("custom_format", default=_DEFAULT_TIME))
    action: dict[str, Any] = {
        "type": "time",
        "format": {"int": "unix", "float": "unix_float"}.get(element.value_type, shape),
        "timezone": str(element.given("timezone", default="UTC")),
    }
    components = element.given("include_components")
    return {**action, "components": components} if components else action


_DEFAULT_TIME = "YYYY-MM-DD HH:mm:ss"


def _chat(element: Element, values: Values, temperature: float) -> dict[str, Any]:
    others = {name: value for name, value in values.items() if name not in _LLM_INPUTS}
    given = {
        "model": element.given("model", "model_id"),
        "context": values.get("context"),
        "data": values.get("additional_data"),
        "wrapper": element.given("wrapper_prompt") or None,
        "values": others or None,
    }
    return {
        "type": "chat",
        "prompt": values.get("prompt", ""),
        "temperature": element.given("temperature", default=temperature),
        "max_tokens": element.given("max_tokens", default=1000),
    } | {name: value for name, value in given.items() if value is not None}


_LLM_INPUTS = {
    "prompt": Field("string", required=True),
    "context": Field("list"),
    "additional_data": Field("json"),
}


def _llm_text(element: Element, values: Values, _: list[Problem]) -> dict[str, Any]:
    return _chat(element, values, 0.65)


def _llm_structured(element: Element, values: Values, _: list[Problem]) -> dict[str, Any]:
    wanted = {name: one for name, one in element.outputs.items() if name != "structured_output"}
    action = {**_chat(element, values, 0.3), "output_schema": json_schema(wanted)}
    hidden = element.given("llm_hidden_prompt")
    return {**action, "system": literal(str(hidden))} if hidden else action


def json_schema(fields: Mapping[str, Field]) -> dict[str, Any]:
    """Return the JSON schema of an object with these fields."""
    required = [name for name, field in fields.items() if field.required]
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {name: _schema_of(field) for name, field in fields.items()},
    }
    return {**schema, "required": required} if required else schema


def _schema_of(field: Field) -> dict[str, Any]:
    types = [_JSON_TYPES[one] for one in field.type.split("|") if one.strip() in _JSON_TYPES]
    schema: dict[str, Any] = json_schema(field.fields) if field.fields else {}
    if types and not field.fields:
        schema["type"] = types[0] if len(types) == 1 else types
    if field.description:
        schema["description"] = field.description
    return {**schema, "enum": list(field.options)} if field.options else schema


_JSON_TYPES = {
    "string": "string",
    "int": "integer",
    "integer": "integer",
    "float": "number",
    "number": "number",
    "bool": "boolean",
    "boolean": "boolean",
    "json": "object",
    "object": "object",
    "list": "array",
    "array": "array",
}


def _custom(element: Element, values: Values, _: list[Problem]) -> dict[str, Any]:
    code = str(element.given("code", default=""))
    fixed = {
        name: literal(element.given(name, default={}))
        for name in ("hyperparameters", "constants")
        if element.given(name) or re.search(rf"\b{name}\b", code)
    }
    return {"type": "code", "code": code, "inputs": {**fixed, **values}}


def _unavailable(element: Element, _values: Values, problems: list[Problem]) -> dict[str, Any]:
    what = f"{element.type!r} can't be run yet."
    hint = "Take the element out, or do its work with a rest_api or a custom element."
    problems.append(Problem(f"elements.{element.id}.type", what, hint))
    return {}


KINDS: Mapping[str, Kind] = {
    "start": Kind(_start, any_input=True, any_output=True),
    "end": Kind(
        _end,
        _END_INPUTS,
        {"text_output": "text_output", "proposed_transaction": "proposed_transaction"},
        any_input=True,
    ),
    "chat_input": Kind(
        _chat_input, {"chat_input": Field("string")}, {"chat_input": ""}, asks="chat_input"
    ),
    "context_history": Kind(
        _history,
        {"context_history": Field("list")},
        {"context_history": "", "history": ""},
        asks="context_history",
    ),
    "datablock": Kind(_data_block, outputs={"data": ""}),
    "rest_api": Kind(
        _rest_api,
        {"params": Field("json")},
        {"data": "body", "response": "body", "status_code": "status", "headers": "headers"},
    ),
    "metadata": Kind(_metadata, any_input=True, any_output=True),
    "constants": Kind(_constants, outputs={"data": "data"}, any_output=True),
    "selector": Kind(
        _selector, {"data": Field(required=True)}, {"value": "", "selected_value": ""}
    ),
    "merger": Kind(
        _merger, {"data1": Field(), "data2": Field()}, {"merged_data": ""}, any_input=True
    ),
    "random_generator": Kind(_random, outputs={"random_data": ""}),
    "time": Kind(_time, outputs={"time_data": ""}, any_output=True),
    "llm_text": Kind(_llm_text, _LLM_INPUTS, {"llm_output": ""}, any_input=True),
    "llm_structured": Kind(
        _llm_structured, _LLM_INPUTS, {"structured_output": ""}, any_input=True, any_output=True
    ),
    "read_blockchain_data": Kind(_unavailable, any_input=True, any_output=True),
    "build_transaction_json": Kind(_unavailable, any_input=True, any_output=True),
    "custom": Kind(_custom, any_input=True, any_output=True),
    "case": Kind(case_action, {"variables": Field("json", required=True)}, {"result": ""}),
    "flow_select": Kind(_unavailable, any_input=True, outputs={"chosen_flow": "chosen_flow"}),
}
"""All types; what ``flow_select`` does depends on its connections, see ``branches``."""
