"""How values compare."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flow_widgets.flow.comparison import _HOLDS
from flow_widgets.flow.condition import Condition, compare

DEEP: list = []
for _ in range(5000):
    DEEP = [DEEP]
NAN = float("nan")


@pytest.mark.parametrize(
    ("left", "operator", "right", "holds"),
    [
        ("3", "==", 3, True),
        ("3.0", "=", 3, True),
        (" 1e3 ", "==", 1000, True),
        ("9007199254740993", "==", 9007199254740992, False),
        (True, "==", 1, False),
        (True, "==", True, True),
        (True, "==", "true", False),
        (False, "==", 0, False),
        (None, "==", "", False),
        ("a", "==", "a", True),
        ([1, {"a": [2]}], "==", [1.0, {"a": [2]}], True),
        ([True], "==", [1], False),
        (["1"], "==", [1], False),
        ({"a": 1, "b": 2}, "==", {"b": 2, "a": 1}, True),
        ({"a": 1}, "==", {"a": 2}, False),
        ({"a": 1}, "==", {"b": 1}, False),
        ([1], "==", [1, 2], False),
        ("a", "!=", "b", True),
        ("3", "!=", 3, False),
        ("nan", "==", "nan", True),
        (NAN, "==", NAN, False),
        (DEEP, "==", DEEP, False),
        ("10", ">", "9", True),
        (10, ">", "9.5", True),
        ("b", ">", "a", True),
        ("10", ">", "a", False),
        (5, "<", "abc", True),
        (2, ">=", "2.0", True),
        (2, "<=", 2, True),
        ("a", "<=", "a", True),
        (None, "<", 1, False),
        (True, ">", 0, False),
        ([2], ">", [1], False),
        (NAN, ">=", 1, False),
        ("hello", "contains", "ell", True),
        ("a1b", "contains", 1, True),
        ("none", "contains", None, False),
        ([1, [2]], "contains", [2], True),
        ([1, 2], "contains", "2", True),
        ({"a": 1}, "contains", "a", True),
        ({"a": 1}, "contains", 1, False),
        (123, "contains", 2, False),
        (None, "not_contains", "x", True),
        ("hello", "not_contains", "ell", False),
        (2, "in", [1, 2], True),
        ([1], "in", [[1]], True),
        ("x", "in", None, False),
        ("a", "in", "cat", True),
        (None, "is_empty", None, True),
        ("", "is_empty", None, True),
        ([], "is_empty", None, True),
        ({}, "is_empty", None, True),
        (0, "is_empty", None, False),
        (False, "is_empty", None, False),
        (" ", "is_empty", None, False),
        ("order 17", "matches", r"\d+", True),
        (17, "matches", "^17$", True),
        ("x", "matches", "(", False),
        ("x", "matches", 3, False),
        (["x"], "matches", "x", False),
        ("a" * 10_000 + "b", "matches", "b", False),
        ("1" * 5000, ">", 1, True),
    ],
)
def test_values_compare_as_one_expects(left, operator, right, holds):
    assert (
        Condition.model_construct(
            left=left, operator=Condition(left=1, operator=operator).operator, right=right
        ).holds()
        is holds
    )


@pytest.mark.parametrize(
    ("left", "operator", "right", "holds"),
    [
        ("3", "==", 3, False),
        (3, "==", 3.0, True),
        ("10", ">", "9", False),
        ("10", ">", 9, False),
        (10, ">", 9, True),
        ([1, 2], "contains", "2", False),
        ("a1", "contains", 1, False),
        (17, "matches", "17", False),
    ],
)
def test_strict_reads_no_number_from_a_text(left, operator, right, holds):
    assert Condition(left=left, operator=operator, right=right, strict=True).holds() is holds


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(anything, st.sampled_from(sorted(_HOLDS)), anything, st.booleans())
def test_a_comparison_never_fails(left, operator, right, strict):
    assert compare(left, operator, right, strict=strict) in (True, False)


@given(anything, anything, st.booleans())
def test_no_two_orders_hold_at_once(left, right, strict):
    held = [compare(left, one, right, strict=strict) for one in ("greater_than", "less_than")]

    assert held != [True, True]
    assert compare(left, "equals", right, strict=strict) == compare(
        right, "equals", left, strict=strict
    )


@pytest.mark.parametrize(
    ("right", "words"),
    [
        ("(", "'(' is no regular expression: missing ) at character 2."),
        (
            "a{5,2}",
            "'a{5,2}' is no regular expression: min repeat greater than max repeat at character 3.",
        ),
        (3, "a regular expression is a text, not int."),
        ("(" * 5000 + ")" * 5000, "the regular expression can't be used: "),
        ("a{99999999999999999999}", "the regular expression can't be used: "),
        ("{{pattern}}", None),
        ("a+", None),
    ],
)
def test_a_bad_pattern_is_a_problem(right, words):
    found = [
        problem.what for problem in Condition(left="a", operator="matches", right=right).problems()
    ]

    assert [one[: len(words or "")] for one in found] == ([words] if words else [])


def test_other_operators_have_none():
    assert Condition(left="a", operator="equals", right="(").problems() == []
