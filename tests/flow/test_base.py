from __future__ import annotations

from typing import Any, Literal

import pytest
from pydantic import Field, field_validator

from flow_widgets.actions.chat import Chat
from flow_widgets.errors import InvalidFlow
from flow_widgets.flow.base import Model, model_at, place_of
from flow_widgets.flow.formats import load_flow
from flow_widgets.flow.message import Message, TextPart
from flow_widgets.flow.model import Action, Flow, Input, Step
from flow_widgets.flow.template import Templated


def problems(document: Any) -> list[str]:
    with pytest.raises(InvalidFlow) as caught:
        load_flow(document)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("location", "place"),
    [
        ((), ""),
        (("steps", 0, "actions", 1, "model"), "steps[0].actions[1].model"),
        ((0, "a"), "[0].a"),
    ],
)
def test_a_place_reads_as_code(location, place):
    assert place_of(location) == place


def test_every_problem_is_told_in_the_order_of_the_document():
    document = {
        "nme": "x",
        "inputs": {"list": {"type": "nope"}, "my-input": {"type": "nope"}},
        "steps": [[{"prompt": 3, "temperature": "hot"}], {"prompt": "x", "modle": "m"}],
        "on_error": "go on",
    }

    assert problems(document) == [
        "nme: 'nme' is not a key of Flow. Did you mean 'name'?",
        "inputs.list.type: must be 'text', 'number', 'integer', 'boolean', 'json' or 'file'.",
        "inputs.my-input.type: must be 'text', 'number', 'integer', 'boolean', 'json' or 'file'.",
        "steps[0].actions[0].prompt: must be a valid string.",
        "steps[0].actions[0].temperature: must be a valid number, "
        "unable to parse string as a number.",
        "steps[1].actions[0].modle: 'modle' is not a key of Chat. Did you mean 'model'?",
        "on_error: must be 'stop' or 'continue'.",
    ]


def test_what_is_missing_is_told_after_what_is_there():
    message = {"content": [{"type": "text", "txt": "a"}]}

    assert problems({"steps": [{"messages": [message], "type": "chat", "id": "x"}]}) == [
        "steps[0].actions[0].messages[0].content[0].txt: "
        "'txt' is not a key of TextPart. Did you mean 'text'?",
        "steps[0].actions[0].messages[0].content[0].text: 'text' is required. Add it.",
    ]


def test_a_problem_is_told_where_it_lies_deepest():
    found = problems({"steps": [{"messages": [{"content": [{"type": "text", "text": 3}]}]}]})

    assert found == ["steps[0].actions[0].messages[0].content[0].text: must be a valid string."]


@pytest.mark.parametrize(
    ("document", "found"),
    [
        ({"steps": 3}, ["steps: must be a list."]),
        ({"steps": [3]}, ["steps[0]: must be a dict or instance of Step."]),
        ({"steps": [], "inputs": {1: 2}}, ["inputs[1]: must be a valid string."]),
        ({"steps": [], 1: 2}, ["[1]: Keys should be strings."]),
    ],
)
def test_the_wrong_shape_is_told_in_words_of_python(document, found):
    assert problems(document) == found


def test_a_constructor_called_by_hand_tells_all_problems_too():
    with pytest.raises(InvalidFlow) as caught:
        Chat(prompt=3, tempreature=1)

    assert str(caught.value) == (
        "Chat has 2 problems:\n"
        "  prompt: must be a valid string.\n"
        "  tempreature: 'tempreature' is not a key of Chat. Did you mean 'temperature'?"
    )


class Inner(Model):
    size: int = 0


class Outer(Action):
    type: Literal["test_outer"] = "test_outer"
    inner: Inner = Inner()
    even: int = 0

    @field_validator("even")
    @classmethod
    def _must_be_even(cls, value: int) -> int:
        if value % 2:
            raise ValueError("must be even")
        return value


def test_a_validator_of_a_field_is_told_in_its_own_words():
    assert problems({"steps": [{"type": "test_outer", "even": 3}]}) == [
        "steps[0].actions[0].even: must be even."
    ]


def test_an_unknown_key_of_a_part_that_nobody_named_is_told_without_its_class():
    assert problems({"steps": [{"type": "test_outer", "inner": {"sise": 1}}]}) == [
        "steps[0].actions[0].inner.sise: 'sise' is not a key of this part."
    ]


@pytest.mark.parametrize(
    ("location", "model"),
    [
        ((), Flow),
        (("steps", 0), Step),
        (("steps", 0, "actions", 0), Chat),
        (("steps", 0, "actions", 0, "messages", 0), Message),
        (("steps", 0, "actions", 0, "messages", 0, "content", 0), TextPart),
        (("inputs", "a"), Input),
        (("steps", 0, "actions", 7), None),
        (("steps",), None),
        (("name",), None),
        (("name", "x"), None),
    ],
)
def test_the_class_at_a_place_of_a_raw_document_is_known(location, model):
    message = {"content": [{"type": "text", "text": "x"}]}
    document = {"name": "x", "inputs": ["a"], "steps": [{"messages": [message]}]}

    assert model_at(Flow, document, location) is model


def test_the_class_of_an_action_in_a_document_is_its_own():
    assert model_at(Flow, {"steps": [Chat(prompt="x")]}, ("steps", 0, "actions", 0)) is Chat


def test_a_constraint_beside_templated_says_where_it_goes():
    with pytest.raises(TypeError, match=r"Write it inside: Templated\[Annotated\[float"):

        class Beside(Model):
            n: Templated[float] = Field(default=1, gt=0)


def test_other_mistakes_in_a_class_stay_what_they_are():
    class Fails:
        def __set_name__(self, owner, name):
            raise RuntimeError("something else")

    with pytest.raises(RuntimeError, match="something else|Fails"):

        class Other(Model):
            fails = Fails()
