"""Digests of values, so that equal outputs can be known without keeping both."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def digest(value: Any) -> str:
    """Return a short digest of JSON data; equal values have equal digests.

    Raises:
        TypeError, ValueError: The value is no JSON data.
    """
    if isinstance(value, str):
        content = "s" + value
    else:
        content = "j" + json.dumps(value, sort_keys=True, ensure_ascii=True)
    return hashlib.blake2b(content.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
