"""Which cases hold, and what is wrong with them."""

from __future__ import annotations

import pytest
from context import faults, ran

from flow_widgets.actions.case import Case

VARIABLES = {"n": 5, "user": {"age": "40"}, "tags": ["a"], "limit": 4, "a.b": 1}


def case(**keys):
    return Case(cases=[{"name": "yes", **keys}], variables=VARIABLES)


@pytest.mark.parametrize(
    ("action", "holds"),
    [
        (case(left="{{n}}", operator=">", right=4), True),
        (case(variable="n", operator=">", right=4), True),
        (case(variable="n", operator=">", right="limit", right_variable="limit"), True),
        (case(variable="n", operator="==", right=5, right_variable="none"), True),
        (case(variable="user.age", operator="<", right=100), True),
        (case(variable="a.b", right=1), True),
        (case(variable="missing", operator="!=", right=1), False),
        (case(variable="n", operator="in", right=[4, 5]), True),
        (
            case(
                all=[
                    {"variable": "n", "right": 5},
                    {"variable": "tags", "operator": "contains", "right": "b"},
                ]
            ),
            False,
        ),
        (case(variable="n", right="5", strict=True), False),
    ],
)
async def test_a_case_holds_when_all_its_conditions_do(action, holds):
    outcome = await ran(action, n=5)

    assert (outcome.output, outcome.ports) == ({"yes": holds}, ("yes",) if holds else ("else",))


async def test_every_case_that_holds_fires():
    cases = [
        {"name": name, "left": "{{n}}", "operator": ">", "right": n}
        for name, n in zip("abc", (1, 9, 2), strict=True)
    ]

    outcome = await ran(Case(cases=cases), n=5)

    assert outcome.output == {"a": True, "b": False, "c": True}
    assert outcome.ports == ("a", "c")


async def test_its_variables_may_be_a_reference():
    action = Case(cases=[{"name": "yes", "variable": "n", "right": 5}], variables="{{all}}")

    assert (await ran(action, all={"n": 5})).ports == ("yes",)


def test_its_ports_are_the_names_and_else():
    assert Case(cases=[{"name": "a", "left": 1}, {"name": "b", "left": 1}]).ports == (
        "a",
        "b",
        "else",
    )


@pytest.mark.parametrize(
    ("action", "found"),
    [
        (case(left=1), []),
        (Case(), [("cases", "there is no case.")]),
        (case(), [("cases[0].all", "the case has no condition.")]),
        (
            Case(cases=[{"name": "else", "left": 1}]),
            [("cases[0].name", "'else' is already the port when no case holds.")],
        ),
        (
            Case(cases=[{"name": "a", "left": 1}] * 2),
            [("cases[1].name", "'a' is already the name of cases[0].")],
        ),
        (
            case(all=[{"left": 1}, {"left": "a", "operator": "matches", "right": 3}]),
            [("cases[0].all[1].right", "a regular expression is a text, not int.")],
        ),
    ],
)
def test_what_is_wrong_with_a_case_is_a_problem(action, found):
    assert faults(action) == found
