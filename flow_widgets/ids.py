"""Identifiers of runs: unique, sortable by the time of their making, safe in a path."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

NewId = Callable[[], str]
"""Makes a fresh id at each call; injectable, so that tests own their ids."""


def new_run_id() -> str:
    """Return a fresh run id: eleven hex digits of milliseconds, then ten random ones."""
    return f"r{int(time.time() * 1000):011x}{secrets.token_hex(5)}"
