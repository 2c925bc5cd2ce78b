"""Outputs taken from what the store keeps: only where exactly the same was sent before."""

from __future__ import annotations

import asyncio

import pytest

from flow_widgets import Chat, Flow, FlowRunner
from flow_widgets.actions.map import Map
from flow_widgets.errors import StoreLocked
from flow_widgets.flow.attachment import File
from flow_widgets.run import events as ev
from flow_widgets.store.memory import MemoryStore
from flow_widgets.store.sqlite import SQLiteStore

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}


@pytest.fixture(params=["memory", "sqlite"])
def store(request, tmp_path):
    made = MemoryStore() if request.param == "memory" else SQLiteStore(tmp_path / "runs.db")
    yield made
    made.close()


@pytest.fixture
def memory():
    return MemoryStore()


def runner_of(provider, store, *actions, **options) -> FlowRunner:
    flow = Flow(steps=list(actions), retry={"max_attempts": 1})
    return FlowRunner(flow, provider=provider, store=store, cache=True, **options)


def origins(run) -> list[str]:
    return [action.attempts[-1].origin for step in run.steps for action in step.actions]


async def test_an_equal_request_is_answered_by_the_cache_in_any_runner(provider, store):
    first = await runner_of(provider, store, Chat(prompt="a")).run_flow()

    second = await runner_of(provider, store, Chat(id="x", name="Else", prompt="a")).run_flow()

    attempt = second.steps[0].actions[0].attempts[0]
    assert (attempt.output, attempt.origin) == ("echo: a ", "cache")
    assert attempt._state.source == first.id
    assert (second.status, second.tokens, provider.counts["a"]) == ("completed", None, 1)


@pytest.mark.parametrize(
    "other",
    [
        {"prompt": "b"},
        {"system": "Be brief."},
        {"model": "model-2"},
        {"temperature": 0.5},
        {"max_tokens": 5},
        {"files": [File(name="a.txt", mime="text/plain", data="eA==")]},
        {"output_schema": SCHEMA},
    ],
    ids=lambda other: next(iter(other)),
)
async def test_whatever_is_sent_otherwise_is_no_hit(provider, memory, other):
    await runner_of(provider, memory, Chat(prompt="a", max_tokens=9)).run_flow()
    fields = {"prompt": "a", "max_tokens": 9, **other}

    run = await runner_of(provider, memory, Chat(**fields)).run_flow()

    assert origins(run) == ["ran"]
    assert len(provider.requests) == 2


@pytest.mark.parametrize("same", [{"retry": {"max_attempts": 2}}, {"budget": {"tokens": 1000}}])
async def test_what_is_not_sent_makes_no_difference(provider, memory, same):
    await runner_of(provider, memory, Chat(prompt="a")).run_flow()

    run = await runner_of(provider, memory, Chat(prompt="a", **same)).run_flow()

    assert origins(run) == ["cache"]


async def test_the_same_of_another_provider_is_no_hit(provider, memory):
    await runner_of(provider, memory, Chat(prompt="a")).run_flow()
    provider.name = "other"

    run = await runner_of(provider, memory, Chat(prompt="a")).run_flow()

    assert origins(run) == ["ran"]


async def test_files_count_by_their_content(provider, memory):
    def chat(data: str) -> Chat:
        return Chat(prompt="a", files=[File(name="a.txt", mime="text/plain", data=data)])

    await runner_of(provider, memory, chat("eA==")).run_flow()

    assert origins(await runner_of(provider, memory, chat("eA==")).run_flow()) == ["cache"]
    assert origins(await runner_of(provider, memory, chat("eQ==")).run_flow()) == ["ran"]


async def test_a_hit_answers_for_what_is_filled_in_not_for_what_is_written(provider, memory):
    runner = runner_of(provider, memory, Chat(prompt="{{word}}"))
    runner.revise(Flow(steps=[Chat(prompt="{{word}}")], inputs={"word": {}}))
    await runner.run_flow({"word": "a"})

    hit, miss = await runner.run_flow({"word": "a"}), await runner.run_flow({"word": "b"})

    assert (origins(hit), origins(miss)) == (["cache"], ["ran"])


async def test_force_makes_everything_anew_and_is_for_one_run(provider, memory):
    runner = runner_of(provider, memory, Chat(prompt="a"))
    await runner.run_flow()

    assert origins(await runner.run_flow(force=True)) == ["ran"]
    assert origins(await runner.run_flow()) == ["cache"]


async def test_without_the_option_nothing_is_taken(provider, memory):
    await runner_of(provider, memory, Chat(prompt="a")).run_flow()
    flow = Flow(steps=[Chat(prompt="a")])

    run = await FlowRunner(flow, provider=provider, store=memory).run_flow()

    assert origins(run) == ["ran"]


async def test_without_a_store_the_option_does_nothing(provider):
    runner = runner_of(provider, None, Chat(prompt="a"))
    await runner.run_flow()

    assert origins(await runner.run_flow()) == ["ran"]


async def test_failed_and_canceled_attempts_are_never_taken(provider, memory):
    runner = runner_of(provider, memory, Chat(prompt="fail"))
    await runner.run_flow()

    run = await runner.run_flow()

    assert (run.status, provider.counts["fail"]) == ("failed", 2)


async def test_edited_outputs_are_never_taken(provider, memory):
    runner = runner_of(provider, memory, Chat(prompt="a"))
    await runner.run_flow()
    runner.edit_output(0, 0, "mine")

    run = await runner.run_flow()

    assert (run.output, origins(run)) == ("echo: a ", ["cache"])


async def test_going_back_to_an_older_prompt_takes_its_output(provider, memory):
    runner = runner_of(provider, memory, Chat(id="x", prompt="a"))
    await runner.run_flow()
    runner.revise(Flow(steps=[Chat(id="x", prompt="b")]))
    await runner.run_stale()

    runner.revise(Flow(steps=[Chat(id="x", prompt="a")]))
    run = await runner.run_stale()

    assert (run.output, origins(run)) == ("echo: a ", ["kept"])
    assert provider.counts == {"a": 1, "b": 1}


async def test_an_output_whose_run_was_deleted_is_made_anew(provider, store):
    first = await runner_of(provider, store, Chat(prompt="a")).run_flow()
    store.delete([first.id])

    run = await runner_of(provider, store, Chat(prompt="a")).run_flow()

    assert origins(run) == ["ran"]


@pytest.mark.parametrize("how", ["action", "step"])
async def test_an_explicit_rerun_makes_an_output_anew(provider, memory, how):
    runner = runner_of(provider, memory, Chat(prompt="a"))
    await runner.run_flow()

    run = await (runner.run_action(0, 0) if how == "action" else runner.run_step(0))

    assert origins(run) == ["ran"]
    assert provider.counts["a"] == 2


async def test_an_explicit_rerun_of_a_map_makes_everything_in_it_anew(provider, memory):
    runner = runner_of(provider, memory, Map(over=[1, 2], body=[Chat(prompt="p{{item}}")]))
    await runner.run_flow()
    assert origins(await runner.run_flow()) == ["ran"]
    assert provider.counts == {"p1": 1, "p2": 1}

    await runner.run_action(0, 0)

    assert provider.counts == {"p1": 2, "p2": 2}


async def test_a_first_run_of_one_step_takes_what_there_is(provider, memory):
    await runner_of(provider, memory, Chat(prompt="a")).run_flow()

    run = await runner_of(provider, memory, Chat(prompt="a")).run_step(0)

    assert origins(run) == ["cache"]


async def test_resume_of_a_rerun_that_was_cut_off_makes_it_anew(provider, memory):
    runner = runner_of(provider, memory, Chat(prompt="wait"))
    provider.released.set()
    await runner.run_flow()
    provider.released.clear()
    run = runner.run_action(0, 0)
    while provider.live == 0:  # noqa: ASYNC110  # there is no event for it
        await asyncio.sleep(0)
    await run.cancel()
    provider.released.set()

    await runner.resume()

    assert origins(run) == ["ran"]
    assert provider.counts["wait"] == 3


async def test_a_reopened_run_uses_the_cache_of_its_runner(provider, memory):
    await runner_of(provider, memory, Chat(prompt="b")).run_flow()
    failing = runner_of(provider, memory, Chat(prompt="fail"), Chat(prompt="b"))
    await failing.run_flow()
    provider.failing = False
    again = runner_of(provider, memory, Chat(prompt="fail"), Chat(prompt="b"))
    again.reopen(failing.run.id)

    run = await again.resume()

    assert origins(run) == ["ran", "cache"]


async def test_a_store_that_can_not_be_read_is_no_reason_to_fail(provider):
    class Locked(MemoryStore):
        def recall(self, identity):
            raise StoreLocked("It is held.")

    run = await runner_of(provider, Locked(), Chat(prompt="a")).run_flow()

    assert (run.status, origins(run)) == ("completed", ["ran"])


async def test_a_hit_takes_no_place_at_the_gate_and_costs_nothing(provider, memory):
    provider.max_parallel = 1
    await runner_of(provider, memory, Chat(prompt="a")).run_flow()
    events: list = []

    run = await runner_of(
        provider,
        memory,
        [Chat(prompt="a"), Chat(prompt="a")],
        observers=[events.append],
        prices={"model-1": {"input": 1, "output": 1}},
        budget={"tokens": 2},
    ).run_flow()

    assert (run.status, run.cost_usd) == ("completed", None)
    assert [event for event in events if type(event) is ev.ActionHeld] == []
