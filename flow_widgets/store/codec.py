"""Events as JSON: what their records look like; ``encoder.py`` writes them, ``decoder.py`` reads them.

Theory of operation. Every event comes back exactly as it was told, with its own number. A batch is the
JSON of a list of records. A record is ``[kind, seq, at, step, action, path, fields]``, without fields at
their default; chunks of one attempt in a batch are one record: ``["+", at, step, action, path, attempt,
text, lengths, seqs]``, where ``at`` is that of the first. Kinds are looked up in a table of the events
that there are, and fields are read by what their annotation says, so that nothing stored can name a
class. What stands in the newest flow of a path is said in one word; flows, long values and files are
named by their digest. A decoder has to be given all batches of a run, in order.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, get_args

from flow_widgets.flow.model import Action, Flow
from flow_widgets.run import events as ev

KINDS: dict[str, type[ev.Event]] = {kind.__name__: kind for kind in get_args(ev.AnyEvent)}
"""The events that there are, by name."""
CHUNKS = "+"
OWN = 0
"""Stands for the action that the flow has at the event's place."""
SAME = 1
"""Stands for a rendered action that is its definition."""
_SETTLED = (ev.FlowCompleted, ev.FlowFailed, ev.FlowCanceled)
_FLOWS = (ev.FlowStarted, ev.FlowRevised)


@dataclass(frozen=True, slots=True)
class Field:
    """How one field of an event is written."""

    name: str
    form: str
    """Its annotation."""
    default: Any
    """``MISSING`` where there is none."""


def _own_fields(kind: type[ev.Event]) -> tuple[Field, ...]:
    common = {one.name for one in fields(ev.Event)}
    return tuple(
        Field(one.name, str(one.type), one.default)
        for one in fields(kind)
        if one.name not in common
    )


FIELDS: dict[type[ev.Event], tuple[Field, ...]] = {
    kind: _own_fields(kind) for kind in KINDS.values()
}
"""The fields of each event beside those that all have."""


@dataclass(slots=True)
class Batch:
    """Consecutive events of a run as they are written."""

    run_id: str
    first: int
    last: int
    body: str
    blobs: dict[str, bytes] = field(default_factory=dict)
    """What is named in the body and in no batch before."""


class Flows(dict[ev.Path, Flow]):
    """The newest flow of each path, as far as the events of a run have told."""

    def follow(self, event: Any) -> None:
        """Take in an event; a flow inside an action is let go of once it has settled."""
        if type(event) in _FLOWS:
            self[event.path] = event.flow
        elif event.path and type(event) in _SETTLED:
            self.pop(event.path, None)

    def action(self, path: ev.Path, step: int, action: int) -> Action | None:
        """Return the action that the flow of a path has at a place, or None."""
        flow = self.get(path)
        if flow is None or step >= len(flow.steps) or action >= len(flow.steps[step].actions):
            return None
        return flow.steps[step].actions[action]
