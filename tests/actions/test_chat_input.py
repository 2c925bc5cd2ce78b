"""Which texts are taken."""

from __future__ import annotations

import pytest
from context import faults, output

from flow_widgets.actions.chat_input import ChatInput
from flow_widgets.errors import InvalidInputs, InvalidValue


@pytest.mark.parametrize(
    ("keys", "text", "given"),
    [
        ({}, "Hi", "Hi"),
        ({}, 5, "5"),
        ({"required": False, "min_length": 3}, None, ""),
        ({"required": False}, "  ", "  "),
        ({"min_length": 2, "max_length": 2}, "Hi", "Hi"),
        ({"pattern": "[A-Z]"}, "Hi there", "Hi there"),
    ],
)
async def test_a_text_that_is_as_it_must_be_is_given(keys, text, given):
    assert await output(ChatInput(text="{{it}}", **keys), it=text) == given


@pytest.mark.parametrize(
    ("keys", "text", "words"),
    [
        ({}, " ", "text: it is empty, and a text is required."),
        ({}, None, "text: it is empty, and a text is required."),
        (
            {"min_length": 5, "pattern": "[A-Z]"},
            "hi",
            "text: it has 2 characters, at least 5 are needed; "
            "it does not begin as the pattern '[A-Z]' says.",
        ),
        ({"max_length": 3}, "hello", "text: it has 5 characters, at most 3 are allowed."),
    ],
)
async def test_all_that_is_wrong_is_told_at_once(keys, text, words):
    with pytest.raises(InvalidInputs) as raised:
        await output(ChatInput(text="{{it}}", **keys), it=text)

    assert raised.value.what == words


def test_bounds_that_no_text_fits_are_problems():
    action = ChatInput(min_length=5, max_length=3, pattern="(")

    assert [place for place, _ in faults(action)] == ["pattern", "max_length"]
    assert faults(ChatInput(pattern="a")) == []


async def test_a_pattern_that_takes_too_long_fails():
    with pytest.raises(InvalidValue, match="takes too long"):
        await output(ChatInput(text="a" * 60 + "b", pattern="(a|a)+$"))
