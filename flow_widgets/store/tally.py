"""The line about a run, folded from its events: status, times, counts, tokens and cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from flow_widgets.flow.model import Flow
from flow_widgets.run import events as ev
from flow_widgets.run.view import RunStatus
from flow_widgets.store.base import RunInfo

Attempt = tuple[ev.Path, int, int, int]
"""Path, step, action and number of an attempt."""
Recalled = tuple[str, int, float]
"""Identity, number and instant of a completion that can be used again."""


class Tally:
    """What is told about a run without folding all of it; agrees with the folded state."""

    def __init__(self) -> None:
        """Begin before the first event."""
        self.flow_id = self.flow_name = ""
        self.number = self.seq = 0
        self.status: RunStatus = "running"
        self.started_at = self.updated_at = 0.0
        self.ended_at: float | None = None
        self.active_at: float | None = None
        self.active_seconds = 0.0
        self.tokens: int | None = None
        self.cost_usd: float | None = None
        self.recalled: list[Recalled] = []
        """Completions since somebody took them from here."""
        self.actions = self.completed = self.failed = 0
        self._flow: Flow | None = None
        self._marks: dict[tuple[int, int], str] = {}
        self._identities: dict[Attempt, str] = {}

    def fold(self, event: Any) -> None:
        """Take in the next event."""
        fold = _FOLDS.get(type(event))
        if fold is not None:
            fold(self, event)
        self.seq, self.updated_at = event.seq, event.at

    def take_flow(self, flow: Flow) -> None:
        """Be about this flow from now on."""
        self.flow_id, self.flow_name, self._flow = flow.id, flow.name, flow
        self.actions = sum(len(step.actions) for step in flow.steps)

    def take_marks(self, marks: dict[tuple[int, int], str]) -> None:
        """Take which actions are ``completed`` and which ``failed``."""
        self._marks = marks
        found = Counter(marks.values())
        self.completed, self.failed = found["completed"], found["failed"]

    def info(self, run_id: str, *, label: str = "", owner: str | None = None) -> RunInfo:
        """Return the line; a run that works and has no owner is interrupted."""
        gone = owner is None and self.status in ("running", "paused")
        return RunInfo(
            run_id,
            self.flow_id,
            self.flow_name,
            self.number,
            "interrupted" if gone else self.status,
            self.started_at,
            self.ended_at,
            self.active_seconds,
            self.actions,
            self.completed,
            self.failed,
            self.tokens,
            self.cost_usd,
            self.seq,
            self.updated_at,
            label,
            owner,
        )


def _flow_started(tally: Tally, event: ev.FlowStarted) -> None:
    if event.path:
        return
    tally.take_flow(event.flow)
    tally.number, tally.started_at = event.number, event.at
    tally.active_at = event.at


def _work_began(tally: Tally, event: ev.RerunStarted | ev.FlowResumed) -> None:
    tally.status, tally.active_at, tally.ended_at = "running", event.at, None


def _resumed(tally: Tally, event: ev.FlowResumed) -> None:
    """Forget the failures that are made good: all but those that an ``error`` edge handled."""
    _work_began(tally, event)
    flow = tally._flow
    if flow is None:
        return
    handled = {edge.source for edge in flow.edges if edge.source_port == "error"}
    kept = {
        place: mark
        for place, mark in tally._marks.items()
        if mark == "completed" or flow.steps[place[0]].id in handled
    }
    tally.take_marks(kept)


def _work_ended(status: RunStatus) -> Callable[[Tally, Any], None]:
    def ended(tally: Tally, event: Any) -> None:
        if event.path:
            return
        tally.status, tally.ended_at = status, event.at
        begun = event.at if tally.active_at is None else tally.active_at
        tally.active_seconds += max(0.0, event.at - begun)
        tally.active_at = None

    return ended


def _revised(tally: Tally, event: ev.FlowRevised) -> None:
    """Move marks to where the actions of the same ids stand now."""
    before = tally._flow
    tally.take_flow(event.flow)
    if before is None:
        return
    found = {
        (before.steps[s].id, before.steps[s].actions[a].id): mark
        for (s, a), mark in tally._marks.items()
    }
    moved = {
        (s, a): found[step.id, action.id]
        for s, step in enumerate(event.flow.steps)
        for a, action in enumerate(step.actions)
        if (step.id, action.id) in found
    }
    tally.take_marks(moved)


def _mark(tally: Tally, event: Any, mark: str | None) -> None:
    if event.path:
        return
    place = (event.step, event.action)
    before = tally._marks.pop(place, None)
    tally.completed += (mark == "completed") - (before == "completed")
    tally.failed += (mark == "failed") - (before == "failed")
    if mark is not None:
        tally._marks[place] = mark


def _action_started(tally: Tally, event: ev.ActionStarted) -> None:
    _mark(tally, event, None)
    if event.identity:
        tally._identities[_attempt(event)] = event.identity


def _action_completed(tally: Tally, event: ev.ActionCompleted) -> None:
    _mark(tally, event, "completed")
    _spent(tally, event)
    identity = tally._identities.pop(_attempt(event), "")
    if identity and event.origin == "ran":
        tally.recalled.append((identity, event.seq, event.at))


def _action_failed(tally: Tally, event: ev.ActionFailed) -> None:
    _mark(tally, event, "failed" if event.retry_seconds is None else None)
    _spent(tally, event)
    tally._identities.pop(_attempt(event), None)


def _action_canceled(tally: Tally, event: ev.ActionCanceled) -> None:
    _mark(tally, event, None)
    _spent(tally, event)
    tally._identities.pop(_attempt(event), None)


def _output_edited(tally: Tally, event: ev.OutputEdited) -> None:
    _mark(tally, event, "completed")


def _attempt(event: Any) -> Attempt:
    return (event.path, event.step, event.action, event.attempt)


def _spent(tally: Tally, event: Any) -> None:
    tokens = getattr(event, "total_tokens", None)
    if tokens is not None:
        tally.tokens = (tally.tokens or 0) + tokens
    if event.cost_usd is not None:
        tally.cost_usd = (tally.cost_usd or 0.0) + event.cost_usd


_FOLDS: dict[type, Callable[[Tally, Any], None]] = {
    ev.FlowStarted: _flow_started,
    ev.RerunStarted: _work_began,
    ev.FlowResumed: _resumed,
    ev.FlowInterrupted: _work_ended("interrupted"),
    ev.FlowRevised: _revised,
    ev.ActionStarted: _action_started,
    ev.ActionCompleted: _action_completed,
    ev.ActionFailed: _action_failed,
    ev.ActionCanceled: _action_canceled,
    ev.OutputEdited: _output_edited,
    ev.FlowCompleted: _work_ended("completed"),
    ev.FlowFailed: _work_ended("failed"),
    ev.FlowCanceled: _work_ended("canceled"),
}
