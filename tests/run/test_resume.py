"""Runs that were cut off: how they are settled (R13), and how they go on (R14)."""

from __future__ import annotations

import pytest
from driver import Done, Driver, Fail, drive, flow

from flow_widgets.actions.chat import Chat
from flow_widgets.actions.webhook import Webhook
from flow_widgets.flow.limits import Budget
from flow_widgets.flow.model import Flow, Step
from flow_widgets.run import events as ev
from flow_widgets.run.reduce import reduce
from flow_widgets.run.resume import chosen_left, left_of

LOOP = "a >> b, b.again >> a, b.done >> c"
PORTS = {"b": ("done", "again")}


def test_R13_what_ran_is_canceled_and_its_text_kept():
    run = drive(flow(sequence="a b", counts={"a": 2}))
    run.complete("a", 0)
    run.chunk("a", "Half of ", action=1)
    run.chunk("a", "it", action=1)

    run.interrupt()

    assert run.actions == {"a": ["completed", "canceled"], "b": ["pending"]}
    assert run.state.action((0, 1)).newest.parts == ["Half of it"]
    assert (run.state.status, run.statuses["a"]) == ("interrupted", "canceled")
    assert run.folded() == run.state


def test_R13_what_waited_is_canceled_or_as_it_was():
    run = drive(flow(sequence="a", counts={"a": 3}), max_parallel=2, held=[(0, 1)])
    run.fail("a", 0, retry_seconds=2.0)

    run.interrupt()

    assert run.actions == {"a": ["canceled", "pending", "canceled"]}


def test_R13_a_skipped_action_stays_skipped():
    run = drive(flow(sequence="a", counts={"a": 2}), max_parallel=1)
    run.record((ev.ActionSkipped, 0, 1, 1, "the run was canceled"))

    run.interrupt()

    assert run.actions == {"a": ["canceled", "skipped"]}


def test_R13_flows_inside_actions_are_settled_too():
    run = drive(flow(sequence="a"))
    path = (ev.Inner(0, 0, 1, 0),)
    inside = flow(sequence="x y")
    facts = [
        ev.FlowStarted(3, "r1", 1_000.0, None, None, 1, inside, {}, None, path=path),
        ev.StepStarted(4, "r1", 1_000.0, 0, None, 1, (0,), False, path=path),
        ev.ActionStarted(
            5, "r1", 1_000.0, 0, 0, 1, 1, inside.steps[0].actions[0], (), None, path=path
        ),
        ev.ActionChunk(6, "r1", 1_000.0, 0, 0, 1, "so far", path=path),
    ]
    other = (ev.Inner(0, 0, 1, 1),)
    facts += [
        ev.FlowStarted(7, "r1", 1_000.0, None, None, 1, inside, {}, None, path=other),
        ev.FlowCompleted(8, "r1", 1_000.0, None, None, path=other),
    ]
    for fact in facts:
        reduce(run.state, fact)

    run.interrupt()

    inner = run.state.action((0, 0)).newest.inner
    cut = inner[0].action((0, 0))
    assert (inner[0].status, inner[1].status) == ("canceled", "completed")
    assert (cut.status, cut.newest.text) == ("canceled", "so far")


def test_R13_an_interrupted_rerun_keeps_what_stood():
    run = drive(flow(sequence="a b", counts={"a": 2}), max_parallel=1).play()
    run.rerun((0, 0), (0, 1))
    run.complete("a", 0)
    run.crash(len(run.events) - 1)

    assert run.actions["a"] == ["completed", "completed"]
    assert run.statuses["a"] == "completed"
    assert left_of(run.state) == [(0, 1)]


def test_R14_only_what_had_not_completed_runs_again():
    run = drive(flow(sequence="a b c", counts={"b": 3})).play({(1, 1): [Fail(), Done()]})
    before = len(run.events)

    assert left_of(run.state) == [(1, 1), (2, 0)]
    run.resume()
    run.play()

    begun = [(e.step, e.action) for e in run.events[before:] if isinstance(e, ev.ActionStarted)]
    assert begun == [(1, 1), (2, 0)]
    assert run.state.status == "completed"
    assert [step.visit_count for step in run.state.steps] == [1, 1, 1]


def test_R14_nothing_is_left_of_a_run_that_completed_or_goes_on():
    run = drive(flow(sequence="a"))
    assert left_of(run.state) == []

    run.play()

    assert left_of(run.state) == []


def test_R14_a_cycle_goes_on_in_the_round_in_which_it_stood():
    run = drive(flow(LOOP, ports=PORTS, max_iterations=3))
    for _ in range(2):
        run.complete("a")
        run.complete("b", ports=("again",))
    run.complete("a")
    run.interrupt()

    run.resume()
    assert run.live == [(1, 0, 4)]
    run.complete("b", ports=("done",))
    run.play()

    assert run.state.status == "completed"
    assert [step.visit_count for step in run.state.steps] == [3, 3, 1]


def test_R14_a_run_that_came_to_its_limit_goes_on_with_a_larger_one():
    made = flow(LOOP + ", a.error >> d", ports=PORTS, max_iterations=2)
    run = drive(made).play({(1, 0): [Done(ports=("again",))] * 3 + [Done(ports=("done",))]})
    assert run.state.status == "failed"
    run.resume()
    assert (run.state.status, run.statuses["d"]) == ("failed", "skipped")

    run.revise(made.model_copy(update={"max_iterations": 5}))
    run.resume()
    run.play({(1, 0): [Done(ports=("done",))] * 9})

    assert run.state.status == "completed"
    assert (run.statuses["c"], run.statuses["d"]) == ("completed", "skipped")


def test_R14_a_join_at_its_limit_gives_back_what_it_took():
    made = flow("s >> a, a >> b, b >> a", joins={"a": "first_success"}, max_iterations=1)
    run = drive(made).play()
    assert run.state.status == "failed"

    run.resume()

    assert (run.state.status, run.statuses["a"]) == ("failed", "failed")


def test_R14_each_visit_that_was_cut_off_is_done_again():
    run = drive(flow("a >> c, b >> c, c >> d", joins={"c": "no_wait", "d": "no_wait"}))
    run.complete("a")
    run.complete("b")
    run.interrupt()

    run.resume()
    run.play()

    assert [step.visit_count for step in run.state.steps] == [1, 2, 1, 2]
    assert run.state.status == "completed"


def test_R14_a_failure_that_was_handled_stands_and_so_does_a_branch_that_was_not_taken():
    run = drive(flow("a >> b, a.error >> c, c >> d"))
    run.fail("a")
    run.fail("c")

    run.resume()
    run.play()

    assert run.statuses == {"a": "failed", "b": "skipped", "c": "completed", "d": "completed"}
    assert run.state.status == "completed"


def test_R14_steps_behind_a_branch_that_is_taken_now_run_too():
    run = drive(flow("a >> b, b >> d, a.error >> c"))
    run.fail("a")
    run.fail("c")
    run.rerun((0, 0))
    run.complete("a")

    run.resume()
    run.play()

    assert run.statuses == dict.fromkeys("abcd", "completed")


def test_R14_a_cycle_that_is_entered_only_now_runs():
    run = drive(flow("a >> b, b >> c, c.again >> b, a.error >> d", ports={"c": ("on", "again")}))
    run.fail("a")
    run.fail("d")
    assert run.statuses["b"] == "skipped"
    run.rerun((0, 0))
    run.complete("a")

    run.resume()
    run.play()

    assert run.statuses == dict.fromkeys("abcd", "completed")


@pytest.mark.parametrize("edges", ["a >> b", "a >> b, b >> a", "b >> c, c >> b, a >> b"])
def test_R14_a_run_whose_process_ended_before_its_first_step_begins(edges):
    run = drive(flow(edges, max_iterations=1))
    run.crash(1)

    run.resume()

    assert run.started == ["a"]


def hooks() -> Flow:
    steps = [Step(id=name, actions=(Webhook(path=f"/{name}"),)) for name in ("one", "two")]
    return Flow(steps=(*steps, Step(id="three")))


def test_R14_the_trigger_that_began_a_run_begins_it_again():
    run = Driver(hooks(), trigger=1).start()
    run.crash(1)

    run.resume()
    run.play()

    assert (run.statuses["one"], run.live) == ("skipped", [])


def test_R14_a_budget_is_replaced_or_kept():
    run = drive(flow(sequence="a b"))
    run.cancel("budget", "spent")
    run.resume(Budget(tokens=10))
    assert run.state.budget == Budget(tokens=10)
    run.cancel("budget", "spent")

    run.resume()

    assert run.state.budget == Budget(tokens=10)


def test_R14_of_chosen_actions_those_are_left_that_did_not_complete():
    run = drive(flow(sequence="a b c")).play()
    run.rerun((0, 0), (1, 0), (2, 0))
    run.complete("a")
    run.interrupt()

    assert chosen_left(run.state) == left_of(run.state) == [(1, 0), (2, 0)]
    run.resume()
    run.play()

    assert run.started[-4:] == ["a", "b", "b", "c"]
    assert run.state.status == "completed"


def test_R14_when_chosen_actions_are_done_the_whole_run_can_go_on():
    run = drive(flow(sequence="a b c")).play({(1, 0): [Fail(), Done()]})
    run.rerun((0, 0))
    run.complete("a")

    assert left_of(run.state) == [(1, 0), (2, 0)]
    run.resume()
    run.play()

    assert run.state.status == "completed"
    assert run.started.count("a") == 2


def test_R14_of_a_run_of_some_actions_nothing_else_is_left():
    run = drive(flow(sequence="a b"), targets=[(0, 0)])
    run.fail("a")
    run.rerun((1, 0))
    run.play()

    assert left_of(run.state) == []


def test_R6_what_became_fresh_before_its_turn_is_not_left():
    texts = {"b": "{{steps.a.output}}", "c": "{{steps.b.output}}"}
    run = drive(flow(sequence="a b c", texts=texts)).play()
    run.rerun((0, 0))
    run.complete("a", value="new")
    run.rerun_stale()
    run.complete("b", value="b 1")
    assert run.state.status == "completed"

    assert run.stale == []
    assert left_of(run.state) == []


def test_R14_a_rerun_that_failed_earlier_does_not_repeat_the_other_actions():
    run = drive(flow("a >> c, b >> c, d >> b", counts={"a": 2}))
    run.complete("a", 0)
    run.complete("a", 1)
    run.complete("d")
    run.cancel()
    run.rerun((0, 0))
    run.fail("a", 0)
    run.rerun((3, 0))
    run.complete("d")

    run.resume()
    assert sorted(run.live) == [(0, 0, 3), (2, 0, 2)]
    run.complete("b")
    assert run.statuses["c"] == "pending"
    run.complete("a")

    assert run.live == [(1, 0, 1)]


def test_R14_a_step_that_is_new_in_the_flow_runs():
    made = flow("a >> b, b >> c")
    run = drive(made).play({(1, 0): [Fail(), Done()]})
    run.revise(flow("a >> b, b >> c, a >> n, n >> m"))

    run.resume()
    run.play()

    assert run.statuses == dict.fromkeys("abcnm", "completed")
    assert run.started.count("a") == 1


def test_R14_what_was_chosen_and_is_gone_from_the_flow_is_not_left():
    run = drive(flow(sequence="a b")).play()
    run.rerun((0, 0), (1, 0))
    run.interrupt()

    run.revise(flow(sequence="b"))

    assert left_of(run.state) == [(0, 0)]


def test_R14_a_step_that_a_failure_kept_from_its_first_visit_on_a_cycle_is_visited():
    made = flow("a >> b, b >> c, c.again >> b, c >> d", ports=AGAIN, on_error="continue")
    run = drive(made).play({(1, 0): [Fail(), Done()]})
    assert run.statuses == {"a": "completed", "b": "failed", "c": "failed", "d": "failed"}

    run.resume()
    run.play()

    assert run.statuses == dict.fromkeys("abcd", "completed")


def test_R9_the_trigger_of_a_run_is_known_by_its_id():
    run = Driver(hooks(), trigger=1).start()
    run.interrupt()
    one, two, three = hooks().steps

    run.revise(Flow(steps=(two, one, three)))
    assert run.state.trigger == 0
    run.revise(Flow(steps=(one, three)))

    assert run.state.trigger is None


AGAIN = {"c": ("on", "again")}


def test_R14_what_completed_after_the_clock_was_set_back_is_not_left():
    run = drive(flow(sequence="a b c")).play()
    run.rerun((0, 0), (1, 0))
    run.at -= 500
    run.complete("a")
    run.cancel()

    assert left_of(run.state) == [(1, 0)]
    assert run.state.active_seconds >= 0


def test_R16_what_was_streamed_before_an_interruption_counts_about_as_much():
    run = drive(Flow(steps=[Chat(prompt="Tell me all.")]))
    run.chunk(0, "x" * 40)

    run.interrupt()

    assert run.state.action((0, 0)).newest.estimated_tokens == 10 + 3
    assert (run.state.estimated_tokens, run.state.unpriced) == (13, True)
