"""Constants are given as they are written."""

from __future__ import annotations

from context import output

from flow_widgets.actions.constants import Constants

VALUES = {"a": 1, "b": [True, None], "c": "{{n}}"}


async def test_nothing_is_filled_in():
    assert await output(Constants(values=VALUES), n=5) == VALUES


def test_a_reference_is_warned_of():
    (problem,) = Constants(values=VALUES).problems()

    assert (problem.place, problem.severity) == ("values", "warning")
    assert list(Constants(values={"a": 1}).problems()) == []
