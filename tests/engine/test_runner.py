"""The commands of a runner, and what its runs show."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from flow_widgets import Chat, Flow, FlowRunner
from flow_widgets.errors import (
    AlreadyRunning,
    FlowError,
    InvalidFlow,
    InvalidInputs,
    NoSuchStep,
    RunFailed,
)
from flow_widgets.run import events as ev
from flow_widgets.store.memory import MemoryStore


async def test_a_run_completes_with_the_outputs_of_every_action(provider, make_flow):
    flow = make_flow(["a", "b"], "c {{steps.0.actions.0.output}}")

    run = await FlowRunner(flow, provider=provider).run_flow()

    assert run.status == "completed"
    assert [a.output for a in run.steps[0].actions] == ["echo: a ", "echo: b "]
    assert run.output == "echo: c echo: a  "
    assert run.tokens == 9


async def test_the_actions_of_a_step_run_at_the_same_time_and_steps_one_after_the_other(
    provider, make_flow
):
    events = []
    runner = FlowRunner(make_flow(["a", "b"], "c"), provider=provider, observers=[events.append])

    await runner.run_flow()

    order = [
        (type(e), e.step, e.action)
        for e in events
        if type(e) in (ev.ActionStarted, ev.ActionCompleted)
    ]
    assert order[:2] == [(ev.ActionStarted, 0, 0), (ev.ActionStarted, 0, 1)]
    assert order.index((ev.ActionStarted, 1, 0)) > order.index((ev.ActionCompleted, 0, 1))
    assert provider.most == 2


async def test_events_are_numbered_without_gaps_and_carry_their_place(provider, make_flow):
    events = []
    run = FlowRunner(make_flow(["a", "b"]), provider=provider, observers=[events.append]).run_flow()

    seen = [event async for event in run]

    assert [event.seq for event in seen] == list(range(1, len(seen) + 1))
    assert seen == events
    assert {event.run_id for event in seen} == {run.id}
    chunks = [event for event in seen if type(event) is ev.ActionChunk]
    assert "".join(e.text for e in chunks if e.action == 1) == "echo: b "


async def test_flow_run_iterates_over_events(provider, make_flow):
    kinds = [type(event) async for event in make_flow("a").run(provider=provider)]

    assert kinds[0] is ev.FlowStarted
    assert kinds[-1] is ev.FlowCompleted


async def test_max_parallel_limits_the_actions_in_flight(provider, make_flow):
    runner = FlowRunner(make_flow(["a", "b", "c", "d", "e"]), provider=provider, max_parallel=2)

    run = await runner.run_flow()

    assert provider.most == 2
    assert run.status == "completed"


async def test_a_failing_action_leaves_its_siblings_and_keeps_its_partial_text(provider, make_flow):
    run = await FlowRunner(make_flow(["fail", "b"], "c"), provider=provider).run_flow()

    first, second = run.steps[0].actions
    assert (first.status, first.output, first.error.status) == ("failed", "echo: ", 500)
    assert (second.status, second.output) == ("completed", "echo: b ")
    assert (run.steps[1].status, run.steps[1].reason) == ("skipped", "step 0 failed")
    assert run.status == "failed"
    assert run.ended_at is not None


async def test_on_error_continue_runs_later_steps_and_the_run_still_fails(provider, make_flow):
    flow = make_flow("fail", "b", on_error="continue")

    run = await FlowRunner(flow, provider=provider).run_flow()

    assert [step.status for step in run.steps] == ["failed", "completed"]
    assert run.status == "failed"


async def test_a_partial_output_is_passed_on_with_a_warning(provider, make_flow):
    flow = make_flow("fail", "b {{steps.0.output}}", on_error="continue")

    run = await FlowRunner(flow, provider=provider).run_flow()

    assert run.output == "echo: b echo:  "
    assert any("partial output of 0, 0" in line.text for line in run.log if line.level == "warn")


async def test_run_flow_always_starts_a_new_run(provider, make_flow):
    runner = FlowRunner(make_flow("a"), provider=provider)

    first, second = await runner.run_flow(), await runner.run_flow()

    assert first is not second
    assert [run.number for run in runner.runs] == [1, 2]


async def test_a_reference_to_a_step_that_did_not_run_fails_before_anything_is_sent(
    provider, make_flow
):
    run = await FlowRunner(make_flow("a", "{{steps.0.output}}"), provider=provider).run_step(1)

    error = run.steps[1].actions[0].error
    assert error.kind == "missing_reference"
    assert "action 0, 0 has no output; it is pending. Run step 0 first." in str(error)
    assert provider.requests == []


async def test_a_retry_asked_for_by_an_observer_is_waited_for(provider, make_flow):
    runner = FlowRunner(make_flow("fail"), provider=provider)

    def retry(event):
        if type(event) is ev.FlowFailed:
            provider.failing = False
            runner.run_action(0, 0)

    runner.observers.append(retry)
    run = await asyncio.wait_for(runner.run_flow(), 5)

    assert [a.status for a in run.steps[0].actions[0].attempts] == ["failed", "completed"]


def test_a_run_that_its_loop_left_behind_is_canceled(provider, make_flow):
    runner = FlowRunner(
        make_flow(["hold 1", "hold 2", "hold 3"]), provider=provider, max_parallel=1
    )

    async def leave():
        runner.run_flow()
        await asyncio.sleep(0)

    asyncio.run(leave())

    assert runner.run.status == "canceled"
    assert runner.run.cancel().result() is runner.run


async def test_an_internal_mistake_settles_the_run_and_is_told(provider, make_flow, monkeypatch):
    runner = FlowRunner(make_flow("a"), provider=provider)
    monkeypatch.setattr("flow_widgets.engine.execution.plan", lambda state, event: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        runner.run_flow()

    assert (runner.run.status, runner.is_running) == ("failed", False)


def test_a_limit_below_one_is_refused(make_flow):
    with pytest.raises(FlowError, match="it must be 1 or more"):
        FlowRunner(make_flow("a"), max_parallel=0)


async def test_canceling_without_a_run_can_be_awaited(make_flow):
    stopped = FlowRunner(make_flow("a")).cancel()

    assert await stopped is None
    assert not stopped


async def test_cancel_keeps_the_partial_text_and_closes_the_stream(provider, make_flow):
    run = FlowRunner(make_flow(["hold on", "b"], "c"), provider=provider).run_flow()
    async for event in run:
        if type(event) is ev.ActionCompleted:
            run.cancel()
            run.cancel()

    await run

    assert run.status == "canceled"
    assert run.steps[0].actions[0].output == "echo: "
    assert [a.status for a in run.steps[0].actions] == ["canceled", "completed"]
    assert (run.steps[1].status, run.steps[1].reason) == ("skipped", "the run was canceled")
    assert provider.closed == 1


async def test_canceling_a_settled_run_changes_nothing(provider, make_flow):
    run = await FlowRunner(make_flow("a"), provider=provider).run_flow()
    before = run.status, run.ended_at, len(run.log)

    run.cancel()

    assert (run.status, run.ended_at, len(run.log)) == before


async def test_canceling_the_wait_cancels_the_run(provider, make_flow):
    run = FlowRunner(make_flow("hold"), provider=provider).run_flow()

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(run, 0.05)

    assert run.status == "canceled"


async def test_cancel_skips_what_waits_for_a_free_place(provider, make_flow):
    runner = FlowRunner(make_flow(["hold 1", "hold 2"]), provider=provider, max_parallel=1)
    run = runner.run_flow()
    await asyncio.sleep(0)

    run.cancel()
    await run

    assert [a.status for a in run.steps[0].actions] == ["canceled", "skipped"]
    assert run.steps[0].status == "canceled"


async def test_an_observer_that_raises_is_logged_once_and_the_run_goes_on(provider, make_flow):
    def grumble(event):
        raise ValueError("no")

    run = await FlowRunner(make_flow("a"), provider=provider, observers=[grumble]).run_flow()

    warnings = [line.text for line in run.log if line.level == "warn"]
    assert run.status == "completed"
    assert len(warnings) == 1
    assert warnings[0].endswith("grumble raised ValueError: no")


@pytest.mark.parametrize("kind", [ev.ActionChunk, ev.ActionCompleted])
def test_an_interrupt_of_an_observer_cancels_the_run_and_goes_on_to_the_user(
    provider, make_flow, kind
):
    def interrupted(event):
        if type(event) is kind:
            raise KeyboardInterrupt

    runner = FlowRunner(make_flow(["a", "hold"], "b"), provider=provider, observers=[interrupted])

    with pytest.raises(KeyboardInterrupt):
        runner.run_flow_sync()

    assert runner.run.status == "canceled"
    assert runner.run.steps[1].status == "skipped"


async def test_an_observer_may_cancel_the_run_it_observes(provider, make_flow):
    runner = FlowRunner(make_flow("hold", "b"), provider=provider)
    runner.observers.append(
        lambda event: runner.cancel() if type(event) is ev.ActionChunk else None
    )
    events = []
    runner.observers.append(events.append)

    run = await runner.run_flow()

    assert run.status == "canceled"
    assert [event.seq for event in events] == list(range(1, len(events) + 1))


async def test_a_store_is_told_before_the_observers(provider, make_flow):
    class Telling(MemoryStore):
        def __call__(self, event):
            told.append("store")
            super().__call__(event)

    told = []
    runner = FlowRunner(
        make_flow("a"),
        provider=provider,
        store=Telling(),
        observers=[lambda event: told.append("observer")],
    )

    await runner.run_flow()

    assert told[:2] == ["store", "observer"]


async def test_two_runners_do_not_mix_their_outputs(provider, make_flow):
    one = FlowRunner(make_flow("one"), provider=provider)
    two = FlowRunner(make_flow("two"), provider=provider)

    first, second = one.run_flow(), two.run_flow()
    await asyncio.gather(first._settled(), second._settled())

    assert (first.output, second.output) == ("echo: one ", "echo: two ")


async def test_a_flow_without_steps_and_a_step_without_actions_complete(provider):
    empty = await FlowRunner(Flow(), provider=provider).run_flow()
    bare = await FlowRunner(Flow(steps=[[], []]), provider=provider).run_flow()

    assert (empty.status, empty.output) == ("completed", None)
    assert (bare.status, [s.status for s in bare.steps]) == ("completed", ["completed"] * 2)


async def test_a_second_command_waits_its_turn(provider, make_flow):
    runner = FlowRunner(make_flow("hold"), provider=provider)
    run = runner.run_flow()

    for command in (runner.run_flow, lambda: runner.run_step(0), runner.run_stale):
        with pytest.raises(AlreadyRunning, match="Wait for it, or cancel it"):
            command()

    run.cancel()
    await run


async def test_problems_are_listed_before_anything_is_sent(provider, make_flow):
    flow = make_flow("a {{topc}}", "{{steps.7.output}}", inputs={"topic": "x"})

    with pytest.raises(InvalidFlow) as caught:
        FlowRunner(flow, provider=provider).run_flow()

    assert [problem.place for problem in caught.value.problems] == [
        "steps[0].actions[0].prompt",
        "steps[1].actions[0].prompt",
    ]
    assert provider.requests == []


async def test_inputs_are_checked_before_anything_is_sent(provider, make_flow):
    runner = FlowRunner(make_flow("{{topic}}", inputs=["topic"]), provider=provider)

    with pytest.raises(InvalidInputs, match="'topic' must be given"):
        runner.run_flow()
    with pytest.raises(InvalidInputs, match="Did you mean 'topic'"):
        runner.run_flow({"topik": "x"})
    assert runner.runs == []


async def test_a_flow_without_key_and_provider_says_what_to_do(make_flow):
    with pytest.raises(InvalidFlow) as caught:
        FlowRunner(make_flow("a")).run_flow()

    assert "provider='offline'" in str(caught.value).replace('"', "'")


async def test_a_missing_model_is_a_problem_with_its_place(provider, make_flow):
    provider.default_model = None

    problems = FlowRunner(make_flow("a"), provider=provider).check()

    assert [problem.place for problem in problems] == ["steps[0].actions[0].model"]


async def test_the_model_of_the_flow_is_that_of_actions_that_name_none(provider):
    flow = Flow(model="m-2", steps=[[Chat(prompt="a"), Chat(prompt="b", model="m-3")]])

    await FlowRunner(flow, provider=provider).run_flow()

    assert sorted(request.model for request in provider.requests) == ["m-2", "m-3"]


@pytest.mark.parametrize(
    ("step", "message"), [(7, "the flow has 2 steps"), ("x", "the flow has 2")]
)
async def test_an_unknown_step_is_named_with_the_number_of_steps(
    provider, make_flow, step, message
):
    with pytest.raises(NoSuchStep, match=message) as caught:
        FlowRunner(make_flow("a", "b"), provider=provider).run_step(step)

    assert isinstance(caught.value, IndexError)


async def test_steps_and_actions_can_be_called_by_name(provider):
    flow = Flow(steps=[[Chat(prompt="a", name="First"), Chat(prompt="b", name="Second")]])
    runner = FlowRunner(flow, provider=provider)

    run = await runner.run_action(0, "Second")

    assert run.steps["s0"].actions["Second"].output == "echo: b "
    assert run.steps[-1].actions["second"].status == "completed"
    with pytest.raises(NoSuchStep, match="there are 2 actions"):
        run.steps[0].actions["third"]


def test_a_command_outside_a_loop_names_the_sync_form(provider, make_flow):
    with pytest.raises(FlowError, match="run_flow_sync"):
        FlowRunner(make_flow("a"), provider=provider).run_flow()


def test_the_sync_forms_run_to_the_end(provider, make_flow):
    flow = make_flow(["a {{x}}", "b"], "{{steps.0.actions.0.output}}", inputs={"x": 1})
    runner = FlowRunner(flow, provider=provider)

    run = runner.run_flow_sync({"x": 2})
    runner.run_step_sync(0)
    runner.run_action_sync(0, 1)
    runner.revise_inputs({"x": 3})
    runner.run_stale_sync()

    assert run.status == "completed"
    assert [len(a.attempts) for a in run.steps[0].actions] == [3, 3]


NESTED = """
import asyncio
from flow_widgets import Chat, Flow, FlowRunner

async def main():
    flow = Flow(steps=[Chat(prompt="nested", model="offline/echo")])
    print(FlowRunner(flow, provider="offline").run_flow_sync().output)

asyncio.run(main())
"""


def test_the_sync_form_works_inside_a_running_loop():
    """In a process of its own: nest_asyncio changes asyncio for good."""
    done = subprocess.run(
        [sys.executable, "-c", NESTED], capture_output=True, text=True, timeout=60, check=False
    )

    assert (done.stdout.strip(), done.returncode) == ("nested", 0), done.stderr


async def test_raise_for_status_raises_only_what_did_not_complete(provider, make_flow):
    good = await FlowRunner(make_flow("a"), provider=provider).run_flow()
    bad = await FlowRunner(make_flow("fail"), provider=provider).run_flow()

    assert good.raise_for_status() is good
    with pytest.raises(RunFailed, match=r"Run 1 failed. The server failed \(500\). Retry."):
        bad.raise_for_status()


async def test_times_are_aware_and_durations_add_up(provider, make_flow):
    clock = iter(float(n) for n in range(1000))
    runner = FlowRunner(make_flow("a", "b"), provider=provider, clock=lambda: next(clock))

    run = await runner.run_flow()

    assert run.started_at == datetime.fromtimestamp(0, UTC)
    steps = [step.seconds for step in run.steps]
    assert run.seconds >= sum(steps)
    assert all(step.seconds >= step.actions[0].seconds for step in run.steps)


async def test_the_log_has_a_line_for_each_fact_and_one_growing_line_for_an_output(
    provider, make_flow
):
    run = await FlowRunner(make_flow("a"), provider=provider).run_flow()

    lines = [(line.level, line.text) for line in run.log if line.level != "debug"]
    assert [level for level, _ in lines] == ["info", "info", "out", "info", "info", "info"]
    assert lines[0][1] == "Run 1 started: 1 step, 1 action"
    assert run.log[3].attempt.text == "echo: a "


async def test_reprs_say_what_is_there(provider, make_flow):
    run = await FlowRunner(make_flow("a"), provider=provider).run_flow()

    assert repr(run).startswith("<Run 1 of 'Flow': completed, 1 step, ")
    assert repr(run.steps) == "[<Step 0 's0': completed>]"
    assert repr(run.steps[0].actions[0]) == "<Action 'a0': completed, 1 attempt>"
    assert repr(run.steps[0].actions[0].attempts) == "(<Attempt 1: completed, 8 characters>,)"


async def test_a_runner_closes_the_connections_of_its_providers(make_flow):
    async with FlowRunner(make_flow("a"), provider="offline") as runner:
        run = runner.run_flow()
        run.cancel()
        await run

    assert run.status == "canceled"
