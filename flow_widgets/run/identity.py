"""The identity of an output: a digest of all that makes it, and of nothing else.

Two attempts of one identity send the same, wherever their actions stand and whatever they are called
(R5). Values count as they are written: 1 and 1.0 are two values, because a text that they are put into
differs; the order of keys is no difference.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any

from pydantic_core import to_jsonable_python

from flow_widgets.flow.attachment import File
from flow_widgets.flow.model import Action, Flow, Step

NAMES = frozenset({"id", "name"})
"""The fields that say what a part is called."""
_NOT_SENT: dict[type, frozenset[str]] = {
    Flow: frozenset({"description", "retry", "budget", "max_parallel"}),
    Step: frozenset({"budget"}),
}
"""Fields of the flows inside an action that change nothing of what these send."""


def identity(
    rendered: Action,
    code: str,
    reads: Iterable[tuple[str, str | None]] = (),
    *,
    provider: str | None = None,
) -> str:
    """Return the identity of what an action makes, given the action with its templates filled in.

    ``code`` is the mark of its code, and ``reads`` are digests of what fields refer to that the action
    fills in itself, each with the reference. The model has to stand in the action; ``provider`` is
    named where answers of several are kept. Empty when it can't be told, as the data is too deep or no
    data at all.
    """
    parts = [_fields(rendered, type(rendered).not_sent), code, sorted(map(list, reads)), provider]
    try:
        text = _encoded(parts)
    except (TypeError, ValueError, RecursionError):
        return ""
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def differing(old: Any, new: Any, left_out: frozenset[str] = frozenset()) -> Iterator[str]:
    """Yield the fields of a model in which another one, of the same kind, has another value."""
    for name in type(new).model_fields:
        before, after = getattr(old, name, None), getattr(new, name)
        if before is after or name in left_out:
            continue
        if before != after if type(before) is str else _told(before) != _told(after):
            yield name


def _told(value: Any) -> Any:
    """Return what tells values apart: their JSON, or themselves where they have none."""
    try:
        return _encoded(value)
    except (TypeError, ValueError, RecursionError):
        return value


def _fields(model: Any, left_out: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Return the fields of a model that are not None; a field that is new later changes nothing."""
    values = {name: getattr(model, name) for name in type(model).model_fields}
    return {n: v for n, v in values.items() if v is not None and n not in left_out}


def _plain(value: Any) -> Any:
    """Return what JSON can't hold as something that it can: models by their fields, files by content."""
    if isinstance(value, File):
        content = hashlib.blake2b(value.data.encode(), digest_size=16).hexdigest()
        return {"name": value.name, "mime": value.mime, "content": content}
    if isinstance(value, Action):  # of a flow inside an action, where references use names
        return _fields(value, type(value).not_sent - NAMES)
    if hasattr(type(value), "model_fields"):
        return _fields(value, _NOT_SENT.get(type(value), frozenset()))
    if isinstance(value, (set, frozenset)):
        return sorted(map(repr, value))
    return to_jsonable_python(value)


_encoded = json.JSONEncoder(sort_keys=True, default=_plain, check_circular=False).encode
"""What ``json.dumps`` makes anew at each call with options; pure ASCII, lone surrogates escaped."""
