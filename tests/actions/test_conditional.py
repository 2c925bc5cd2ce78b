"""Which port a conditional fires."""

from __future__ import annotations

import pytest
from context import faults, ran

from flow_widgets.actions.conditional import Conditional
from flow_widgets.errors import InvalidFlow


@pytest.mark.parametrize(
    ("left", "operator", "right", "holds"),
    [
        ("{{n}}", ">", 9, True),
        ("{{n}}", "less_than", "9", False),
        ("{{n}}", "==", 10, True),
        ("{{missing_is_none}}", "is_empty", None, True),
        ("a", "equals", "{{n}}", False),
    ],
)
async def test_it_fires_the_port_of_its_answer(left, operator, right, holds):
    action = Conditional(left=left, operator=operator, right=right)

    outcome = await ran(action, n="10", missing_is_none=None)

    assert (outcome.output, outcome.ports) == (holds, ("true",) if holds else ("false",))


async def test_strict_keeps_texts_and_numbers_apart():
    assert (await ran(Conditional(left="3", right=3, strict=True))).output is False


def test_a_bad_pattern_is_a_problem():
    action = Conditional(left="a", operator="matches", right="(")

    assert faults(action) == [
        (
            "right",
            "'(' is no regular expression: missing ) at character 2.",
        )
    ]


def test_an_unknown_operator_is_refused():
    with pytest.raises(InvalidFlow, match="operator"):
        Conditional(left=1, operator="like", right=2)
