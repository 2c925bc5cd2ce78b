"""Tells the store the events of one run: at once while the run is claimed, else with the next claim.

A run is claimed before work on it begins, and let go when it has settled, so that nobody else drives
it meanwhile. What is recorded in between, such as an edited definition, is kept here until then.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from flow_widgets.errors import StoreError

if TYPE_CHECKING:
    from flow_widgets.store.base import Store


class Keeping:
    """The events of one run on their way to a store."""

    def __init__(self, store: Store | None, run_id: str, *, seq: int = 0) -> None:
        """Begin with a run whose events up to ``seq`` are in the store; without one, keep nothing."""
        self.store, self.run_id = store, run_id
        self.is_claimed = False
        self._seq = seq
        self._later: list[Any] = []
        self.tell: Callable[[Any], object] | None = None if store is None else self._later.append

    def claim(self, on_failure: Callable[[StoreError], None]) -> None:
        """Take the run for this runner, and tell what was recorded since it was let go.

        Raises:
            StoreError: It is driven elsewhere, went on elsewhere, or the store can't be written.
        """
        if self.store is None or self.is_claimed:
            return
        self.store.claim(self.run_id, self._seq, on_failure)
        self.is_claimed = True
        for event in self._later:
            self.store(event)
        self._later.clear()
        self.tell = self.store

    @property
    def is_behind(self) -> bool:
        """Whether the run went on elsewhere since it was read or let go here.

        Raises:
            StoreError: The store can't be read.
        """
        if self.store is None or self.is_claimed:
            return False
        return self.store.committed(self.run_id) > self._seq

    def release(self, seq: int) -> None:
        """Let the run go, all of whose events up to ``seq`` were told."""
        if self.store is not None and self.is_claimed:
            self.is_claimed, self._seq = False, seq
            self.tell = self._later.append
            self.store.release(self.run_id)

    def give_up(self) -> None:
        """Keep this run in memory only."""
        self.store, self.tell = None, None
        self._later.clear()
