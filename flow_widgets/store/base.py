"""What a store is: an append-only log of events for each run, which folds into its state."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from flow_widgets.run.reduce import reduce
from flow_widgets.run.state import RunState


class Store(Protocol):
    """Keeps the events of runs; as an observer it is told each once, in order."""

    def __call__(self, event: Any) -> None:
        """Keep an event."""
        ...

    def run_ids(self) -> list[str]:
        """Return the ids of the runs it keeps, oldest first."""
        ...

    def events(self, run_id: str) -> Iterator[Any]:
        """Yield the events of a run in order.

        Raises:
            LookupError: It keeps no such run.
        """
        ...


def fold(store: Store, run_id: str) -> RunState:
    """Return the state that a stored run's events fold into.

    Raises:
        LookupError: The store keeps no such run.
    """
    state: RunState | None = None
    for event in store.events(run_id):
        state = reduce(state, event)
    if state is None:
        raise LookupError(f"The store keeps no events of the run {run_id!r}.")
    return state
