"""The time, as an argument: seconds since the epoch and aware UTC datetimes."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], float]
"""Returns seconds since the epoch; injectable, so that tests own the time."""

now: Clock = time.time


def as_datetime(at: float | None) -> datetime | None:
    """Return the aware UTC datetime of an instant in seconds since the epoch, or None for None."""
    return None if at is None else datetime.fromtimestamp(at, UTC)
