r"""Templates: ``{{path}}`` in a text, looked up over plain data, in one pass.

Theory of operation. A text is split once (and the split is remembered) into literal pieces and
references. Only a path is a reference: names and indices joined by dots. Anything else between
double braces is text, so JSON and other template languages can stand in a prompt. A backslash
before a reference makes it text (two write one backslash). A template that is exactly one
reference gives the value itself, whatever its type; otherwise values become text: a string as it
is, a file of text as its content, everything else as JSON. Results are never looked at again, so a
model can't smuggle a reference in. ``{{a ?? b}}`` gives the first of several that exists: what
follows a branch takes the output of the side that ran. A field may say how values are escaped in it.
Rules T1 to T9 of docs/spec.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, TypeAlias, TypeVar
from urllib.parse import quote

from pydantic import AfterValidator, Field

from flow_widgets.errors import InvalidValue, MissingReference, TemplateTooLarge, nearest
from flow_widgets.flow.attachment import File
from flow_widgets.flow.naming import PATH, as_index

MAX_TEXT_CHARS = 10_000_000
"""A template whose text grows beyond this fails; a loop of growing outputs must end somewhere."""

PATHS = rf"{PATH}(?:\s*\?\?\s*{PATH})*"
"""What stands between the braces of a reference: a path, or several of which the first counts."""
_REFERENCE = re.compile(rf"(?<!\\)(\\*)(\{{\{{\s*({PATHS})\s*\}}\}})")
_OR = re.compile(r"\s*\?\?\s*")

_encoded = json.JSONEncoder(ensure_ascii=False).encode
"""What ``json.dumps`` makes anew at each call with options."""

T = TypeVar("T")


class Reference(NamedTuple):
    """One ``{{path}}`` of a template."""

    path: tuple[str, ...]
    others: tuple[Reference, ...] = ()
    """What is taken in its place, in this order, when there is no value at its path."""

    def __str__(self) -> str:
        return ".".join(self.path)

    @property
    def written(self) -> str:
        """The reference as it stands in a template, without the braces."""
        return " ?? ".join(map(str, (self, *self.others)))


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
        paths = [tuple(path.split(".")) for path in _OR.split(match[3])]
        pieces.append(Reference(paths[0], tuple(map(Reference, paths[1:]))))
    literal += text[end:]
    return (*pieces, literal) if literal else tuple(pieces)


def references(value: Any) -> Iterator[Reference]:
    """Yield every reference in the strings of a value, in order: dicts and lists are walked."""
    if isinstance(value, str):
        for piece in parse(value):
            if isinstance(piece, Reference):
                yield Reference(piece.path)
                yield from piece.others
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from references(item)
    elif isinstance(value, Sequence) and not isinstance(value, bytes):
        for item in value:
            yield from references(item)


def has_reference(text: str) -> bool:
    """Whether a text holds at least one reference."""
    return "{{" in text and any(isinstance(piece, Reference) for piece in parse(text))


Escape = Literal["url", "json"]
"""How a field writes values among other text: as a part of a URL, or inside a JSON document."""


def render(value: Any, lookup: Lookup, escape: Escape | None = None) -> Any:
    """Return the value with its references replaced: strings, and strings inside dicts and lists.

    Raises:
        MissingReference: ``lookup`` knows no value for a reference.
        TemplateTooLarge: A text grew beyond ``MAX_TEXT_CHARS``.
        InvalidValue: In a URL, a value would take a part of the path away.
    """
    if isinstance(value, str):
        return _render_text(value, lookup, escape)
    if isinstance(value, Mapping):
        return {key: render(item, lookup) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [render(item, lookup) for item in value]
    return value


def _render_text(text: str, lookup: Lookup, escape: Escape | None) -> Any:
    if "{{" not in text:
        return text
    pieces = parse(text)
    if len(pieces) == 1 and isinstance(pieces[0], Reference):
        return first_of(pieces[0], lookup)
    parts: list[str] = []
    values: list[int] = []
    for piece in pieces:
        if isinstance(piece, Reference):
            values.append(len(parts))
            parts.append(_written(first_of(piece, lookup), escape, parts))
        else:
            parts.append(piece)
    size = sum(map(len, parts))
    if size > MAX_TEXT_CHARS:
        raise TemplateTooLarge(
            f"A text of {size:,} characters is over the limit of {MAX_TEXT_CHARS:,}.",
            hint="Refer to a part of the value, or shorten it in a step before.",
        )
    if escape == "url":
        _check_segments(parts, values)
    return "".join(parts)


def _check_segments(parts: list[str], values: list[int]) -> None:
    """Refuse a part of the path that a value made ``.`` or ``..``: it would take another part away (T9).

    Raises:
        InvalidValue: There is one.
    """
    marked = "".join(
        f"\0{part}" if index in values and index else part for index, part in enumerate(parts)
    )
    for segment in re.split(r"[?#]", marked, maxsplit=1)[0].split("/"):
        plain = re.sub(r"%2e", ".", segment.replace("\0", ""), flags=re.IGNORECASE)
        if "\0" in segment and plain in (".", ".."):
            what = f"{plain!r} can't stand as a part of the path: it would take another part away."
            raise InvalidValue(what, hint="Give a name.")


def first_of(reference: Reference, lookup: Lookup) -> Any:
    """Return the value of a reference, or of the first of its others that has one; null counts as none (T8).

    Raises:
        MissingReference: None of them is there; where one is there and null, that is the value.
    """
    if not reference.others:
        return lookup(reference)
    missing: MissingReference | None = None
    is_null = False
    for one in (Reference(reference.path), *reference.others):
        try:
            value = lookup(one)
        except MissingReference as error:
            missing = missing or error
            continue
        if value is not None:
            return value
        is_null = True
    if is_null:
        return None
    what = f"{{{{{reference.written}}}}}: none of these has a value."
    raise MissingReference(str(reference), what, hint=missing.what if missing else "")


def _written(value: Any, escape: Escape | None, before: list[str]) -> str:
    """Return a value as it stands after other text, escaped as its field wants it (T9)."""
    if escape == "url" and before:
        return quote(as_text(value), safe="")
    if escape == "json" and before and before[0].lstrip()[:1] in ("{", "["):
        if _is_in_string("".join(before)):
            return json.dumps(as_text(value), ensure_ascii=False)[1:-1]
        value = as_text(value) if isinstance(value, File) else value
        return json.dumps(value, ensure_ascii=False)
    return as_text(value)


def _is_in_string(document: str) -> bool:
    """Whether a JSON document that was cut off ends inside a string."""
    return sum(map(bool, re.findall(r'\\.|(")', document, re.DOTALL))) % 2 == 1


def as_text(value: Any) -> str:
    """Return a value as it stands inside a text: strings and text files as they are, else JSON.

    Raises:
        TemplateTooLarge: A number has thousands of digits, or the value is nested too deeply.
        FileRefused: It is a file that is no text.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, File):
        return value.text
    try:
        return repr(value) if type(value) is int else _encoded(value)
    except (ValueError, RecursionError) as error:
        deep = isinstance(error, RecursionError)
        why = "it is nested too deeply" if deep else "a number has too many digits"
        raise TemplateTooLarge(f"The value can't be written as text: {why}.") from None


def descend(value: Any, reference: Reference, start: int) -> Any:
    """Return what stands at ``reference.path[start:]`` inside a value of dicts, lists and scalars.

    Raises:
        MissingReference: There is nothing at that path; the message names what there is.
    """
    for depth in range(start, len(reference.path)):
        key = reference.path[depth]
        if isinstance(value, Mapping) and key in value:
            value = value[key]
            continue
        index = as_index(key, len(value)) if isinstance(value, (list, tuple)) else None
        if index is None:
            raise _missing(value, reference, depth)
        value = value[index]
    return value


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
    escape: Escape | None = None


class Later(NamedTuple):
    """The marker of a field whose templates its action has filled in itself, when it needs them."""


def _must_refer(text: str) -> str:
    if not has_reference(text):
        raise ValueError("is neither a value of the right type nor a {{reference}}")
    return text


UrlText = Annotated[str, Target(str, "url")]
"""A URL: values after its beginning are percent-encoded, so that none can add a part to it."""
JsonText = Annotated[str, Target(str, "json")]
"""A text that, when it is a JSON document, stays one whatever values are put into it."""
Deferred = Annotated[T, Later()]
"""A field that the engine leaves as it is written: ``ctx.bound`` fills it in, as often as needed."""

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
