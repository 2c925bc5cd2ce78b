"""How a run is begun: by a trigger that is chosen, by the only one, with what it is handed."""

from __future__ import annotations

import asyncio

import pytest

from flow_widgets import Chat, Flow, FlowRunner
from flow_widgets.actions.start import Start
from flow_widgets.actions.transform import Transform
from flow_widgets.actions.webhook import Webhook
from flow_widgets.errors import FlowError, InvalidInputs, NoSuchStep
from flow_widgets.run import events as ev


def two() -> Flow:
    """Return a flow with two ways in, each with a step of its own behind it."""
    flow = Flow(inputs={"lang": "en"})
    flow.add_step(Start(takes={"text": {"type": "text"}}), id="form")
    flow.add_step(Start(takes={"text": "none", "n": 1}), id="nightly", name="Nightly")
    flow.add_step(Transform(value="{{text}} {{lang}}"), id="a")
    flow.add_step(Transform(value="{{n}} {{text}}"), id="b")
    flow.add_edge("form", "a")
    flow.add_edge("nightly", "b")
    return flow


async def ran(flow: Flow, inputs=None, **given):
    return await asyncio.wait_for(FlowRunner(flow).run_flow(inputs, **given), 10)


@pytest.mark.parametrize("chosen", ["form", 0])
async def test_P1_the_chosen_trigger_begins_the_run_and_the_others_are_skipped(chosen):
    run = await ran(two(), {"text": "hi"}, trigger_step=chosen)

    assert [(step.id, step.status) for step in run.steps] == [
        ("form", "completed"),
        ("nightly", "skipped"),
        ("a", "completed"),
        ("b", "skipped"),
    ]
    assert run.steps["a"].output == "hi en"
    assert run.steps["nightly"].reason == "step 0 began this run"
    assert run.status == "completed"


async def test_a_trigger_takes_its_defaults():
    run = await ran(two(), trigger_step="Nightly")

    assert run.steps["nightly"].output == {"text": "none", "n": 1}
    assert run.steps["b"].output == "1 none"


async def test_one_trigger_needs_not_be_chosen():
    flow = Flow()
    flow.add_step(Start(takes={"x": 1}))
    flow.add_step(Transform(value="{{x}}"))
    flow.add_edge(0, 1)
    events: list = []

    run = await FlowRunner(flow, observers=[events.append]).run_flow({"x": 3})

    assert (run.output, events[0].trigger) == (3, 0)


@pytest.mark.parametrize(
    ("given", "kind", "words"),
    [
        (
            {},
            FlowError,
            "This flow has 2 triggers: 'form', 'nightly'. Choose one: trigger_step='form'.",
        ),
        (
            {"trigger_step": "frm"},
            NoSuchStep,
            "There is no step 'frm': the flow has 4 steps. Did you mean 'form'?",
        ),
        (
            {"trigger_step": "a"},
            NoSuchStep,
            "Step 'a' is no trigger, and edges lead to it. "
            "The triggers of this flow: 'form', 'nightly'.",
        ),
        ({"trigger_step": "form"}, InvalidInputs, "'text' must be given. Pass inputs={'text': …}."),
        (
            {"trigger_step": "form", "inputs": {"txt": "x"}},
            InvalidInputs,
            "'txt' is no input of this flow. Did you mean 'text'?",
        ),
        (
            {"trigger_step": "form", "inputs": {"text": "x", "n": 1}},
            InvalidInputs,
            "'n' is no input of this flow. Known: 'text', 'lang'.",
        ),
    ],
)
async def test_what_can_not_begin_is_refused_before_anything_runs(given, kind, words):
    runner = FlowRunner(two())

    with pytest.raises(kind) as caught:
        runner.run_flow(**given)

    assert str(caught.value) == words
    assert runner.run is None


async def test_a_webhook_is_handed_its_request_through_the_inputs():
    flow = Flow()
    flow.add_step(Webhook(path="/hook"), id="hook")
    flow.add_step(Transform(value={"who": "{{body.name}}", "how": "{{method}}"}))
    flow.add_edge(0, 1)

    run = await ran(flow, {"body": {"name": "Ada"}, "method": "POST"})

    assert run.output == {"who": "Ada", "how": "POST"}


async def test_flow_run_takes_the_trigger_as_an_object(provider):
    flow, start = Flow(), Start(takes={"x": 1})
    flow.add_step(start)
    flow.add_step(Start())
    flow.add_step(Chat(prompt="{{x}}"))
    flow.add_edge(start, 2)

    events = [event async for event in flow.run({"x": 2}, trigger_step=start, provider=provider)]

    assert isinstance(events[-1], ev.FlowCompleted)
    assert provider.requests[0].messages[-1]["content"] == "2"


async def test_R9_the_trigger_of_a_run_follows_its_step_and_is_none_when_that_is_gone():
    flow = Flow(steps=[Start(id="one"), Transform(value=1, id="two")])
    runner = FlowRunner(flow)
    state = runner.execution(await runner.run_flow()).state
    assert state.trigger == 0

    runner.revise(Flow(steps=[Transform(value=0, id="zero"), *flow.steps]))
    assert state.trigger == 1

    runner.revise(Flow(steps=[flow.steps[1]]))
    assert state.trigger is None
