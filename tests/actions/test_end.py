"""What an end gives."""

from __future__ import annotations

from context import output

from flow_widgets.actions.end import End


async def test_it_gives_its_values_with_their_types():
    end = End(values={"a": "{{a}}", "b": ["{{a}}", "n={{a}}"], "c": None})

    assert await output(end, a=1) == {"a": 1, "b": [1, "n=1"], "c": None}


async def test_all_values_may_be_one_reference():
    assert await output(End(values="{{all}}"), all={"a": 1}) == {"a": 1}
