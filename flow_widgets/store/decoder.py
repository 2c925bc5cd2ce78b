"""Reads the events of a run from batches of JSON, as ``codec.py`` describes; what is broken is named."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import MISSING
from operator import attrgetter
from typing import Any

from flow_widgets.errors import FlowError, StoreDamaged
from flow_widgets.flow.model import Action, Flow
from flow_widgets.run import events as ev
from flow_widgets.store import exact
from flow_widgets.store.codec import CHUNKS, FIELDS, KINDS, OWN, SAME, Flows
from flow_widgets.store.content import FetchBlob, Grower
from flow_widgets.store.definitions import action_of, flow_of, rendered_of
from flow_widgets.store.forms import FORMS, PLAIN

MAX_INSTANT = 60e9
"""How far from 1970 a time may be, in seconds: some 1,900 years."""


class Decoder:
    """Reads the events of one run, batch by batch."""

    def __init__(self, run_id: str, fetch: FetchBlob) -> None:
        """Begin before the first batch."""
        self.run_id = run_id
        self._content = Grower(fetch)
        self._flows = Flows()
        self._known: dict[str, Flow] = {}

    def batch(self, body: str, first: int, last: int) -> list[Any]:
        """Return the events of a batch in order.

        Raises:
            StoreDamaged: A record can't be read, or they are not those from ``first`` to ``last``.
        """
        found: list[Any] = []
        seq = first
        try:
            for record in json.loads(body):
                one = exact.unmarked(record)
                if one[0] == CHUNKS:
                    found += self._chunks(*one[1:])
                else:
                    seq = one[1]
                    found.append(self._event(*one))
            seq = first
            seqs = [event.seq for event in found]
            if seqs != list(range(first, last + 1)):
                found.sort(key=attrgetter("seq"))
                if [event.seq for event in found] != list(range(first, last + 1)):
                    raise ValueError("its numbers have gaps")
        except _UNREADABLE as error:
            raise damaged(self.run_id, seq, error) from None
        return found

    def completion(self, body: str, seq: int) -> ev.ActionCompleted | None:
        """Return one completion of a batch, None when that number is none; needs no batch before.

        Raises:
            StoreDamaged: It can't be read.
        """
        try:
            for record in json.loads(body):
                one = exact.unmarked(record)
                if one[0] == ev.ActionCompleted.__name__ and one[1] == seq:
                    found: ev.ActionCompleted = self._event(*one)
                    return found
        except _UNREADABLE as error:
            raise damaged(self.run_id, seq, error) from None
        return None

    def _chunks(self, *record: Any) -> list[Any]:
        at, step, action, path, attempt, text, lengths, seqs = record
        where = _path(path)
        if not isinstance(text, str) or sum(lengths) != len(text) or min(lengths) < 0:
            raise ValueError("its pieces do not fit its text")
        if isinstance(seqs, int):
            seqs = range(seqs, seqs + len(lengths))
        found, begin, run_id = [], 0, self.run_id
        _checked((at, step, action, attempt), (int, float))
        _check_instant(at)
        for seq, length in zip(seqs, lengths, strict=True):
            end = begin + length
            piece = text[begin:end]
            found.append(ev.ActionChunk(seq, run_id, at, step, action, attempt, piece, path=where))
            begin = end
        return found

    def _event(self, *record: Any) -> Any:
        name, seq, at, step, action, path, found = record
        kind, where = KINDS[name], _path(path) if path else ()
        _checked((seq, at, step, action), (int, float, type(None)))
        _check_instant(at)
        event = kind.__new__(kind)
        event.seq, event.run_id, event.at = seq, self.run_id, at
        event.step, event.action, event.path = step, action, where
        self._content.begin()
        self._fill(event, found)
        self._flows.follow(event)
        return event

    def _fill(self, event: Any, found: Any) -> None:
        """Set the fields of an event that not all events have."""
        count = 0
        for one in FIELDS[type(event)]:
            if one.name not in found:
                if one.default is MISSING:
                    raise ValueError(f"it has no {one.name!r}")
                setattr(event, one.name, one.default)
                continue
            count += 1
            value = found[one.name]
            plain = PLAIN.get(one.form)
            if plain is None:
                value = self._read(one.form, value, event)
            elif not isinstance(value, plain):
                raise ValueError(f"{one.name!r} is {type(value).__name__}")
            setattr(event, one.name, value)
        if count != len(found):
            raise ValueError("it has fields that are not known")

    def _read(self, form: str, value: Any, event: Any) -> Any:
        match form:
            case "Any":
                return self._content.value(value)
            case "dict[str, Any]":
                return {key: self._content.value(item) for key, item in value.items()}
            case "tuple[tuple[str, Any], ...]":
                return tuple((str(key), self._content.value(item)) for key, item in value)
            case "Flow":
                return self._flow(value, event)
            case "Action":
                return self._definition(value, event)
            case "Action | None":
                return self._rendered(value, event)
            case _:
                return FORMS[form].read(value)

    def _flow(self, value: Any, event: Any) -> Flow:
        if isinstance(value, str):
            *outer, inner = event.path
            action = self._flows.action(tuple(outer), inner.step, inner.action)
            if action is None:
                raise ValueError("its action is not in the flow")
            return action.bodies[value].flow
        digest = value["~flow"]
        if digest not in self._known:
            self._known[digest] = flow_of(self._content.grown(self._content.aside(digest)))
        return self._known[digest]

    def _definition(self, value: Any, event: Any) -> Action:
        own = self._flows.action(event.path, event.step, event.action)
        if value != OWN:
            found = action_of(self._content.grown(value))
            return own if own is not None and found == own else found
        if own is None:
            raise ValueError("its action is not in the flow")
        return own

    def _rendered(self, value: Any, event: Any) -> Action:
        if value == SAME:
            found: Action = event.definition
            return found
        if "~action" in value:
            return action_of(self._content.grown(value["~action"]))
        return rendered_of(event.definition, self._content.grown(value["~changes"]))


_UNREADABLE = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    RecursionError,
    OverflowError,
    FlowError,
)


def damaged(run_id: str, seq: int, error: Exception) -> StoreDamaged:
    """Return the error for a record that can't be read."""
    why = f"{type(error).__name__}: {str(error)[:200]}".rstrip(".")
    what = f"Event {seq} of the run {run_id!r} can't be read ({why})."
    hint = "Delete the run, or read it from a backup."
    return StoreDamaged(what, hint=hint, run_id=run_id, seq=seq)


def _checked(values: Iterable[Any], types: tuple[type, ...]) -> None:
    for value in values:
        if not isinstance(value, types):
            raise ValueError(f"{value!r} is no number")  # noqa: TRY004  # of what was read


def _check_instant(at: Any) -> None:
    """Refuse a time that no calendar has: whoever shows a list of runs would fail."""
    if at is None or not abs(at) < MAX_INSTANT:
        raise ValueError(f"{str(at)[:50]} is no time")


def _path(path: Any) -> ev.Path:
    found = tuple(ev.Inner(*one) for one in path)
    for one in found:
        _checked(one[:3], (int,))
        if not isinstance(one.key, (int, str)):
            raise ValueError("it leads nowhere")  # noqa: TRY004  # of what was read
    return found
