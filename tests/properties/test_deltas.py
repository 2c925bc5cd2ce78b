"""The deltas of any run, cut anywhere, rebuild the view that is made of its state alone."""

from __future__ import annotations

import copy
import json
from typing import Any

from driver import Driver
from hypothesis import given
from hypothesis import strategies as st
from strategies import graphs, outcomes, places

from flow_widgets.flow.limits import Budget
from flow_widgets.run.delta import Projection, apply, cut_units, run_view, units

CHARS = st.characters(exclude_categories=("Cs",))
words = st.text(st.one_of(st.sampled_from("ab\n😀𝄞é"), CHARS), min_size=1, max_size=6)
limits = st.sampled_from((None, 1))


class Viewer:
    """Holds a view, and applies what it is sent, as JSON."""

    def __init__(self, run: Any) -> None:
        self.view: dict[str, Any] = {"seq": 0, "now": 0.0, "run": wired(run)}

    def take(self, delta: Any) -> None:
        apply(self.view, wired(delta))


class Screen:
    """A run with its projection, two viewers from the start, and one that comes later."""

    def __init__(self, run: Driver) -> None:
        self.run, self.seq = run, 0
        self.projection = Projection(run.state)
        self.once, self.twice = Viewer(None), Viewer(None)
        self.late: Viewer | None = None
        run.watch = self.projection.note

    def flush(self) -> None:
        self.seq += 1
        sets, adds, pushes = self.projection.ops()
        delta = {"seq": self.seq, "now": float(self.seq), "set": sets, "add": adds, "push": pushes}
        for viewer in (self.once, self.twice, self.twice, *([self.late] if self.late else [])):
            viewer.take(delta)

    def join_late(self) -> None:
        self.flush()
        self.late = Viewer(self.projection.view())


def wired(value: Any) -> Any:
    return json.loads(json.dumps(value))


KINDS = ("chunk", "chunk", "chunk", "settle", "settle", "log", "cancel", "interrupt", "go on")


def act(draw: Any, run: Driver) -> None:
    """Do one thing that changes a run."""
    what = draw(st.sampled_from(KINDS))
    if run.live and what == "chunk":
        step, action, _ = draw(st.sampled_from(run.live))
        run.chunk(step, draw(words), action=action)
    elif run.live and what == "settle":
        key = draw(st.sampled_from(run.live))
        run.settle(key, draw(outcomes))
    elif run.live and what == "cancel" and draw(st.booleans()):
        run.cancel(*draw(st.sampled_from(((), ("budget", "spent"), ("store", "full")))))
    elif run.live and what == "interrupt" and draw(st.booleans()):
        run.interrupt()
    elif run.waits and (what == "go on" or not run.live):
        run.go_on(draw(st.sampled_from(run.waits)))
    elif run.state.status != "running":
        change(draw, run)
    else:
        run.log(draw(words))


def change(draw: Any, run: Driver) -> None:
    """Edit a settled run, or run a part of it again."""
    flow = run.state.graph.flow
    what = draw(st.sampled_from(("rerun", "resume", "edit", "pin", "revise")))
    if what == "resume" and run.state.status != "completed":
        run.resume(draw(st.sampled_from((None, Budget(tokens=9)))))
    elif what == "edit" and places(flow):
        run.edit(draw(st.sampled_from(places(flow))), draw(words))
    elif what == "pin" and places(flow):
        run.pin(draw(st.sampled_from(places(flow))), pinned=draw(st.booleans()))
    elif what == "rerun" and places(flow):
        run.rerun(*draw(st.lists(st.sampled_from(places(flow)), unique=True)))
    else:
        steps = draw(st.lists(st.sampled_from(flow.steps), unique_by=id, min_size=1))
        run.revise(flow.model_copy(update={"steps": tuple(steps), "edges": ()}))


@given(st.data(), graphs(most=4), limits)
def test_D1_deltas_rebuild_the_view(data: Any, flow: Any, most: Any) -> None:
    held = data.draw(st.sets(st.sampled_from(places(flow)))) if places(flow) else ()
    screen = Screen(Driver(flow, max_parallel=most, held=tuple(held)).start())

    for _ in range(data.draw(st.integers(0, 25))):
        act(data.draw, screen.run)
        if data.draw(st.booleans()):
            screen.flush()
        if data.draw(st.integers(0, 9)) == 0:
            screen.join_late()
    screen.flush()

    expected = wired(run_view(screen.run.state))
    assert screen.once.view["run"] == expected
    assert screen.twice.view == screen.once.view
    assert screen.late is None or screen.late.view["run"] == expected


@given(st.data(), graphs(most=3))
def test_D2_a_flush_with_nothing_new_sends_nothing(data: Any, flow: Any) -> None:
    screen = Screen(Driver(flow).start())
    for _ in range(data.draw(st.integers(0, 10))):
        act(data.draw, screen.run)
    screen.flush()

    assert screen.projection.ops() == ([], [], [])


@given(st.lists(words))
def test_D3_a_text_cut_at_any_boundary_joins_again(pieces: list[str]) -> None:
    text = "".join(pieces)
    cuts = [units("".join(pieces[:count])) for count in range(len(pieces) + 1)]

    rests = [cut_units(text, cut) for cut in cuts]

    assert rests == ["".join(pieces[count:]) for count in range(len(pieces) + 1)]
    assert units(text) == sum(1 + (char > "\uffff") for char in text)


@given(st.data(), graphs(most=3))
def test_making_a_delta_does_not_change_what_was_sent_before(data: Any, flow: Any) -> None:
    screen = Screen(Driver(flow).start())
    sent = [screen.projection.ops()]
    before = copy.deepcopy(sent)

    for _ in range(data.draw(st.integers(1, 12))):
        act(data.draw, screen.run)
        sent.append(screen.projection.ops())
        before.append(copy.deepcopy(sent[-1]))

    assert sent == before
