"""An action's templates: where they stand, what they refer to, and the action with values in place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, Union, get_args, get_origin

from pydantic import ConfigDict, TypeAdapter, ValidationError

from flow_widgets.errors import (
    FileRefused,
    InvalidFlow,
    InvalidValue,
    MissingReference,
    Problem,
    TemplateTooLarge,
)
from flow_widgets.flow.attachment import File
from flow_widgets.flow.base import Model, place_of
from flow_widgets.flow.identity import named
from flow_widgets.flow.model import Action, Body, Flow
from flow_widgets.flow.template import (
    Later,
    Lookup,
    Reference,
    Target,
    as_text,
    references,
    render,
)


class Use(NamedTuple):
    """A reference and the field it stands in, relative to the action: ``messages[0].content``."""

    place: str
    reference: Reference


@cache
def _targets(model: type[Model]) -> dict[str, Target | None]:
    """Return the fields of a class that can hold templates, in their order, with their targets.

    The target is None where templates stand only deeper: in a list, or in a model of its own.
    """
    found: dict[str, Target | None] = {}
    for name, field in model.model_fields.items():
        marks = (*field.metadata, *_marks(field.annotation))
        targets = [mark for mark in marks if isinstance(mark, Target)]
        if targets or not (name in _BASE_FIELDS or _is_scalar(field.annotation)):
            found[name] = targets[0] if targets else None
    return found


def _is_scalar(annotation: Any) -> bool:
    """Whether a field without a marker holds one plain value, so no template."""
    if get_origin(annotation) is Annotated:
        return _is_scalar(annotation.__origin__)
    if get_origin(annotation) in (Union, UnionType):
        return all(map(_is_scalar, get_args(annotation)))
    return get_origin(annotation) is Literal or annotation in _SCALARS


_SCALARS = frozenset({str, int, float, bool, type(None)})
_BASE_FIELDS = frozenset({"save_as", "retry", "budget"})
"""Fields of every action that hold no template, although their type could."""


@cache
def deferred_fields(model: type[Model]) -> frozenset[str]:
    """Return the names of the fields that are filled in by the action itself."""
    return frozenset(
        name
        for name, field in model.model_fields.items()
        if any(isinstance(mark, Later) for mark in (*field.metadata, *_marks(field.annotation)))
    )


def _is_template(name: str, value: Any, target: Target | None) -> bool:
    """Whether a field's value is rendered as a whole: a text, or data with texts in it."""
    if target is None:
        return False
    return isinstance(value, (str, Mapping)) or (
        name not in _LISTS and isinstance(value, (list, tuple))
    )


def _marks(annotation: Any) -> Iterator[Any]:
    """Yield what annotates a type or a member of a union, such as ``Templated[str] | None``."""
    if get_origin(annotation) is Annotated:
        yield from annotation.__metadata__
        yield from _marks(annotation.__origin__)
    elif get_origin(annotation) in (Union, UnionType):
        for member in get_args(annotation):
            yield from _marks(member)


def uses(action: Action) -> Iterator[Use]:
    """Yield every reference of an action, in the order in which it was written.

    Of the flows inside it those count that look outside: not at its variables, nor at what is theirs.
    """
    yield from own_uses(action)
    for field, body in action.bodies.items():
        if not body.is_isolated:
            yield from (use for use in _uses_inside(field, body) if _looks_outside(body, use))


def own_uses(action: Action) -> Iterator[Use]:
    """Yield every reference of an action's own fields, not of the flows inside it."""
    local = {name for body in action.bodies.values() for name in body.variables}
    for location, text in _texts(action, ()):
        is_late = location[0] in deferred_fields(type(action))
        for reference in references(text):
            if not (is_late and reference.path[0] in local):
                yield Use(place_of(location), reference)


def _uses_inside(field: str, body: Body) -> Iterator[Use]:
    for s, step in enumerate(body.flow.steps):
        for a, action in enumerate(step.actions):
            for place, reference in uses(action):
                yield Use(f"{field}.steps[{s}].actions[{a}].{place}", reference)


def _looks_outside(body: Body, use: Use) -> bool:
    path, flow = use.reference.path, body.flow
    if path[0] == "steps":
        return len(path) < 2 or named(path[1], flow.steps) is None
    name = path[1] if path[0] == "inputs" and len(path) > 1 else path[0]
    declared = flow.inputs.get(name)
    is_given = declared is not None and not declared.required  # a required one is that around it
    if name == "flow" or name in body.variables or is_given or name in flow.state:
        return False
    written = (one.writes for step in flow.steps for one in step.actions)
    return not any(name in names for names in written)


def _texts(
    value: Any, location: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    if isinstance(value, Flow):
        return
    if isinstance(value, Model):
        for name, target in _targets(type(value)).items():
            item = getattr(value, name)
            if _is_template(name, item, target):
                yield (*location, name), item
            else:
                yield from _texts(item, (*location, name))
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            if isinstance(item, str) and location and location[-1] in _LISTS:
                yield (*location, index), item
            else:
                yield from _texts(item, (*location, index))


_LISTS = frozenset({"content", "files"})
"""Fields whose list items may be templates themselves."""


AnyModel = TypeVar("AnyModel", bound=Model)


def bound(action: AnyModel, lookup: Lookup) -> AnyModel:
    """Return the action with every template replaced by its value, each of the type its field has.

    A reference in ``files`` whose value is None, an optional file that was not given, attaches none.

    Raises:
        MissingReference: A reference has no value; as with every error here, the message names the field.
        InvalidFlow: A value is not of the type that its field takes.
        FileRefused: A file that is no text would stand inside a text.
        TemplateTooLarge: A text grew too large.
        InvalidValue: A value would take a part of a URL away.
    """
    if not _targets(type(action)):
        return action
    result: AnyModel = _bound(action, lookup, ())
    return result


def _bound(value: Any, lookup: Lookup, location: tuple[str | int, ...]) -> Any:
    if isinstance(value, Model):
        return _bound_model(value, lookup, location)
    if isinstance(value, (list, tuple)):
        items = [
            _item(_rendered(item, lookup, (*location, index)), (*location, index))
            if isinstance(item, str) and location and location[-1] in _LISTS
            else _bound(item, lookup, (*location, index))
            for index, item in enumerate(value)
        ]
        same = all(new is old for new, old in zip(items, value, strict=True))
        return value if same else tuple(item for item in items if item is not None)
    return value


def _item(value: Any, location: tuple[str | int, ...]) -> Any:
    """Return a rendered list item: a file as it is, no file as None, everything else as text."""
    is_no_file = value is None and location[-2] == "files"
    return value if is_no_file or isinstance(value, (str, File)) else as_text(value)


def _bound_model(model: Model, lookup: Lookup, location: tuple[str | int, ...]) -> Any:
    deferred = deferred_fields(type(model))
    changes: dict[str, Any] = {}
    for name, target in _targets(type(model)).items():
        old = getattr(model, name)
        if name in deferred or isinstance(old, Flow):
            continue
        here = (*location, name)
        if target is not None and _is_template(name, old, target):
            new = _rendered(old, lookup, here, target)
            if new is not old:
                new = _typed(target.type, new, here)
        else:
            new = _bound(old, lookup, here)
        if new is not old:
            changes[name] = new
    return model.model_copy(update=changes) if changes else model


def _rendered(
    value: Any, lookup: Lookup, location: tuple[str | int, ...], target: Target | None = None
) -> Any:
    if "{{" not in value if isinstance(value, str) else next(references(value), None) is None:
        return value
    with _told_at(location):
        return render(value, lookup, target.escape if target else None)


@contextmanager
def _told_at(location: tuple[str | int, ...]) -> Iterator[None]:
    """Let what is raised while a value is put in place name the field."""
    try:
        yield
    except MissingReference as error:
        what = f"{place_of(location)}: {error.what}"
        raise MissingReference(error.reference, what, hint=error.hint) from None
    except (FileRefused, InvalidValue, TemplateTooLarge) as error:
        raise type(error)(f"{place_of(location)}: {error.what}", hint=error.hint) from None


@cache
def _adapter(target: Any) -> TypeAdapter[Any]:
    is_model = isinstance(target, type) and issubclass(target, Model)  # it has a config of its own
    return TypeAdapter(target, config=None if is_model else ConfigDict(allow_inf_nan=False))


def _typed(target: Any, value: Any, location: tuple[str | int, ...]) -> Any:
    if target is str and not isinstance(value, str):
        with _told_at(location):
            return as_text(value)
    try:
        return _adapter(target).validate_python(value)
    except ValidationError as error:
        message = error.errors(include_url=False, include_input=False)[0]["msg"]
        problem = Problem(place_of(location), f"the value of its template does not fit: {message}.")
        raise InvalidFlow([problem], subject="The action") from None
