"""Digests of values, so that equal outputs can be known without keeping both."""

from __future__ import annotations

import hashlib
import json
from typing import Any

MAX_CHARS = 50_000_000
"""A value beyond this, written as JSON, is refused."""
SHORT = 32
"""Up to how many characters a value is its own digest."""
_encoded = json.JSONEncoder(sort_keys=True, allow_nan=False).encode
"""What ``json.dumps`` makes anew at each call with options."""


def digest(value: Any) -> str:
    """Return a short digest of JSON data; equal values have equal digests.

    Of what is short itself it is the value as written, which no digest in hexadecimal begins like.

    Raises:
        TypeError, ValueError: The value is no JSON data.
    """
    if isinstance(value, str):
        content = "s" + value
    else:
        content = "j" + (repr(value) if type(value) is int else _encoded(value))
    if len(content) <= SHORT:
        return content
    if len(content) > MAX_CHARS:
        raise ValueError(f"{len(content):,} characters are over the limit of {MAX_CHARS:,}")
    return hashlib.blake2b(content.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
