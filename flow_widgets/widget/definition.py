"""The definition as the browser shows it, and edits in place as new definitions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from flow_widgets.actions.chat import Chat
from flow_widgets.errors import FlowError, InvalidFlow, Problem
from flow_widgets.flow.attachment import File
from flow_widgets.flow.base import problems_of
from flow_widgets.flow.declared import Input
from flow_widgets.flow.graph import Graph, compile_graph
from flow_widgets.flow.inputs import askable_inputs, declared_inputs
from flow_widgets.flow.message import Message, TextPart
from flow_widgets.flow.model import Action, Flow, Step, all_actions, triggers_of
from flow_widgets.run.log import counted
from flow_widgets.run.shown import budget_view
from flow_widgets.run.stale import difference
from flow_widgets.run.view import (
    ActionDef,
    EdgeDef,
    FieldsView,
    FileValue,
    FlowView,
    InputView,
    StepDef,
    TriggerDef,
)
from flow_widgets.widget.summary import summary_of

MAX_TITLE_CHARS = 48
_PLAIN_FIELDS = ("model", "temperature", "max_tokens")
_MADE_ID = re.compile(
    r"s\d+(_\d+)?|[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE
)
"""An id that says nothing: made from the place of a step, or a UUID."""


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
        "steps": [_step(graph, index, before, defaults) for index in range(len(flow.steps))],
        "edges": [
            EdgeDef(source=arc.source, target=arc.target, port=arc.port) for arc in graph.arcs
        ],
        "sequence": graph.sequence,
        "inputs": [_input(name, one) for name, one in askable_inputs(flow).items()],
        "triggers": _triggers(flow),
        "models": list(dict.fromkeys(names)),
        "references": references_of(flow),
        "budget": budget_view(flow.budget),
        "problems": [
            {"place": one.place, "what": one.what, "hint": one.hint, "severity": one.severity}
            for one in problems
        ],
    }


def _step(
    graph: Graph, index: int, before: Mapping[tuple[str, str], Action], fallback: list[str]
) -> StepDef:
    flow, step = graph.flow, graph.flow.steps[index]
    actions = [
        _action(flow, action, before.get((step.id, action.id), action), fallback)
        for action in step.actions
    ]
    return {
        "id": step.id,
        "name": _name(step),
        "kind": step.actions[0].type if len(step.actions) == 1 else "parallel",
        "join": step.join if len(graph.into[index]) > 1 else None,
        "ports": list(step.ports),
        "actions": actions,
    }


def _triggers(flow: Flow) -> list[TriggerDef]:
    """Return the triggers to choose from; where there is only one, there is nothing to choose."""
    found = triggers_of(flow)
    if len(found) < 2:
        return []
    return [
        TriggerDef(
            step=index, name=_name(flow.steps[index]), inputs=[*declared_inputs(flow, index)]
        )
        for index in found
    ]


def _name(step: Step) -> str:
    """Return what to call a step: its name, its actions' names if they are short, its id, its kind."""
    if step.name:
        return step.name
    if len(step.actions) == 1 and step.actions[0].name:
        return step.actions[0].name
    names = ", ".join(action.name for action in step.actions)
    if all(action.name for action in step.actions) and 0 < len(names) <= MAX_TITLE_CHARS:
        return names
    if step.id and not _MADE_ID.fullmatch(step.id):
        return step.id
    if len(step.actions) == 1:
        return _kind(step.actions[0])
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
        "prompt": (fields["prompt"] or "") if fields else summary_of(action),
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
    written = [name for one in all_actions(flow) for name in (*one.writes, *one.payload)]
    paths += dict.fromkeys([*flow.state, *written])
    paths += [
        name for one in all_actions(flow) for body in one.bodies.values() for name in body.variables
    ]
    for s, step in enumerate(flow.steps):
        for key in dict.fromkeys((str(s), step.id)):
            paths.append(f"steps.{key}.output")
            for a, action in enumerate(step.actions):
                paths += [
                    f"steps.{key}.actions.{one}.output" for one in dict.fromkeys((a, action.id))
                ]
    return [*paths, "flow.name", "flow.id", "flow.run_id"]


# --- what an action will do ---------------------------------------------------------------------


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
