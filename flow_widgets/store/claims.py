"""The runs that this process drives in a store: their leases, and what is to be written of them."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from flow_widgets.errors import StoreError
from flow_widgets.run import events as ev
from flow_widgets.store.base import OnFailure, RunInfo
from flow_widgets.store.codec import Batch
from flow_widgets.store.encoder import Encoder
from flow_widgets.store.lease import Owner
from flow_widgets.store.tally import Recalled, Tally

PARKED = 16
"""How many released runs are kept in mind, so that going on with one need not read it."""


@dataclass(slots=True, eq=False)
class Claim:
    """A run that this process drives."""

    run_id: str
    owner: Owner
    epoch: int
    on_failure: OnFailure
    encoder: Encoder
    tally: Tally
    committed: int
    events: list[Any] = field(default_factory=list)
    """What was told and is not encoded yet."""
    lost: bool = False
    """Whether nothing more can be written under it."""
    has_failed: bool = False
    """Whether somebody was told of a failure."""


class Release(NamedTuple):
    """Stands among the events that were told, where a run is let go of."""

    run_id: str


URGENT: frozenset[type] = frozenset(
    {
        ev.ActionCompleted,
        ev.ActionFailed,
        ev.ActionCanceled,
        ev.OutputEdited,
        ev.OutputPinned,
        ev.FlowCompleted,
        ev.FlowFailed,
        ev.FlowCanceled,
        ev.FlowInterrupted,
        Release,
    }
)
"""What is written at once, and so that it outlives a power failure."""


class Job(NamedTuple):
    """What one transaction writes of one run: a batch, or that it is let go of."""

    claim: Claim
    batch: Batch | None
    info: RunInfo | None
    recalled: tuple[Recalled, ...] = ()
    urgent: bool = True


class Parked:
    """What is known of runs that were released, the newest few."""

    def __init__(self) -> None:
        """Begin with none."""
        self._known: OrderedDict[str, tuple[Encoder, Tally]] = OrderedDict()

    def put(self, claim: Claim) -> None:
        """Keep what is known of a run."""
        self._known[claim.run_id] = (claim.encoder, claim.tally)
        while len(self._known) > PARKED:
            self._known.popitem(last=False)

    def take(self, run_id: str, seq: int) -> tuple[Encoder, Tally] | None:
        """Return what is known of a run that still ends with this number, else None."""
        known = self._known.pop(run_id, None)
        return known if known is not None and known[1].seq == seq else None


def encoded(claim: Claim) -> Job | None:
    """Return a claim's events as a job; None when there are none, or they are too late.

    Raises:
        StoreError: They can't be kept; the claim is lost then.
    """
    events, claim.events = claim.events, []
    if not events or claim.lost:
        return None
    try:
        _check_numbers(events, claim.tally.seq)
        batch = claim.encoder.batch(events)
        for event in events:
            claim.tally.fold(event)
    except Exception as error:  # noqa: BLE001  # whatever a user's value raises: the run is told
        claim.lost = True
        why = f"{type(error).__name__}: {str(error)[:200]}".rstrip(".")
        what = f"Events of the run {claim.run_id!r} can't be kept ({why})."
        hint = "Values have to be JSON data or files; start the run anew."
        raise StoreError(what, hint=hint, run_id=claim.run_id) from None
    recalled = tuple(claim.tally.recalled)
    claim.tally.recalled.clear()
    urgent = not URGENT.isdisjoint(map(type, events))
    return Job(claim, batch, claim.tally.info(claim.run_id, owner="here"), recalled, urgent)


def _check_numbers(events: list[Any], last: int) -> None:
    if (events[0].seq, events[-1].seq) != (last + 1, last + len(events)):
        raise ValueError(f"event {events[0].seq} came after event {last}")
