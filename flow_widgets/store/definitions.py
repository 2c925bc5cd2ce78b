"""Flows and actions as stored data, and back; what is not known here comes back as data to look at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Annotated, Any, get_args

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from flow_widgets.errors import FlowError
from flow_widgets.flow import catalog
from flow_widgets.flow.model import Action, Flow, Step
from flow_widgets.flow.stored import StoredAction

Document = dict[str, Any]
FindClass = Callable[[str], type[Action] | None]


def document_of(model: Action | Flow) -> Document:
    """Return a flow or an action as data, without what is at its default."""
    try:
        return model.model_dump(mode="json", exclude_defaults=True, warnings=False)
    except PydanticSerializationError:  # such as a function, or a value that is nested too deeply
        names = [name for name in type(model).model_fields if name not in ("type", "steps")]
        found = {**_type_of(model), **_one_by_one(model, names, exclude_defaults=True)}
        return found if isinstance(model, Action) else {**found, "steps": _steps_of(model)}


def changes_of(rendered: Action, definition: Action) -> Document | None:
    """Return the fields of a rendered action that differ from its definition, None if it can't be told."""
    if type(rendered) is not type(definition) or isinstance(rendered, StoredAction):
        return None
    names = [
        name
        for name in type(rendered).model_fields
        if getattr(rendered, name) is not getattr(definition, name)
    ]
    try:
        found = rendered.model_dump(mode="json", include=set(names), warnings=False)
    except PydanticSerializationError:
        return _one_by_one(rendered, names)
    if "type" not in names:
        found.pop("type", None)
    return found if set(found) <= set(names) else None


def _type_of(model: Action | Flow) -> Document:
    return {"type": model.type} if isinstance(model, Action) else {}


def _steps_of(flow: Flow) -> list[Document]:
    """Return the steps of a flow, with what of each action can be written."""
    names = [name for name in Step.model_fields if name != "actions"]
    return [
        {
            **_one_by_one(step, names, exclude_defaults=True),
            "actions": [document_of(action) for action in step.actions],
        }
        for step in flow.steps
    ]


def _one_by_one(model: Action | Flow | Step, names: list[str], **options: Any) -> Document:
    """Return those fields that can be written, of flows what can be."""
    found: Document = {}
    for name in names:
        value = getattr(model, name)
        if isinstance(value, Flow):
            found[name] = document_of(value)
            continue
        try:
            written = model.model_dump(mode="json", include={name}, warnings=False, **options)
        except PydanticSerializationError:
            continue
        found |= {key: value for key, value in written.items() if key == name}
    return found


def flow_of(document: Any) -> Flow:
    """Return the flow of a document; actions that can't be made are stand-ins.

    Raises:
        ValueError: It is no flow.
    """
    if not isinstance(document, Mapping):
        raise ValueError("it is no flow")  # noqa: TRY004  # of what was read, not of a call
    steps = [
        {**step, "actions": [action_of(one) for one in step.get("actions", ())]}
        for step in document.get("steps", ())
    ]
    return Flow.model_validate({**document, "steps": steps})


def action_of(document: Any) -> Action:
    """Return the action of a document, or a stand-in for it."""
    if not isinstance(document, Mapping):
        raise ValueError("it is no action")  # noqa: TRY004  # of what was read, not of a call
    found = catalog.find(str(document.get("type", "")))
    if found is None:
        return StoredAction.of(document)
    try:
        inner = {name: flow_of(document[name]) for name in _flows_in(found) if name in document}
        return found.model_validate({**document, **inner})
    except (ValidationError, FlowError, ValueError, TypeError, KeyError):
        return StoredAction.of(document)


def rendered_of(definition: Action, changes: Document) -> Action:
    """Return a definition with the changes that its templates made."""
    if isinstance(definition, StoredAction):
        return definition.with_fields(changes)
    try:
        update = {
            name: _adapter(type(definition), name).validate_python(value)
            for name, value in changes.items()
        }
    except (ValidationError, FlowError, ValueError, TypeError, KeyError):
        return StoredAction.of({**document_of(definition), **changes})
    return definition.model_copy(update=update)


@cache
def _adapter(found: type[Action], name: str) -> TypeAdapter[Any]:
    """Return what reads one field, as it is when templates are filled in."""
    field = found.model_fields[name]
    annotation: Any = field.annotation
    return TypeAdapter(Annotated[annotation, *field.metadata] if field.metadata else annotation)


@cache
def _flows_in(found: type[Action]) -> tuple[str, ...]:
    """Return the fields of an action that hold a flow."""
    annotations: dict[str, Any] = {
        name: field.annotation for name, field in found.model_fields.items()
    }
    return tuple(name for name, one in annotations.items() if one is Flow or Flow in get_args(one))
