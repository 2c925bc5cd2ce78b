"""Lays a prompt out with its context and its data: under headings, or in a wrapper with ``{names}``.

A wrapper is a format string. One that is none, because it holds the braces of a JSON example, keeps
them, and only its ``{name}`` are filled in. Values are never looked at again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from string import Formatter
from typing import Any, NamedTuple

from flow_widgets.flow.template import as_text

_NAME = re.compile(r"\{([A-Za-z_][\w-]*)\}")


class Layout(NamedTuple):
    """A prompt as it is sent."""

    text: str
    missing: tuple[str, ...] = ()
    """Names in the wrapper that have no value; because of them it was not used."""


def laid_out(
    prompt: str,
    *,
    context: Any = None,
    data: Any = None,
    wrapper: str | None = None,
    values: Mapping[str, Any] | None = None,
) -> Layout:
    r"""Return the prompt with everything that goes with it.

    A wrapper may name ``{prompt}``, ``{context}``, ``{data}`` (also as ``{additional_data}``) and each
    of ``values``; without any name the prompt follows it. When it names something else, and without
    a wrapper, context, data and prompt stand one below the other, each under its heading.

    >>> laid_out("Why?", context=[{"role": "user", "content": "Hi"}]).text
    'Context:\nuser: Hi\n\nUser Request:\nWhy?'
    """
    lines, written = context_text(context), _data_text(data)
    if not wrapper:
        return Layout(_default(prompt, lines, written))
    known = {name: as_text(value) for name, value in (values or {}).items()}
    known |= {"prompt": prompt, "context": lines, "data": written, "additional_data": written}
    pieces = _pieces(wrapper)
    names = dict.fromkeys(name for _, name in pieces if name is not None)
    if not names:
        return Layout(f"{wrapper}\n\nUser: {prompt}".strip())
    missing = tuple(name for name in names if name not in known)
    if missing:
        return Layout(_default(prompt, lines, written), missing)
    return Layout("".join(text + (known[name] if name else "") for text, name in pieces).strip())


def context_text(context: Any) -> str:
    """Return a list of texts or messages as lines, a message as ``role: content``."""
    if context is None:
        return ""
    items = context if isinstance(context, (list, tuple)) else [context]
    return "\n".join(map(_line, items))


def _line(item: Any) -> str:
    if isinstance(item, Mapping) and "content" in item:
        return f"{item.get('role', 'user')}: {as_text(item['content'])}"
    return as_text(item)


def _data_text(data: Any) -> str:
    if data in (None, "", {}, []):
        return ""
    return data if isinstance(data, str) else json.dumps(data, ensure_ascii=False, indent=2)


def _default(prompt: str, context: str, data: str) -> str:
    if not context and not data:
        return prompt
    parts = {"Context": context, "Additional Data": data, "User Request": prompt}
    return "\n\n".join(f"{title}:\n{text}" for title, text in parts.items() if text).strip()


def _pieces(wrapper: str) -> list[tuple[str, str | None]]:
    """Return the wrapper as literal texts, each with the name that follows it, or None."""
    try:
        fields = list(Formatter().parse(wrapper))
    except ValueError:  # a lonely brace
        return _loose(wrapper)
    is_plain = all(
        name is None or (_NAME.fullmatch(f"{{{name}}}") and not spec and not conversion)
        for _, name, spec, conversion in fields
    )
    return [(text, name) for text, name, _, _ in fields] if is_plain else _loose(wrapper)


def _loose(wrapper: str) -> list[tuple[str, str | None]]:
    pieces: list[tuple[str, str | None]] = []
    end = 0
    for match in _NAME.finditer(wrapper):
        pieces.append((wrapper[end : match.start()], match[1]))
        end = match.end()
    return [*pieces, (wrapper[end:], None)]
