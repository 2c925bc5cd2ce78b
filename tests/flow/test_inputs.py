from __future__ import annotations

import math

import pytest

from flow_widgets.actions.transform import Transform
from flow_widgets.errors import InvalidInputs
from flow_widgets.flow.attachment import File
from flow_widgets.flow.declared import Slot
from flow_widgets.flow.inputs import body_inputs, cast, run_inputs
from flow_widgets.flow.model import Body, Flow, Input
from flow_widgets.flow.shared import cast_slot

FILE = File.of(b"x", name="a.txt")
DATA = {"name": "a.txt", "mime": "text/plain", "data": "eA=="}


def refused(flow: Flow, given) -> str:
    with pytest.raises(InvalidInputs) as caught:
        run_inputs(flow, given)
    return str(caught.value)


def test_what_is_not_given_takes_its_default():
    flow = Flow(inputs={"a": 1, "b": "x"})

    assert run_inputs(flow, {"b": "y"}) == {"a": 1, "b": "y"}
    assert run_inputs(flow, None) == {"a": 1, "b": "x"}


def test_values_come_in_the_order_of_the_flow():
    assert list(run_inputs(Flow(inputs=["a", "b"]), {"b": "2", "a": "1"})) == ["a", "b"]


def test_a_required_input_must_be_given_also_when_it_has_a_default():
    flow = Flow(inputs={"a": Input(), "b": Input(default="x", required=True), "c": 1})

    assert refused(flow, {}) == "'a', 'b' must be given. Pass inputs={'a': …, 'b': …}."


def test_none_counts_as_not_given():
    flow = Flow(inputs={"topic": Input(), "doc": Input(type="file", required=False)})

    assert "'topic' must be given." in refused(flow, {"topic": None})
    assert run_inputs(flow, {"topic": "x", "doc": None}) == {"topic": "x", "doc": None}


def test_an_optional_input_without_a_default_is_none():
    assert run_inputs(Flow(inputs={"a": Input(required=False)}), {}) == {"a": None}


def test_an_input_that_is_not_declared_is_refused():
    assert refused(Flow(inputs=["topic"]), {"topc": 1}) == (
        "'topc' is no input of this flow. Did you mean 'topic'?"
    )
    assert (
        refused(Flow(), {"a": 1})
        == "'a' is no input of this flow. Declare it: Flow(inputs={'a': …})."
    )


@pytest.mark.parametrize(
    ("kind", "value", "result"),
    [
        ("text", 3, "3"),
        ("text", ["é"], '["é"]'),
        ("number", "2.5", 2.5),
        ("number", 2, 2),
        ("number", "42", 42),
        ("number", 2.0, 2.0),
        ("integer", "7", 7),
        ("integer", 7.0, 7),
        ("integer", 2**60 + 1, 2**60 + 1),
        ("boolean", " Yes ", True),
        ("boolean", "", False),
        ("boolean", 0, False),
        ("boolean", True, True),
        ("json", '{"a": [1]}', {"a": [1]}),
        ("json", " [1]", [1]),
        ("json", (1, 2), [1, 2]),
        ("json", '"5"', '"5"'),
        ("json", "5", "5"),
        ("json", "hello", "hello"),
        ("json", "{", "{"),
        ("integer", str(2**60 + 1), 2**60 + 1),
        ("integer", "7.0", 7),
        ("file", FILE, FILE),
        ("file", DATA, FILE),
        ("text", FILE, FILE),
        ("json", FILE, FILE),
        ("integer", None, None),
    ],
)
def test_a_value_is_cast_to_its_declared_type(kind, value, result):
    made = cast("a", Input(type=kind), value)

    assert made == cast("a", Input(type=kind), made) == result
    assert type(made) is type(result)


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        ("number", "many", "inputs['a'] must be number, not str. could not convert"),
        ("number", True, "must be number, not bool. Give a number."),
        ("integer", 1.5, "must be integer, not float. Give a whole number."),
        ("number", "nan", "Give a finite number."),
        ("number", math.inf, "Give a finite number."),
        ("integer", math.inf, "must be integer, not float."),
        ("integer", "nan", "must be integer, not str."),
        ("boolean", "perhaps", "Give true or false."),
        ("json", {1, 2}, "must be json, not set."),
        ("text", object(), "must be text, not object."),
        ("number", FILE, "must be number, not File."),
        ("file", "a.txt", 'Give a File, such as File("report.pdf").'),
        ("file", {"name": "a"}, "must be file, not dict."),
    ],
)
def test_a_value_that_does_not_fit_is_refused(kind, value, words):
    assert words in refused(Flow(inputs={"a": Input(type=kind)}), {"a": value})


def test_what_was_given_is_not_kept():
    given = {"a": {"b": [1]}}

    made = run_inputs(Flow(inputs={"a": Input(type="json")}), given)
    given["a"]["b"].append(2)

    assert made == {"a": {"b": [1]}}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([1], "Inputs are a dict of values by their names, not list."),
        ("topic", "Inputs are a dict of values by their names, not str."),
        ({1: 2}, "The name of an input is a text, not int."),
    ],
)
def test_inputs_are_a_mapping_of_names(given, words):
    assert words in refused(Flow(inputs=["topic"]), given)


def test_what_is_nested_too_deeply_or_has_no_end_is_refused():
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    kinds = {"json": Input(type="json"), "text": Input(type="text"), "any": Slot()}

    for name, one in kinds.items():
        field = {"state": {name: one}} if isinstance(one, Slot) else {"inputs": {name: one}}
        assert f"inputs['{name}']" in refused(Flow(**field), {name: deep})
    assert "must be json" in refused(Flow(inputs={"a": Input(type="json")}), {"a": [math.nan]})


def test_W2_inputs_and_slots_are_cast_alike():
    for kind in ("text", "number", "integer", "boolean"):
        for value in ("1", " 1 ", 0, 1, 0.0 if kind != "boolean" else True):
            one = cast("a", Input(type=kind), value)
            other = cast_slot("a", Slot(type=kind), value)
            assert (one, type(one)) == (other, type(other))


def test_a_required_input_of_a_body_that_is_null_around_it_is_refused():
    body = Body(Flow(inputs=["x"], steps=[Transform(value="{{x}}")]))

    with pytest.raises(InvalidInputs, match="'x' must be given to the flow"):
        body_inputs(body, {"x": None})
