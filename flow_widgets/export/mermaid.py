"""A flow, or a run of it, as the text of a Mermaid flowchart."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator
from typing import Literal, get_args

from flow_widgets.errors import FlowError, nearest
from flow_widgets.export.frames import HasState
from flow_widgets.flow.graph import Arc, Graph, compile_graph
from flow_widgets.flow.model import Flow, JoinMode, Step
from flow_widgets.run.log import counted
from flow_widgets.run.shown import edge_status, step_status
from flow_widgets.run.state import RunState
from flow_widgets.run.view import EdgeStatus

Direction = Literal["TD", "LR"]

_JOINS: dict[JoinMode, str] = {
    "all_success": "needs all",
    "all_done": "after all",
    "first_success": "after the first",
    "no_wait": "each time",
}
_SAFE = frozenset(" ,?!'/%=$:")
"""What stands for itself in a label, besides letters and digits. A dot or a dash may begin a list."""
_CLASSES = {
    "pending": "fill:#ffffff,stroke:#9e9e9e,color:#424242",
    "running": "fill:#e3f2fd,stroke:#1565c0,color:#0d3c70,stroke-width:2px",
    "waiting": "fill:#fff3e0,stroke:#b85c00,color:#5f3000,stroke-width:2px",
    "completed": "fill:#e8f5e9,stroke:#2e7d32,color:#1b4d1f",
    "failed": "fill:#ffebee,stroke:#c62828,color:#7f1414,stroke-width:2px",
    "skipped": "fill:#fafafa,stroke:#bdbdbd,color:#757575,stroke-dasharray:4 4",
    "canceled": "fill:#eeeeee,stroke:#616161,color:#424242",
    "stale": "fill:#fff8e1,stroke:#b85c00,color:#5f3000,stroke-dasharray:4 4",
}
"""Each with its own text colour, so that they read on a light and on a dark page."""
_LINES: dict[EdgeStatus, str] = {
    "fired": "stroke:#2e7d32,stroke-width:2px",
    "failed": "stroke:#c62828,stroke-width:2px",
    "dead": "stroke:#bdbdbd,stroke-width:1px",
    "waiting": "stroke:#9e9e9e,stroke-width:1px",
}


def to_mermaid(flow_or_run: Flow | HasState, *, direction: Direction = "TD") -> str:
    """Return a Mermaid flowchart of a flow; of a run, with the status of each step and edge.

    A step is called by its index and its name. Triggers are round, steps with several ports are
    diamonds, steps that run flows inside are hexagons, parallel actions have double sides. Of a run
    an edge that was taken is thick and one that will not be taken is dotted.

    Raises:
        FlowError: ``direction`` is neither ``TD`` (down) nor ``LR`` (to the right).
    """
    known = get_args(Direction)
    if direction not in known:
        raise FlowError(f"{direction!r} is no direction.", hint=nearest(str(direction), known))
    if isinstance(flow_or_run, Flow):
        return "\n".join(_lines(compile_graph(flow_or_run), None, direction)) + "\n"
    state = flow_or_run._state
    return "\n".join(_lines(state.graph, state, direction)) + "\n"


def _lines(graph: Graph, state: RunState | None, direction: str) -> Iterator[str]:
    yield from ("---", f"title: {json.dumps(_plain(graph.flow.name), ensure_ascii=False)}", "---")
    yield f"flowchart {direction}"
    for index in range(len(graph.flow.steps)):
        yield f"    {_node(graph, state, index)}"
    edges = [edge_status(arc) for arc in state.arcs] if state is not None else []
    for arc in graph.arcs:
        is_dead = bool(edges) and edges[arc.index] == "dead"
        yield f"    {_edge(graph, arc, is_dead=is_dead)}"
    if state is not None:
        yield from _step_classes(state)
        yield from _edge_styles(edges)


def _node(graph: Graph, state: RunState | None, index: int) -> str:
    step = graph.flow.steps[index]
    notes = [_kind(step)]
    if len(graph.into[index]) > 1:
        notes.append(_JOINS[graph.joins[index]])
    if state is not None and state.steps[index].visit_count > 1:
        notes.append(f"×{state.steps[index].visit_count}")
    title = f"{index} {_escaped(step.label or _names(step))}".rstrip()
    begin, end = _shape(step)
    return f's{index}{begin}"{title}<br/>{_escaped(", ".join(notes))}"{end}'


def _kind(step: Step) -> str:
    if len(step.actions) == 1:
        return step.actions[0].type.replace("_", " ")
    return counted(len(step.actions), "action").replace("\u00a0", " ")


def _names(step: Step) -> str:
    return ", ".join(action.name for action in step.actions if action.name)


def _shape(step: Step) -> tuple[str, str]:
    """Return the brackets that give a node its shape."""
    if len(step.actions) != 1:
        return "[[", "]]"
    action = step.actions[0]
    if action.is_trigger:
        return "([", "])"
    if action.bodies:
        return "{{", "}}"
    return ("{", "}") if len(action.ports) > 1 else ("[", "]")


def _edge(graph: Graph, arc: Arc, *, is_dead: bool) -> str:
    ports = graph.flow.steps[arc.source].ports
    says_port = not arc.any_port and (arc.port == "error" or len(ports) > 2)
    label = f'|"{_escaped(arc.port)}"|' if says_port else ""
    return f"s{arc.source} {'-.->' if is_dead else '-->'}{label} s{arc.target}"


def _step_classes(state: RunState) -> Iterator[str]:
    members: dict[str, list[str]] = {}
    for index, step in enumerate(state.steps):
        is_stale = any(action.stale is not None for action in step.actions)
        status = step_status(step)
        name: str = "stale" if is_stale and status == "completed" else status
        members.setdefault(name, []).append(f"s{index}")
    for name, style in _CLASSES.items():
        if name in members:
            yield f"    classDef {name} {style}"
            yield f"    class {','.join(members[name])} {name}"


def _edge_styles(edges: list[EdgeStatus]) -> Iterator[str]:
    for status, style in _LINES.items():
        numbers = [str(index) for index, one in enumerate(edges) if one == status]
        if numbers:
            yield f"    linkStyle {','.join(numbers)} {style}"


def _plain(text: str) -> str:
    """Return a text on one line, without characters that control how it is shown."""
    shown = (" " if unicodedata.category(one)[0] in "CZ" else one for one in text)
    return " ".join("".join(shown).split())


def _escaped(text: str) -> str:
    """Return a text as it can stand between quotes: what could mean something becomes ``#35;``.

    That covers Mermaid's quotes and brackets, Markdown and HTML.
    """
    return "".join(
        one if one.isalnum() or one in _SAFE or ord(one) > 126 else f"#{ord(one)};"
        for one in _plain(text)
    )
