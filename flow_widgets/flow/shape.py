"""Whether raw data has the lists and dicts that a reader of it walks through, told with places."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

from flow_widgets.errors import Problem
from flow_widgets.flow.base import place_of


class Name(NamedTuple):
    """A text or a whole number."""


class Record(NamedTuple):
    """A dict with shapes at some of its keys; a key may be missing or None, others may be there."""

    fields: Mapping[str, Any]


class ListOf(NamedTuple):
    """A list of one shape."""

    item: Any


class DictOf(NamedTuple):
    """A dict of one shape, by any key."""

    item: Any


Shape: TypeAlias = Name | Record | ListOf | DictOf


_KINDS: dict[type, tuple[str, tuple[type, ...]]] = {
    Name: ("a text", (str, int)),
    Record: ("a dict", (Mapping,)),
    ListOf: ("a list", (list, tuple)),
    DictOf: ("a dict", (Mapping,)),
}
"""What each shape asks for, in words and as types."""


def unfit(value: Any, shape: Shape, location: tuple[str | int, ...] = ()) -> Iterator[Problem]:
    """Yield what does not have its shape, in the order of the shape."""
    wanted, types = _KINDS[type(shape)]
    if not isinstance(value, types):
        yield Problem(place_of(location), f"must be {wanted}, not {type(value).__name__}.")
        return
    for key, item, below in _inside(value, shape):
        yield from unfit(item, below, (*location, key))


def _inside(value: Any, shape: Shape) -> Iterator[tuple[str | int, Any, Shape]]:
    if isinstance(shape, ListOf):
        yield from ((index, item, shape.item) for index, item in enumerate(value))
    elif isinstance(shape, DictOf):
        yield from ((str(key), item, shape.item) for key, item in value.items())
    elif isinstance(shape, Record):
        present = (key for key in shape.fields if value.get(key) is not None)
        yield from ((key, value[key], shape.fields[key]) for key in present)
