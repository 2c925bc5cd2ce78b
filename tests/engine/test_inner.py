"""Flows inside actions: their events, their ends, and what they see and set (T10, R11)."""

from __future__ import annotations

import asyncio

import pytest

from flow_widgets import Chat, Flow, FlowRunner
from flow_widgets.actions.loop import Loop
from flow_widgets.actions.map import Map
from flow_widgets.actions.set_state import SetState
from flow_widgets.actions.subflow import Subflow
from flow_widgets.actions.transform import Transform
from flow_widgets.run import events as ev
from flow_widgets.run.delta import Projection
from flow_widgets.run.reduce import reduce
from flow_widgets.run.state import AttemptState

ENDS = (ev.FlowCompleted, ev.FlowFailed, ev.FlowCanceled)


async def ran(flow: Flow, provider, **options):
    """Run a flow; return the run and its events."""
    events: list = []
    run = FlowRunner(flow, provider=provider, observers=[events.append], **options).run_flow()
    return await asyncio.wait_for(run, 10), events


def mapped(prompt: str, items: list, **given) -> Flow:
    return Flow(steps=[Map(over=items, body=[Chat(prompt=prompt)], **given)])


async def test_R11_events_of_inner_flows_have_their_path_and_fold_to_the_same_state(provider):
    inner = Loop(over=[1, 2], item="n", body=[Chat(prompt="{{item}}{{n}}")])
    flow = Flow(steps=[Map(over=["a", "b"], body=[inner]), Chat(prompt="{{steps.0.output}}")])

    run, events = await ran(flow, provider)

    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    begun = [event.path for event in events if type(event) is ev.FlowStarted]
    paths = [tuple(level.key for level in path) for path in begun]
    assert sorted(paths) == [(), (0,), (0, 0), (0, 1), (1,), (1, 0), (1, 1)]
    assert run.output == 'echo: [["echo: a1 ", "echo: a2 "], ["echo: b1 ", "echo: b2 "]] '
    state = None
    for event in events:
        state = reduce(state, event)
    assert state == run._execution.state


async def test_R11_an_inner_flow_begins_after_its_action_and_ends_before_it(provider):
    _, events = await ran(mapped("{{item}}", [1]), provider)

    kinds = [(type(event).__name__, len(event.path)) for event in events]
    started = kinds.index(("ActionStarted", 0))
    order = [("FlowStarted", 1), ("FlowCompleted", 1), ("ActionCompleted", 0), ("FlowCompleted", 0)]
    assert [started, *(kinds.index(one) for one in order)] == sorted(
        [started, *(kinds.index(one) for one in order)]
    )


async def test_iterating_ends_with_the_outer_flow_only(provider):
    flow = mapped("{{item}}", [1, 2])

    events = [event async for event in flow.run(provider=provider)]

    ends = [event for event in events if isinstance(event, ENDS)]
    assert [len(event.path) for event in ends] == [1, 1, 0]
    assert events[-1] is ends[-1]


async def test_P6_canceling_settles_inner_flows_first_and_nothing_comes_later(provider):
    runner = FlowRunner(mapped("hold {{item}}", [1, 2, 3]), provider=provider)
    events: list = []
    runner.observers.append(events.append)

    def cancel(event):
        if type(event) is ev.ActionChunk and provider.live == 3:
            runner.cancel()

    runner.observers.append(cancel)
    run = await asyncio.wait_for(runner.run_flow(), 10)

    assert run.status == "canceled"
    assert (provider.live, provider.closed) == (0, 3)
    ends = [event for event in events if isinstance(event, ENDS)]
    assert [(type(event), len(event.path)) for event in ends] == [
        *[(ev.FlowCanceled, 1)] * 3,
        (ev.FlowCanceled, 0),
    ]
    assert events[-1] is ends[-1]
    assert [event.seq for event in events] == list(range(1, len(events) + 1))


async def test_leaving_the_events_early_leaves_no_task(provider):
    before = asyncio.all_tasks()
    runner = FlowRunner(mapped("hold {{item}}", [1, 2]), provider=provider)
    run = runner.run_flow()

    async for event in run:
        if type(event) is ev.ActionChunk:
            run.cancel()
    await run

    assert asyncio.all_tasks() == before
    assert provider.live == 0


@pytest.mark.parametrize(
    "flow",
    [
        mapped("{{item}}", [1, 2, 3]),
        Flow(
            steps=[Map(over=[1, 2], body=[[Chat(prompt="a"), Chat(prompt="b")]]), Chat(prompt="c")]
        ),
    ],
)
async def test_one_at_a_time_a_map_does_not_wait_for_itself(provider, flow):
    run, _ = await ran(flow, provider, max_parallel=1)

    assert run.status == "completed"
    assert provider.most == 1


async def test_concurrency_limits_the_items_in_flight(provider):
    run, _ = await ran(mapped("{{item}}", [1, 2, 3, 4], concurrency=2), provider)

    assert provider.most == 2
    assert run.output == [f"echo: {n} " for n in (1, 2, 3, 4)]


@pytest.mark.parametrize(
    ("on_error", "status", "output"),
    [
        ("fail", "failed", ["echo: ok 1 ", None, "echo: ok 3 "]),
        ("keep", "completed", ["echo: ok 1 ", None, "echo: ok 3 "]),
        ("skip", "completed", ["echo: ok 1 ", "echo: ok 3 "]),
    ],
)
async def test_a_failing_item_never_stops_the_others(provider, on_error, status, output):
    run, _ = await ran(mapped("{{item}}", ["ok 1", "fail", "ok 3"], on_error=on_error), provider)

    action = run.steps[0].actions[0]
    assert (run.status, action.output) == (status, output)
    if on_error == "fail":
        assert action.error.what.startswith("1 of 3 items failed; item 1: 's0': The server failed")
    else:
        assert any("Item 1 failed" in line.text for line in run.log if line.level == "warn")


async def test_a_loop_hands_what_it_sets_to_the_next_iteration_and_outside_when_it_has_completed(
    provider,
):
    body = [Chat(prompt="{{total}}"), SetState(key="total", value="{{total}}{{item}}")]
    flow = Flow(
        state={"total": "-"}, steps=[Loop(over=["a", "b"], body=body), Chat(prompt="{{total}}")]
    )

    run, events = await ran(flow, provider)

    assert [request.messages[-1]["content"] for request in provider.requests] == ["-", "-a", "-ab"]
    assert run.state["total"] == "-ab"
    outside = [event for event in events if type(event) is ev.ActionCompleted and not event.path]
    assert outside[0].writes == (("total", "-ab"),)


async def test_a_loop_that_fails_sets_nothing_outside_and_keeps_what_it_had(provider):
    body = [SetState(key="n", value="{{index}}"), Chat(prompt="{{item}}")]
    run, _ = await ran(Flow(state={"n": 9}, steps=[Loop(over=["a", "fail"], body=body)]), provider)

    action = run.steps[0].actions[0]
    assert (run.status, run.state["n"]) == ("failed", 9)
    assert action.output == ["echo: a "]
    assert action.error.what.startswith("Iteration 1 failed: 's1': The server failed")


async def test_a_loop_goes_on_while_its_condition_holds(provider):
    condition = {"left": "{{index}}", "operator": "less_than", "right": "{{most}}"}
    flow = Flow(
        inputs={"most": 3}, steps=[Loop(condition=condition, body=[Chat(prompt="{{index}}")])]
    )

    run, _ = await ran(flow, provider)

    assert run.output == ["echo: 0 ", "echo: 1 ", "echo: 2 "]


async def test_a_loop_without_end_fails_at_its_limit(provider):
    loop = Loop(condition={"left": 1, "right": 1}, body=[Transform(value=1)], max_iterations=2)

    run, _ = await ran(Flow(steps=[loop]), provider)

    assert str(run.error) == (
        "The loop did not end within 2 iterations. Raise max_iterations, or see why it goes on."
    )


async def test_a_subflow_sees_its_inputs_only_and_sets_nothing_outside(provider):
    inner = Flow(inputs=["a"], steps=[SetState(key="x", value="inner"), Chat(prompt="{{a}} {{x}}")])
    steps = [SetState(key="x", value="outer"), Subflow(flow=inner, inputs={"a": "{{x}}"})]

    run, _ = await ran(Flow(steps=steps), provider)

    assert run.output == "echo: outer inner "
    assert run.state == {"x": "outer"}


async def test_T10_names_are_those_of_the_loop_then_shared_then_own_steps_then_around(provider):
    body = [
        Transform(value="own", id="near"),
        Chat(
            prompt="{{item}} {{shared}} {{steps.near.output}} {{steps.far.output}} {{inputs.given}}"
        ),
    ]
    steps = [
        Transform(value="far", id="far"),
        Transform(value="not this", id="near"),
        Loop(over=["i"], body=body),
    ]
    flow = Flow(inputs={"given": "g", "item": "hidden"}, state={"shared": "s"}, steps=steps)

    run, _ = await ran(flow, provider)

    assert run.output == ["echo: i s own far g "]


def test_an_interrupt_inside_a_map_cancels_the_run_and_goes_on_to_the_user(provider):
    runner = FlowRunner(mapped("hold {{item}}", [1, 2]), provider=provider)

    def interrupt(event):
        if type(event) is ev.ActionChunk:
            raise KeyboardInterrupt

    runner.observers.append(interrupt)
    with pytest.raises(KeyboardInterrupt):
        runner.run_flow_sync()

    assert runner.run.status == "canceled"
    assert provider.live == 0


async def test_a_rerun_of_a_map_adds_an_attempt_with_inner_runs_of_its_own(provider):
    runner = FlowRunner(mapped("{{item}}", [1, 2]), provider=provider)
    await runner.run_flow()

    run = await runner.run_step(0)

    attempts = run._execution.state.action((0, 0)).attempts
    assert [sorted(attempt.inner) for attempt in attempts] == [[0, 1], [0, 1]]
    assert attempts[0].inner[0] is not attempts[1].inner[0]


async def test_events_say_which_flow_and_viewers_are_told_where_it_runs():
    told = []
    flow = Flow(name="Outer", steps=[Loop(over=[1], body=[Transform(value="{{item}}")])])
    runner = FlowRunner(flow, observers=[told.append])

    run = await runner.run_flow()
    projection = Projection(runner.execution(run).state)
    projection.view()
    inner = next(one for one in told if one.path and one.action is not None)
    projection.note(inner)

    assert (told[0].flow_id, told[0].flow_name) == ("outer", "Outer")
    assert projection.touched == {(0, 0)}


def test_the_tokens_of_an_attempt_are_its_own_and_those_inside_it():
    def tokens(own, inside):
        attempt = AttemptState(1, 1, Transform(value=1), (), 0.0)
        attempt.total_tokens, attempt.inner_tokens = own, inside
        return attempt.tokens

    assert [tokens(*one) for one in [(None, None), (3, None), (None, 4), (3, 4)]] == [None, 3, 4, 7]
