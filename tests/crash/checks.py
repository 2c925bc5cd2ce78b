"""Holds what is left of a run that was killed against what was promised."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flow_widgets.run import events as ev
from flow_widgets.run.reduce import reduce
from flow_widgets.run.state import AttemptState, RunState
from flow_widgets.store.base import RunInfo
from flow_widgets.store.sqlite import SQLiteStore

from .scenarios import faults, pieces
from .server import CountingServer


@dataclass
class Leg:
    """What one process told its parent."""

    pid: int
    lines: list[dict[str, Any]] = field(default_factory=list)
    ended: asyncio.Future[int] = field(default_factory=asyncio.Future)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def was_killed(self) -> bool:
        return self.ended.result() == signal.SIGKILL

    @property
    def committed(self) -> int:
        return max((line["committed"] for line in self.lines if "committed" in line), default=0)

    @property
    def run_id(self) -> str | None:
        return next((line["run"] for line in self.lines if "run" in line), None)

    @property
    def events(self) -> list[list[Any]]:
        return [line["event"] for line in self.lines if "event" in line]

    def said(self, key: str) -> Any:
        """Return the last that it said of this kind."""
        return next((line[key] for line in reversed(self.lines) if key in line), None)

    async def until(self, key: str) -> Any:
        """Wait until it says something of this kind."""
        while self.said(key) is None:
            assert not self.ended.done(), f"it ended without {key!r}: {self.lines[-3:]}"
            self.news.clear()
            await self.news.wait()
        return self.said(key)

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[SQLiteStore]:
    """Open a store of its own in this process."""
    store = SQLiteStore(path)
    try:
        yield store
    finally:
        store.close()


@dataclass
class Kept:
    """What a store keeps of its newest run, None when it keeps none."""

    info: RunInfo | None
    events: list[Any]
    state: RunState | None

    @classmethod
    def of(cls, path: Path, flow_id: str | None = None) -> Kept:
        with opened(path) as store:
            infos = store.list(flow_id=flow_id)
            if not infos:
                return cls(None, [], None)
            events = list(store.events(infos[0].id))
        state = None
        for event in events:
            state = reduce(state, event)
        return cls(infos[0], events, state)


def attempts_of(state: RunState) -> Iterator[AttemptState]:
    """Yield all attempts of a run, also those of flows inside its actions."""
    for step in state.steps:
        for action in step.actions:
            for attempt in action.attempts:
                yield attempt
                for inner in (attempt.inner or {}).values():
                    yield from attempts_of(inner)


def prompt_of(attempt: AttemptState) -> str | None:
    """Return what an attempt sent, None when it sends nothing."""
    return getattr(attempt.rendered, "prompt", None)


def done_in(state: RunState | None) -> set[str]:
    """Return the prompts that must never be sent again: of what completed, or failed and was handled."""
    if state is None:
        return set()
    done = {prompt_of(one) for one in attempts_of(state) if one.status == "completed"}
    sources = {edge.source for edge in state.graph.flow.edges if edge.source_port == "error"}
    for step in state.steps:
        if step.id in sources and step.status == "failed":
            done |= {prompt_of(one) for action in step.actions for one in action.attempts}
    return {prompt for prompt in done if prompt}


def result_of(state: RunState) -> dict[str, Any]:
    """Return what a run has come to: statuses, outputs and the shared state."""
    result: dict[str, Any] = {"status": state.status, "shared": state.shared}
    for s, step in enumerate(state.steps):
        result[f"{s}"] = step.status
        for a, action in enumerate(step.actions):
            result[f"{s}/{a}"] = action.status
            newest = action.newest
            if newest is not None and newest.status == "completed":
                result[f"{s}/{a} output"] = (newest.output, newest.ports)
    return result


def differences(found: dict[str, Any], expected: dict[str, Any]) -> list[str]:
    """Return what differs between two results, in short."""
    return [
        f"{key} is {str(found.get(key))[:200]}, not {str(expected.get(key))[:200]}"
        for key in sorted({*found, *expected})
        if found.get(key) != expected.get(key)
    ]


def check_kept(kept: Kept, legs: list[Leg], server: CountingServer) -> None:
    """Hold what a store keeps after a kill against what was acknowledged and sent (G1, G2, G5)."""
    committed = max((leg.committed for leg in legs), default=0)
    assert [event.seq for event in kept.events] == list(range(1, len(kept.events) + 1))
    assert len(kept.events) >= committed
    if kept.state is None:
        assert not any(leg.events for leg in legs)
        return
    stored = {event.seq: event for event in kept.events}
    for leg in legs:
        for seq, kind, path, step, action, attempt, held in leg.events:
            event = stored[seq]
            place = [event.step, event.action, getattr(event, "attempt", None)]
            assert (type(event).__name__, place) == (kind, [step, action, attempt])
            assert [list(one) for one in event.path] == path
            assert _held(event) == held
    check_line(kept)
    for one in attempts_of(kept.state):
        prompt = prompt_of(one)
        if prompt is None:
            continue
        if one.status == "completed":
            assert one.output == "".join(pieces(prompt))
        elif one.text:
            assert any("".join(sent).startswith(one.text) for sent in server.sent[prompt])


def _held(event: Any) -> Any:
    if isinstance(event, ev.ActionChunk):
        return event.text
    return event.output if isinstance(event, ev.ActionCompleted) else event.run_id


def check_line(kept: Kept) -> None:
    """Hold the line about a run against what its events fold into."""
    info, state = kept.info, kept.state
    assert info is not None
    assert state is not None
    actions = [action for step in state.steps for action in step.actions]
    assert info.status == ("interrupted" if state.status == "running" else state.status)
    assert (info.id, info.seq, info.owner) == (state.id, state.seq, None)
    assert info.actions == len(actions)
    assert info.completed == sum(action.status == "completed" for action in actions)
    assert info.failed == sum(action.status == "failed" for action in actions)
    assert (info.tokens, info.cost_usd) == (state.tokens, state.cost_usd)
    assert 0 <= info.updated_at - kept.events[-1].at < 1.0  # chunks of a batch share a time


def check_requests(
    before: Counter[str], after: Counter[str], done: set[str], expected: Counter[str]
) -> None:
    """Hold what the server was asked in one leg against what had been done before it (G3)."""
    assert set(after) <= set(expected)
    for prompt, count in after.items():
        asked = count - before[prompt]
        if prompt in done:
            assert asked == 0, f"{prompt!r} was sent again"
        elif faults(prompt) < 99:
            assert asked <= 1 + max(0, faults(prompt) - before[prompt])
        else:
            assert asked <= 1


def check_reopened(state: RunState, kept: Kept) -> None:
    """Hold a run that was taken up against what is kept of it: what ran is canceled, with its text."""
    assert kept.state is not None
    for now, before in zip(attempts_of(state), attempts_of(kept.state), strict=True):
        assert (now.text, now.output) == (before.text, before.output)
        assert now.status == ("canceled" if before.status == "running" else before.status)
