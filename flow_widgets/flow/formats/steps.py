"""The steps format of the Flow runner: steps of chat actions, ``{{$name}}``, ``{{$step1.action1.output}}``.

Two shapes are read. The execution object is ``{"steps": [{"actions": [{model, temperature,
messages, structured_output}]}]}``, to which ``variables`` may be added. The editable document holds
``flows``, ``actions``, ``variables`` and ``files`` by id; its active flow is loaded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from flow_widgets.errors import InvalidFlow, Problem, UnknownFormat
from flow_widgets.flow.attachment import File
from flow_widgets.flow.graph import source_of
from flow_widgets.flow.identity import slug
from flow_widgets.flow.message import Message
from flow_widgets.flow.model import Flow
from flow_widgets.flow.naming import PATH, SCOPES
from flow_widgets.flow.shape import DictOf, ListOf, Name, Record, Shape, unfit
from flow_widgets.flow.template import Reference, as_text, parse

_ACTION_KEYS = {"model", "temperature", "messages", "structured_output"}
_OWN_KEYS = {"type", "id", "name", "system", "prompt", "files", "output_schema"}
"""Fields of a chat that can be written as something else."""
_VARIABLES = ListOf(Record({}))
_EDITABLE = Record(
    {
        "flows": Record(
            {"byId": DictOf(Record({"steps": ListOf(Record({"actionIds": ListOf(Name())}))}))}
        ),
        "activeFlowId": Name(),
        "actions": ListOf(
            Record({"id": Name(), "messages": ListOf(Record({"files": ListOf(Name())}))})
        ),
        "files": ListOf(Record({"id": Name()})),
        "variables": _VARIABLES,
    }
)
"""What must be a list or a dict in an editable document for it to be read at all."""
_TOKEN = re.compile(
    r"(?<!\\)(?P<slashes>\\*)(?:"
    r"\{\{\s*\$step(?P<step>\d+)\.action(?P<action>\d+)\.output\s*\}\}"
    r"|\{\{\s*\$(?:var\.\$?)?(?P<double>[^{}]+?)\s*\}\}"
    r"|\{\s*\$(?P<single>[^{}]+?)\s*\}"
    rf"|\{{\{{\s*(?P<path>{PATH})\s*\}}\}})"
)
"""What is a reference here, and last what would be one in a native template."""


def is_format(document: Mapping[str, Any]) -> bool:
    """Whether a document has one of the two shapes, and not the native one."""
    if isinstance(document.get("flows"), Mapping) and "byId" in document["flows"]:
        return True
    if "format" in document or not isinstance(document.get("steps"), (list, tuple)):
        return False
    if not set(document) <= {"steps", "variables", "id", "name"}:
        return False
    actions = [action for step in document["steps"] for action in _actions_of(step)]
    return bool(actions) and all(
        isinstance(action, Mapping) and "messages" in action and set(action) <= _ACTION_KEYS
        for action in actions
    )


def _actions_of(step: Any) -> list[Any]:
    if isinstance(step, Mapping) and set(step) <= {"actions", "id", "name"}:
        actions = step.get("actions")
        return list(actions) if isinstance(actions, (list, tuple)) else [None]
    return [None]


def load(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the native document of a document in this format.

    Raises:
        InvalidFlow: A ``structured_output`` is no JSON, a step names an unknown action, or there is
            something else where a list or a dict must be.
        UnknownFormat: An editable document has no active flow.
    """
    if "flows" in document:
        _must_fit(document, _EDITABLE)
        document = _execution_object(document)
    if not isinstance(document.get("variables"), Mapping):
        _must_fit(document, Record({"variables": _VARIABLES}))
    variables = _variables(document.get("variables"))
    names = _native_names(variables)
    problems: list[Problem] = []
    steps = [
        {
            **{key: step[key] for key in ("id", "name") if step.get(key)},
            "actions": [
                _action(action, variables, f"steps[{s}].actions[{a}]", problems)
                for a, action in enumerate(step["actions"])
            ],
        }
        for s, step in enumerate(document["steps"])
    ]
    if problems:
        raise InvalidFlow(problems)
    kept = {key: document[key] for key in ("id", "name") if document.get(key)}
    inputs = {"inputs": {names[key]: {"default": value} for key, value in variables.items()}}
    return {**kept, **(inputs if variables else {}), "steps": steps}


def _must_fit(document: Mapping[str, Any], shape: Shape) -> None:
    problems = list(unfit(document, shape))
    if problems:
        raise InvalidFlow(problems)


def _variables(given: Any) -> dict[str, Any]:
    """Return variables by name without their ``$``, from a list of records or a mapping."""
    if isinstance(given, Mapping):
        pairs = [(str(name), value) for name, value in given.items()]
    else:
        pairs = [(str(one.get("name", "")), one.get("value", "")) for one in given or ()]
    return {name.removeprefix("$"): value for name, value in pairs if name.removeprefix("$")}


def _native_names(variables: Iterable[str]) -> dict[str, str]:
    """Return for each variable the name of its input, as it can stand in a reference."""
    names: dict[str, str] = {}
    for variable in variables:
        name = re.sub(r"[^\w-]+", "_", variable)
        name = name if re.match(r"[A-Za-z_]", name) else f"_{name}"
        while name in SCOPES or name in names.values():
            name += "_"
        names[variable] = name
    return names


def _action(
    action: Mapping[str, Any], variables: Mapping[str, Any], place: str, problems: list[Problem]
) -> dict[str, Any]:
    native: dict[str, Any] = {"type": "chat"}
    native |= {key: value for key, value in action.items() if key != "structured_output"}
    native["messages"] = _translated(action["messages"], _native_names(variables))
    schema = action.get("structured_output")
    if isinstance(schema, str) and schema.strip():
        try:
            native["output_schema"] = json.loads(_filled(schema, variables))
        except (ValueError, TypeError, RecursionError) as error:
            what = f"is no JSON: {error}."
            problems.append(Problem(f"{place}.structured_output", what, "Give a JSON schema."))
    elif isinstance(schema, Mapping):
        native["output_schema"] = schema
    return native


def _filled(text: str, variables: Mapping[str, Any]) -> str:
    """Return a text with the values of variables, where a native flow takes no reference."""

    def value(match: re.Match[str]) -> str:
        name = match["double"] or match["single"]
        return match["slashes"] + as_text(variables[name]) if name in variables else match[0]

    return _TOKEN.sub(value, text)


def _translated(value: Any, names: Mapping[str, str]) -> Any:
    """Return a value whose texts have native references; what is none here stays a text."""
    if isinstance(value, str):
        return _TOKEN.sub(lambda match: _native(match, names), value)
    if isinstance(value, Mapping):
        return {
            key: item if key in ("file_data", "url", "role", "type") else _translated(item, names)
            for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_translated(item, names) for item in value]
    return value


def _native(match: re.Match[str], names: Mapping[str, str]) -> str:
    """Return a reference, or what looks like one, as it stands in a native template."""
    slashes, name = match["slashes"] * 2, match["double"] or match["single"]
    if match["step"]:
        step, action = int(match["step"]) - 1, int(match["action"]) - 1
        if step < 0 or action < 0:  # names nothing; as a native reference it is found by the check
            return slashes + match[0].lstrip("\\").replace("$", "")
        return f"{slashes}{{{{steps.{step}.actions.{action}.output}}}}"
    if name:
        return f"{slashes}{{{{{names[name]}}}}}" if name in names else match[0]
    if match["path"].split(".")[0] in (*SCOPES, *names.values()):
        return match[0]
    return slashes + "\\" + match[0].lstrip("\\")


def _execution_object(document: Mapping[str, Any]) -> dict[str, Any]:
    flows = document["flows"]["byId"]
    active = document.get("activeFlowId") or next(iter(flows), None)
    if active not in flows:
        raise UnknownFormat(f"The document's active flow {active!r} is not in it.")
    actions = {action.get("id"): action for action in document.get("actions") or ()}
    files = {file.get("id"): file for file in document.get("files") or ()}
    steps = []
    for index, step in enumerate(flows[active].get("steps") or ()):
        wanted = step.get("actionIds") or ()
        missing = [one for one in wanted if one not in actions]
        if missing:
            place = f"flows.byId.{active}.steps[{index}].actionIds"
            raise InvalidFlow([Problem(place, f"{missing[0]!r} is no action of the document.")])
        chosen = [_editable(actions[one], files) for one in wanted]
        steps.append({"id": step.get("id"), "name": step.get("name"), "actions": chosen})
    variables = [
        one
        for one in document.get("variables") or ()
        if one.get("name") != "$default_var" or one.get("value")
    ]
    return {"id": active, "name": flows[active].get("name"), "variables": variables, "steps": steps}


def _editable(action: Mapping[str, Any], files: Mapping[str, Any]) -> dict[str, Any]:
    messages: list[dict[str, Any]] = []
    if action.get("systemPromptEnabled") and action.get("systemPrompt"):
        messages.append({"role": "system", "content": action["systemPrompt"]})
    for message in action.get("messages") or ():
        wanted = (message.get("files") or ()) if message.get("filesEnabled") else ()
        attached = [files[one] for one in wanted if files.get(one, {}).get("content")]
        text = message.get("content") or ""
        if attached:
            parts = [{"type": "text", "text": text}] if text else []
            content: Any = [*parts, *map(_file_part, attached)]
        else:
            content = text
        if content:
            messages.append({"role": message.get("role", "user"), "content": content})
    schema = action.get("structuredOutput") if action.get("structuredOutputEnabled") else None
    chosen = {"model": action.get("selectedModel"), "temperature": action.get("temperature", 0.7)}
    return {"id": action["id"], **chosen, "messages": messages, "structured_output": schema}


def _file_part(file: Mapping[str, Any]) -> dict[str, Any]:
    if str(file.get("type", "")).startswith("image/"):
        return {"type": "image_url", "image_url": {"url": file["content"]}}
    return {"type": "file", "file": {"file_data": file["content"], "filename": file.get("name")}}


def dump(flow: Flow) -> dict[str, Any]:
    """Return the execution object of a flow of chat actions in sequence.

    Raises:
        InvalidFlow: The flow holds something that the format can't express; all is listed.
    """
    problems = list(_inexpressible(flow))
    steps = [
        {
            **_names(step.id, step.name, f"s{s}"),
            "actions": [
                _dumped(flow, action, f"steps[{s}].actions[{a}]", problems)
                for a, action in enumerate(step.actions)
            ],
        }
        for s, step in enumerate(flow.steps)
    ]
    if problems:
        raise InvalidFlow(problems)
    variables = [
        {"name": f"${name}", "value": "" if one.default is None else one.default}
        for name, one in flow.inputs.items()
    ]
    body = {**_names(flow.id, "" if flow.name == "Flow" else flow.name, "flow"), "steps": steps}
    return {**body, "variables": variables} if variables else body


def _names(identity: str, name: str, made: str) -> dict[str, str]:
    """Return id and name where they are not those that loading would make."""
    body = {} if identity in (made, slug(name)) else {"id": identity}
    return {**body, "name": name} if name else body


def _inexpressible(flow: Flow) -> Iterator[Problem]:
    for name in ("edges", "on_error", "provider", "max_parallel"):
        if getattr(flow, name) != type(flow).model_fields[name].default:
            yield Problem(name, f"{name} can't be written in this format.")
    for name, declared in flow.inputs.items():
        if isinstance(declared.default, File):
            yield Problem(f"inputs.{name}", "a file can't be written in this format.")
    for s, step in enumerate(flow.steps):
        if step.join is not None:
            yield Problem(f"steps[{s}].join", "join can't be written in this format.")
        for a, action in enumerate(step.actions):
            place = f"steps[{s}].actions[{a}]"
            if action.type != "chat":
                what = f"{action.type!r} can't be written in this format."
                yield Problem(f"{place}.type", what)
                continue
            for name in action.model_dump(mode="json", exclude_defaults=True):
                if name not in _ACTION_KEYS | _OWN_KEYS:
                    yield Problem(f"{place}.{name}", f"{name!r} can't be written in this format.")
            if not all(isinstance(file, File) for file in getattr(action, "files", ())):
                yield Problem(f"{place}.files", "a reference to a file can't be written here.")


def _dumped(flow: Flow, action: Any, place: str, problems: list[Problem]) -> dict[str, Any]:
    if action.type != "chat":
        return {}
    messages = [_message(message) for message in action.messages or ()]
    if action.system:
        messages.insert(0, {"role": "system", "content": action.system})
    if action.prompt:
        messages.append({"role": "user", "content": action.prompt})
    if action.files:
        _attach(messages, [_part(file) for file in action.files])
    result = {"model": action.model or flow.model, "temperature": action.temperature}
    result = {key: value for key, value in result.items() if value is not None}
    result["messages"] = _written(flow, messages, place, problems)
    if action.output_schema:
        result["structured_output"] = json.dumps(action.output_schema, ensure_ascii=False)
    return result


def _attach(messages: list[dict[str, Any]], files: list[dict[str, Any]]) -> None:
    if not messages or messages[-1]["role"] != "user":
        messages.append({"role": "user", "content": []})
    content = messages[-1]["content"]
    messages[-1]["content"] = [*([_part(content)] if isinstance(content, str) else content), *files]


def _message(message: Message) -> dict[str, Any]:
    body = message.model_dump(mode="json", exclude={"content"})
    if isinstance(message.content, str):
        return {**body, "content": message.content}
    return {**body, "content": [_part(part) for part in message.content]}


def _part(part: Any) -> dict[str, Any]:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    return part.part() if isinstance(part, File) else dict(part.model_dump(mode="json"))


def _written(flow: Flow, value: Any, place: str, problems: list[Problem]) -> Any:
    """Return a value whose texts have this format's references."""
    if isinstance(value, str):
        return _written_text(flow, value, place, problems) if "{" in value else value
    if isinstance(value, Mapping):
        return {key: _written(flow, item, place, problems) for key, item in value.items()}
    if isinstance(value, list):
        return [_written(flow, item, place, problems) for item in value]
    return value


def _written_text(flow: Flow, text: str, place: str, problems: list[Problem]) -> str:
    pieces = parse(text)
    written = ""
    for piece in pieces:
        made = _reference(flow, piece) if isinstance(piece, Reference) else piece
        if made is None:
            problems.append(Problem(place, f"{{{{{piece}}}}} can't be written in this format."))
        written += made or ""
    back = parse(_translated(written, {name: name for name in flow.inputs}))
    if [one for one in back if isinstance(one, str)] != [
        one for one in pieces if isinstance(one, str)
    ]:
        problems.append(Problem(place, f"{text[:40]!r} would be a reference in this format."))
    return written


def _reference(flow: Flow, reference: Reference) -> str | None:
    """Return a reference in this format, None when it has none."""
    path, source = reference.path, source_of(flow, reference)
    if isinstance(source, tuple):
        is_whole = path[-1] == "output" and len(path) == (5 if path[2] == "actions" else 3)
        return f"{{{{$step{source[0] + 1}.action{source[1] + 1}.output}}}}" if is_whole else None
    is_input = source in flow.inputs and path in ((source,), ("inputs", source))
    return f"{{{{${source}}}}}" if is_input else None
