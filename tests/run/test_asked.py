"""What an action asked."""

from __future__ import annotations

import pytest

from flow_widgets import Chat, File, Message
from flow_widgets.run.asked import prompt_of


@pytest.mark.parametrize(
    ("action", "text"),
    [
        (None, None),
        (Chat(), None),
        (Chat(prompt="p", messages=["m"]), "p"),
        (Chat(messages=["first", Message(content=["last", File.of(b"x", name="x.png")])]), "last"),
    ],
)
def test_a_prompt_or_else_the_last_message_is_what_was_asked(action, text):
    assert prompt_of(action) == text
