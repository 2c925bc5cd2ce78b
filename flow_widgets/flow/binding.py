"""An action's templates: where they stand, what they refer to, and the action with values in place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from types import UnionType
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

from pydantic import TypeAdapter, ValidationError

from flow_widgets.errors import (
    FileRefused,
    InvalidFlow,
    MissingReference,
    Problem,
    TemplateTooLarge,
)
from flow_widgets.flow.attachment import File
from flow_widgets.flow.base import Model, place_of
from flow_widgets.flow.model import Action
from flow_widgets.flow.template import Lookup, Reference, Target, as_text, references, render


class Use(NamedTuple):
    """A reference and the field it stands in, relative to the action: ``messages[0].content``."""

    place: str
    reference: Reference


@cache
def _targets(model: type[Model]) -> dict[str, Any]:
    """Return the type of each templated field of a class, by name, in the order of the fields."""
    found: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        marks = (*field.metadata, *_marks(field.annotation))
        types = [mark.type for mark in marks if isinstance(mark, Target)]
        if types:
            found[name] = types[0]
    return found


def _marks(annotation: Any) -> Iterator[Any]:
    """Yield what annotates a type or a member of a union, such as ``Templated[str] | None``."""
    if get_origin(annotation) is Annotated:
        yield from annotation.__metadata__
        yield from _marks(annotation.__origin__)
    elif get_origin(annotation) in (Union, UnionType):
        for member in get_args(annotation):
            yield from _marks(member)


def uses(action: Model) -> Iterator[Use]:
    """Yield every reference of an action, in the order in which it was written."""
    for location, text in _texts(action, ()):
        for reference in references(text):
            yield Use(place_of(location), reference)


def _texts(
    value: Any, location: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    if isinstance(value, Model):
        targets = _targets(type(value))
        for name in type(value).model_fields:
            item = getattr(value, name)
            if name in targets and isinstance(item, (str, Mapping)):
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


def bound(action: Action, lookup: Lookup) -> Action:
    """Return the action with every template replaced by its value, each of the type its field has.

    A reference in ``files`` whose value is None, an optional file that was not given, attaches none.

    Raises:
        MissingReference: A reference has no value; as with every error here, the message names the field.
        InvalidFlow: A value is not of the type that its field takes.
        FileRefused: A file that is no text would stand inside a text.
        TemplateTooLarge: A text grew too large.
    """
    result: Action = _bound(action, lookup, ())
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
    targets = _targets(type(model))
    changes: dict[str, Any] = {}
    for name in type(model).model_fields:
        old = getattr(model, name)
        here = (*location, name)
        if name in targets and isinstance(old, (str, Mapping)):
            new = _rendered(old, lookup, here)
            if new is not old:
                new = _typed(targets[name], new, here)
        else:
            new = _bound(old, lookup, here)
        if new is not old:
            changes[name] = new
    return model.model_copy(update=changes) if changes else model


def _rendered(value: Any, lookup: Lookup, location: tuple[str | int, ...]) -> Any:
    if isinstance(value, str) and "{{" not in value:
        return value
    with _told_at(location):
        return render(value, lookup)


@contextmanager
def _told_at(location: tuple[str | int, ...]) -> Iterator[None]:
    """Let what is raised while a value is put in place name the field."""
    try:
        yield
    except MissingReference as error:
        what = f"{place_of(location)}: {error.what}"
        raise MissingReference(error.reference, what, hint=error.hint) from None
    except (FileRefused, TemplateTooLarge) as error:
        raise type(error)(f"{place_of(location)}: {error.what}", hint=error.hint) from None


@cache
def _adapter(target: Any) -> TypeAdapter[Any]:
    return TypeAdapter(target)


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
