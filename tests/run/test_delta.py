from __future__ import annotations

from typing import Any

import pytest
from driver import Done, Driver, Fail, drive, flow

from flow_widgets.run import delta as delta_module
from flow_widgets.run import events as ev
from flow_widgets.run.delta import (
    Gap,
    Projection,
    apply,
    first_line,
    run_view,
)
from flow_widgets.run.shown import attempt_line, step_status
from flow_widgets.run.state import Progress

FIRST = ["run", "steps", 0, "actions", 0]


@pytest.fixture
def run() -> Driver:
    """Return a run of two steps, whose first action runs."""
    return drive(flow(sequence="a b"))


def watched(run: Driver) -> Projection:
    """Return a projection that has sent everything, and is told what comes."""
    projection = Projection(run.state)
    run.watch = projection.note
    projection.view()
    return projection


def delta(sets: Any = (), adds: Any = (), pushes: Any = (), *, seq: int = 1) -> dict[str, Any]:
    return {"seq": seq, "now": 2.0, "set": sets, "add": adds, "push": pushes}


def view(text: str = "", *, lines: Any = ()) -> dict[str, Any]:
    actions = [{"text": text}]
    return {"seq": 0, "now": 1.0, "run": {"steps": [{"actions": actions}], "lines": list(lines)}}


def text_of(held: dict[str, Any]) -> str:
    text: str = held["run"]["steps"][0]["actions"][0]["text"]
    return text


# What is sent.


def test_D1_the_first_delta_is_the_whole_view(run):
    assert Projection(run.state).ops() == ([[["run"], run_view(run.state)]], [], [])


@pytest.mark.parametrize("change", ["rerun", "revise"])
def test_D1_a_rerun_or_an_edit_is_sent_as_the_whole_view(run, change):
    run.play()
    projection = watched(run)

    if change == "rerun":
        run.rerun((0, 0))
    else:
        run.revise(flow(sequence="a"))

    assert projection.ops() == ([[["run"], run_view(run.state)]], [], [])


def test_D2_a_chunk_sends_its_text_and_where_it_belongs(run):
    projection = watched(run)
    run.chunk("a", "one")
    projection.ops()

    run.chunk("a", " two")

    assert projection.ops() == ([], [[0, 0, 3, " two"]], [])


def test_D2_a_text_is_sent_before_and_after_its_attempt_settled(run):
    projection = watched(run)
    run.chunk("a", "one")
    projection.ops()

    run.chunk("a", " two")
    run.complete("a", value="one two")

    assert projection.ops()[1] == [[0, 0, 3, " two"]]


def test_D2_an_event_of_a_step_sends_its_actions_too(run):
    projection = watched(run)

    run.fail("a")

    sets = {tuple(path): value for path, value in projection.ops()[0]}
    assert sets["run", "steps", 1, "actions", 0, "status"] == "skipped"
    assert sets["run", "steps", 1, "actions", 0, "reason"] == "step 0 failed"


def test_D2_another_visit_begins_the_text_anew():
    run = drive(flow("b >> a, c >> a", steps="a", joins={"a": "no_wait"}))
    run.complete("b")
    run.chunk("a", "old")
    projection = watched(run)

    run.complete("c")
    run.chunk("a", " text")

    sets, adds, _ = projection.ops()
    assert [[*FIRST, "text"], ""] in sets
    assert (0, 0) not in [(step, action) for step, action, *_ in adds]


def test_D2_what_did_not_change_is_not_sent(run):
    projection = watched(run)

    run.chunk("a", "x")

    assert [path for path, _ in projection.ops()[0]] == [[*FIRST, "first_chunk_at"]]


BRANCHED = "a.yes >> b, a.no >> c, c >> d, d >> e"
BRANCHES = {"a": ("yes", "no")}


def test_D2_edges_are_sent_when_a_step_fires_or_closes_them():
    run = drive(flow(BRANCHED, ports=BRANCHES))
    projection = watched(run)

    run.complete("a", ports=("yes",))

    edges = [[path[2], value] for path, value in projection.ops()[0] if path[1] == "edges"]
    assert edges == [[0, "fired"], [1, "dead"], [2, "dead"], [3, "dead"]]


def test_D2_a_chunk_looks_at_no_edge(monkeypatch):
    run = drive(flow(BRANCHED, ports=BRANCHES))
    projection = watched(run)
    monkeypatch.setattr(delta_module, "edge_status", None)

    run.chunk("a", "text")

    assert projection.ops()[1] == [[0, 0, 0, "text"]]


def test_D2_an_edge_that_failed_is_sent_as_failed():
    run = drive(flow("a >> c, b >> c", on_error="continue"))
    projection = watched(run)

    run.fail("a")

    assert [["run", "edges", 0], "failed"] in projection.ops()[0]


def test_D2_another_visit_of_a_step_is_counted():
    run = drive(flow("b >> a, c >> a", steps="a", joins={"a": "no_wait"}))
    run.complete("b")
    projection = watched(run)

    run.complete("c")

    assert [["run", "steps", 0, "visits"], 2] in projection.ops()[0]


def test_D3_offsets_count_utf16_units(run):
    projection = watched(run)
    run.chunk("a", "😀é")
    projection.ops()

    run.chunk("a", "𝄞")
    run.complete("a", value="😀é𝄞")

    assert projection.ops()[1] == [[0, 0, 3, "𝄞"]]


def test_D5_the_line_of_an_output_gets_its_end_when_it_settles(run):
    projection = watched(run)
    run.chunk("a", "x" * 300)
    projection.ops()

    run.complete("a", value="x" * 300)

    sets = {tuple(path): value for path, value in projection.ops()[0]}
    assert sets["run", "log", "lines", 3, "text"] == "x" * 200
    assert sets["run", "log", "lines", 3, "chars"] == 300


def test_D5_a_long_log_is_sent_without_its_oldest_lines(run, monkeypatch):
    monkeypatch.setattr(delta_module, "MAX_LOG_LINES", 10)
    projection = watched(run)

    for _ in range(8):
        run.log("x")

    sets, _, pushes = projection.ops()
    assert (sets[-1][0], sets[-1][1]["first"], len(sets[-1][1]["lines"])) == (["run", "log"], 5, 6)
    assert pushes == []


@pytest.mark.parametrize(
    ("count", "first"), [(0, 0), (5_000, 0), (10_000, 0), (10_001, 5_000), (15_001, 10_000)]
)
def test_D5_where_the_shown_log_begins_follows_from_its_length(count, first):
    assert first_line(count) == first


# The view.


def test_the_view_of_a_failed_attempt_holds_what_went_wrong(run):
    failure = ev.Failure("quota", "No credit.", "Add some.", 429, "q1", False, 2.5, "{}")
    run.record((ev.ActionFailed, 0, 0, 1, failure, 3))

    error = run_view(run.state)["steps"][0]["actions"][0]["error"]

    assert error == {
        "kind": "quota",
        "what": "No credit.",
        "hint": "Add some.",
        "status": 429,
        "request_id": "q1",
        "retryable": False,
        "detail": "{}",
    }


def test_the_view_shows_how_each_edge_is():
    run = drive(flow("a.yes >> b, a.no >> c, c >> d", ports=BRANCHES))
    waiting = run_view(run.state)["edges"]
    run.play()

    assert waiting == ["waiting", "waiting", "waiting"]
    assert run_view(run.state)["edges"] == ["fired", "dead", "dead"]


def test_the_view_of_long_work_tells_how_far_it_is(run):
    run.state.action((0, 0)).newest.progress = Progress(3, 10, "Third item")

    shown = run_view(run.state)["steps"][0]["actions"][0]["progress"]

    assert shown == {"done": 3, "total": 10, "text": "Third item"}


def test_an_attempt_tells_its_length_only_once_it_has_settled(run):
    run.chunk("a", "four")
    attempt = run.state.action((0, 0)).newest
    assert attempt_line(attempt)["chars"] == 0

    run.complete("a", value="four")

    assert attempt_line(attempt) == {
        "number": 1,
        "status": "completed",
        "started_at": attempt.started_at,
        "ended_at": attempt.ended_at,
        "tokens": 7,
        "chars": 4,
        "error": None,
    }


@pytest.mark.parametrize(
    ("value", "chunks", "answer"),
    [
        ({"a": 1}, (), True),
        ([1], ("[1","]"), True),
        ("plain", (), False),
        (' {"a": 1}\n', (), True),
        ("{no json}", (), False),
        ("[" * 100_000 + "]", (), False),
        ("", (), False),
        ("3", (), False),
    ],
)  # fmt: skip
def test_a_text_is_json_when_it_is_an_object_or_a_list(run, value, chunks, answer):
    run.complete("a", value=value, chunks=chunks)

    assert run_view(run.state)["steps"][0]["actions"][0]["is_json"] is answer


def test_a_text_that_still_streams_is_no_json(run):
    run.chunk("a", "[1]")

    assert run_view(run.state)["steps"][0]["actions"][0]["is_json"] is False


@pytest.mark.parametrize(("outcome", "status"), [(Fail(), "failed"), (Done(), "running")])
def test_a_running_step_shows_the_worst_of_its_actions(outcome, status):
    run = drive(flow(sequence="a", counts={"a": 2}))

    run.settle((0, 0, 1), outcome)

    assert step_status(run.state.steps[0]) == status


def test_a_running_step_whose_actions_have_not_begun_shows_as_running():
    run = drive(flow(sequence="a", counts={"a": 1}), max_parallel=0)

    assert step_status(run.state.steps[0]) == "running"


# Applying.


def test_D4_text_is_added_where_it_belongs():
    after = apply(view("one"), delta(adds=[[0, 0, 3, " two"]]))

    assert after == {**view("one two"), "seq": 1, "now": 2.0}


def test_D4_the_part_of_a_text_that_is_there_already_is_dropped():
    after = apply(view("😀two"), delta(adds=[[0, 0, 2, "two three"]]))

    assert text_of(after) == "😀two three"


def test_D4_items_that_are_there_already_are_dropped():
    after = apply(view(lines=[1, 2]), delta(pushes=[[["run", "lines"], 1, [2, 3]]]))

    assert after["run"]["lines"] == [1, 2, 3]


def test_D4_values_are_set_before_texts_are_added():
    after = apply(
        view("old"),
        delta(sets=[[["run", "steps", 0, "actions", 0, "text"], "new"]], adds=[[0, 0, 3, "er"]]),
    )

    assert text_of(after) == "newer"


def test_D4_a_text_that_begins_beyond_the_end_is_a_gap():
    with pytest.raises(Gap, match="has 3 units, not 4"):
        apply(view("one"), delta(adds=[[0, 0, 4, "two"]]))


def test_D4_items_that_begin_beyond_the_end_are_a_gap():
    with pytest.raises(Gap, match="has 1 items, not 2"):
        apply(view(lines=[1]), delta(pushes=[[["run", "lines"], 2, [3]]]))


def test_D4_a_gap_leaves_the_number_of_the_view_as_it_was():
    held = view("one")

    with pytest.raises(Gap):
        apply(held, delta(adds=[[0, 0, 4, "two"]], seq=7))

    assert held == view("one")
