"""Which case of a switch fits."""

from __future__ import annotations

import pytest
from context import faults, ran

from flow_widgets.actions.switch import Switch
from flow_widgets.errors import InvalidFlow

CASES = (
    "DE",
    {"name": "ten", "value": 10},
    {"name": "own", "value": "{{own}}"},
    {"name": "late", "value": "DE"},
)


@pytest.mark.parametrize(
    ("value", "name"),
    [("DE", "DE"), ("10", "ten"), ([1], "own"), (True, "default"), (None, "default")],
)
async def test_the_first_case_that_equals_the_value_fires(value, name):
    outcome = await ran(Switch(value="{{it}}", cases=CASES), it=value, own=[1])

    assert (outcome.output, outcome.ports) == ({"value": value, "case": name}, (name,))


def test_its_ports_are_the_names_and_the_default():
    assert Switch(cases=CASES, default="other").ports == ("DE", "ten", "own", "late", "other")


@pytest.mark.parametrize(
    ("action", "found"),
    [
        (Switch(cases=["a"]), []),
        (Switch(), [("cases", "there is no case.")]),
        (
            Switch(cases=["a", "b", "a"]),
            [("cases[2].name", "'a' is already the name of cases[0].")],
        ),
        (Switch(cases=["error"]), [("cases[0].name", "'error' is already the port of a failure.")]),
        (Switch(cases=[""]), [("cases[0].name", "the name is empty.")]),
        (
            Switch(cases=["default"]),
            [("cases[0].name", "'default' is already the port when no case fits.")],
        ),
        (
            Switch(cases=["a"], default="error"),
            [("default", "'error' can't be the name of the default port.")],
        ),
    ],
)
def test_names_that_can_not_be_ports_are_problems(action, found):
    assert faults(action) == found


def test_a_misspelt_key_of_a_case_names_the_nearest():
    with pytest.raises(
        InvalidFlow,
        match=r"cases\[0\].vlue: 'vlue' is not a key of SwitchCase. Did you mean 'value'?",
    ):
        Switch(cases=[{"name": "a", "vlue": 1}])
