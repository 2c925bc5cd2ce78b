"""Which messages are kept, and in which form."""

from __future__ import annotations

import pytest
from context import output

from flow_widgets.actions.history import History

S = {"role": "system", "content": "s"}
U = {"role": "user", "content": "u", "timestamp": "t"}
A = {"role": "assistant", "content": "a"}
ALL = [S, U, A, U]


@pytest.mark.parametrize(
    ("messages", "keys", "given"),
    [
        (ALL, {}, [U, A, U]),
        (ALL, {"include_system": True}, ALL),
        (ALL, {"max_messages": 2}, [A, U]),
        (ALL, {"role": "user", "max_messages": 1}, [U]),
        (ALL, {"role": "system"}, [S]),
        ({"messages": [A]}, {}, [A]),
        ("hi", {}, [{"role": "user", "content": "hi"}]),
        (
            ["hi", None, {"n": 1}],
            {},
            [{"role": "user", "content": "hi"}, {"role": "user", "content": '{"n": 1}'}],
        ),
        ([{"content": "x"}], {}, [{"content": "x", "role": "user"}]),
        (ALL, {"format": "text"}, "User: u\nAssistant: a\nUser: u"),
        (
            ALL,
            {"format": "structured", "include_system": True},
            {
                "messages": ALL,
                "statistics": {
                    "total_messages": 4,
                    "user_messages": 2,
                    "assistant_messages": 1,
                    "system_messages": 1,
                },
            },
        ),
    ],
)
async def test_the_last_messages_are_kept_in_their_form(messages, keys, given):
    assert await output(History(messages="{{it}}", **keys), it=messages) == given


@pytest.mark.parametrize(("form", "empty"), [("full", []), ("text", "")])
@pytest.mark.parametrize("messages", [None, "", [], {"messages": []}])
async def test_no_message_is_invented(messages, form, empty):
    assert await output(History(messages="{{it}}", format=form), it=messages) == empty
