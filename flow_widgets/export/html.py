"""A run as static HTML: tables and details, readable in any viewer without a kernel."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from flow_widgets.export.frames import HasState
from flow_widgets.flow.model import Flow
from flow_widgets.run.log import counted, seconds
from flow_widgets.run.state import ActionState, RunState

if TYPE_CHECKING:
    from collections.abc import Iterator

PREVIEW_CHARS = 500
MAX_CHARS = 20_000
"""A notebook is no archive: longer outputs are cut here, and the store or a frame holds them whole."""


def record(flow: Flow, run: HasState | None) -> str:
    """Return the flow, and the run if there is one, as escaped HTML without script or style.

    The same run gives the same text: it names no clock times and no ids.
    """
    state = run._state if run is not None else None
    return "".join(_lines(flow, state))


def _lines(flow: Flow, state: RunState | None) -> Iterator[str]:
    status = state.status if state is not None else "not run yet"
    yield f"<p><strong>{escape(flow.name)}</strong>: {escape(status)}</p>"
    yield "<table><thead><tr><th>Step</th><th>Action</th><th>Model</th><th>Status</th>"
    yield "<th>Time</th><th>Output</th></tr></thead><tbody>"
    for s, step in enumerate(flow.steps):
        for a, action in enumerate(step.actions):
            name = action.name or action.type
            shown = (
                state.steps[s].actions[a] if state is not None and s < len(state.steps) else None
            )
            model = getattr(action, "model", None) or flow.model or ""
            yield f"<tr><td>{s} {escape(step.name)}</td><td>{s}, {a} {escape(name)}</td>"
            yield from _cells(shown, str(model))
            yield "</tr>"
    yield "</tbody></table>"


def _cells(action: ActionState | None, model: str) -> Iterator[str]:
    newest = action.newest if action is not None else None
    status = action.status if action is not None else "pending"
    stale = f" (stale: {action.stale})" if action is not None and action.stale else ""
    time = ""
    if newest is not None and newest.ended_at is not None:
        time = seconds(newest.ended_at - newest.started_at)
    yield f"<td>{escape((newest.model if newest else None) or model)}</td>"
    yield f"<td>{escape(status)}{escape(stale)}</td><td>{time}</td><td>"
    if newest is not None and newest.error is not None:
        yield f"<p><strong>{escape(newest.error.what)}</strong> {escape(newest.error.hint)}</p>"
    if newest is not None:
        yield _output(newest.text)
    yield "</td>"


def _output(text: str) -> str:
    if len(text) <= PREVIEW_CHARS:
        return f"<pre>{escape(text)}</pre>" if text else ""
    cut = f"\n… {counted(len(text) - MAX_CHARS, 'more character')}" if len(text) > MAX_CHARS else ""
    head = f"{counted(len(text), 'character')}: {escape(text[:80])}…"
    return f"<details><summary>{head}</summary><pre>{escape(text[:MAX_CHARS])}{cut}</pre></details>"
