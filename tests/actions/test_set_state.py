"""What is written to the shared state, and what can't be."""

from __future__ import annotations

import pytest
from context import faults, ran

from flow_widgets.actions.set_state import SetState


@pytest.mark.parametrize(
    ("action", "written"),
    [
        (SetState(key="n", value="{{n}}"), {"n": 3}),
        (SetState(key="user.name", value="n={{n}}"), {"user.name": "n=3"}),
        (SetState(key="n"), {"n": None}),
        (SetState(values={"a": [1, "{{n}}"], "b.c": True}), {"a": [1, 3], "b.c": True}),
    ],
)
async def test_values_are_written_with_their_types(action, written):
    outcome = await ran(action, n=3)

    assert (outcome.output, outcome.writes) == (written, written)


def test_it_says_what_it_writes():
    action = SetState(values={"user.name": 1, "user.age": 2, "n": 3}, save_as="last.write")

    assert action.writes == ("user", "n", "last")


@pytest.mark.parametrize(
    ("action", "place", "words"),
    [
        (SetState(), "key", "there is nothing to write."),
        (SetState(value=1), "key", "there is nothing to write."),
        (SetState(value=1, values={"a": 1}), "key", "a value is given, but no key."),
        (SetState(key="a", values={"b": 1}), "values", "key and values are both given."),
        (SetState(key="a b"), "key", "'a b' is no path of the shared state."),
        (SetState(values={"a..b": 1}), "values.a..b", "'a..b' is no path of the shared state."),
        (
            SetState(values="{{all}}"),
            "values",
            "a template can't stand for all values: their paths must be known before a run.",
        ),
    ],
)
def test_what_can_not_be_written_is_a_problem(action, place, words):
    assert (place, words) in faults(action)


def test_what_can_be_written_is_none():
    assert faults(SetState(key="user.name", value="x")) == []
