"""Canceling stops what runs, keeps its text, and skips what has not started (P6)."""

from __future__ import annotations

from driver import drive, flow

from flow_widgets.run.events import StepCompleted


def test_P6_cancel_stops_what_runs_and_skips_the_rest():
    run = drive(flow(sequence="a b", counts={"a": 2}))
    run.complete("a", 0)

    run.cancel()

    assert run.actions == {"a": ["completed", "canceled"], "b": ["skipped"]}
    assert run.statuses == {"a": "canceled", "b": "skipped"}
    assert run.state.status == "canceled"


def test_P6_cancel_keeps_actions_that_wait_for_a_place_from_starting():
    run = drive(flow(sequence="a", counts={"a": 2}), max_parallel=1)

    run.cancel()

    assert run.actions == {"a": ["canceled", "skipped"]}
    assert run.state.status == "canceled"


def test_P6_a_failed_action_beside_a_canceled_one_makes_the_step_failed():
    run = drive(flow(sequence="a b", counts={"a": 2}))
    run.fail("a", 0)

    run.cancel()

    assert run.statuses == {"a": "failed", "b": "skipped"}
    assert run.state.status == "canceled"


def test_P6_a_cancel_that_comes_as_the_last_step_completes_still_counts():
    run = drive(flow(sequence="a"))
    run.watch = lambda event: run.cancel() if isinstance(event, StepCompleted) else None

    run.complete("a")

    assert run.statuses == {"a": "completed"}
    assert run.state.status == "canceled"


def test_P6_an_action_that_waited_for_its_rerun_keeps_what_it_had():
    run = drive(flow(sequence="a", counts={"a": 2}), max_parallel=1).play()

    run.rerun((0, 0), (0, 1))
    run.cancel()

    assert run.actions == {"a": ["canceled", "completed"]}
    assert run.state.status == "canceled"


def test_P6_a_rerun_canceled_before_it_began_leaves_its_step_canceled():
    run = drive(flow("a >> c, b >> c"), max_parallel=1).play()

    run.rerun((0, 0), (2, 0))
    run.cancel()

    assert run.statuses == {"a": "canceled", "c": "completed", "b": "canceled"}
    assert run.actions == {"a": ["canceled"], "c": ["completed"], "b": ["completed"]}
