r"""Templates: ``{{path}}`` in a text, looked up over plain data, in one pass.

Theory of operation. A text is split once (and the split is remembered) into literal pieces and
references. Only a path is a reference: names and indices joined by dots. Anything else between
double braces is text, so JSON and other template languages can stand in a prompt. A backslash
before a reference makes it text (two write one backslash). A template that is exactly one
reference gives the value itself, whatever its type; otherwise values become text: a string as it
is, a file of text as its content, everything else as JSON. Results are never looked at again, so a
model can't smuggle a reference in.
Rules T1 to T7 of docs/spec.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, TypeAlias, TypeVar

from pydantic import AfterValidator, Field

from flow_widgets.errors import MissingReference, TemplateTooLarge, nearest
from flow_widgets.flow.attachment import File

MAX_TEXT_CHARS = 10_000_000
"""A template whose text grows beyond this fails; a loop of growing outputs must end somewhere."""

PATH = r"[A-Za-z_][\w-]*(?:\.[\w-]+)*"
"""What a path looks like, as a regular expression."""
_REFERENCE = re.compile(rf"(?<!\\)(\\*)(\{{\{{\s*({PATH})\s*\}}\}})")

T = TypeVar("T")


class Reference(NamedTuple):
    """One ``{{path}}`` of a template."""

    path: tuple[str, ...]

    def __str__(self) -> str:
        return ".".join(self.path)


Lookup = Callable[[Reference], Any]
"""Returns the value of a reference, or raises ``MissingReference``."""


@lru_cache(maxsize=4096)
def parse(text: str) -> tuple[str | Reference, ...]:
    """Return the literal pieces and references of a template, in order, no empty piece."""
    pieces: list[str | Reference] = []
    literal, end = "", 0
    for match in _REFERENCE.finditer(text):
        literal += text[end : match.start()] + "\\" * (len(match[1]) // 2)
        end = match.end()
        if len(match[1]) % 2:
            literal += match[2]
            continue
        if literal:
            pieces.append(literal)
        literal = ""
        pieces.append(Reference(tuple(match[3].split("."))))
    literal += text[end:]
    return (*pieces, literal) if literal else tuple(pieces)


def references(value: Any) -> Iterator[Reference]:
    """Yield every reference in the strings of a value, in order: dicts and lists are walked."""
    if isinstance(value, str):
        yield from (piece for piece in parse(value) if isinstance(piece, Reference))
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from references(item)
    elif isinstance(value, Sequence) and not isinstance(value, bytes):
        for item in value:
            yield from references(item)


def has_reference(text: str) -> bool:
    """Whether a text holds at least one reference."""
    return "{{" in text and any(isinstance(piece, Reference) for piece in parse(text))


def render(value: Any, lookup: Lookup) -> Any:
    """Return the value with its references replaced: strings, and strings inside dicts and lists.

    Raises:
        MissingReference: ``lookup`` knows no value for a reference.
        TemplateTooLarge: A text grew beyond ``MAX_TEXT_CHARS``.
    """
    if isinstance(value, str):
        return _render_text(value, lookup)
    if isinstance(value, Mapping):
        return {key: render(item, lookup) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [render(item, lookup) for item in value]
    return value


def _render_text(text: str, lookup: Lookup) -> Any:
    if "{{" not in text:
        return text
    pieces = parse(text)
    if len(pieces) == 1 and isinstance(pieces[0], Reference):
        return lookup(pieces[0])
    parts = [piece if isinstance(piece, str) else as_text(lookup(piece)) for piece in pieces]
    size = sum(map(len, parts))
    if size > MAX_TEXT_CHARS:
        raise TemplateTooLarge(
            f"A text of {size:,} characters is over the limit of {MAX_TEXT_CHARS:,}.",
            hint="Refer to a part of the value, or shorten it in a step before.",
        )
    return "".join(parts)


def as_text(value: Any) -> str:
    """Return a value as it stands inside a text: strings and text files as they are, else JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, File):
        return value.text
    return json.dumps(value, ensure_ascii=False)


def descend(value: Any, reference: Reference, start: int) -> Any:
    """Return what stands at ``reference.path[start:]`` inside a value of dicts, lists and scalars.

    Raises:
        MissingReference: There is nothing at that path; the message names what there is.
    """
    for depth in range(start, len(reference.path)):
        key = reference.path[depth]
        if isinstance(value, Mapping) and key in value:
            value = value[key]
        elif isinstance(value, (list, tuple)) and _is_index(key, len(value)):
            value = value[int(key)]
        else:
            raise _missing(value, reference, depth)
    return value


def _is_index(key: str, size: int) -> bool:
    return key.isascii() and key.isdigit() and int(key) < size


def _missing(value: Any, reference: Reference, depth: int) -> MissingReference:
    key, parent = reference.path[depth], ".".join(reference.path[:depth])
    if isinstance(value, Mapping):
        hint = nearest(key, [str(name) for name in value]) or f"{parent!r} is empty."
        return MissingReference(
            str(reference), f"{{{{{reference}}}}}: there is no {key!r}.", hint=hint
        )
    if isinstance(value, (list, tuple)):
        what = f"{{{{{reference}}}}}: {parent!r} has {len(value)} items, no {key!r}."
        return MissingReference(str(reference), what, hint="Indices start at 0.")
    kind = "text" if isinstance(value, str) else type(value).__name__
    what = f"{{{{{reference}}}}}: {parent!r} is {kind} and has no {key!r}."
    hint = "Give its action an output_schema to refer to a part of it." if kind == "text" else ""
    return MissingReference(str(reference), what, hint=hint)


class Target(NamedTuple):
    """The marker of a templated field: the type that the rendered value must have."""

    type: Any


def _must_refer(text: str) -> str:
    if not has_reference(text):
        raise ValueError("is neither a value of the right type nor a {{reference}}")
    return text


if TYPE_CHECKING:
    Templated: TypeAlias = T | str
else:

    class Templated:
        """Marks a field as templated: ``seconds: Templated[float]`` takes 2.5 or ``"{{wait}}"``."""

        def __class_getitem__(cls, item: Any) -> Any:
            """Return the annotation of a field that holds ``item`` or a template for one."""
            if item is str:
                return Annotated[str, Target(str)]
            template = Annotated[str, AfterValidator(_must_refer)]
            union = Annotated[item | template, Field(union_mode="left_to_right")]
            return Annotated[union, Target(item)]
