"""Shared values in real runs: cast, refused, kept apart from the caller's own objects."""

from __future__ import annotations

import asyncio

import pytest

from flow_widgets import Chat, Flow, FlowRunner
from flow_widgets.actions.conditional import Conditional
from flow_widgets.actions.map import Map
from flow_widgets.actions.merge import Merge
from flow_widgets.actions.set_state import SetState
from flow_widgets.actions.transform import Transform
from flow_widgets.flow.declared import Slot
from flow_widgets.flow.model import Input
from flow_widgets.run import events as ev


async def ran(flow: Flow, provider=None, inputs=None):
    return await asyncio.wait_for(FlowRunner(flow, provider=provider).run_flow(inputs), 10)


async def test_a_value_is_set_by_path_and_read_with_its_type():
    steps = [
        SetState(values={"user.name": "Ada", "user.tags": ["a", "b"], "n": 2}),
        Transform(value={"all": "{{user}}", "tag": "{{user.tags.1}}", "text": "{{n}}!"}),
    ]

    run = await ran(Flow(steps=steps))

    user = {"name": "Ada", "tags": ["a", "b"]}
    assert run.output == {"all": user, "tag": "b", "text": "2!"}
    assert run.state == {"user": user, "n": 2}


async def test_an_output_and_parts_of_it_are_saved(provider):
    output = {"title": "Bees", "parts": [1, 2]}
    steps = [
        Transform(value=output, save_as="whole.copy"),
        Transform(value=output, save_as={"title": "title", "last": "parts.1"}),
    ]

    run = await ran(Flow(steps=steps))

    assert run.state == {"whole": {"copy": output}, "title": "Bees", "last": 2}


async def test_a_value_is_cast_to_its_slot():
    flow = Flow(
        state={"n": 0, "flag": False, "list": Slot(type="array")},
        steps=[SetState(values={"n": "42", "flag": "yes", "list": "[1]"})],
    )

    assert (await ran(flow)).state == {"n": 42, "flag": True, "list": [1]}


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (SetState(key="n", value="many"), "The shared value 'n' takes number, not str."),
        (SetState(key="n.x", value=1), "The shared value 'n.x' can't be set: int stands where 'x'"),
        (Transform(value={"a": 1}, save_as={"y": "b"}), "there is no 'b'"),
    ],
)
async def test_what_can_not_be_set_fails_the_action_and_sets_nothing(action, words):
    run = await ran(Flow(state={"n": 0}, steps=[action]))

    assert run.status == "failed"
    assert words in str(run.error)
    assert run.state == {"n": 0}


async def test_the_callers_inputs_and_the_runs_copy_are_kept_apart():
    given = {"user": {"name": "Ada", "tags": []}}
    flow = Flow(
        inputs={"user": Input(type="json")},
        steps=[SetState(key="user.name", value="Bob"), SetState(key="user.tags", value=[1])],
    )

    run = await ran(flow, inputs=given)
    run.state["user"]["name"] = "Eve"

    assert given == {"user": {"name": "Ada", "tags": []}}
    assert run.inputs == given
    assert run.state["user"] == {"name": "Bob", "tags": [1]}


async def test_old_events_do_not_change_with_the_state():
    events: list = []
    steps = [
        SetState(key="a.b", value=1),
        SetState(key="a.c", value=2),
        SetState(key="a.b", value=3),
    ]
    runner = FlowRunner(Flow(inputs={"a": {}}, steps=steps), observers=[events.append])

    await runner.run_flow()

    writes = [event.writes for event in events if type(event) is ev.ActionCompleted]
    assert writes == [(("a.b", 1),), (("a.c", 2),), (("a.b", 3),)]
    assert events[0].inputs == {"a": {}}


async def test_P10_items_that_set_the_same_value_are_told_once():
    body = [SetState(key="x", value="{{item}}")]

    run = await ran(Flow(steps=[Map(over=[1, 2, 3], body=body)]))

    told = [line.text for line in run.log if line.level == "warn"]
    assert told == ["'x' was set by several items; the value of the last one stands."]
    assert run.state["x"] == 3


async def test_a_branch_that_was_not_taken_leaves_the_other_ones_output(provider):
    flow = Flow(inputs={"x": 1})
    flow.add_step(Conditional(left="{{x}}", right=1), id="if")
    flow.add_step(Chat(prompt="yes"), id="a")
    flow.add_step(Chat(prompt="no"), id="b")
    flow.add_step(Chat(prompt="{{steps.a.output ?? steps.b.output}}"), id="c")
    flow.add_edge("if", "a", "true")
    flow.add_edge("if", "b", "false")
    flow.add_edge("a", "c")
    flow.add_edge("b", "c")

    assert (await ran(flow, provider)).output == "echo: echo: yes  "
    assert (await ran(flow, provider, {"x": 2})).output == "echo: echo: no  "


async def test_a_retry_by_edges_counts_in_the_shared_state():
    flow = Flow(state={"n": 0})
    flow.add_step(Merge(values=["{{n}}", 1], save_as="n"), id="count")
    flow.add_step(Conditional(left="{{n}}", operator="less_than", right=5), id="again")
    flow.add_step(Transform(value="{{n}}"), id="end")
    flow.add_edge("count", "again")
    flow.add_edge("again", "count", "true")
    flow.add_edge("again", "end", "false")

    run = await ran(flow)

    assert (run.status, run.output, run.state["n"]) == ("completed", 5, 5)
    assert len(run.steps["count"].actions[0].attempts) == 5
