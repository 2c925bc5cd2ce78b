"""The definition as the browser shows it, and edits in place as new definitions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from flow_widgets.actions.chat import Chat
from flow_widgets.errors import FlowError, InvalidFlow, Problem
from flow_widgets.flow.attachment import File
from flow_widgets.flow.base import problems_of
from flow_widgets.flow.graph import compile_graph
from flow_widgets.flow.message import Message, TextPart
from flow_widgets.flow.model import Action, Flow, Input, Step
from flow_widgets.run.log import counted
from flow_widgets.run.stale import difference
from flow_widgets.run.view import (
    ActionDef,
    EdgeDef,
    FieldsView,
    FileValue,
    FlowView,
    InputView,
    StepDef,
)

MAX_TITLE_CHARS = 48
_PLAIN_FIELDS = ("model", "temperature", "max_tokens")


def flow_view(
    flow: Flow, original: Flow, problems: Iterable[Problem], models: Iterable[str]
) -> FlowView:
    """Return the flow as the browser shows it; ``original`` tells which actions were edited."""
    graph = compile_graph(flow)
    before = {(step.id, action.id): action for step in original.steps for action in step.actions}
    used = [getattr(action, "model", None) for step in flow.steps for action in step.actions]
    defaults = [name for name in models if name]
    names = [name for name in [*used, flow.model, *defaults] if name and "{{" not in name]
    return {
        "id": flow.id,
        "name": flow.name,
        "description": flow.description,
        "steps": [_step(flow, index, before, defaults) for index in range(len(flow.steps))],
        "edges": [
            EdgeDef(source=arc.source, target=arc.target, port=arc.port) for arc in graph.arcs
        ],
        "sequence": graph.sequence,
        "inputs": [_input(name, one) for name, one in flow.inputs.items()],
        "models": list(dict.fromkeys(names)),
        "references": references_of(flow),
        "problems": [
            {"place": one.place, "what": one.what, "hint": one.hint, "severity": one.severity}
            for one in problems
        ],
    }


def _step(
    flow: Flow, index: int, before: Mapping[tuple[str, str], Action], fallback: list[str]
) -> StepDef:
    step = flow.steps[index]
    actions = [
        _action(flow, action, before.get((step.id, action.id), action), fallback)
        for action in step.actions
    ]
    return {"id": step.id, "name": step.name or _title(step), "actions": actions}


def _title(step: Step) -> str:
    """Return what to call a step without a name: its actions' names, if they are short enough."""
    if len(step.actions) == 1 and not step.actions[0].name:
        return _kind(step.actions[0])
    names = ", ".join(action.name for action in step.actions)
    if all(action.name for action in step.actions) and 0 < len(names) <= MAX_TITLE_CHARS:
        return names
    return "Empty step" if not step.actions else counted(len(step.actions), "action")


def _action(flow: Flow, action: Action, before: Action, fallback: list[str]) -> ActionDef:
    fields = fields_of(action)
    model: str | None = None
    if hasattr(action, "model"):
        model = action.model or flow.model or next(iter(fallback), None)
    return {
        "id": action.id,
        "name": action.name or _kind(action),
        "type": action.type,
        "model": model,
        "prompt": (fields["prompt"] if fields else None) or "",
        "fields": fields,
        "edited": difference(before, action) is not None,
        "has_schema": getattr(action, "output_schema", None) is not None,
    }


def _kind(action: Action) -> str:
    return action.type.replace("_", " ").capitalize()


def _input(name: str, declared: Input) -> InputView:
    return {
        "name": name,
        "type": declared.type,
        "description": declared.description,
        "required": declared.required,
        "default": shown_value(declared.default),
    }


def shown_value(value: Any) -> Any:
    """Return an input's value as the browser is given it: of a file its name, type and size."""
    if isinstance(value, File):
        return FileValue(name=value.name, mime=value.mime, size_bytes=value.size_bytes)
    return value


def references_of(flow: Flow) -> list[str]:
    """Return every path that may stand in a template of the flow."""
    paths = [path for name in flow.inputs for path in (name, f"inputs.{name}")]
    for s, step in enumerate(flow.steps):
        for key in dict.fromkeys((str(s), step.id)):
            paths.append(f"steps.{key}.output")
            for a, action in enumerate(step.actions):
                paths += [
                    f"steps.{key}.actions.{one}.output" for one in dict.fromkeys((a, action.id))
                ]
    return [*paths, "flow.name", "flow.id", "flow.run_id"]


def fields_of(action: Action) -> FieldsView | None:
    """Return what the editor can edit of an action, None when it is no chat."""
    if not isinstance(action, Chat):
        return None
    system, prompt = action.system, action.prompt
    messages = action.messages or ()
    if system is None:
        system = _text_of(messages, _place_of(messages, "system"))
    if prompt is None:
        prompt = _text_of(messages, _place_of(messages, "user"))
    return {
        "system": system,
        "prompt": prompt,
        "model": action.model,
        "temperature": action.temperature,
        "max_tokens": action.max_tokens,
    }


def _place_of(messages: tuple[Message, ...], role: str) -> int | None:
    """Return the place of the first system message, or of the last message of the user."""
    places = [index for index, message in enumerate(messages) if message.role == role]
    if not places:
        return None
    return places[0] if role == "system" else places[-1]


def _text_of(messages: tuple[Message, ...], place: int | None) -> str | None:
    return None if place is None else messages[place].text


def edited(action: Action, fields: Mapping[str, Any]) -> Action:
    """Return the action with fields of the editor changed; an empty text unsets what may be unset.

    Raises:
        InvalidFlow: A value does not fit its field.
    """
    if not isinstance(action, Chat):
        raise FlowError(f"An action of type {action.type!r} can't be edited here.")
    changes: dict[str, Any] = {
        name: (None if fields[name] in ("", None) else fields[name])
        for name in _PLAIN_FIELDS
        if name in fields
    }
    messages = action.messages
    for name, role in (("system", "system"), ("prompt", "user")):
        if name not in fields:
            continue
        place = _place_of(messages or (), role)
        if getattr(action, name) is None and messages and place is not None:
            message = _with_text(messages[place], fields[name] or "")
            messages = (*messages[:place], message, *messages[place + 1 :])
            changes["messages"] = messages
        else:
            changes[name] = fields[name] or None
    document = {
        name: getattr(action, name) for name in type(action).model_fields if name not in changes
    }
    try:
        return type(action).model_validate({**document, **changes})
    except ValidationError as error:
        raise InvalidFlow(problems_of(error, type(action), changes), subject="The action") from None


def _with_text(message: Message, text: str) -> Message:
    if isinstance(message.content, str):
        return message.model_copy(update={"content": text})
    parts = list(message.content)
    texts = [index for index, part in enumerate(parts) if isinstance(part, (str, TextPart))]
    kept = [part for index, part in enumerate(parts) if index not in texts[1:]]
    if not texts:
        return message.model_copy(update={"content": (text, *parts)})
    first = parts[texts[0]]
    kept[texts[0]] = text if isinstance(first, str) else first.model_copy(update={"text": text})
    return message.model_copy(update={"content": tuple(kept)})


def with_action(flow: Flow, step: int, action: int, new: Action) -> Flow:
    """Return the flow with another action at a place."""
    old = flow.steps[step]
    actions = (*old.actions[:action], new, *old.actions[action + 1 :])
    steps = (
        *flow.steps[:step],
        old.model_copy(update={"actions": actions}),
        *flow.steps[step + 1 :],
    )
    return flow.model_copy(update={"steps": steps})
