"""What the browser is sent: the view of a run now, minus the view that was sent last.

Theory of operation. A ``Projection`` is told every event and notes which steps and actions it touched;
a chunk only adds its place to a set. When a delta is due, the small records of what was touched are
made again and compared with what was sent, texts are cut at what was sent, and the differences
become three lists: values to set, texts to add, list items to push (``docs/wire.md``). ``run_view``
makes the whole view from the state alone; applying every delta to the first view gives the same
(rules D1 to D5 of docs/spec.md). Offsets into texts count UTF-16 units, as the browser does.
"""

from __future__ import annotations

from typing import Any, NamedTuple, cast

from flow_widgets.flow.graph import Place
from flow_widgets.run import events as ev
from flow_widgets.run.shown import action_view, edge_status, line_view, run_facts, step_view
from flow_widgets.run.state import SETTLED, AttemptState, LogLine, RunState
from flow_widgets.run.view import Delta, EdgeStatus, LogView, RunView

MAX_LOG_LINES = 10_000
"""What the browser keeps: when its log grows beyond this, it is given the newer half anew (D5)."""
Ops = tuple[list[Any], list[Any], list[Any]]
_WHOLE = (ev.FlowRevised, ev.RerunStarted, ev.FlowResumed, ev.FlowInterrupted)
"""Events that touch so much that the whole view is sent anew."""


class Projection:
    """What one run's viewers have been sent; all viewers have been sent the same."""

    def __init__(self, state: RunState) -> None:
        """Begin with nothing sent: take ``run_view`` first."""
        self.state = state
        self.touched: set[Place] = set()
        self.steps: set[int] = set()
        self.whole = True
        self._sent: dict[str, Any] = {}
        self._edges: list[EdgeStatus] = []
        self._texts: dict[Place, _Sent] = {}
        self._log_first = 0
        self._log_sent = 0
        self._open_lines: dict[int, LogLine] = {}

    def note(self, event: Any) -> None:
        """Remember what an event touched, once it was folded."""
        step, action = event.step, event.action
        if event.path:  # of a flow inside an action only what it changed there is shown
            step, action = event.path[0].step, event.path[0].action
        if action is not None:
            self.touched.add((step, action))
        elif step is not None:
            self.touched.update(
                (step, number) for number in range(len(self.state.steps[step].actions))
            )
            self.steps.add(step)
        if isinstance(event, _WHOLE):
            self.whole = True

    def view(self) -> RunView:
        """Return the whole view, and count all of it as sent."""
        view = run_view(self.state)
        self._sent = {key: value for key, value in view.items() if key not in _PARTS}
        self._edges = list(view["edges"])
        self._sent["steps"] = [
            {**step, "actions": [{**action, "text": None} for action in step["actions"]]}
            for step in view["steps"]
        ]
        self._texts = {
            (s, a): _all_of(action.newest)
            for s, step in enumerate(self.state.steps)
            for a, action in enumerate(step.actions)
        }
        self._log_first, self._log_sent = view["log"]["first"], len(self.state.log)
        self._open_lines = _open_lines(self.state.log, self._log_first)
        self.touched.clear()
        self.steps.clear()
        self.whole = False
        return view

    def ops(self) -> Ops:
        """Return what changed since the last call as ``set``, ``add`` and ``push``, under ``["run"]``."""
        if self.whole:
            return [[["run"], self.view()]], [], []
        ops: Ops = ([], [], [])
        for place in sorted(self.touched):
            self._action_ops(place, ops)
        for step in sorted({*self.steps, *(step for step, _ in self.touched)}):
            _compare(
                step_view(self.state, step), self._sent["steps"][step], ["run", "steps", step], ops
            )
        if self.steps:  # only an event of a step fires or closes edges, also far behind it
            self._edge_ops(ops)
        _compare(run_facts(self.state), self._sent, ["run"], ops)
        self._log_ops(ops)
        self.touched.clear()
        self.steps.clear()
        return ops

    def _action_ops(self, place: Place, ops: Ops) -> None:
        step, action = place
        state = self.state.steps[step].actions[action]
        path: list[str | int] = ["run", "steps", step, "actions", action]
        _compare(action_view(state), self._sent["steps"][step]["actions"][action], path, ops)
        newest, sent = state.newest, self._texts[place]
        if newest is None:
            return
        if newest.number != sent.attempt:
            ops[0].append([[*path, "text"], newest.text])
            self._texts[place] = _all_of(newest)
            return
        text = _since(newest, sent)
        if text:
            ops[1].append([step, action, sent.units, text])
            self._texts[place] = _Sent(newest.number, len(newest.parts), sent.units + units(text))

    def _edge_ops(self, ops: Ops) -> None:
        for index, arc in enumerate(self.state.arcs):
            status = edge_status(arc)
            if status != self._edges[index]:
                self._edges[index] = status
                ops[0].append([["run", "edges", index], status])

    def _log_ops(self, ops: Ops) -> None:
        log, first = self.state.log, first_line(len(self.state.log))
        if first != self._log_first:
            self._log_first, self._log_sent = first, len(log)
            self._open_lines = _open_lines(log, first)
            ops[0].append([["run", "log"], _log_view(log, first)])
            return
        for index, line in list(self._open_lines.items()):
            if not _is_open(line):
                del self._open_lines[index]
                made = line_view(index, line)
                path: list[str | int] = ["run", "log", "lines", index - first]
                ops[0].extend([[[*path, "text"], made["text"]], [[*path, "chars"], made["chars"]]])
        if len(log) > self._log_sent:
            at, lines = self._log_sent, _log_view(log, self._log_sent)["lines"]
            ops[2].append([["run", "log", "lines"], at - first, lines])
            self._open_lines |= _open_lines(log, at)
            self._log_sent = len(log)


class _Sent(NamedTuple):
    """How much of an action's text has been sent: of which attempt, in parts and in UTF-16 units."""

    attempt: int
    parts: int
    units: int


def _all_of(attempt: AttemptState | None) -> _Sent:
    if attempt is None:
        return _Sent(0, 0, 0)
    return _Sent(attempt.number, len(attempt.parts), units(attempt.text))


def _since(attempt: AttemptState, sent: _Sent) -> str:
    """Return what was added to a text; the parts of a settled one have become a single part."""
    if attempt.status == "running":
        return "".join(attempt.parts[sent.parts :])
    return cut_units(attempt.text, sent.units)


def first_line(count: int) -> int:
    """Return the number of the first line that is shown of a log of so many lines."""
    half = MAX_LOG_LINES // 2
    return max(0, (count - 1) // half - 1) * half


def _log_view(log: list[LogLine], first: int) -> LogView:
    lines = [line_view(number, line) for number, line in enumerate(log[first:], start=first)]
    return {"first": first, "lines": lines}


def _open_lines(log: list[LogLine], first: int) -> dict[int, LogLine]:
    return {n: line for n, line in enumerate(log[first:], start=first) if _is_open(line)}


def units(text: str) -> int:
    """Return the length of a text in UTF-16 units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def cut_units(text: str, start: int) -> str:
    """Return a text from an offset in UTF-16 units on."""
    if text.isascii():
        return text[start:]
    return text.encode("utf-16-le", "surrogatepass")[start * 2 :].decode(
        "utf-16-le", "surrogatepass"
    )


def _compare(new: Any, sent: dict[str, Any], path: list[str | int], ops: Ops) -> None:
    for key, value in new.items():
        if sent.get(key, _ABSENT) != value:
            sent[key] = value
            ops[0].append([[*path, key], value])


_ABSENT = object()
_PARTS = ("steps", "edges", "log")
"""Keys of the view of a run that are compared on their own."""


def run_view(state: RunState) -> RunView:
    """Return the whole view of a run, from its state alone; the log without its oldest lines."""
    steps = [
        {
            **step_view(state, index),
            "actions": [
                {**action_view(action), "text": action.newest.text if action.newest else ""}
                for action in step.actions
            ],
        }
        for index, step in enumerate(state.steps)
    ]
    edges = [edge_status(arc) for arc in state.arcs]
    log = _log_view(state.log, first_line(len(state.log)))
    return cast("RunView", {**run_facts(state), "steps": steps, "edges": edges, "log": log})


def _is_open(line: LogLine) -> bool:
    return line.attempt is not None and line.attempt.status not in SETTLED


class Gap(Exception):
    """A delta does not follow the view it is applied to; a snapshot is needed."""


def apply(view: dict[str, Any], delta: Delta) -> dict[str, Any]:
    """Return the view after a delta; the given view is updated in place.

    The twin of ``js/src/model/apply.ts``; both replay the same golden files.

    Raises:
        Gap: Something was lost before this delta.
    """
    for path, value in delta["set"]:
        _parent(view, path)[path[-1]] = value
    for step, action, offset, text in delta["add"]:
        shown = view["run"]["steps"][step]["actions"][action]
        have = units(shown["text"])
        if offset > have:
            raise Gap(f"the text of {step}, {action} has {have} units, not {offset}")
        shown["text"] += cut_units(text, have - offset)
    for path, offset, items in delta["push"]:
        target = _parent(view, path)[path[-1]]
        if offset > len(target):
            raise Gap(f"list at {path} has {len(target)} items, not {offset}")
        target.extend(items[len(target) - offset :])
    view["seq"], view["now"] = delta["seq"], delta["now"]
    return view


def _parent(view: Any, path: list[Any]) -> Any:
    for key in path[:-1]:
        view = view[key]
    return view
