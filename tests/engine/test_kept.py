"""What was completed inside an action that was cut off is taken over when it runs again (R16)."""

from __future__ import annotations

import asyncio

import pytest

from flow_widgets import Chat, Flow, FlowRunner
from flow_widgets.actions.conditional import Conditional
from flow_widgets.actions.loop import Loop
from flow_widgets.actions.map import Map
from flow_widgets.actions.set_state import SetState
from flow_widgets.actions.subflow import Subflow
from flow_widgets.flow.declared import Slot
from flow_widgets.flow.model import Edge, Step
from flow_widgets.run import events as ev
from flow_widgets.run.levels import inner_runs
from flow_widgets.store.memory import MemoryStore
from flow_widgets.store.sqlite import SQLiteStore

NONE = {"max_attempts": 1}


def runner_of(provider, action, **options) -> FlowRunner:
    options.setdefault("store", None)
    flow = action if isinstance(action, Flow) else Flow(steps=[action], retry=NONE)
    return FlowRunner(flow, provider=provider, **options)


def mapped(prompt: str = "{{item}}", **options) -> Map:
    options.setdefault("concurrency", 1)
    over = ["a", "b", "fail", "c"]
    return Map(over=over, body=Flow(steps=[Chat(prompt=prompt)], retry=NONE), **options)


def origins(run, *place: int) -> list[str]:
    action = run._execution.state.action(place or (0, 0))
    inner = inner_runs(action.attempts[-1])
    return [one.steps[0].actions[0].attempts[-1].origin for one in inner.values()]


async def test_R16_a_map_that_failed_takes_over_the_items_that_completed(provider):
    runner = runner_of(provider, mapped())
    run = await runner.run_flow()
    provider.failing = False

    await runner.resume()

    assert run.output == [f"echo: {one} " for one in ("a", "b", "fail", "c")]
    assert provider.counts == {"a": 1, "b": 1, "c": 1, "fail": 2}
    assert origins(run) == ["kept", "kept", "ran", "kept"]


async def test_R16_a_rerun_of_a_failed_action_takes_over_as_well(provider):
    runner = runner_of(provider, mapped())
    await runner.run_flow()
    provider.failing = False

    await runner.run_action(0, 0)

    assert provider.counts == {"a": 1, "b": 1, "c": 1, "fail": 2}


async def test_R16_an_automatic_retry_takes_over_as_well(provider, at_once):
    provider.fails["b"] = ["server_error", "server_error"]
    body = Flow(steps=[Chat(prompt="{{item}}")], retry={"max_attempts": 2})
    runner = runner_of(provider, Map(over=["a", "b", "c"], body=body), chance=at_once)

    run = await runner.run_flow()

    assert run.status == "failed"
    await runner.resume()
    assert run.status == "completed"
    assert provider.counts == {"a": 1, "b": 3, "c": 1}


async def test_R16_a_completed_map_is_made_anew_by_a_rerun(provider):
    provider.failing = False
    runner = runner_of(provider, mapped())
    run = await runner.run_flow()

    await runner.run_action(0, 0)

    assert set(provider.counts.values()) == {2}
    assert origins(run) == ["ran"] * 4


async def test_R16_a_canceled_map_goes_on_where_it_stood(provider):
    over = ["a", "b", "wait", "c"]
    runner = runner_of(provider, Map(over=over, body=[Chat(prompt="{{item}}")], concurrency=1))
    run = runner.run_flow()
    while provider.prompts[-1:] != ["wait"]:  # noqa: ASYNC110  # there is no event for it
        await asyncio.sleep(0)
    await run.cancel()
    provider.released.set()

    await runner.resume()

    assert run.status == "completed"
    assert provider.counts == {"a": 1, "b": 1, "wait": 2, "c": 1}


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_R16_an_interrupted_map_goes_on_in_another_process(provider, kind, tmp_path):
    store = MemoryStore() if kind == "memory" else SQLiteStore(tmp_path / "runs.db")
    over = ["a", "b", "wait", "c"]
    action = Map(over=over, body=[Chat(prompt="{{item}}")], concurrency=1)
    first = runner_of(provider, action, store=store)
    run = first.run_flow()
    while provider.prompts[-1:] != ["wait"]:  # noqa: ASYNC110  # there is no event for it
        await asyncio.sleep(0)
    copied = _left_behind(store, run.id)
    await run.cancel()
    provider.released.set()

    second = runner_of(provider, action, store=copied)
    assert second.reopen().status == "interrupted"
    again = await second.resume()

    assert again.output == [f"echo: {one} " for one in over]
    assert provider.counts == {"a": 1, "b": 1, "wait": 2, "c": 1}
    assert [type(event) for event in copied.events(run.id)].count(ev.FlowInterrupted) == 1
    store.close()


def _left_behind(store, run_id: str) -> MemoryStore:
    """Return a store that holds of a run what a process that was killed just now would leave."""
    left = MemoryStore()
    for event in store.events(run_id):
        left(event)
    return left


async def test_R16_a_loop_goes_on_in_the_round_where_it_failed(provider):
    body = Flow(steps=[Chat(prompt="{{item}}"), Chat(prompt="+ {{steps.0.output}}")], retry=NONE)
    runner = runner_of(provider, Loop(over=["a", "fail", "c"], body=body))
    run = await runner.run_flow()
    provider.failing = False

    await runner.resume()

    assert run.status == "completed"
    assert provider.counts["a"] == provider.counts["+ echo: a "] == 1
    assert provider.counts["fail"] == 2


async def test_R16_a_subflow_goes_on_with_the_step_that_failed(provider):
    body = Flow(steps=[Chat(prompt="a"), Chat(prompt="fail"), Chat(prompt="c")], retry=NONE)
    runner = runner_of(provider, Subflow(flow=body))
    run = await runner.run_flow()
    provider.failing = False

    await runner.resume()

    assert run.status == "completed"
    assert provider.counts == {"a": 1, "fail": 2, "c": 1}


async def test_R16_flows_inside_flows_take_over_on_every_level(provider):
    innermost = Flow(steps=[Chat(prompt="{{item}}{{n}}")], retry=NONE)
    inner = Map(over=[1, 2], item="n", body=innermost)
    outer = Map(over=["a", "fail"], body=Flow(steps=[inner], retry=NONE), concurrency=1)
    runner = runner_of(provider, outer)
    run = await runner.run_flow()
    provider.failing = False

    await runner.resume()

    assert run.status == "completed"
    assert provider.counts == {"a1": 1, "a2": 1, "fail1": 2, "fail2": 2}
    await runner.run_action(0, 0)
    assert provider.counts == {"a1": 2, "a2": 2, "fail1": 3, "fail2": 3}


async def test_R16_a_second_cut_takes_over_what_the_first_rerun_had(provider):
    provider.fails["c"] = ["server_error"]
    runner = runner_of(provider, mapped())
    run = await runner.run_flow()
    await runner.resume()
    assert run.status == "failed"
    provider.failing = False

    await runner.resume()

    assert run.status == "completed"
    assert provider.counts == {"a": 1, "b": 1, "fail": 3, "c": 2}


async def test_R16_an_edited_body_is_run_anew_where_it_differs(provider):
    runner = runner_of(provider, mapped())
    await runner.run_flow()
    provider.failing = False
    edited = mapped("please {{item}}").model_copy(update={"id": runner.flow.steps[0].actions[0].id})
    step = runner.flow.steps[0].model_copy(update={"actions": (edited,)})

    runner.revise(runner.flow.model_copy(update={"steps": (step,)}))
    run = await runner.resume()

    assert origins(run) == ["ran"] * 4
    assert provider.counts["please a"] == 1


async def test_R16_another_list_takes_over_what_is_asked_in_the_same_words(provider):
    runner = runner_of(provider, Map(over=["a", "b", "fail"], body=[Chat(prompt="{{item}}")]))
    runner.revise(Flow(steps=[Map(id="m", over="{{list}}", body=[Chat(prompt="{{item}}")])]))
    runner.revise(
        Flow(
            steps=[
                Map(id="m", over="{{list}}", body=Flow(steps=[Chat(prompt="{{item}}")], retry=NONE))
            ],
            inputs={"list": {"type": "json"}},
        )
    )
    run = await runner.run_flow({"list": ["a", "b", "fail"]})

    await runner.run_action(0, 0, {"list": ["a", "x", "y"]})

    assert run.output == ["echo: a ", "echo: x ", "echo: y "]
    assert origins(run) == ["kept", "ran", "ran"]


async def test_R16_what_an_inner_action_reads_from_outside_is_looked_at(provider):
    innermost = Flow(steps=[Chat(prompt="{{topic}} {{n}}")], retry=NONE)
    inner = Map(over=[1, 2], item="n", body=innermost)
    last = Chat(prompt="fail")
    outer = Map(over=["x"], body=Flow(steps=[inner, last], retry=NONE))
    flow = Flow(steps=[outer], inputs={"topic": {}}, retry=NONE)
    runner = runner_of(provider, flow)
    await runner.run_flow({"topic": "cats"})
    provider.failing = False

    await runner.run_action(0, 0, {"topic": "dogs"})

    assert provider.counts["dogs 1"] == provider.counts["dogs 2"] == 1
    assert provider.counts["cats 1"] == 1


async def test_R16_what_was_taken_over_sets_what_it_had_set(provider):
    body = Flow(steps=[SetState(values={"seen": "{{item}}"}), Chat(prompt="{{item}}")], retry=NONE)
    loop = Loop(over=["a", "fail"], body=body)
    runner = runner_of(provider, Flow(steps=[loop], state={"seen": Slot(type="text")}, retry=NONE))
    await runner.run_flow()
    provider.failing = False

    run = await runner.resume()

    assert (run.status, run.state["seen"]) == ("completed", "fail")
    assert provider.counts["a"] == 1


async def test_R16_each_round_of_a_cycle_is_made_anew(provider):
    provider.failing = True
    body = Flow(steps=[Chat(prompt="a"), Chat(prompt="fail")], retry=NONE)
    steps = (
        Step(id="m", actions=(Map(over=[1], body=body),), join="no_wait"),
        Step(id="again", actions=(Chat(prompt="again"),)),
    )
    edges = (
        Edge(source="m", source_port="error", target="again"),
        Edge(source="again", target="m"),
    )
    flow = Flow(steps=steps, edges=edges, max_iterations=2, retry=NONE)

    await asyncio.wait_for(runner_of(provider, flow).run_flow(), 10)

    assert provider.counts["a"] == provider.counts["fail"] > 1


async def test_R16_a_branch_inside_is_taken_again_without_a_call(provider):
    steps = (
        Step(id="ask", actions=(Chat(prompt="{{item}}"),)),
        Step(
            id="if",
            actions=(Conditional(left="{{item}}", operator="contains", right="a"),),
        ),
        Step(id="yes", actions=(Chat(prompt="yes {{item}}"),)),
        Step(id="no", actions=(Chat(prompt="fail"),)),
    )
    edges = (
        Edge(source="ask", target="if"),
        Edge(source="if", source_port="true", target="yes"),
        Edge(source="if", source_port="false", target="no"),
    )
    body = Flow(steps=steps, edges=edges, retry=NONE)
    runner = runner_of(provider, Map(over=["a", "b"], body=body))
    await runner.run_flow()
    provider.failing = False

    run = await runner.resume()

    assert run.status == "completed"
    assert provider.counts == {"a": 1, "yes a": 1, "b": 1, "fail": 2}


@pytest.mark.parametrize(
    ("before", "after", "sent"),
    [
        ((3, ""), (3, "please"), ["two 0 please", "two 1 please", "two 2 please"]),
        ((3, ""), (4, ""), ["one 3", "two 3 "]),
    ],
    ids=["an edited prompt", "one more item"],
)
async def test_of_a_stale_map_only_what_is_stale_inside_it_runs(provider, before, after, sent):
    def mapped(count, extra):
        body = Flow(steps=[Chat(prompt="one {{item}}"), Chat(prompt="two {{item}} " + extra)])
        return Flow(steps=[Map(id="m", over=list(range(count)), body=body)])

    runner = FlowRunner(mapped(*before), provider=provider, store=None)
    await runner.run_flow()
    earlier = len(provider.requests)

    runner.revise(mapped(*after))
    run = await runner.run_stale()

    assert run.status == "completed"
    assert sorted(one.messages[-1]["content"] for one in provider.requests[earlier:]) == sent
