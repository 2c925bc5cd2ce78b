"""Patterns and JSONPaths of a flow end in time, whatever they are and are searched in."""

from __future__ import annotations

import pytest

from flow_widgets.errors import InvalidValue
from flow_widgets.flow.comparison import compare
from flow_widgets.flow.json_path import MAX_FOUND
from flow_widgets.flow.pattern import MAX_SEARCHED_CHARS, found_in, pattern_fault
from flow_widgets.flow.picking import MISSING, at_path


def chain(depth: int) -> dict:
    data: dict = {}
    for _ in range(depth):
        data = {"a": data, "b": [1, 2, 3]}
    return data


@pytest.mark.parametrize("pattern", ["(a|a)+$", "(x+x+)+y", "(a|aa)+$"])
def test_a_pattern_that_takes_too_long_is_stopped_and_told(pattern):
    text = pattern[1] * 5_000 + "b"

    with pytest.raises(InvalidValue, match="takes too long"):
        found_in(pattern, text)
    with pytest.raises(InvalidValue, match="takes too long"):
        compare(text, "matches", pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        "(?:(?:a{1000}){1000}){1000}",
        "((a{0,100}){0,100}){0,100}b",
        "(?x)((a{999}) {99})",
        "(a{1000})(?#c){1000}",
        "a{99999999999999999999}",
        "x" * 5_000,
        "(" * 1_000 + ")" * 1_000,
    ],
)
def test_a_pattern_that_would_be_huge_is_refused_before_it_is_read(pattern):
    assert pattern_fault(pattern).startswith("the regular expression can't be used: it is ")
    assert compare("aaa", "matches", pattern) is False


@pytest.mark.parametrize(
    "pattern",
    [
        r"\d{4}-\d{2}-\d{2}",
        r"[a-z]{1,64}@[a-z]{1,200}\.[a-z]{2,24}",
        r"[]{}]{2}",
        r"\{{3}",
        "a{,5}",
    ],
)
def test_a_plain_pattern_can_be_used(pattern):
    assert pattern_fault(pattern) == ""


def test_a_pattern_is_searched_anywhere_at_the_beginning_or_as_a_whole():
    ways = ("anywhere", "beginning", "whole")

    assert [found_in("b", "abc", way) for way in ways] == [True, False, False]
    assert [found_in("a", "abc", way) for way in ways] == [True, True, False]
    assert [found_in("a.c", "abc", way) for way in ways] == [True, True, True]
    assert not found_in("b", "a" * MAX_SEARCHED_CHARS + "b")


@pytest.mark.parametrize(
    "path",
    ["$..*..*..*", "$..[?count(@..*..*..*)>1]", "$..*..*..*..nope", "$" + "['a','a','a','a']" * 12],
)
def test_a_path_that_looks_at_too_much_is_stopped(path):
    with pytest.raises(InvalidValue, match="values"):
        at_path(chain(60), path)


def test_a_path_may_find_much_but_not_too_much():
    assert len(at_path([{"x": 1}] * 50_000, "$..x")) == 50_000
    with pytest.raises(InvalidValue, match="finds more than 100,000 values"):
        at_path([1] * (MAX_FOUND + 1), "$[*]")


@pytest.mark.parametrize("function", ["match", "search"])
def test_a_pattern_in_a_path_is_stopped_too(function):
    with pytest.raises(InvalidValue, match="takes too long"):
        at_path([{"x": "a" * 60 + "b"}], f"$[?{function}(@.x, '(a|a)+$')]")


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$[?match(@.x, 'a.')].x", ["ab"]),
        ("$[?search(@.x, 'a')].x", ["ab", "bab"]),
        ("$[?match(@.x, '(')].x", MISSING),
        ("$[?match(@.y, 'a')].x", MISSING),
        ("$[?@.x == $[0].x].x", ["ab"]),
    ],
)
def test_patterns_and_queries_in_filters_are_those_of_the_standard(path, found):
    assert at_path([{"x": "ab"}, {"x": "bab"}], path) == found


def test_a_pattern_that_is_nested_too_deeply_or_is_none_is_told(monkeypatch):
    with pytest.raises(InvalidValue, match="is no regular expression"):
        found_in("(", "x")

    for error, words in (
        (RecursionError, "nested too deeply"),
        (OverflowError("big"), "used: big"),
    ):

        def fails(_, error=error):
            raise error

        monkeypatch.setattr("flow_widgets.flow.pattern._compiled", fails)
        assert words in pattern_fault("a")
