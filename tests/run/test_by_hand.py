"""Outputs that a person wrote, or pinned (R15)."""

from __future__ import annotations

from driver import Done, Fail, drive, flow

from flow_widgets.run import events as ev

TEXTS = {"b": "{{steps.a.output}}", "c": "{{steps.b.output}}"}


def test_R15_an_edit_adds_a_completed_attempt_and_makes_its_readers_stale():
    run = drive(flow(sequence="a b c", texts=TEXTS)).play()

    run.edit((0, 0), "by hand")

    newest = run.state.action((0, 0)).newest
    assert (newest.number, newest.visit, newest.origin) == (2, 0, "edit")
    assert (newest.text, newest.output, newest.ports) == ("by hand", "by hand", ("success",))
    assert run.stale == [(1, 0), (2, 0)]
    assert run.state.status == "completed"
    assert run.folded() == run.state


def test_R15_an_equal_edit_makes_nothing_stale():
    run = drive(flow(sequence="a b c", texts=TEXTS)).play()

    run.edit((0, 0), "a 1")

    assert run.stale == []


def test_R15_an_output_may_be_empty_or_any_value():
    run = drive(flow(sequence="a")).play()

    run.edit((0, 0), "")
    assert run.state.action((0, 0)).newest.parts == []
    run.edit((0, 0), {"grade": 1})

    assert run.state.action((0, 0)).newest.parts == ['{"grade": 1}']


def test_R15_an_edit_makes_good_a_failure_and_what_it_kept_can_run():
    run = drive(flow(sequence="a b c")).play({(0, 0): Fail()})

    run.edit((0, 0), "by hand")

    assert run.statuses == {"a": "completed", "b": "skipped", "c": "skipped"}
    assert run.stale == [(1, 0), (2, 0)]
    run.rerun_stale()
    run.play()
    assert run.state.status == "completed"


def test_R15_a_run_goes_on_behind_what_a_person_wrote():
    run = drive(flow(sequence="a b")).play({(0, 0): Fail()})
    run.edit((0, 0), "by hand")

    run.resume()
    run.play()

    assert run.started == ["a", "b"]
    assert run.state.status == "completed"


def test_R15_of_a_step_with_several_actions_all_must_have_completed():
    run = drive(flow(sequence="a b", counts={"a": 2})).play(
        {(0, 0): [Fail()], (0, 1): [Fail(), Done()]}
    )

    run.edit((0, 0), "by hand")
    assert run.statuses["a"] == "failed"
    run.resume()
    run.play()

    assert run.state.status == "completed"
    assert [len(action.attempts) for action in run.state.steps[0].actions] == [2, 2]


def test_R15_an_action_that_never_ran_is_not_run_when_a_person_wrote_its_output():
    run = drive(flow(sequence="a b", counts={"b": 2})).play({(0, 0): [Fail(), Done()]})
    run.edit((1, 0), "by hand")

    run.resume()
    run.play()

    assert [len(action.attempts) for action in run.state.steps[1].actions] == [1, 1]
    assert run.state.status == "completed"


def test_R15_an_edit_of_several_actions_frees_what_stands_behind_them():
    run = drive(flow(sequence="a b", counts={"a": 2})).play({(0, 0): Fail(), (0, 1): Fail()})

    run.edit((0, 0), "one")
    run.edit((0, 1), "two")

    assert (run.statuses["a"], run.stale) == ("completed", [(1, 0)])


def test_R15_an_edit_may_set_shared_values():
    run = drive(flow(sequence="a")).play()

    run.edit((0, 0), "x", writes=(("topic", "bees"),))

    assert run.state.shared == {"topic": "bees"}


def test_R15_a_pinned_output_is_never_stale():
    run = drive(flow(sequence="a b c", texts=TEXTS)).play()
    run.pin((1, 0))

    run.edit((0, 0), "by hand")
    assert run.stale == []
    run.pin((1, 0), pinned=False)

    assert run.stale == [(1, 0), (2, 0)]
    run.pin((1, 0))
    assert run.stale == []


def test_R15_what_is_pinned_is_not_left_to_a_resume():
    run = drive(flow(sequence="a b")).play()
    run.pin((0, 0))
    run.rerun((0, 0), (1, 0))
    run.crash(len(run.events) - 2)

    assert [place for place in ((0, 0), (1, 0)) if run.state.action(place).pinned] == [(0, 0)]


def test_R15_an_output_of_an_earlier_run_that_was_pinned_is_pinned_here():
    run = drive(flow(sequence="a"))
    usage = (None, None, None, None, None, None, None)

    run.record(
        (ev.ActionCompleted, 0, 0, 1, "kept", "d", ("success",), *usage, (), None, "pin", "r0")
    )

    action = run.state.action((0, 0))
    assert (action.pinned, action.newest.origin, action.newest.source) == (True, "pin", "r0")
    assert run.state.tokens is None
