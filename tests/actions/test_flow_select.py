"""Which flow is chosen."""

from __future__ import annotations

import pytest
from context import faults, ran

from flow_widgets.actions.flow_select import FlowSelect
from flow_widgets.errors import InvalidValue, NothingFound

CHOICES = (
    {"name": "a", "value": "{{steps.a.output}}"},
    {"name": "b", "value": "{{steps.b.output}}"},
    {"name": "c", "value": "{{steps.c.output}}"},
)


def steps(**outputs):
    return {name: {"output": value} for name, value in outputs.items()}


@pytest.mark.parametrize(
    ("outputs", "chosen", "name", "value"),
    [
        ({"b": 2, "c": 3}, None, "b", 2),
        ({"a": None, "c": 0}, None, "c", 0),
        ({"a": 1, "b": 2}, "b", "b", 2),
        ({"a": 1}, "c", "c", None),
        ({"a": 1}, "", "a", 1),
        ({}, None, None, None),
    ],
)
async def test_the_first_that_has_a_value_is_the_way_that_goes_on(outputs, chosen, name, value):
    outcome = await ran(FlowSelect(choices=CHOICES, chosen=chosen), steps=steps(**outputs))

    assert outcome.output == {"value": value, "chosen_flow": name}
    assert outcome.ports == (name or "else",)


async def test_an_incoming_value_is_passed_on():
    action = FlowSelect(choices=CHOICES, mode="incoming")

    outcome = await ran(action, steps=steps(c=3))

    assert (outcome.output, outcome.ports) == ({"value": 3, "chosen_flow": "c"}, None)
    assert action.ports == ("success",)


async def test_no_incoming_value_is_told():
    with pytest.raises(
        NothingFound, match="none of the incoming flows has a value. Let one of 'a', 'b', 'c' run"
    ):
        await ran(FlowSelect(choices=CHOICES, mode="incoming"), steps={})


async def test_a_choice_that_is_not_there_is_told():
    action = FlowSelect(choices=["fast", "slow"], chosen="{{which}}")

    with pytest.raises(InvalidValue, match="chosen: 'fst' is no choice. Did you mean 'fast'?"):
        await ran(action, which="fst")


@pytest.mark.parametrize(
    ("action", "found"),
    [
        (FlowSelect(choices=["a"]), []),
        (FlowSelect(), [("choices", "there is no choice.")]),
        (
            FlowSelect(choices=["a", "a"]),
            [("choices[1].name", "'a' is already the name of choices[0].")],
        ),
        (
            FlowSelect(choices=["else"]),
            [("choices[0].name", "'else' is already the port when none is chosen.")],
        ),
    ],
)
def test_names_that_can_not_be_ports_are_problems(action, found):
    assert faults(action) == found


def test_its_ports_are_the_names_and_else():
    assert FlowSelect(choices=CHOICES).ports == ("a", "b", "c", "else")
