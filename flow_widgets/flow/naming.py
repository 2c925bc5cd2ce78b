"""Names that references can reach, and the indices in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from flow_widgets.errors import Problem

SCOPES = ("steps", "inputs", "flow")
"""First names of a reference that do not look into the shared state."""
RESERVED = frozenset(SCOPES)

NAME = r"[A-Za-z_][\w-]*"
"""What the first name of a path looks like, as a regular expression."""
PATH = rf"{NAME}(?:\.[\w-]+)*"
"""What a path looks like, as a regular expression."""

_INDEX_DIGITS = 15
"""No list is longer; Python refuses to read a number of thousands of digits."""


def as_index(key: str, size: int) -> int | None:
    """Return a part of a path as an index of a list of that size, or None."""
    if not is_index(key) or len(key.lstrip("0")) > _INDEX_DIGITS:
        return None
    index = int(key)
    return index if index < size else None


def is_index(key: str) -> bool:
    """Whether a part of a path is written as an index, of a list of any size."""
    return key.isascii() and key.isdigit()


@lru_cache(maxsize=4096)
def path_fault(path: str) -> str:
    """Return why nothing can be written to the shared state at a path, or an empty text."""
    if not re.fullmatch(PATH, path):
        return f"{path!r} is no path of the shared state."
    return reserved_fault(path.partition(".")[0])


def reserved_fault(name: str) -> str:
    """Return why a name can't be that of a shared value, or an empty text."""
    return f"{name!r} has a meaning of its own." if name in RESERVED else ""


def hint_of(path: str) -> str:
    """Return what to do about a path that has a fault."""
    is_path = bool(re.fullmatch(PATH, path))
    return "Choose another name." if is_path else "Join names by dots: 'user.name'."


def declared_problems(names: Iterable[str], field: str, pattern: str = NAME) -> Iterator[Problem]:
    """Yield what is wrong with the names that a field declares for shared values."""
    for name in names:
        place, fault = f"{field}.{name}", reserved_fault(name)
        if fault:
            yield Problem(place, fault, "Rename it.")
        elif not re.fullmatch(pattern, name):
            yield Problem(place, *_unreachable(name), "warning")


def id_problems(identity: str, place: str) -> Iterator[Problem]:
    """Yield a warning when no reference can name an id."""
    if not re.fullmatch(r"[\w-]+", identity):
        yield Problem(place, *_unreachable(identity), "warning")


def _unreachable(name: str) -> tuple[str, str]:
    return f"no reference can name {name!r}.", "Use letters, digits, underscores and hyphens."


def variable_problems(variables: dict[str, str], taken: Iterable[str] = ()) -> Iterator[Problem]:
    """Yield what is wrong with the names of the variables of a flow inside an action, by field."""
    seen = dict.fromkeys(taken, "a variable already")
    for field, name in variables.items():
        fault = f"{name!r} is {seen[name]}." if name in seen else reserved_fault(name)
        if fault:
            yield Problem(field, fault, "Choose another name.")
        seen[name] = f"the name of {field}"
