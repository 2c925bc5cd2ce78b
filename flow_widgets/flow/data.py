"""JSON data as a flow can hold it: not nested too deeply, and in whole characters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import pydantic
from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

__all__ = ["JsonValue", "cleaned", "excess", "joined_surrogates"]

MAX_NESTING = 100
"""How deep a value may be nested; pydantic writes 255 levels, and flows stand around it."""
MAX_DOCUMENT_NESTING = 220
"""How deep a document may be nested: the flows inside one another, and a value in the last."""
MAX_ITEMS = 5_000_000
"""How many values a document may hold; a list that holds itself twice would have no end."""


def joined_surrogates(text: str) -> str:
    """Return a text with surrogate pairs joined and lone surrogates, which nothing can write, replaced."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def excess(value: Any, limit: int) -> tuple[tuple[str | int, ...], str] | None:
    """Return where a value of dicts and lists is nested too deeply, or too large, and what is wrong."""
    count, depth = 0, 0
    trail: list[tuple[str | int, Iterator[tuple[Any, Any]]]] = []
    items = _items(value)
    while items is not None:
        found = next(items, None)
        if found is None:
            items = trail.pop()[1] if trail else None
            depth -= 1
            continue
        count += 1
        if count > MAX_ITEMS:
            return (), f"it holds more than {MAX_ITEMS:,} values."
        below = _items(found[1])
        if below is not None:
            depth += 1
            trail.append((found[0], items))
            if depth >= limit:
                return tuple(key for key, _ in trail), f"it is nested deeper than {limit} levels."
            items = below
    return None


def _items(value: Any) -> Iterator[tuple[Any, Any]] | None:
    if isinstance(value, Mapping):
        return iter(value.items())
    return enumerate(value) if isinstance(value, (list, tuple)) else None


def cleaned(value: Any) -> Any:
    """Return data whose texts hold whole characters only; the same object when there is nothing to do."""
    if isinstance(value, str):
        return joined_surrogates(value)
    if isinstance(value, Mapping):
        return {cleaned(key): cleaned(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [cleaned(item) for item in value]
    return value


def _checked(value: Any) -> Any:
    if not isinstance(value, (Mapping, list, tuple)):
        return joined_surrogates(value) if isinstance(value, str) else value
    found = excess(value, MAX_NESTING)
    if found:
        raise PydanticCustomError("too_deep", "{what}", {"what": found[1]})
    return cleaned(value)


if TYPE_CHECKING:
    from pydantic import JsonValue
else:
    JsonValue = Annotated[pydantic.JsonValue, BeforeValidator(_checked)]
