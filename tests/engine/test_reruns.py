"""Running parts of a run again: attempts, staleness, edits between."""

from __future__ import annotations

import pytest

from flow_widgets import Chat, Flow, FlowRunner
from flow_widgets.errors import InvalidInputs, NothingToRun


async def test_a_rerun_of_a_step_adds_attempts_to_the_same_run(provider, make_flow):
    runner = FlowRunner(make_flow(["a", "b"], "c"), provider=provider)
    run = await runner.run_flow()

    again = await runner.run_step(0)

    assert again is run
    assert [len(a.attempts) for a in run.steps[0].actions] == [2, 2]
    assert len(run.steps[1].actions[0].attempts) == 1
    assert (run.status, len(runner.runs)) == ("completed", 1)


async def test_a_rerun_of_an_action_runs_only_that_action(provider, make_flow):
    runner = FlowRunner(make_flow(["a", "b"]), provider=provider)
    run = await runner.run_flow()

    await runner.run_action(0, 1)

    assert [len(a.attempts) for a in run.steps[0].actions] == [1, 2]
    assert run.steps[0].status == "completed"


async def test_run_step_without_a_run_runs_only_that_step(provider, make_flow):
    run = await FlowRunner(make_flow("a", "b"), provider=provider).run_step(1)

    assert [step.status for step in run.steps] == ["pending", "completed"]
    assert run.status == "completed"


async def test_a_changed_output_makes_what_used_it_stale_until_it_runs(provider, make_flow):
    flow = make_flow("a {{topic}}", "{{steps.0.output}}", "c", inputs={"topic": "x"})
    runner = FlowRunner(flow, provider=provider)
    run = await runner.run_flow()

    runner.revise_inputs({"topic": "y"})

    assert [step.actions[0].stale for step in run.steps] == [
        "inputs changed",
        "step 0 is stale",
        None,
    ]
    await runner.run_stale()
    assert [step.actions[0].stale for step in run.steps] == [None, None, None]
    assert [len(step.actions[0].attempts) for step in run.steps] == [2, 2, 1]
    assert run.steps[1].output == "echo: echo: a y  "


async def test_undoing_an_edit_makes_everything_fresh(provider, make_flow):
    flow = make_flow("a {{topic}}", "{{steps.0.output}}", inputs={"topic": "x"})
    runner = FlowRunner(flow, provider=provider)
    await runner.run_flow()

    runner.revise_inputs({"topic": "y"})
    runner.revise_inputs({"topic": "x"})

    assert runner.stale == []


async def test_an_equal_output_stops_a_rerun_of_stale_actions_early(provider):
    flow = Flow(steps=[Chat(prompt="a"), Chat(prompt="{{steps.0.output}}")])
    runner = FlowRunner(flow, provider=provider)
    run = await runner.run_flow()
    edited = Flow(steps=[Chat(prompt="a", temperature=0), Chat(prompt="{{steps.0.output}}")])

    runner.revise(edited)
    assert runner.stale == [(0, 0), (1, 0)]
    await runner.run_stale()

    assert [len(step.actions[0].attempts) for step in run.steps] == [2, 1]
    assert runner.stale == []


async def test_a_retry_that_works_lets_the_skipped_steps_run(provider, make_flow):
    runner = FlowRunner(make_flow("fail", "b", "c"), provider=provider)
    run = await runner.run_flow()
    provider.failing = False

    await runner.run_action(0, 0)
    assert runner.stale == [(1, 0), (2, 0)]
    await runner.run_stale()

    assert [step.status for step in run.steps] == ["completed"] * 3
    assert run.status == "completed"


async def test_a_step_added_after_a_run_records_its_result(provider, make_flow):
    runner = FlowRunner(make_flow("a"), provider=provider)
    run = await runner.run_flow()

    runner.revise(make_flow("a", "b"))
    await runner.run_step(1)

    assert [step.output for step in run.steps] == ["echo: a ", "echo: b "]


async def test_an_input_added_with_a_default_is_there_for_the_next_step_that_runs(
    provider, make_flow
):
    runner = FlowRunner(make_flow("a"), provider=provider)
    run = await runner.run_flow()

    runner.revise(make_flow("a", "{{tone}}", inputs={"tone": "calm"}))
    await runner.run_step(1)

    assert run.steps[1].output == "echo: calm "


async def test_inputs_of_a_rerun_are_merged_and_bad_ones_change_nothing(provider, make_flow):
    flow = make_flow("{{x}} {{y}}", inputs={"x": "a", "y": "b"})
    runner = FlowRunner(flow, provider=provider, inputs={"y": "mine"})
    run = await runner.run_flow()

    with pytest.raises(InvalidInputs):
        runner.run_step(0, {"z": 1})
    await runner.run_step(0, {"x": "new"})

    assert run.inputs == {"x": "new", "y": "mine"}
    assert runner.inputs == {"y": "mine"}


async def test_assigning_a_flow_is_a_revision(provider, make_flow):
    runner = FlowRunner(make_flow("a"), provider=provider)
    await runner.run_flow()

    runner.flow = make_flow("a", "b")
    await runner.run_step(1)

    assert runner.run.steps[1].output == "echo: b "


async def test_nothing_stale_is_said(provider, make_flow):
    with pytest.raises(NothingToRun):
        FlowRunner(make_flow("a"), provider=provider).run_stale()
