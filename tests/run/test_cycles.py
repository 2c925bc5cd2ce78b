"""Cycles of edges: where they are entered, what their joins wait for, how they end (C1 to C6)."""

from __future__ import annotations

from itertools import pairwise

import pytest
from driver import Done, Driver, Fail, drive, flow

from flow_widgets.flow.graph import compile_graph
from flow_widgets.run import events as ev
from flow_widgets.run.plan import plan_from_scratch

AGAIN = {"check": ("again", "done")}
RETRY = "start >> work, work >> check, check.again >> work, check.done >> end"
FORK = "s >> in, in >> a, in >> b, a >> j, b >> j, j.again >> in, j.done >> end"
CHOICE = "s >> pick, pick.a >> a, pick.b >> b, a >> j, b >> j, j.again >> pick, j.done >> end"
GO = {"j": ("again", "done"), "pick": ("a", "b")}
MODES = ("all_success", "all_done", "first_success")


def again(count: int, port: str = "again") -> list[Done]:
    return [Done(ports=(port,))] * count + [Done(ports=("done",))]


def visits(run: Driver) -> dict[str, int]:
    return {step.id: step.visit_count for step in run.state.steps}


# Where a cycle is entered.


def test_C1_a_step_where_a_cycle_is_entered_does_not_wait_unless_it_says_so():
    graph = compile_graph(flow(RETRY, ports=AGAIN))
    named = compile_graph(flow(RETRY, ports=AGAIN, joins={"work": "first_success"}))

    assert graph.joins == ("all_success", "no_wait", "all_success", "all_success")
    assert named.joins[1] == "first_success"


@pytest.mark.parametrize("join", [None, "no_wait", "first_success", "all_success", "all_done"])
def test_C2_a_loop_with_a_counter_goes_round_until_it_is_done(join):
    run = drive(flow(RETRY, ports=AGAIN, joins={"work": join})).play({(2, 0): again(3)})

    assert visits(run) == {"start": 1, "work": 4, "check": 4, "end": 1}
    assert set(run.statuses.values()) == {run.state.status} == {"completed"}


def test_C2_a_self_loop_is_a_cycle():
    run = drive(flow("s >> a, a.again >> a, a.done >> b", ports={"a": ("again", "done")}))

    run.play({(1, 0): again(2)})

    assert run.started == ["s", "a", "a", "a", "b"]


def test_C2_a_cycle_entered_twice_at_once_is_gone_round_by_each():
    ports = {"check": ("again", "done")}
    edges = "x >> work, y >> work, work >> check, check.again >> work, check.done >> end"
    run = drive(flow(edges, ports=ports, joins={"end": "no_wait"}))
    run.complete("x")
    run.complete("y")

    run.play({(3, 0): [Done(ports=("again",)), *again(0), *again(0)]})

    assert visits(run) == {"x": 1, "work": 3, "y": 1, "check": 3, "end": 2}


@pytest.mark.parametrize(("join", "count"), [("no_wait", 2), ("all_done", 1)])
def test_C2_two_ports_of_one_step_are_two_edges(join, count):
    edges = "s >> a, a.x >> j, a.y >> j, j.again >> a"
    ports = {"a": ("x", "y"), "j": ("stop", "again")}
    run = drive(flow(edges, ports=ports, joins={"j": join}))
    run.complete("s")

    run.complete("a", ports=("x", "y"))

    assert visits(run)["j"] == count


@pytest.mark.parametrize("join", MODES)
def test_C2_a_join_on_a_cycle_runs_once_in_each_round(join):
    run = drive(flow(FORK, ports=GO, joins={"j": join})).play({(4, 0): again(2)})

    assert visits(run) == {"s": 1, "in": 3, "a": 3, "b": 3, "j": 3, "end": 1}
    assert run.state.status == "completed"


@pytest.mark.parametrize("join", MODES)
@pytest.mark.parametrize("sides", ["abab", "bbaa", "aaaa"])
def test_C3_a_join_does_not_wait_for_the_side_that_was_not_taken(join, sides):
    picks = [Done(ports=(side,)) for side in sides]
    run = drive(flow(CHOICE, ports=GO, joins={"j": join}))

    run.play({(1, 0): picks, (4, 0): again(len(sides) - 1)})

    counts = visits(run)
    assert (counts["a"], counts["b"], counts["j"]) == (sides.count("a"), sides.count("b"), 4)
    assert run.state.status == "completed"


def test_C2_what_comes_late_for_first_success_does_not_begin_another_round():
    run = drive(flow(FORK, ports=GO, joins={"j": "first_success"}))
    run.complete("s")
    run.complete("in")

    run.complete("a")
    run.complete("j", ports=("again",))
    run.complete("b")
    assert visits(run)["j"] == 1
    run.complete("in")
    run.complete("b")

    assert visits(run) == {"s": 1, "in": 2, "a": 2, "b": 2, "j": 2, "end": 0}


def test_C3_all_success_waits_for_every_side_that_goes_on():
    run = drive(flow(FORK, ports=GO))
    run.complete("s")
    run.complete("in")

    run.complete("a")
    assert run.statuses["j"] == "pending"
    run.complete("b")

    assert run.statuses["j"] == "running"


def test_C3_a_join_waits_for_an_edge_from_outside_until_that_is_dead():
    edges = f"{CHOICE}, s >> other, other.x >> j"
    ports = {**GO, "other": ("y", "x")}
    run = drive(flow(edges, ports=ports, joins={"j": "all_done"}))
    run.complete("s")
    run.complete("pick", ports=("a",))
    run.complete("a")
    assert run.statuses["j"] == "pending"

    run.complete("other", ports=("y",))

    assert run.statuses["j"] == "running"


def test_C3_of_joins_that_wait_for_one_another_the_first_begins():
    joins = dict.fromkeys("ab", "all_done")
    edges = "s >> a, s >> b, a.x >> b, b.x >> a, a.y >> end"
    ports = {"a": ("x", "y"), "b": ("y", "x")}
    run = drive(flow(edges, ports=ports, joins=joins))

    run.complete("s")

    assert run.started == ["s", "a"]
    run.play({(1, 0): Done(ports=("x",))})
    assert visits(run) == {"s": 1, "a": 1, "b": 1, "end": 0}
    assert run.state.status == "completed"


def test_C6_joins_that_are_ready_together_begin_together():
    edges = (
        "s >> in, in >> a, in >> b, a >> j, b >> j, a >> k, b >> k, j.again >> in, k.again >> in"
    )
    ports = {"j": ("done", "again"), "k": ("done", "again")}
    run = drive(flow(edges, ports=ports))
    run.complete("s")
    run.complete("in")
    run.complete("a")

    run.complete("b")

    assert sorted(run.started[-2:]) == ["j", "k"]
    assert len(run.live) == 2


def test_a_cycle_in_a_cycle_ends():
    edges = "s >> a, a >> b, b.in >> b2, b2 >> b, b.out >> c, c.again >> a, c.done >> end"
    ports = {"b": ("in", "out"), "c": ("again", "done")}
    inner = [Done(ports=("in",)), Done(ports=("out",))] * 2
    run = drive(flow(edges, ports=ports)).play({(2, 0): inner, (4, 0): again(1)})

    assert visits(run) == {"s": 1, "a": 2, "b": 4, "b2": 2, "c": 2, "end": 1}
    assert run.state.status == "completed"


# How a cycle ends.


def test_C4_a_cycle_that_nothing_leads_to_is_skipped_with_what_follows_it():
    edges = "s.x >> a, a >> b, b.again >> a, b.done >> c"
    ports = {"s": ("y", "x"), "b": ("again", "done")}
    run = drive(flow(edges, ports=ports)).play()

    assert run.statuses == {"s": "completed", "a": "skipped", "b": "skipped", "c": "skipped"}
    assert {step.id: step.reason for step in run.state.steps if step.reason} == {
        "a": "step 0 and step 2 did not lead here",
        "b": "step 1 did not lead here",
        "c": "step 2 did not lead here",
    }
    assert run.state.status == "completed"


def test_C4_a_side_never_taken_is_skipped_when_the_cycle_is_over():
    run = drive(flow(CHOICE, ports=GO)).play({(1, 0): Done(ports=("a",)), (4, 0): again(1)})

    assert run.statuses["b"] == "skipped"
    assert run.state.status == "completed"


@pytest.mark.parametrize("join", MODES)
def test_C4_a_cycle_can_be_left_on_several_edges(join):
    edges = "s >> a, a >> b, b.again >> a, b.done >> end, a.out >> end"
    ports = {"a": ("success", "out"), "b": ("again", "done")}
    run = drive(flow(edges, ports=ports, joins={"end": join}))

    run.play({(1, 0): Done(ports=("success", "out")), (2, 0): again(1)})

    assert visits(run) == {"s": 1, "a": 2, "b": 2, "end": 1}
    assert run.state.status == "completed"


def test_C4_what_follows_a_cycle_waits_until_the_cycle_is_over():
    run = drive(flow(f"{RETRY}, s2 >> end", ports=AGAIN, joins={"end": "all_done"}))
    run.complete("start")
    run.complete("s2")
    run.complete("work")
    run.complete("check", ports=("again",))
    run.complete("work")
    assert run.statuses["end"] == "pending"

    run.complete("check", ports=("done",))

    assert run.statuses["end"] == "running"


# The limit.

LIMIT = (
    "it was visited 3 times, the limit; "
    "raise max_iterations of the flow, or see why its cycle does not end"
)


@pytest.mark.parametrize("on_error", ["stop", "continue"])
@pytest.mark.parametrize(
    "edges", [RETRY, f"{RETRY}, work.error >> check", f"{RETRY}, work.error >> x"]
)
def test_C5_a_cycle_without_end_fails_the_run(edges, on_error):
    made = flow(edges, ports=AGAIN, max_iterations=3, on_error=on_error)
    run = drive(made).play({(2, 0): Done(ports=("again",))})

    assert visits(run)["work"] == 3
    assert (run.statuses["work"], run.statuses["end"]) == ("failed", "skipped")
    assert run.state.steps[1].reason == LIMIT
    assert (run.state.status, run.events[-1].reason) == ("failed", "step 1 failed")


def test_C5_the_steps_of_cycles_have_ten_times_the_limit_together():
    names = [f"n{number}" for number in range(12)]
    ring = [*pairwise(names), (names[-1], names[0])]
    edges = "s >> n0, " + ", ".join(f"{a} >> {b}" for a, b in ring)
    run = drive(flow(edges, max_iterations=3)).play()

    assert run.state.cycle_visits == 30
    assert "its cycle took 30 visits, the limit" in next(
        s.reason for s in run.state.steps if s.reason
    )


@pytest.mark.parametrize("counts", [{}, {"a": 0}])
def test_C5_visits_that_double_stop_at_the_limit(counts):
    run = drive(flow("s >> a, a.success >> a, a >> a", counts=counts, max_iterations=5)).play()

    assert visits(run)["a"] == 5
    assert run.told(ev.StepFailed) == ["a"]
    assert run.state.status == "failed"


# Failures, cancels, reruns.


def test_C3_a_failure_counts_for_the_round_in_which_it_came():
    edges = f"{FORK}, j.error >> in"
    run = drive(flow(edges, ports=GO, on_error="continue"))

    run.play({(2, 0): [Fail(), Done()], (4, 0): again(0)})

    assert visits(run) == {"s": 1, "in": 2, "a": 2, "b": 2, "j": 1, "end": 1}
    assert run.told(ev.StepFailed) == ["a", "j"]


def test_C3_all_done_on_a_cycle_waits_for_failures_and_goes_on():
    run = drive(flow(FORK, ports=GO, joins={"j": "all_done"}, on_error="continue"))

    run.play({(2, 0): Fail(), (3, 0): Fail(), (4, 0): again(1)})

    assert visits(run) == {"s": 1, "in": 2, "a": 2, "b": 2, "j": 2, "end": 1}
    assert run.state.status == "failed"


def test_C4_joins_that_failures_keep_from_starting_fail_once_each():
    edges = "s >> a, s >> b, a.error >> a, a >> b, b.error >> b, b >> a"
    joins = dict.fromkeys("ab", "all_success")
    run = drive(flow(edges, joins=joins, on_error="continue")).play({(0, 0): Fail()})

    assert run.statuses == {"s": "failed", "a": "failed", "b": "failed"}
    assert len(run.told(ev.StepFailed)) <= 5
    assert run.state.status == "failed"


def test_P4_under_continue_a_failing_step_ends_its_cycle():
    run = drive(flow(RETRY, ports=AGAIN, on_error="continue"))

    run.play({(1, 0): [Done(), Fail()], (2, 0): again(5)})

    assert visits(run) == {"start": 1, "work": 2, "check": 1, "end": 0}
    assert (run.statuses["check"], run.statuses["end"]) == ("completed", "skipped")
    assert run.state.status == "failed"


def test_P5_an_error_edge_can_lead_round_again():
    edges = "s >> work, work.error >> work, work >> end"
    run = drive(flow(edges)).play({(1, 0): [Fail(), Fail(), Done()]})

    assert visits(run) == {"s": 1, "work": 3, "end": 1}
    assert run.state.status == "completed"


def test_P4_stop_in_a_cycle_skips_the_rest():
    run = drive(flow(RETRY, ports=AGAIN)).play({(1, 0): [Done(), Fail()], (2, 0): again(5)})

    assert run.statuses["end"] == "skipped"
    assert run.events[-1].reason == "step 1 failed"


def test_P6_a_cancel_in_a_cycle_settles_at_once():
    run = drive(flow(RETRY, ports=AGAIN))
    run.complete("start")
    run.complete("work")
    run.complete("check", ports=("again",))

    run.cancel()

    assert run.statuses["work"] == "canceled"
    assert run.statuses["end"] == "skipped"
    assert run.state.status == "canceled"


def test_R7_a_rerun_of_a_step_on_a_cycle_runs_it_once_and_fires_nothing():
    run = drive(flow(RETRY, ports=AGAIN)).play({(2, 0): again(1)})
    before = len(run.started)

    run.rerun((1, 0), (2, 0))
    run.play()

    assert run.started[before:] == ["work", "check"]
    assert run.state.status == "completed"
    assert run.folded() == run.state


def test_R7_only_some_actions_of_a_cycle_can_be_run():
    run = drive(flow(RETRY, ports=AGAIN), targets=[(2, 0), (1, 0)]).play()

    assert run.started == ["work", "check"]
    assert run.state.status == "completed"


def test_R10_what_a_cycle_hands_round_makes_nothing_stale():
    texts = {
        "work": "{{steps.check.output ?? steps.start.output}}",
        "check": "{{steps.work.output}}",
    }
    run = drive(flow(RETRY, ports=AGAIN, texts=texts)).play({(2, 0): again(2)})

    run.rerun((1, 0))
    run.complete("work", value="new")
    assert run.stale == []
    run.rerun((0, 0))
    run.complete("start", value="new")

    assert run.stale == [(1, 0)]


def test_P8_a_scan_in_a_cycle_finds_nothing_left():
    run = drive(flow(FORK, ports=GO))
    run.complete("s")
    run.complete("in")
    run.complete("a")

    assert plan_from_scratch(run.state) == []
