from __future__ import annotations

from typing import Any, Literal

import pytest

from flow_widgets.actions.chat import Chat
from flow_widgets.errors import FileRefused, InvalidFlow, MissingReference, TemplateTooLarge
from flow_widgets.flow import template
from flow_widgets.flow.attachment import File
from flow_widgets.flow.binding import bound, uses
from flow_widgets.flow.message import Message
from flow_widgets.flow.model import Action
from flow_widgets.flow.template import Deferred, JsonText, Reference, Templated, UrlText

TEXT = File.of(b"text", name="a.txt")
PICTURE = File.of(b"x", name="a.png")
VALUES = {
    "none": None,
    "name": "Ada",
    "two": 2,
    "hot": "hot",
    "text": TEXT,
    "picture": PICTURE,
    "list": [1],
}


class Wait(Action):
    type: Literal["test_wait"] = "test_wait"
    seconds: Templated[float] = 1.0
    body: Templated[dict[str, Any]] | None = None
    plain: str = ""


def look(reference: Reference) -> Any:
    if reference.path[0] not in VALUES:
        raise MissingReference(str(reference), f"there is no {reference}.", hint="Known: name.")
    return VALUES[reference.path[0]]


def places(action: Action) -> list[tuple[str, str]]:
    return [(use.place, str(use.reference)) for use in uses(action)]


def test_T7_references_are_found_where_they_stand_in_order():
    picture = {"type": "image_url", "image_url": {"url": "{{url}}"}}
    chat = Chat(
        system="{{a}} {{b}}",
        messages=[Message(content="{{c}}"), Message(content=["{{d}}", picture])],
        files=["{{e}}", TEXT],
        temperature="{{f}}",
        extra={"x": "{{not one}}{{g}}"},
    )

    assert places(chat) == [
        ("system", "a"),
        ("system", "b"),
        ("messages[0].content", "c"),
        ("messages[1].content[0]", "d"),
        ("messages[1].content[1].image_url.url", "url"),
        ("files[0]", "e"),
        ("temperature", "f"),
    ]


def test_T7_fields_that_are_no_templates_are_left_alone():
    action = Wait(plain="{{name}}", body={"a": "{{name}}"})

    assert places(action) == [("body", "name")]
    assert bound(action, look).plain == "{{name}}"


def test_an_action_without_references_is_bound_to_itself():
    chat = Chat(prompt="Hi", messages=[Message(content=["x", TEXT])])

    assert bound(chat, look) is chat


def test_T4_a_field_of_text_gets_text():
    assert bound(Chat(prompt="{{two}}"), look).prompt == "2"
    assert bound(Chat(prompt="{{list}}"), look).prompt == "[1]"
    assert bound(Chat(prompt="{{text}}"), look).prompt == "text"


def test_T3_a_field_of_another_type_gets_that_type():
    assert bound(Chat(prompt="x", temperature="{{two}}"), look).temperature == 2.0
    assert bound(Wait(body={"n": "{{two}}", "s": "<{{two}}>"}), look).body == {"n": 2, "s": "<2>"}


def test_T3_a_reference_to_a_file_in_a_list_stays_a_file():
    chat = Chat(messages=[Message(content=["See {{name}}:", "{{picture}}"])], files=["{{text}}"])

    result = bound(chat, look)

    assert result.messages == (Message(content=("See Ada:", PICTURE)),)
    assert result.files == (TEXT,)


def test_T4_a_part_of_a_message_that_is_no_file_becomes_text():
    result = bound(Chat(messages=[Message(content=["{{two}}", "{{list}}"])]), look)

    assert result.messages == (Message(content=("2", "[1]")),)


def test_a_value_that_does_not_fit_its_field_says_which():
    with pytest.raises(InvalidFlow) as caught:
        bound(Wait(seconds="{{hot}}"), look)

    assert str(caught.value.problems[0]) == (
        "seconds: the value of its template does not fit: Input should be a valid number, "
        "unable to parse string as a number."
    )


def test_a_reference_without_a_value_says_in_which_field():
    with pytest.raises(MissingReference) as caught:
        bound(Chat(messages=[Message(content=["{{nam}}"])]), look)

    assert str(caught.value) == "messages[0].content[0]: there is no nam. Known: name."
    assert caught.value.reference == "nam"


@pytest.mark.parametrize("prompt", ["{{picture}}", "See {{picture}}"])
def test_a_picture_can_not_be_a_field_of_text(prompt):
    with pytest.raises(FileRefused) as caught:
        bound(Chat(prompt=prompt), look)

    assert str(caught.value) == (
        "prompt: 'a.png' (image/png) can't stand inside a text. "
        "Attach it instead: files=[…] on the action."
    )


def test_a_text_that_grows_too_large_says_in_which_field(monkeypatch):
    monkeypatch.setattr(template, "MAX_TEXT_CHARS", 3)

    with pytest.raises(TemplateTooLarge, match=r"^messages\[0\]\.content: A text of 4 characters"):
        bound(Chat(messages=[Message(content="{{name}}!")]), look)


def test_an_optional_file_that_is_not_given_is_not_attached():
    chat = Chat(prompt="x", files=["{{none}}", TEXT, "{{none}}"])

    assert bound(chat, look).files == (TEXT,)
    assert bound(Chat(messages=[Message(content=["{{none}}"])]), look).messages == (
        Message(content=("null",)),
    )


class Later(Action):
    type: Literal["test_later"] = "test_later"
    url: UrlText = ""
    data: JsonText | None = None
    later: Deferred[Templated[dict[str, Any]]] | None = None


def test_T9_fields_say_how_values_are_escaped_in_them():
    action = Later(url="https://x.y/{{hot}}/{{path}}", data='{"a": "{{quote}}"}')
    values = {**VALUES, "path": "a/b", "quote": '"'}

    made = bound(action, lambda reference: values[str(reference)])

    assert (made.url, made.data) == ("https://x.y/hot/a%2Fb", '{"a": "\\""}')


def test_T10_deferred_fields_are_left_as_they_are_and_their_references_found():
    action = Later(later={"a": "{{name}}"})

    assert bound(action, look) is action
    assert places(action) == [("later", "name")]
