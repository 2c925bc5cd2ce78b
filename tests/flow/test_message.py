from __future__ import annotations

import pytest

from flow_widgets.errors import InvalidFlow
from flow_widgets.flow.attachment import File
from flow_widgets.flow.message import AudioPart, Message

PICTURE = {"type": "image_url", "image_url": {"url": "https://x.y/z.png", "detail": "low"}}


def problems(**fields) -> list[str]:
    with pytest.raises(InvalidFlow) as caught:
        Message(**fields)
    return [str(problem) for problem in caught.value.problems]


def test_a_text_is_sent_as_it_is():
    assert Message(content="Hi", role="system").wire() == {"role": "system", "content": "Hi"}


def test_parts_are_sent_in_the_form_of_the_api():
    message = Message(
        content=["Hi", File.of(b"x", name="a.png"), PICTURE, {"type": "text", "text": "x"}]
    )

    assert message.wire() == {
        "role": "user",
        "content": [
            {"type": "text", "text": "Hi"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,eA=="}},
            PICTURE,
            {"type": "text", "text": "x"},
        ],
    }


def test_a_role_repeated_in_a_part_is_kept_and_never_sent():
    message = Message(content=[{"type": "text", "text": "Hi", "role": "user"}])

    assert message.content[0].role == "user"
    assert message.wire()["content"] == [{"type": "text", "text": "Hi"}]


def test_a_file_part_holds_data_or_an_id():
    parts = [
        {"type": "file", "file": {"file_id": "f1"}},
        {"type": "file", "file": {"filename": "a"}},
    ]

    assert Message(content=parts).wire()["content"] == parts


def test_audio_is_sent_as_it_came():
    part = {"type": "input_audio", "input_audio": {"data": "eA==", "format": "wav"}}

    assert Message(content=[AudioPart(**part)]).wire()["content"] == [part]


def test_the_keys_of_tools_are_sent_when_they_are_set():
    message = Message(role="tool", content="ok", tool_call_id="c1", name="n", tool_calls=[{}])

    assert message.wire() == {
        "role": "tool",
        "content": "ok",
        "name": "n",
        "tool_call_id": "c1",
        "tool_calls": [{}],
    }


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("Hi", "Hi"),
        (["Hi", PICTURE, {"type": "text", "text": "you"}], "Hi\nyou"),
        ([PICTURE], ""),
        ([], ""),
    ],
)
def test_the_text_of_a_message_is_that_of_its_parts(content, text):
    assert Message(content=content).text == text


def test_a_file_written_as_data_is_a_file():
    data = {"name": "a.txt", "mime": "text/plain", "data": "eA=="}

    assert Message(content=[data]).content == (File(**data),)


def test_what_is_no_part_is_told_what_there_is():
    assert problems(content=[{"type": "video"}, 3]) == [
        "content[0]: is no message part: a text, a File, or a dict with type "
        "'text', 'image_url', 'file' or 'input_audio' is.",
        "content[1]: is no message part: a text, a File, or a dict with type "
        "'text', 'image_url', 'file' or 'input_audio' is.",
    ]


def test_problems_inside_parts_say_where():
    content = [
        {"type": "image_url", "image_url": {"url": "x", "dtail": "low"}},
        {"name": "a", "mime": "b"},
    ]

    assert problems(content=content) == [
        "content[0].image_url.dtail: 'dtail' is not a key of ImageUrl. Did you mean 'detail'?",
        "content[1].data: 'data' is required. Add it.",
    ]
