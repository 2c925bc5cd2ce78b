"""Writes the golden deltas that Python and TypeScript both replay: ``python tests/golden/make.py``.

Each file is ``{"name", "start": View, "steps": [{"delta": Delta, "view": View}]}``: applying a step's
delta to the view before it gives its view. The runs are simulated, so the files never change unless
the wire does.
"""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parent / "run")]

from driver import Driver, Fail, drive, flow, inputs  # noqa: E402  # found by the line above

from flow_widgets.flow.limits import Budget  # noqa: E402  # the same
from flow_widgets.run import delta as delta_module  # noqa: E402  # the same
from flow_widgets.run.delta import Projection, run_view  # noqa: E402  # the same


class Recording:
    """The deltas of a run, each with the view that it leads to."""

    def __init__(self, name: str, run: Driver) -> None:
        self.run, self.steps = run, list[dict[str, Any]]()
        self.seq, self.values = 0, dict(run.state.inputs)
        self.projection = Projection(run.state)
        run.watch = self.projection.note
        self.sent = self._view(self.projection.view())
        self.document = {"name": name, "start": _copied(self.sent), "steps": self.steps}

    def flush(self) -> None:
        """Make the delta that is due."""
        self.seq += 1
        sets, adds, pushes = self.projection.ops()
        view = self._view(run_view(self.run.state))
        beside = [
            [[key], view[key]] for key in view if key not in _KEPT and view[key] != self.sent[key]
        ]
        self.sent = view
        delta = {
            "seq": self.seq,
            "now": view["now"],
            "set": [*sets, *beside],
            "add": adds,
            "push": pushes,
        }
        self.steps.append(_copied({"delta": delta, "view": view}))

    def _view(self, run: Any) -> dict[str, Any]:
        line = {key: run[key] for key in ("id", "number", "status", "started_at", "ended_at")}
        return {
            "seq": self.seq,
            "now": self.run.at,
            "inputs": self.values,
            "inputs_edited": self.values != self.run.state.inputs,
            "runs": [line],
            "running": run["id"] if run["status"] == "running" else None,
            "run": run,
        }


_KEPT = ("seq", "now", "run")


def _copied(value: Any) -> Any:
    return json.loads(json.dumps(copy.deepcopy(value)))


def two_streams() -> Recording:
    run = drive(flow("draft >> judge", counts={"draft": 2}))
    made = Recording("two actions of a step stream at the same time", run)
    for words in (("Bees ", "One "), ("dance.", "swarm "), ("", "moves.")):
        for action, word in enumerate(words):
            if word:
                run.chunk("draft", word, action=action)
        made.flush()
    run.complete("draft", 0, "Bees dance.")
    made.flush()
    run.complete("draft", 1, "One swarm moves.")
    run.chunk("judge", "Fine")
    made.flush()
    run.complete("judge", value="Fine")
    made.flush()
    return made


def rerun() -> Recording:
    texts = {"draft": "about {{topic}}", "judge": "{{steps.draft.output}}"}
    run = drive(flow("draft >> judge", texts=texts, inputs=inputs(topic="bees")))
    run.chunk("draft", "Old text")
    run.play()
    made = Recording("an edited input makes results stale, and a rerun adds attempts", run)
    made.values = {"topic": "ants"}
    made.flush()
    run.revise_inputs(topic="ants")
    made.flush()
    run.rerun_stale()
    made.flush()
    run.chunk("draft", "New ")
    made.flush()
    run.chunk("draft", "text")
    run.complete("draft", value="New text")
    made.flush()
    run.complete("judge", value={"grade": 1})
    made.flush()
    return made


def failure() -> Recording:
    run = drive(flow("a >> c, b >> c, c >> d", counts={"a": 2}))
    made = Recording("a failure stops the run, and the steps behind it are skipped", run)
    run.chunk("a", "Half of an an")
    run.fail("a", what="The server closed the connection.")
    made.flush()
    run.complete("b")
    made.flush()
    run.complete("a", 1)
    made.flush()
    return made


def unmet_join() -> Recording:
    edges = "a.yes >> b, a.no >> c, c >> d, a.error >> e, b >> f, g >> f"
    run = drive(flow(edges, ports={"a": ("yes", "no")}, on_error="continue"))
    made = Recording("branches that are not taken die, and a join fails", run)
    run.complete("a", ports=("yes",))
    made.flush()
    run.fail("g")
    run.complete("b")
    made.flush()
    return made


def cancel() -> Recording:
    run = drive(flow("a >> b", counts={"a": 3}), max_parallel=2)
    made = Recording("canceling keeps the text that has arrived", run)
    run.chunk("a", "Kept so f")
    made.flush()
    run.cancel()
    made.flush()
    return made


def beyond_the_plane() -> Recording:
    run = drive(flow("a >> b"))
    made = Recording("texts beyond the basic plane are counted in UTF-16 units", run)
    for text in ("😀", "é𝄞", "e\u0301 👩\u200d🚀", "\n漢字 🇩🇪", "end"):
        run.chunk("a", text)
        made.flush()
    run.chunk("a", " 🐝")
    run.settle((0, 0, 1), Fail("Broken 💥."))
    made.flush()
    run.rerun((0, 0))
    run.chunk("a", "🐜🐜")
    made.flush()
    run.complete("a", value="🐜🐜")
    made.flush()
    return made


def growing_log() -> Recording:
    run = drive(flow("a >> b"))
    made = Recording("the log is given anew, without its oldest lines, when it has grown", run)
    run.chunk("a", "streams on")
    for count in (3, 4, 1, 5):
        for _ in range(count):
            run.log(f"Line {len(run.state.log)}", level="debug")
        made.flush()
    run.complete("a", value="streams on")
    made.flush()
    run.play()
    made.flush()
    return made


def waiting() -> Recording:
    run = drive(flow("a >> b", counts={"a": 2}), held=[(0, 1)])
    made = Recording("a failed attempt is repeated, and an action is held", run)
    run.chunk("a", "Half of")
    made.flush()
    run.fail("a", what="The server is busy.", retry_seconds=4.0)
    made.flush()
    run.go_on()
    made.flush()
    run.go_on()
    run.chunk("a", "All of it")
    made.flush()
    run.complete("a", value="All of it")
    run.fail("a", 1, retry_seconds=2.0)
    run.cancel("budget", "the budget of 100 tokens is spent")
    made.flush()
    return made


def resume() -> Recording:
    run = drive(flow("a >> b, b >> c", counts={"b": 2}))
    made = Recording("a run is interrupted, and goes on with what had not completed", run)
    run.complete("a")
    run.complete("b", 1)
    run.chunk("b", "Cut off h")
    made.flush()
    run.interrupt()
    made.flush()
    run.resume(Budget(tokens=500))
    made.flush()
    run.chunk("b", "Whole")
    run.complete("b", value="Whole")
    made.flush()
    run.play()
    made.flush()
    return made


def by_hand() -> Recording:
    texts = {"judge": "{{steps.draft.output}}", "sum": "{{steps.judge.output}}"}
    run = drive(flow("draft >> judge, judge >> sum", texts=texts)).play()
    made = Recording("an output is edited by hand, and another one is pinned", run)
    run.edit((0, 0), "Written by a person")
    made.flush()
    run.pin((1, 0))
    made.flush()
    run.pin((1, 0), pinned=False)
    made.flush()
    run.rerun_stale()
    run.play()
    made.flush()
    return made


def documents() -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each golden file."""
    for name, make in _MAKERS.items():
        most = 8 if make is growing_log else delta_module.MAX_LOG_LINES
        with mock.patch.object(delta_module, "MAX_LOG_LINES", most):
            document = make().document
        yield f"delta-{name}.json", _written(document)


def _written(document: dict[str, Any]) -> str:
    """Return a document as JSON with one line for each of its deltas and each of its views."""

    def line(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False)

    steps = ",\n".join(
        f'{{"delta": {line(step["delta"])},\n "view": {line(step["view"])}}}'
        for step in document["steps"]
    )
    head = f'"name": {line(document["name"])},\n"start": {line(document["start"])}'
    return f'{{{head},\n"steps": [\n{steps}\n]}}\n'


_MAKERS: dict[str, Callable[[], Recording]] = {
    "two-streams": two_streams,
    "rerun": rerun,
    "failure": failure,
    "unmet-join": unmet_join,
    "cancel": cancel,
    "beyond-the-plane": beyond_the_plane,
    "growing-log": growing_log,
    "waiting": waiting,
    "resume": resume,
    "by-hand": by_hand,
}

if __name__ == "__main__":
    for file, text in documents():
        (HERE / file).write_text(text, encoding="utf-8")
