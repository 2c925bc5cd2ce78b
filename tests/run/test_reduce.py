from __future__ import annotations

import pytest
from driver import STARTED_AT, Driver, Fail, drive, flow, inputs

from flow_widgets.run import events as ev
from flow_widgets.run.reduce import reduce


def newest(run: Driver, step: int = 0, action: int = 0):
    return run.state.action((step, action)).newest


def late(run: Driver, kind: type, *fields) -> None:
    """Fold an event that comes after the attempt has settled."""
    reduce(run.state, kind(run.state.seq + 1, "r1", 2_000.0, 0, 0, 1, *fields))


def test_R1_a_run_begins_with_what_its_first_event_says():
    run = drive(flow(sequence="a", inputs=inputs(x=1)), number=3)

    state = run.state
    assert (state.id, state.number, state.status) == ("r1", 3, "running")
    assert (state.inputs, state.shared) == ({"x": 1}, {"x": 1})
    assert state.started_at == state.active_at == STARTED_AT + 0.5


def test_R1_the_number_of_the_last_event_is_kept():
    run = drive(flow(sequence="a")).play()

    assert run.state.seq == len(run.events) == run.events[-1].seq


def test_R1_the_shared_state_is_the_runs_own():
    given = {"x": 1}
    run = drive(flow(inputs=inputs(x=0)), given=given)

    run.state.shared["x"] = 2

    assert (given, run.state.inputs) == ({"x": 1}, {"x": 1})


def test_R2_a_rerun_adds_an_attempt_and_keeps_the_old_one():
    run = drive(flow(sequence="a")).play()
    old = newest(run)

    run.rerun((0, 0))
    run.complete("a", value="new")

    attempts = run.state.action((0, 0)).attempts
    assert [one.output for one in attempts] == ["a 1", "new"]
    assert attempts[0] is old


def test_R2_the_newest_attempt_gives_an_action_its_status():
    run = drive(flow("a >> c, b >> c", joins={"c": "no_wait"}))
    run.complete("a")
    run.complete("b")

    run.settle((1, 0, 1), Fail())

    assert run.actions["c"] == ["running"]


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (ev.ActionCompleted, ("late", "d", (), None, None, None, 5, None, None, None)),
        (ev.ActionFailed, (ev.Failure("late", "late"), 5)),
        (ev.ActionCanceled, ()),
    ],
)
def test_R3_an_attempt_that_has_settled_is_never_written_again(kind, fields):
    run = drive(flow(sequence="a")).play()

    late(run, kind, *fields)

    assert (newest(run).status, newest(run).output) == ("completed", "a 1")
    assert run.state.tokens == 7


def test_R4_chunks_are_joined_when_someone_looks():
    run = drive(flow(sequence="a"))

    run.chunk("a", "one ")
    run.chunk("a", "two")

    assert newest(run).parts == ["one ", "two"]
    assert (newest(run).text, newest(run).chars) == ("one two", 7)
    assert newest(run).first_chunk_at == run.events[-2].at


def test_R4_the_parts_of_a_settled_text_become_one():
    run = drive(flow(sequence="a"))
    run.chunk("a", "one ")
    run.chunk("a", "two")

    run.fail("a")

    assert newest(run).parts == ["one two"]


def test_an_output_that_was_not_streamed_is_shown_as_text():
    run = drive(flow(sequence="a"))

    run.complete("a", value={"a": [1]})

    assert newest(run).output == {"a": [1]}
    assert (newest(run).text, newest(run).chars) == ('{"a": [1]}', 10)


def test_an_empty_output_has_no_text():
    run = drive(flow(sequence="a"))

    run.complete("a", value="")

    assert newest(run).parts == []


def test_tokens_are_counted_over_all_attempts():
    run = drive(flow(sequence="a b")).play({(1, 0): Fail()})

    assert run.state.tokens == 7


def test_tokens_of_a_failed_call_count():
    run = drive(flow(sequence="a"))
    failure = ev.Failure("refusal", "No.", request_id="q1")

    run.record((ev.ActionFailed, 0, 0, 1, failure, 3))

    assert run.state.tokens == 3
    assert (newest(run).request_id, newest(run).error) == ("q1", failure)


def test_the_time_between_reruns_is_no_working_time():
    run = drive(flow(sequence="a")).play()
    first = run.state.active_seconds
    run.at += 3_600

    run.rerun((0, 0))
    run.play()

    assert run.state.active_at is None
    assert run.state.active_seconds == pytest.approx(2 * first, abs=1)


def test_a_rerun_opens_a_settled_run_again():
    run = drive(flow(sequence="a")).play()

    run.rerun((0, 0))

    assert (run.state.status, run.state.ended_at) == ("running", None)


def test_a_step_ends_when_its_last_open_visit_does():
    run = drive(flow("a >> c, b >> c", joins={"c": "no_wait"}))
    run.complete("a")
    run.complete("b")

    run.complete("c")
    assert run.state.steps[1].ended_at is None
    run.complete("c")

    assert run.state.steps[1].ended_at is not None


def test_edited_inputs_are_seen_by_what_runs_next():
    run = drive(flow(sequence="a", inputs=inputs(x=1, y=2))).play()

    run.revise_inputs(x=5)

    assert run.state.inputs == run.state.shared == {"x": 5, "y": 2}


def test_a_failure_reads_as_two_sentences():
    assert str(ev.Failure("quota", "No credit.", "Add some.")) == "No credit. Add some."
    assert str(ev.Failure("quota", "No credit.")) == "No credit."
