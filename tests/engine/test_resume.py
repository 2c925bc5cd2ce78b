"""Going on with a run that was cut off: nothing that completed is sent again (R14)."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from flow_widgets import Chat, Flow, FlowRunner
from flow_widgets.actions.conditional import Conditional
from flow_widgets.errors import (
    AlreadyRunning,
    BudgetSpent,
    FlowError,
    InvalidFlow,
    NothingToRun,
)
from flow_widgets.flow.limits import Budget
from flow_widgets.flow.model import Edge, Step
from flow_widgets.run import events as ev
from flow_widgets.run.reduce import reduce
from flow_widgets.store.memory import MemoryStore
from flow_widgets.store.sqlite import SQLiteStore


def left_behind(store, run_id: str) -> MemoryStore:
    """Return a store that holds of a run what a process that was killed just now would leave."""
    left = MemoryStore()
    for event in store.events(run_id):
        left(event)
    return left


def folded(events):
    state = None
    for event in events:
        state = reduce(state, event)
    return state


async def turn_until(is_so) -> None:
    async with asyncio.timeout(10):
        while not is_so():  # noqa: ASYNC110  # there is no event for it
            await asyncio.sleep(0)


async def test_R14_a_failed_run_goes_on_with_what_had_not_completed(provider, make_flow):
    runner = FlowRunner(
        make_flow(["a", "fail"], "c {{steps.0.actions.1.output}}"), provider=provider
    )
    run = await runner.run_flow()
    provider.failing = False

    assert await runner.resume() is run

    assert (run.status, run.output) == ("completed", "echo: c echo: fail  ")
    assert provider.counts == {"a": 1, "fail": 2, "c echo: fail ": 1}


async def test_R14_a_canceled_run_goes_on(provider, make_flow):
    runner = FlowRunner(make_flow("a", ["b", "wait"], "c"), provider=provider)
    run = runner.run_flow()
    await turn_until(lambda: run.steps[1].actions[0].status == "completed")
    await run.cancel()
    provider.released.set()

    await runner.resume()

    assert run.status == "completed"
    assert provider.counts == {"a": 1, "b": 1, "wait": 2, "c": 1}


@pytest.mark.parametrize("stop", range(1, 60, 3))
async def test_R14_a_run_that_was_cut_off_anywhere_repeats_only_what_had_not_completed(
    provider, make_flow, stop
):
    flow = make_flow(["a", "b"], ["c {{steps.0.actions.0.output}}", "d"], "e {{steps.1.output}}")
    store, events = MemoryStore(), []
    await FlowRunner(flow, provider=provider, store=store).run_flow()
    run_id = store.list()[0].id
    events = list(store.events(run_id))[:stop]
    left = MemoryStore()
    for event in events:
        left(event)
    done = {(one.step, one.action) for one in events if type(one) is ev.ActionCompleted}
    provider.requests.clear()
    runner = FlowRunner(flow, provider=provider, store=left)
    run = runner.reopen()

    if run.status == "completed":
        with pytest.raises(NothingToRun):
            runner.resume()
        return
    await runner.resume()

    assert run.status == "completed"
    assert len(provider.requests) == 5 - len(done)
    assert folded(left.events(run_id)) == run._execution.state


async def test_R14_resuming_twice_sends_nothing_twice(provider, make_flow):
    provider.fails["b"] = ["server_error", "server_error"]
    runner = FlowRunner(make_flow("a", "b", "c"), provider=provider)
    run = await runner.run_flow()

    await runner.resume()
    assert run.status == "failed"
    await runner.resume()

    assert run.status == "completed"
    assert provider.counts == {"a": 1, "b": 3, "c": 1}


async def test_R14_cycles_go_on_in_the_round_where_they_were(provider):
    provider.fails["b"] = ["server_error"]
    steps = (
        Step(id="a", actions=(Chat(prompt="a"),), join="no_wait"),
        Step(id="b", actions=(Chat(prompt="b"),)),
        Step(id="end", actions=(Conditional(left="{{steps.b.output}}", right="x"),)),
    )
    edges = (
        Edge(source="a", target="b"),
        Edge(source="b", target="end"),
        Edge(source="end", source_port="false", target="a"),
    )
    flow = Flow(steps=steps, edges=edges, max_iterations=3, retry={"max_attempts": 1})
    runner = FlowRunner(flow, provider=provider)
    run = await asyncio.wait_for(runner.run_flow(), 5)
    assert provider.counts == {"a": 1, "b": 1}

    await asyncio.wait_for(runner.resume(), 5)

    visits = [step.visit_count for step in run._execution.state.steps]
    assert visits[0] > 1
    assert provider.counts == {"a": visits[0], "b": visits[1] + 1}  # the visit that failed went on


async def test_a_resumed_visit_has_its_number(provider, make_flow):
    events: list = []
    runner = FlowRunner(make_flow(["a", "fail"]), provider=provider, observers=[events.append])
    await runner.run_flow()
    provider.failing = False

    await runner.resume()

    begun = [(one.visit, one.actions, one.resumed) for one in events if type(one) is ev.StepStarted]
    assert begun == [(1, (0, 1), False), (1, (1,), True)]


async def test_what_has_completed_can_not_be_resumed(provider, make_flow):
    runner = FlowRunner(make_flow("a"), provider=provider)
    with pytest.raises(NothingToRun, match="no run to go on with"):
        runner.resume()
    await runner.run_flow()

    with pytest.raises(NothingToRun, match="has completed"):
        runner.resume()


async def test_a_run_that_goes_on_can_not_be_resumed(provider, make_flow):
    runner = FlowRunner(make_flow("hold"), provider=provider)
    run = runner.run_flow()

    with pytest.raises(AlreadyRunning):
        runner.resume()

    await run.cancel()


async def test_a_flow_with_problems_is_not_resumed(provider, make_flow):
    runner = FlowRunner(make_flow("fail"), provider=provider)
    run = await runner.run_flow()
    seq = run._execution.state.seq
    runner._flow = make_flow("{{unknown.thing}}")

    with pytest.raises(InvalidFlow):
        runner.resume()

    assert run._execution.state.seq == seq


def test_resume_without_a_loop_is_refused_and_the_sync_form_works(provider, make_flow):
    runner = FlowRunner(make_flow("a", "fail"), provider=provider)
    run = runner.run_flow_sync()
    provider.failing = False
    with pytest.raises(FlowError, match="no running event loop"):
        runner.resume()

    assert runner.resume_sync() is run

    assert run.status == "completed"
    assert provider.counts == {"a": 1, "fail": 2}


_SYNC_INSIDE = """
import asyncio
from flow_widgets import Chat, Flow, FlowRunner
from flow_widgets.errors import ProviderError

class Provider:
    name, default_model, calls = "p", "m", []
    def check(self): pass
    async def chat(self, request, on_text):
        from flow_widgets.providers.base import ChatResult
        prompt = request.messages[-1]["content"]
        self.calls.append(prompt)
        await asyncio.sleep(0)
        if self.calls.count("b") == 1 and prompt == "b":
            raise ProviderError("bad_request", "No.")
        on_text(prompt)
        return ChatResult("stop")
    async def close(self): pass

async def main():
    runner = FlowRunner(Flow(steps=[Chat(prompt="a"), Chat(prompt="b")]), provider=Provider(), store=None)
    runner.run_flow_sync()
    run = runner.resume_sync()
    print(run.status, *Provider.calls)

asyncio.run(main())
"""


def test_the_sync_form_works_inside_a_running_loop():
    command = [sys.executable, "-c", _SYNC_INSIDE]
    found = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert (found.stdout.split(), found.returncode) == (["completed", "a", "b", "b"], 0), (
        found.stderr
    )


# Of work on chosen actions.


async def test_R14_a_rerun_that_was_cut_off_goes_on_with_its_own_actions(provider, make_flow):
    runner = FlowRunner(make_flow(["a", "wait"], "c"), provider=provider)
    provider.released.set()
    run = await runner.run_flow()
    provider.released.clear()
    rerun = runner.run_step(0)
    await turn_until(lambda: run.steps[0].actions[0].status == "completed" and provider.live)
    await rerun.cancel()
    provider.released.set()

    await runner.resume()

    assert run.status == "completed"
    assert provider.counts == {"a": 2, "wait": 3, "c": 1}


async def test_R14_after_the_rerun_of_a_failed_step_the_run_itself_goes_on(provider, make_flow):
    runner = FlowRunner(make_flow("a", "fail", "c"), provider=provider)
    run = await runner.run_flow()
    provider.failing = False
    await runner.run_step(1)
    assert run.steps[2].status == "skipped"

    await runner.resume()

    assert run.status == "completed"
    assert provider.counts == {"a": 1, "fail": 2, "c": 1}


async def test_R14_a_run_of_one_step_is_resumed_as_such(provider, make_flow):
    runner = FlowRunner(make_flow("fail", "b"), provider=provider)
    run = await runner.run_step(0)
    provider.failing = False

    await runner.resume()

    assert [step.status for step in run.steps] == ["completed", "pending"]
    assert provider.counts == {"fail": 2}


async def test_a_run_of_one_step_that_was_edited_by_hand_has_nothing_left(provider, make_flow):
    runner = FlowRunner(make_flow("fail", "b"), provider=provider)
    await runner.run_step(0)
    runner.edit_output(0, 0, "mine")

    with pytest.raises(NothingToRun):
        runner.resume()


# Edits and budgets in between.


async def test_R14_edits_hold_for_what_is_resumed(provider, make_flow):
    runner = FlowRunner(make_flow("a", "fail"), provider=provider)
    run = await runner.run_flow()
    ids = [step.actions[0].id for step in runner.flow.steps]
    edited = [
        step.model_copy(update={"actions": (Chat(id=one, prompt=prompt),)})
        for step, one, prompt in zip(runner.flow.steps, ids, ("a", "better"), strict=True)
    ]

    runner.revise(runner.flow.model_copy(update={"steps": tuple(edited)}))
    await runner.resume()

    assert (run.status, run.output) == ("completed", "echo: better ")
    assert provider.counts == {"a": 1, "fail": 1, "better": 1}


async def test_a_larger_budget_holds_until_another_is_given(provider, make_flow):
    runner = FlowRunner(make_flow("a", "fail"), provider=provider, budget={"tokens": 3})
    run = await runner.run_flow()
    assert run.status == "canceled"
    with pytest.raises(BudgetSpent):
        runner.resume()

    await runner.resume({"tokens": 1000})
    assert (run.status, run.budget) == ("failed", Budget(tokens=1000))
    provider.failing = False
    await runner.resume()

    assert (run.status, run.budget) == ("completed", Budget(tokens=1000))
    await runner.run_step(1)
    assert run.budget == Budget(tokens=1000)


async def test_a_new_budget_of_the_runner_holds_for_what_is_resumed(provider, make_flow):
    runner = FlowRunner(make_flow("a", "b"), provider=provider, budget={"tokens": 3})
    run = await runner.run_flow()
    runner.budget = Budget(tokens=500)

    await runner.resume()

    assert (run.status, run.budget) == ("completed", Budget(tokens=500))


# From observers, and what readers see.


async def test_an_observer_can_resume_as_it_hears_of_the_failure(provider, make_flow):
    store = MemoryStore()
    runner = FlowRunner(make_flow("a", "fail", "c"), provider=provider, store=store)

    def again(event):
        if type(event) is ev.FlowFailed:
            provider.failing = False
            runner.resume()

    runner.observers.append(again)

    run = await asyncio.wait_for(runner.run_flow(), 5)

    assert run.status == "completed"
    assert provider.counts == {"a": 1, "fail": 2, "c": 1}
    kept = list(store.events(run.id))
    assert [event.seq for event in kept] == list(range(1, len(kept) + 1))
    assert folded(kept) == run._execution.state
    assert store.info(run.id).owner is None


async def test_a_reader_of_the_events_sees_the_resumed_part(provider, make_flow):
    store = MemoryStore()
    runner = FlowRunner(make_flow("a", "fail"), provider=provider, store=store)
    run = runner.run_flow()
    first = [event async for event in run]
    provider.failing = False

    second = [event async for event in runner.resume()]

    assert [event.seq for event in (*first, *second)] == list(
        range(1, len(first) + len(second) + 1)
    )
    assert type(second[0]) is ev.FlowResumed
    assert list(store.events(run.id)) == first + second


async def test_events_of_a_flow_are_read_while_they_are_kept(provider, make_flow, tmp_path):
    store = SQLiteStore(tmp_path / "runs.db")

    events = [event async for event in make_flow("a").run(provider=provider, store=store)]

    assert [type(event) for event in store.events(events[0].run_id)] == [type(e) for e in events]
    store.close()


async def test_leaving_the_events_early_cancels_the_run_and_keeps_that(
    provider, make_flow, tmp_path
):
    store = SQLiteStore(tmp_path / "runs.db")
    run = make_flow("hold").run(provider=provider, store=store)

    async for event in (events := run.__aiter__()):
        if type(event) is ev.ActionChunk:
            break
    await events.aclose()
    await run

    assert store.info(run.id).status == "canceled"
    assert list(store.events(run.id))[-1].seq == run._execution.state.seq
    store.close()


async def test_many_parallel_actions_and_retries_leave_a_gapless_log(provider, at_once, tmp_path):
    store = SQLiteStore(tmp_path / "runs.db")
    prompts = [f"p{number}" for number in range(200)]
    for prompt in prompts[::3]:
        provider.fails[prompt] = ["rate_limit" if prompt.endswith("0") else "server_error"]
    flow = Flow(
        steps=[
            [Chat(prompt=one) for one in prompts[:100]],
            [Chat(prompt=one) for one in prompts[100:]],
        ]
    )
    runner = FlowRunner(flow, provider=provider, store=store, chance=at_once, max_parallel=16)
    seen: list = []
    runner.observers.append(seen.append)

    run = await asyncio.wait_for(runner.run_flow(), 60)

    kept = list(store.events(run.id))
    assert [event.seq for event in kept] == list(range(1, len(seen) + 1))
    assert [type(event) for event in kept if type(event) is not ev.ActionChunk] == [
        type(event) for event in seen if type(event) is not ev.ActionChunk
    ]
    attempts = [one.text for step in folded(kept).steps for a in step.actions for one in a.attempts]
    assert attempts == [
        one.text for step in run._execution.state.steps for a in step.actions for one in a.attempts
    ]
    store.close()
