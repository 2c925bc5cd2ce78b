from __future__ import annotations

import pytest
from driver import Driver, Fail, drive, flow

from flow_widgets.flow.model import Flow
from flow_widgets.run import events as ev
from flow_widgets.run.decisions import SkipStep, StartStep
from flow_widgets.run.events import StepCompleted, StepFailed, StepSkipped
from flow_widgets.run.plan import plan_from_scratch
from flow_widgets.run.reduce import reduce
from flow_widgets.run.state import RunState

DIAMOND = "a >> b, a >> c, b >> d, c >> d"
SETTLINGS = (StepCompleted, StepFailed, StepSkipped)


def reasons(run: Driver) -> dict[str, str | None]:
    return {step.id: step.reason for step in run.state.steps if step.reason}


# What starts.


def test_P1_steps_that_no_edge_leads_to_start_together():
    run = drive(flow("a >> c, b >> c"))

    assert run.started == ["a", "b"]


def test_P1_a_flow_without_steps_completes_at_once():
    run = drive(Flow())

    assert run.state.status == "completed"


def test_P1_a_step_without_actions_completes_at_once_and_fires_its_first_port():
    run = drive(flow("a >> b", counts={"a": 0}))

    assert run.statuses == {"a": "completed", "b": "running"}


def test_P2_the_actions_of_a_step_start_together():
    run = drive(flow(sequence="a b", counts={"a": 3}))

    assert run.live == [(0, 0, 1), (0, 1, 1), (0, 2, 1)]


def test_P2_actions_beyond_the_limit_wait_for_a_free_place():
    run = drive(flow("a >> c", steps="a b", counts={"a": 2}), max_parallel=2)

    run.complete("a", 1)

    assert run.live == [(0, 0, 1), (1, 0, 1)]


# How steps settle.


def test_P3_a_step_settles_only_when_all_its_actions_have():
    run = drive(flow(sequence="a b", counts={"a": 2}))

    run.fail("a", 0)

    assert run.statuses == {"a": "running", "b": "pending"}
    assert run.actions["a"] == ["failed", "running"]


def test_P3_a_sibling_that_completes_later_does_not_make_a_failed_step_good():
    run = drive(flow(sequence="a", counts={"a": 2}))

    run.fail("a", 0)
    run.complete("a", 1)

    assert run.statuses == {"a": "failed"}
    assert run.actions["a"] == ["failed", "completed"]


def test_P3_the_reason_of_a_failed_step_names_the_action_or_how_many():
    run = drive(flow(sequence="a b", counts={"a": 2, "b": 2}, on_error="continue"))

    run.play({(0, 1): Fail(), (1, 0): Fail(), (1, 1): Fail()})

    assert reasons(run) == {"a": "action 0, 1 failed", "b": "2 actions failed"}


def test_P3_a_rerun_of_one_action_counts_the_others_as_they_stand():
    run = drive(flow(sequence="a", counts={"a": 2})).play({(0, 0): Fail()})

    run.rerun((0, 1))
    run.play()

    assert run.statuses == {"a": "failed"}
    assert run.state.status == "failed"


def test_P3_a_rerun_of_the_failed_action_makes_the_step_good():
    run = drive(flow(sequence="a", counts={"a": 2})).play({(0, 0): Fail()})

    run.rerun((0, 0))
    run.play()

    assert run.statuses == {"a": "completed"}
    assert run.state.status == "completed"


def test_P3_an_action_alone_in_its_step_chooses_the_ports():
    run = drive(flow("a.yes >> b, a.no >> c", ports={"a": ("yes", "no")}))

    run.complete("a", ports=("no",))

    assert run.statuses == {"a": "completed", "b": "skipped", "c": "running"}


# What failures do.


def test_P4_stop_lets_what_runs_finish_and_skips_the_rest():
    run = drive(flow("a >> c, b >> d, d >> e"))

    run.fail("a")

    assert run.statuses == {
        "a": "failed",
        "c": "skipped",
        "b": "running",
        "d": "skipped",
        "e": "skipped",
    }
    assert reasons(run)["d"] == "step 0 failed"


def test_P4_stop_ends_the_run_when_what_ran_has_settled():
    run = drive(flow("a >> c, b >> d"))

    run.fail("a")
    run.complete("b")

    assert run.state.status == "failed"
    assert run.started == ["a", "b"]


def test_P4_continue_goes_on_after_a_failure_and_the_run_still_fails():
    run = drive(flow(sequence="a b", on_error="continue"))

    run.fail("a")
    run.complete("b")

    assert run.statuses == {"a": "failed", "b": "completed"}
    assert run.state.status == "failed"


def test_P4_a_step_that_was_decided_together_with_the_failed_one_still_starts():
    run = drive(flow("b >> c", steps="a b", texts={"a": "{{nothing}}"}))

    assert run.statuses == {"a": "failed", "b": "running", "c": "skipped"}
    assert run.told(StepSkipped) == ["c"]


def test_P4_a_failure_without_an_error_edge_fails_the_run_even_when_later_visits_complete():
    joins = {"c": "no_wait"}
    run = drive(flow("a >> c, b >> c", joins=joins, on_error="continue"))

    run.complete("a")
    run.fail("c")
    run.complete("b")
    run.complete("c")

    assert run.statuses["c"] == "failed"
    assert reasons(run) == {"c": "action 1, 0 failed"}
    assert run.state.status == "failed"


def test_P5_an_error_edge_handles_the_failure():
    run = drive(flow("a >> b, a.error >> c")).play({(0, 0): Fail()})

    assert run.statuses == {"a": "failed", "b": "skipped", "c": "completed"}
    assert run.state.status == "completed"


def test_P5_an_error_edge_is_dead_when_its_step_completes():
    run = drive(flow("a >> b, a.error >> c")).play()

    assert run.statuses == {"a": "completed", "b": "completed", "c": "skipped"}
    assert run.state.status == "completed"


def test_P5_a_join_that_failed_follows_its_error_edge_too():
    edges = "a >> b, b >> c, b.error >> d"
    run = drive(flow(edges, on_error="continue"))

    run.fail("a")

    assert run.statuses == {"a": "failed", "b": "failed", "c": "skipped", "d": "running"}


# How edges end.


def test_P7_a_step_that_can_be_visited_again_keeps_its_edges_open():
    joins = {"c": "no_wait", "d": "all_done"}
    run = drive(
        flow("a >> c, b >> c, c.other >> d", joins=joins, ports={"c": ("success", "other")})
    )

    run.complete("a")
    run.complete("c")

    assert run.statuses["d"] == "pending"


def test_P7_when_the_last_way_to_visit_a_step_dies_its_unused_edges_die_too():
    joins = {"c": "no_wait"}
    ports = {"b": ("x", "y"), "c": ("success", "other")}
    run = drive(flow("a >> c, b.x >> c, c.other >> d, d >> e", joins=joins, ports=ports))
    run.complete("a")
    run.complete("c")

    run.complete("b", ports=("y",))

    assert run.statuses == {
        "a": "completed",
        "c": "completed",
        "b": "completed",
        "d": "skipped",
        "e": "skipped",
    }
    assert run.state.status == "completed"


def test_P7_an_edge_that_dies_ends_nothing_while_another_can_still_bring_a_visit():
    joins, ports = {"c": "no_wait"}, {"a": ("x", "y"), "c": ("success", "other")}
    run = drive(flow("a.x >> c, b >> c, s >> c, c.other >> d", joins=joins, ports=ports))
    run.complete("b")
    run.complete("c")

    run.complete("a", ports=("y",))
    assert run.statuses["d"] == "pending"
    run.complete("s")
    run.complete("c", ports=("other",))

    assert run.statuses["d"] == "running"


def test_P7_the_last_edge_that_fires_keeps_the_edges_behind_it_open():
    joins, ports = {"c": "no_wait"}, {"c": ("success", "other")}
    run = drive(flow("a >> c, b >> c, c.other >> d, u >> d", joins=joins, ports=ports))
    run.complete("a")
    run.complete("c")

    run.complete("b")
    run.complete("u")

    assert run.statuses["d"] == "pending"


def test_P7_a_skipped_source_ends_the_visits_behind_a_chain_of_no_wait_steps():
    joins = {"c": "no_wait", "d": "no_wait"}
    ports = {"s": ("x", "y"), "c": ("success", "other"), "d": ("success", "other")}
    edges = "s.x >> b, b >> c, a >> c, c >> d, d.other >> e"
    run = drive(flow(edges, joins=joins, ports=ports))
    run.complete("a")
    run.complete("c")
    run.complete("d")

    run.complete("s", ports=("y",))

    assert run.statuses["e"] == "skipped"


# Order of decisions.


@pytest.mark.parametrize("on_error", ["stop", "continue"])
def test_P8_a_step_is_decided_once_though_a_failure_reaches_it_on_two_ways(on_error):
    run = drive(flow("a >> b, b >> c, a >> c", on_error=on_error))

    run.fail("a")

    settled = [event.step for event in run.events if isinstance(event, SETTLINGS)]
    assert sorted(settled) == [0, 1, 2]


def test_P8_a_first_success_join_starts_once_though_two_edges_fire_at_once():
    edges = "a >> b, b >> c, a >> c"
    run = drive(flow(edges, counts={"b": 0}, joins={"c": "first_success"}))

    run.complete("a")

    assert run.told(ev.StepStarted) == ["a", "c", "b"]


def test_P8_parallel_branches_start_in_the_order_of_their_edges():
    run = drive(flow("a >> c, a >> b, a >> d"))

    run.complete("a")

    assert run.started == ["a", "c", "b", "d"]


def up_to(run: Driver, kind: type) -> RunState:
    """Fold the events of a run up to the first of a kind, with nothing that followed from it."""
    state = None
    for event in run.events:
        state = reduce(state, event)
        if isinstance(event, kind):
            return state
    raise LookupError(kind)


def test_P8_a_scan_of_a_run_that_just_began_finds_its_first_steps():
    run = drive(flow("a >> c, b >> c"))

    assert plan_from_scratch(up_to(run, ev.FlowStarted)) == [
        StartStep(0, (0,)),
        StartStep(2, (0,)),
    ]


def test_P8_a_scan_after_a_failure_finds_what_is_to_be_skipped():
    run = drive(flow(sequence="a b c")).play({(0, 0): Fail()})

    assert plan_from_scratch(up_to(run, StepFailed)) == [
        SkipStep(1, "step 0 failed", "failed"),
        SkipStep(2, "step 0 failed", "failed"),
    ]


def test_P8_a_scan_of_a_settled_run_finds_nothing():
    run = drive(flow(DIAMOND)).play()

    assert plan_from_scratch(run.state) == []


# How runs end.


def test_P9_a_run_completes_when_everything_has():
    run = drive(flow(DIAMOND)).play()

    assert run.state.status == "completed"


def test_P9_the_reason_of_a_failed_run_names_the_step():
    run = drive(flow(sequence="a b")).play({(0, 0): Fail()})

    assert run.events[-1].reason == "step 0 failed"


def test_P9_a_run_stays_failed_while_steps_are_skipped_for_a_failure():
    run = drive(flow(sequence="a b")).play({(0, 0): [Fail(), None]})

    run.rerun((0, 0))
    run.complete("a")

    assert run.statuses == {"a": "completed", "b": "skipped"}
    assert run.events[-1].reason == "steps were skipped after a failure"


def test_P9_a_run_stays_canceled_while_steps_are_skipped_for_the_cancel():
    run = drive(flow(sequence="a b"))
    run.cancel()

    run.rerun((0, 0))
    run.complete("a")

    assert run.statuses == {"a": "completed", "b": "skipped"}
    assert run.state.status == "canceled"


def test_P9_a_run_is_canceled_while_a_step_of_it_is():
    run = drive(flow(sequence="a b"))
    run.complete("a")
    run.cancel()

    run.rerun((0, 0))
    run.complete("a")

    assert run.statuses == {"a": "completed", "b": "canceled"}
    assert run.state.status == "canceled"
