"""Waits: between two attempts of an action, and before one that can't begin yet (R12)."""

from __future__ import annotations

import pytest
from driver import Done, Fail, drive, flow

from flow_widgets.run import events as ev

RETRY = Fail(retry_seconds=2.0)


def test_R12_a_failure_that_is_to_be_repeated_leaves_its_visit_open():
    run = drive(flow(sequence="a b"))

    run.fail("a", retry_seconds=2.0)

    action = run.state.action((0, 0))
    assert (action.status, action.attempts[0].status) == ("waiting", "failed")
    assert action.waits_until == run.at + 2.0
    assert run.statuses == {"a": "running", "b": "pending"}
    assert run.state.open_visits == 1


def test_R12_the_next_attempt_is_of_the_same_visit():
    run = drive(flow(sequence="a b"))
    run.fail("a", retry_seconds=2.0)

    run.go_on()

    action = run.state.action((0, 0))
    assert [(one.number, one.visit) for one in action.attempts] == [(1, 1), (2, 1)]
    assert (action.status, action.waits_until) == ("running", None)


@pytest.mark.parametrize(("last", "ends"), [(Done(), "completed"), (Fail(), "failed")])
def test_R12_the_last_attempt_is_the_end_of_the_action(last, ends):
    run = drive(flow(sequence="a b")).play({(0, 0): [RETRY, RETRY, last]})

    assert len(run.state.action((0, 0)).attempts) == 3
    assert (run.statuses["a"], run.state.status) == (ends, ends)


def test_R12_a_join_waits_for_the_last_attempt():
    run = drive(flow("a >> c, b >> c"))

    run.fail("a", retry_seconds=2.0)
    run.complete("b")

    assert run.statuses == {"a": "running", "c": "pending", "b": "completed"}
    run.play()
    assert run.state.status == "completed"


def test_R12_a_step_waits_for_the_one_of_its_actions_that_waits():
    run = drive(flow(sequence="a b", counts={"a": 3}))

    run.fail("a", 1, retry_seconds=2.0)
    run.complete("a", 0)
    run.complete("a", 2)

    assert run.actions == {"a": ["completed", "waiting", "completed"], "b": ["pending"]}
    run.play()
    assert run.state.status == "completed"


@pytest.mark.parametrize(
    ("cause", "ends"),
    [((), "canceled"), (("budget", "spent"), "canceled"), (("store", "full"), "failed")],
)
def test_R12_stopping_a_run_ends_its_waits(cause, ends):
    run = drive(flow(sequence="a b"))
    run.fail("a", retry_seconds=2.0)

    run.cancel(*cause)

    assert run.actions == {"a": ["canceled"], "b": ["skipped"]}
    assert run.statuses == {"a": "canceled", "b": "skipped"}
    assert run.state.status == ends
    assert run.folded() == run.state


def test_R12_a_store_that_fails_ends_waits_and_lets_what_runs_finish():
    run = drive(flow(sequence="a b", counts={"a": 2}))
    run.fail("a", 0, retry_seconds=2.0)

    run.cancel("store", "the disk is full")
    assert run.actions["a"] == ["canceled", "running"]
    run.complete("a", 1)

    assert run.actions["a"] == ["canceled", "completed"]
    assert (run.state.status, run.events[-1].reason) == ("failed", "the disk is full")


def test_R12_an_action_is_held_until_it_can_begin():
    run = drive(flow(sequence="a"), held=[(0, 0)])
    action = run.state.action((0, 0))
    assert (action.status, action.reason, action.attempts) == ("waiting", "rate limit", [])

    run.go_on()

    assert (action.status, action.reason, action.waits_until) == ("running", None, None)


def test_R12_canceling_an_action_that_is_held_skips_it():
    run = drive(flow(sequence="a"), held=[(0, 0)])

    run.cancel()

    assert run.actions == {"a": ["skipped"]}
    assert run.state.status == "canceled"


def test_R12_an_action_that_is_held_in_a_rerun_keeps_what_it_had():
    run = drive(flow(sequence="a")).play()
    run.held.add((0, 0))

    run.rerun((0, 0))
    assert run.actions == {"a": ["waiting"]}
    run.cancel()

    action = run.state.action((0, 0))
    assert (action.status, action.reason, action.newest.output) == ("completed", None, "a 1")


def test_R12_how_long_a_wait_is_need_not_be_known():
    run = drive(flow(sequence="a"), held=[(0, 0)])

    run.record((ev.ActionHeld, 0, 0, 1, None, "a place in line"))

    action = run.state.action((0, 0))
    assert (action.reason, action.waits_until) == ("a place in line", None)


def test_R12_of_two_visits_the_newest_attempt_is_shown_while_the_other_waits():
    edges = "a >> c, b >> c"
    run = drive(flow(edges, joins={"c": "no_wait"}))
    run.complete("a")
    run.complete("b")

    run.settle((1, 0, 1), RETRY)
    assert run.actions["c"] == ["running"]
    run.record((ev.ActionHeld, 1, 0, 1, 5.0, "rate limit"))
    assert run.actions["c"] == ["running"]
    run.cancel()

    assert run.actions["c"] == ["canceled"]
    assert run.state.open_visits == 0


def test_R3_a_cancel_that_comes_after_the_end_changes_nothing():
    run = drive(flow(sequence="a b", counts={"a": 2}))
    run.complete("a", 0)

    run.record((ev.ActionCanceled, 0, 0, 1))

    assert run.actions["a"] == ["completed", "running"]
    run.complete("a", 1)
    run.record((ev.ActionCanceled, 0, 0, 1))
    assert run.statuses["a"] == "completed"


def test_P4_what_waits_goes_on_after_a_failure_elsewhere():
    run = drive(flow("a >> c, b >> d"))
    run.fail("a", retry_seconds=2.0)
    run.fail("b")

    run.play()

    assert run.statuses == {"a": "completed", "c": "skipped", "b": "failed", "d": "skipped"}
    assert run.state.status == "failed"


def test_R7_a_rerun_repeats_attempts_too():
    run = drive(flow(sequence="a b")).play()

    run.rerun((0, 0))
    run.play({(0, 0): [Done(), RETRY, Done("better")]})

    assert run.state.action((0, 0)).newest.output == "better"
    assert run.state.status == "completed"


def test_R12_a_rerun_that_is_canceled_in_a_wait_is_canceled():
    run = drive(flow(sequence="a")).play()
    run.rerun((0, 0))
    run.fail("a", retry_seconds=1.0)

    run.cancel()

    assert (run.actions["a"], run.state.status) == (["canceled"], "canceled")
