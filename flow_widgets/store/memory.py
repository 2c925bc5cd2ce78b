"""A store in memory: for tests, and to look back within one process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


class MemoryStore:
    """Keeps every event of every run while the process lives."""

    def __init__(self) -> None:
        """Begin with no run."""
        self._events: dict[str, list[Any]] = {}

    def __call__(self, event: Any) -> None:
        """Keep an event."""
        self._events.setdefault(event.run_id, []).append(event)

    def run_ids(self) -> list[str]:
        """Return the ids of the runs it keeps, oldest first."""
        return list(self._events)

    def events(self, run_id: str) -> Iterator[Any]:
        """Yield the events of a run in order.

        Raises:
            LookupError: It keeps no such run.
        """
        if run_id not in self._events:
            raise LookupError(f"There is no run {run_id!r} in this store.")
        yield from self._events[run_id]
