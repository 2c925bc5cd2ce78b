"""What becomes of values that are merged."""

from __future__ import annotations

import pytest
from context import faults, output

from flow_widgets.actions.merge import Merge


@pytest.mark.parametrize(
    ("values", "merged"),
    [
        ([], None),
        ([1], 1),
        ([None, 1], 1),
        ([1, None], 1),
        ([1, 2.5], 3.5),
        ([True, False], True),
        ([False, False], False),
        (["a", "b", "c"], "abc"),
        ([[1], [2, [3]]], [1, 2, [3]]),
        (
            [{"a": 1, "b": {"c": 1, "d": [1]}}, {"b": {"d": [2], "e": 3}}],
            {"a": 1, "b": {"c": 1, "d": [2], "e": 3}},
        ),
        ([{"a": {"b": 1}}, {"a": None}], {"a": None}),
        (["n=", 1], "n=1"),
        ([1, True], "1true"),
        ([{"a": 1}, [1]], [1]),
        ([[1], "x"], "x"),
        (["{{n}}", "{{n}}"], 10),
    ],
)
async def test_each_kind_is_merged_in_its_way(values, merged):
    result = await output(Merge(values=values), n=5)

    assert (result, type(result)) == (merged, type(merged))


async def test_named_values_are_kept_apart():
    assert await output(Merge(named={"a": "{{n}}", "b": 2}), n=5) == {"a": 5, "b": 2}


async def test_merging_leaves_the_values_alone():
    first = {"a": {"b": 1}}

    await output(Merge(values=["{{first}}", {"a": {"b": 2}}]), first=first)

    assert first == {"a": {"b": 1}}


@pytest.mark.parametrize(
    ("action", "found"),
    [
        (Merge(values=[1]), []),
        (Merge(), [("values", "there is nothing to merge.")]),
        (Merge(values=[1], named={"a": 1}), [("named", "values and named are both given.")]),
    ],
)
def test_exactly_one_form_is_given(action, found):
    assert faults(action) == found
