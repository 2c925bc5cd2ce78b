from __future__ import annotations

import pytest
from driver import Done, Driver, Fail, drive, flow

from flow_widgets.run import events as ev
from flow_widgets.run.log import counted, seconds

NBSP = "\u00a0"


def lines(run: Driver) -> list[str]:
    return [line.text.replace(NBSP, " ") for line in run.state.log]


def completed(*, tokens=None, note=None) -> tuple:
    fields = (1, "x", "d", ("success",), None, None, None, tokens, "stop", None, note)
    return (ev.ActionCompleted, 0, 0, *fields)


def test_a_run_is_told_from_its_start_to_its_end():
    run = drive(flow(sequence="a", counts={"a": 2})).play({(0, 1): Done(chunks=("hi",))})

    assert lines(run) == [
        "Run 1 started: 1 step, 2 actions",
        "Step started: 2 actions in parallel",
        "Started probe",
        "Started probe",
        "Completed in 1.0 s, 7 tokens",
        "",
        "Completed in 1.5 s, 7 tokens, first chunk after 1.0 s",
        "Step completed in 3.0 s",
        "Run 1 completed in 4.0 s",
    ]


def test_the_output_of_an_attempt_is_one_line_that_grows():
    run = drive(flow(sequence="a"))

    run.chunk("a", "one")
    run.chunk("a", "two")

    out = [line for line in run.state.log if line.level == "out"]
    assert [line.attempt for line in out] == [run.state.action((0, 0)).newest]


def test_failures_are_errors_and_name_the_request():
    run = drive(flow(sequence="a"))

    failure = ev.Failure("server_error", "It broke.", "Retry.", request_id="q1")
    run.record((ev.ActionFailed, 0, 0, 1, failure, None))

    found = [(line.level, line.text) for line in run.state.log if line.level == "error"]
    assert found[0] == ("error", "It broke. Retry. Request q1.")
    assert found[1] == ("error", "Step failed: action 0, 0 failed")
    assert found[2][1].endswith(": step 0 failed")


def test_a_failure_without_a_request_names_none():
    run = drive(flow(sequence="a")).play({(0, 0): Fail()})

    assert "It broke." in lines(run)


def test_skipped_steps_say_why():
    run = drive(flow(sequence="a b")).play({(0, 0): Fail()})

    assert "Skipped: step 0 failed" in lines(run)


def test_a_cancel_says_what_was_kept():
    run = drive(flow(sequence="a", counts={"a": 2}), max_parallel=1)
    run.chunk("a", "kept")

    run.cancel()

    assert lines(run)[-5:] == [
        "Cancel requested",
        "Skipped: the run was canceled",
        "Canceled; 4 characters kept",
        "Step canceled after 3.0 s",
        "Run 1 canceled in 4.0 s",
    ]


def test_reruns_and_edits_are_told():
    texts = {"b": "{{steps.a.output}}"}
    edited = {"a": "edited", **texts}
    run = drive(flow(sequence="a b", texts=texts), targets=[(0, 0), (1, 0)]).play()
    before = len(run.state.log)

    run.revise(flow(sequence="a b", texts=edited))
    run.revise_inputs()
    run.rerun_stale()
    run.complete("a", value="a 1")
    run.rerun((0, 0))
    run.play()

    assert lines(run)[0] == "Run 1 started: 2 actions only"
    assert [
        text for text in lines(run)[before:] if "tarted" not in text and "ompleted" not in text
    ] == [
        "The flow was edited",
        "Stale: text changed",
        "Stale: step 0 is stale",
        "The inputs were edited",
        "Stale actions run again: 2 actions",
        "Fresh again: nothing it uses has changed",
        "Run again: 1 action",
        "Stale: step 0 ran again",
    ]
    assert "Started probe, attempt 2" in lines(run)


def test_an_action_that_names_a_model_is_told_with_it():
    run = drive(flow(sequence="a"))
    definition = run.state.graph.flow.steps[0].actions[0]

    run.record((ev.ActionStarted, 0, 0, 2, 1, definition, (), "gpt-4o"))

    assert lines(run)[-1] == "Started probe gpt-4o, attempt 2"


@pytest.mark.parametrize(
    ("note", "words"),
    [
        ("truncated", "cut off at the token limit"),
        ("refused", "the model refused to answer"),
        ("empty", "the output is empty"),
    ],
)
def test_an_output_that_is_not_what_one_would_expect_is_a_warning(note, words):
    run = drive(flow(sequence="a"))

    run.record(completed(note=note))

    warning = next(line for line in run.state.log if line.level == "warn")
    assert warning.text.replace(NBSP, " ") == f"Completed in 0.50 s, {words}"


def test_a_line_of_an_action_stands_at_its_place():
    run = drive(flow(sequence="a"))

    run.log("looked around", level="debug", place=(0, 0))

    line = run.state.log[-1]
    assert (line.level, line.text, line.step, line.action) == ("debug", "looked around", 0, 0)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0.00 s"),
        (0.414, "0.41 s"),
        (4.06, "4.1 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 0 s"),
        (125, "2 min 5 s"),
        (3_599.7, "1 h 0 min"),
        (3_840, "1 h 4 min"),
    ],
)
def test_durations_are_short(value, text):
    assert seconds(value).replace(NBSP, " ") == text


def test_counts_agree_with_their_noun():
    assert [counted(n, "step") for n in (0, 1, 2, 1_234)] == [
        "0 steps",
        "1 step",
        "2 steps",
        "1,234 steps",
    ]
