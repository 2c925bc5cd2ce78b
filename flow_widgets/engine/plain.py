"""Values as they enter a run and leave it: plain JSON data that nobody else can change."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flow_widgets.flow.data import joined_surrogates


def copied(value: Any) -> Any:
    """Return JSON data that shares no list or dict with what is given; other values as they are.

    Half characters (lone surrogates), which nothing can write, are replaced.

    Raises:
        RecursionError: It is nested too deeply.
    """
    if isinstance(value, str):
        return value if value.isascii() else joined_surrogates(value)
    if isinstance(value, Mapping):
        return {_key(key): copied(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [copied(item) for item in value]
    return value


def _key(key: Any) -> Any:
    """Return a key as JSON writes it: ``1`` is the text ``1``, in memory as in a store."""
    if isinstance(key, str):
        return copied(key)
    return json.dumps(key) if key is None or isinstance(key, (bool, int, float)) else key
