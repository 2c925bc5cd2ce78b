from __future__ import annotations

import pytest
from context import FakeContext, faults, ran

from flow_widgets import Chat, Flow
from flow_widgets.actions.base import InnerRun
from flow_widgets.actions.set_state import SetState
from flow_widgets.actions.start import Start
from flow_widgets.actions.subflow import Subflow, SubflowFailed
from flow_widgets.flow.binding import uses

INNER = Flow(
    name="Sum up", inputs={"text": {"type": "text"}, "most": 3}, steps=[Chat(prompt="{{text}}")]
)


async def test_its_inputs_are_filled_in_cast_and_handed_over_alone():
    ctx = FakeContext({"article": 5})

    outcome = await ran(Subflow(flow=INNER, inputs={"text": "{{article}}"}), ctx)

    assert ctx.inner == [(0, {"text": "5", "most": 3})]
    assert outcome.output == {"text": "5", "most": 3}
    assert not outcome.writes


async def test_its_trigger_is_handed_what_it_takes():
    flow = Flow(steps=[Start(takes={"x": 1, "y": 2}), Chat(prompt="{{x}}")])
    ctx = FakeContext()

    await ran(Subflow(flow=flow, inputs={"x": 5}), ctx)

    assert faults(Subflow(flow=flow, inputs={"x": 5})) == []
    assert ctx.inner == [(0, {"x": 5, "y": 2})]


def test_a_flow_with_several_triggers_is_no_subflow():
    flow = Flow(steps=[Start(), Start(name="other")])

    assert faults(Subflow(flow=flow)) == [("flow", "This flow has 2 triggers: 's0', 'other'.")]


async def test_inputs_that_do_not_fit_and_failures_name_the_flow():
    with pytest.raises(
        SubflowFailed, match="The flow 'Sum up': inputs\\['most'\\] must be integer"
    ):
        await ran(Subflow(flow=INNER, inputs={"text": "x", "most": "many"}))

    class Failing(FakeContext):
        async def run_flow(self, flow, key, values, *, is_isolated=False) -> InnerRun:
            assert is_isolated
            return InnerRun("failed", None, "'s0': It broke.", {})

    with pytest.raises(SubflowFailed, match="The flow 'Sum up' failed: 's0': It broke."):
        await ran(Subflow(flow=INNER, inputs={"text": "x"}), Failing())


def test_it_refers_to_nothing_but_its_inputs_and_sets_only_what_is_saved():
    flow = Flow(inputs=["text"], steps=[SetState(key="x", value="{{text}}")])
    action = Subflow(flow=flow, inputs={"text": "{{a}}"}, save_as="y")

    assert [str(use.reference) for use in uses(action)] == ["a"]
    assert action.writes == ("y",)


@pytest.mark.parametrize(
    ("inputs", "found"),
    [
        ({"text": "x"}, []),
        ("{{all}}", []),
        ({}, [("inputs", "'text' must be given to the flow 'Sum up'.")]),
        ({"text": "x", "txt": 1}, [("inputs.txt", "'txt' is no input of the flow 'Sum up'.")]),
    ],
)
def test_inputs_are_checked(inputs, found):
    assert faults(Subflow(flow=INNER, inputs=inputs)) == found
