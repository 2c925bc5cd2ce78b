from __future__ import annotations

from driver import Fail, drive, flow

from flow_widgets.run import events as ev

DIAMOND = "a >> b, a >> c, b >> d, c >> d"


def test_R7_a_run_of_one_step_starts_only_that_step():
    run = drive(flow(sequence="a b c", counts={"b": 2}), targets=[(1, 0), (1, 1)]).play()

    assert run.statuses == {"a": "pending", "b": "completed", "c": "pending"}
    assert run.state.status == "completed"


def test_R7_a_run_of_one_action_starts_only_that_action():
    run = drive(flow(sequence="a", counts={"a": 2}), targets=[(0, 1)]).play()

    assert run.actions == {"a": ["pending", "completed"]}
    assert run.state.status == "completed"


def test_R7_a_rerun_of_a_step_without_actions_completes():
    run = drive(flow(sequence="a", counts={"a": 0})).play()

    run.rerun()

    assert run.state.status == "completed"


def test_R7_a_rerun_fires_no_edges():
    run = drive(flow(sequence="a b")).play()

    run.rerun((0, 0))
    run.play()

    assert run.started == ["a", "b", "a"]


def test_R7_chosen_actions_run_in_the_order_of_the_graph():
    run = drive(flow(DIAMOND)).play()

    run.rerun((3, 0), (1, 0), (0, 0))
    run.play()

    assert run.started[4:] == ["a", "b", "d"]


def test_R7_a_chosen_step_waits_for_chosen_steps_far_before_it():
    run = drive(flow(sequence="a b c")).play()

    run.rerun((2, 0), (0, 0))

    assert run.live == [(0, 0, 2)]


def test_R7_a_failing_rerun_under_stop_starts_nothing_behind_it():
    run = drive(flow(sequence="a b")).play()

    run.rerun((0, 0), (1, 0))
    run.fail("a")

    assert run.statuses == {"a": "failed", "b": "completed"}
    assert run.state.status == "failed"


def test_R7_a_failing_rerun_under_continue_goes_on():
    run = drive(flow(sequence="a b", on_error="continue")).play()

    run.rerun((0, 0), (1, 0))
    run.fail("a")

    assert run.live == [(1, 0, 2)]


def test_R7_two_free_steps_start_once_each_though_one_fails_while_it_starts():
    texts = {"a": "{{nothing}}"}
    run = drive(flow("a >> c, b >> c", texts=texts, on_error="continue")).play()

    run.rerun((0, 0), (2, 0))
    run.play()

    assert run.started == ["a", "b", "a", "b"]
    assert run.statuses == {"a": "failed", "c": "failed", "b": "completed"}


def test_R7_a_canceled_rerun_leaves_the_rest_as_it_was():
    run = drive(flow(sequence="a b")).play()

    run.rerun((0, 0), (1, 0))
    run.cancel()

    assert run.statuses == {"a": "canceled", "b": "completed"}
    assert run.state.status == "canceled"


def test_R8_what_a_failure_kept_from_running_can_be_run_once_it_is_made_good():
    run = drive(flow(sequence="a b c")).play({(0, 0): Fail()})

    run.rerun((0, 0))
    run.complete("a")
    assert run.stale == [(1, 0), (2, 0)]
    run.rerun_stale()
    run.play()

    assert run.state.status == "completed"


def test_R8_steps_whose_join_failed_can_be_run_once_the_failure_is_made_good():
    run = drive(flow("a >> b, b >> c", on_error="continue")).play({(0, 0): Fail()})

    run.rerun((0, 0))
    run.complete("a")
    assert run.stale == [(1, 0), (2, 0)]
    run.rerun_stale()
    run.play()

    assert run.state.status == "completed"


def test_R8_what_a_cancel_kept_from_running_can_be_run_later():
    run = drive(flow(sequence="a b"))
    run.cancel()

    run.rerun((0, 0))
    run.complete("a")

    assert run.stale == [(1, 0)]


def test_R8_a_failed_rerun_frees_nothing():
    run = drive(flow(sequence="a b")).play({(0, 0): Fail()})

    run.rerun((0, 0))
    run.fail("a")

    assert run.stale == []


def test_R8_a_second_rerun_does_not_mark_again():
    run = drive(flow(sequence="a b")).play({(0, 0): Fail()})
    run.rerun((0, 0))
    run.complete("a")

    run.rerun((0, 0))
    run.complete("a")

    assert run.told(ev.ActionStale) == ["b"]
