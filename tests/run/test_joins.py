from __future__ import annotations

import pytest
from driver import Fail, drive, flow

from flow_widgets.run import events as ev

PAIR = "a >> c, b >> c"
CHOICE = "a.x >> c, b >> c"
TWO_PORTS = "a.x >> c, a.y >> c"
XY = {"a": ("x", "y", "z")}


def test_J1_two_edges_from_one_step_count_as_two():
    run = drive(flow(TWO_PORTS, ports=XY, joins={"c": "no_wait"}))

    run.complete("a", ports=("x", "y"))

    assert run.started == ["a", "c", "c"]


@pytest.mark.parametrize("join", ["all_success", "all_done", "first_success"])
def test_J1_two_fired_edges_from_one_step_start_a_join_once(join):
    run = drive(flow(TWO_PORTS, ports=XY, joins={"c": join}))

    run.complete("a", ports=("x", "y"))

    assert run.started == ["a", "c"]


@pytest.mark.parametrize("join", ["all_success", "all_done", "first_success", "no_wait"])
def test_J2_a_dead_edge_is_not_waited_for(join):
    run = drive(flow(CHOICE, ports=XY, joins={"c": join}))

    run.complete("a", ports=("y",))
    run.complete("b")

    assert run.statuses["c"] == "running"


def test_J2_dead_edges_spread_through_skipped_steps():
    run = drive(flow("a.x >> b, b >> c, c >> d, a.y >> d", ports=XY))

    run.complete("a", ports=("y",))

    assert run.statuses == {"a": "completed", "b": "skipped", "c": "skipped", "d": "running"}


def test_J3_all_done_waits_for_every_edge():
    run = drive(flow(PAIR, joins={"c": "all_done"}))

    run.complete("a")

    assert run.statuses["c"] == "pending"


def test_J3_all_done_waits_for_failures():
    run = drive(flow(PAIR, joins={"c": "all_done"}, on_error="continue"))

    run.fail("a")
    assert run.statuses["c"] == "pending"
    run.fail("b")

    assert run.statuses["c"] == "running"


def test_J3_the_steps_of_a_sequence_join_with_all_done():
    run = drive(flow(sequence="a b c", on_error="continue")).play({(0, 0): Fail(), (1, 0): Fail()})

    assert run.statuses == {"a": "failed", "b": "failed", "c": "completed"}


def test_J4_edges_join_with_all_success_when_nothing_else_is_said():
    run = drive(flow(PAIR))

    run.complete("a")
    assert run.statuses["c"] == "pending"
    run.complete("b")

    assert run.statuses["c"] == "running"


def test_J4_all_success_fails_with_the_first_failure_and_says_which():
    run = drive(flow(PAIR, on_error="continue"))

    run.fail("b")

    assert run.statuses["c"] == "failed"
    assert run.state.steps[1].reason == "step 2 failed, and this step needs it"
    assert run.actions["c"] == ["skipped"]


def test_J4_a_join_that_failed_does_not_start_when_the_others_arrive():
    run = drive(flow(PAIR, on_error="continue"))

    run.fail("b")
    run.complete("a")

    assert run.started == ["a", "b"]


@pytest.mark.parametrize("join", ["all_success", "all_done", "first_success", "no_wait"])
def test_J5_a_step_all_of_whose_edges_are_dead_is_skipped_and_says_why(join):
    run = drive(flow(TWO_PORTS, ports=XY, joins={"c": join}))

    run.complete("a", ports=("z",))

    assert run.statuses["c"] == "skipped"
    assert run.state.steps[1].reason == "step 0 did not lead here"
    assert run.actions["c"] == ["skipped"]
    assert run.state.status == "completed"


@pytest.mark.parametrize("join", ["first_success", "no_wait"])
def test_J5_a_join_that_nothing_reached_fails_when_a_failure_is_the_cause(join):
    run = drive(flow(CHOICE, ports=XY, joins={"c": join}, on_error="continue"))

    run.complete("a", ports=("y",))
    run.fail("b")

    assert run.statuses["c"] == "failed"


def test_J5_the_reason_of_a_skipped_step_names_at_most_three_sources():
    edges = ", ".join(f"{name}.x >> z" for name in "abcd")
    run = drive(flow(edges, ports=dict.fromkeys("abcd", ("y", "x"))))

    run.play()

    assert run.state.steps[1].reason == "step 0 and step 2 and step 3 did not lead here"


def test_J6_first_success_starts_on_the_first_and_only_once():
    run = drive(flow(PAIR, joins={"c": "first_success"}))

    run.complete("b")
    run.complete("c")
    run.complete("a")

    assert run.told(ev.StepStarted) == ["a", "b", "c"]
    assert run.state.status == "completed"


def test_J6_first_success_ignores_a_failure_while_another_edge_can_fire():
    run = drive(flow(PAIR, joins={"c": "first_success"}, on_error="continue"))

    run.fail("a")
    assert run.statuses["c"] == "pending"
    run.complete("b")

    assert run.statuses["c"] == "running"


def test_J6_no_wait_visits_overlap():
    run = drive(flow(PAIR, joins={"c": "no_wait"}))

    run.complete("a")
    run.complete("b")

    assert run.live == [(1, 0, 1), (1, 0, 2)]
    assert len(run.state.steps[1].visits) == 2


def test_J6_overlapping_visits_settle_each_by_itself():
    run = drive(flow(f"{PAIR}, c >> d", joins={"c": "no_wait", "d": "no_wait"}))
    run.complete("a")
    run.complete("b")

    run.settle((1, 0, 2), Fail())
    assert run.statuses["c"] == "running"
    run.complete("c")

    assert run.statuses == {"a": "completed", "b": "completed", "c": "failed", "d": "skipped"}
    assert run.state.status == "failed"


def test_J6_canceling_overlapping_visits_cancels_the_step():
    run = drive(flow(PAIR, joins={"c": "no_wait"}))
    run.complete("a")
    run.complete("b")

    run.cancel()

    assert run.statuses["c"] == "canceled"
