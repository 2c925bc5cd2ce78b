"""The shapes that a transform makes."""

from __future__ import annotations

import pytest
from context import faults, output

from flow_widgets.actions.transform import Transform


@pytest.mark.parametrize(
    ("action", "given"),
    [
        (Transform(values={"a": "{{n}}", "b": {"c": ["{{n}}!"]}}), {"a": 1, "b": {"c": ["1!"]}}),
        (Transform(values={}), {}),
        (Transform(values="{{all}}"), {"x": None}),
        (Transform(value="{{n}}"), 1),
        (Transform(value=["{{n}}", "{{all}}"]), [1, {"x": None}]),
        (Transform(), None),
    ],
)
async def test_values_keep_their_types(action, given):
    assert await output(action, n=1, all={"x": None}) == given


def test_both_forms_are_a_problem():
    assert faults(Transform(values={}, value=1)) == [("value", "value and values are both given.")]
    assert faults(Transform(value=1)) == []
