"""Writes the events of a run as batches of JSON, as ``codec.py`` describes."""

from __future__ import annotations

import json
from dataclasses import MISSING
from typing import Any

from flow_widgets.flow.model import Action, Flow
from flow_widgets.run import events as ev
from flow_widgets.store import exact
from flow_widgets.store.codec import CHUNKS, FIELDS, OWN, SAME, Batch, Flows
from flow_widgets.store.content import Shrinker
from flow_widgets.store.definitions import changes_of, document_of
from flow_widgets.store.forms import FORMS, PLAIN


class Encoder:
    """Writes the events of one run, batch by batch."""

    def __init__(self, run_id: str) -> None:
        """Begin before the first event, or anywhere: what it has not seen is written in full."""
        self.run_id = run_id
        self._content = Shrinker()
        self._flows = Flows()
        self._digests: dict[int, tuple[Flow, int, str]] = {}

    def batch(self, events: list[Any]) -> Batch:
        """Return consecutive events as a batch.

        Raises:
            TypeError, ValueError, RecursionError: One holds what is no data.
        """
        records: list[Any] = []
        streams: dict[Any, tuple[list[str], list[int]]] = {}
        for event in events:
            if type(event) is not ev.ActionChunk:
                records.append(self._record(event))
                continue
            key = (event.step, event.action, event.attempt, event.path)
            known = streams.get(key)
            if known is None:
                streams[key] = known = ([], [])
                records.append((event, *known))
            known[0].append(event.text)
            known[1].append(event.seq)
        body = _joined([_chunks(*one) if type(one) is tuple else one for one in records])
        blobs, self._content.blobs = self._content.blobs, {}
        return Batch(self.run_id, events[0].seq, events[-1].seq, body, blobs)

    def _record(self, event: Any) -> list[Any]:
        found: dict[str, Any] = {}
        for one in FIELDS[type(event)]:
            value = getattr(event, one.name)
            if value is one.default or (one.default is not MISSING and value == one.default):
                continue
            found[one.name] = value if one.form in PLAIN else self._written(one.form, value, event)
        self._flows.follow(event)
        path = event.path and list(map(list, event.path))
        return [type(event).__name__, event.seq, event.at, event.step, event.action, path, found]

    def _written(self, form: str, value: Any, event: Any) -> Any:
        match form:
            case "Any":
                return self._content.value(value)
            case "dict[str, Any]":
                return {key: self._content.value(item) for key, item in value.items()}
            case "tuple[tuple[str, Any], ...]":
                return [[key, self._content.value(item)] for key, item in value]
            case "Flow":
                return self._flow(value, event)
            case "Action":
                return self._definition(value, event)
            case "Action | None":
                return self._rendered(value, event)
            case _:
                return FORMS[form].write(value)

    def _flow(self, flow: Flow, event: Any) -> Any:
        """Write a flow: as that of a body of the action that runs it, or by its content."""
        if event.path:
            home = event.path[-1]
            action = self._flows.action(event.path[:-1], home.step, home.action)
            for name, body in action.bodies.items() if action is not None else ():
                if body.flow is flow:
                    return name
        known, size, digest = self._digests.get(id(flow), (None, 0, ""))
        if known is not flow or size != len(flow.steps) + len(flow.edges):
            digest = self._content.aside(self._content.shrunk(document_of(flow)))["~blob"]
            self._digests[id(flow)] = (flow, len(flow.steps) + len(flow.edges), digest)
        return {"~flow": digest}

    def _definition(self, definition: Action, event: Any) -> Any:
        own = self._flows.action(event.path, event.step, event.action)
        if own is definition:
            return OWN
        return self._content.shrunk(document_of(definition))

    def _rendered(self, rendered: Action, event: Any) -> Any:
        if rendered is event.definition:
            return SAME
        changes = changes_of(rendered, event.definition)
        if changes is None:
            return {"~action": self._content.shrunk(document_of(rendered))}
        return {"~changes": self._content.shrunk(changes)}


def _chunks(first: ev.ActionChunk, texts: list[str], seqs: list[int]) -> list[Any]:
    is_gapless = seqs[-1] - seqs[0] == len(seqs) - 1
    path = first.path and list(map(list, first.path))
    return [
        CHUNKS,
        first.at,
        first.step,
        first.action,
        path,
        first.attempt,
        "".join(texts),
        list(map(len, texts)),
        seqs[0] if is_gapless else seqs,
    ]


_ascii = json.JSONEncoder(separators=(",", ":"))


def _joined(records: list[Any]) -> str:
    """Return records as JSON: all at once where no text needs care, else each by itself."""
    text = _ascii.encode(records)
    if "\\ud" not in text and exact.MARK not in text:
        return text
    return f"[{','.join(map(exact.dumps, records))}]"
