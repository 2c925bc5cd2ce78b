from __future__ import annotations

import pytest

from flow_widgets.errors import InvalidInputs
from flow_widgets.flow.declared import Slot
from flow_widgets.flow.inputs import run_inputs
from flow_widgets.flow.model import Flow
from flow_widgets.flow.shared import StateRefused, cast_slot, written
from flow_widgets.flow.template import Reference, descend


def value(shared, path: str):
    return descend(shared, Reference(tuple(path.split("."))), 0)


@pytest.mark.parametrize(
    ("before", "path", "after"),
    [
        ({}, "a", {"a": 1}),
        ({"a": 5}, "a", {"a": 1}),
        ({}, "a.b.c", {"a": {"b": {"c": 1}}}),
        ({"a": None}, "a.b", {"a": {"b": 1}}),
        ({"a": {"x": 2}}, "a.b", {"a": {"x": 2, "b": 1}}),
        ({"a": {"b": {"x": 2}}}, "a.b.c", {"a": {"b": {"x": 2, "c": 1}}}),
        ({"a": [0, {"b": 0}]}, "a.1.b", {"a": [0, {"b": 1}]}),
        ({"a": (0, 0)}, "a.0", {"a": [1, 0]}),
        ({"a": {"0": 2}}, "a.0", {"a": {"0": 1}}),
    ],
)
def test_a_value_is_written_by_path_and_read_there(before, path, after):
    made = written(before, path, 1)

    assert made == after
    assert value(made, path) == 1


def test_what_was_there_is_not_changed():
    before = {"a": {"b": [1, {"c": 2}]}}
    copy = {"a": {"b": [1, {"c": 2}]}}

    written(before, "a.b.1.c", 3)
    written(before, "a.d", 4)

    assert before == copy


@pytest.mark.parametrize(
    ("before", "path", "kind"),
    [
        ({"a": "text"}, "a.b", "str"),
        ({"a": 1}, "a.b", "int"),
        ({"a": [1]}, "a.1", "a list"),
        ({"a": [1]}, "a.b", "a list"),
        ({"a": [1]}, "a.-1", "a list"),
        ({"a": {"b": True}}, "a.b.c", "bool"),
    ],
)
def test_what_stands_in_the_way_is_told(before, path, kind):
    with pytest.raises(StateRefused) as caught:
        written(before, path, 1)

    assert str(caught.value) == (
        f"The shared value {path!r} can't be set: {kind} stands where {path.split('.')[-1]!r} "
        "would go. Set the whole value, or choose another name."
    )


@pytest.mark.parametrize(
    ("kind", "given", "cast"),
    [
        ("any", {"a"}, {"a"}),
        ("text", 3, "3"),
        ("text", None, None),
        ("text", {"a": 1}, '{"a": 1}'),
        ("number", "42", 42),
        ("number", 100, 100),
        ("number", "1.5", 1.5),
        ("number", 2.0, 2.0),
        ("integer", "7", 7),
        ("integer", 7.0, 7),
        ("integer", str(2**60 + 1), 2**60 + 1),
        ("boolean", " Yes ", True),
        ("boolean", "on", True),
        ("boolean", "off", False),
        ("boolean", 0, False),
        ("boolean", "", False),
        ("object", '{"a": 1}', {"a": 1}),
        ("object", {"a": 1}, {"a": 1}),
        ("array", "[1]", [1]),
        ("array", (1, 2), [1, 2]),
        ("array", None, None),
    ],
)
def test_a_value_is_cast_to_what_its_slot_declares(kind, given, cast):
    made = cast_slot("x", Slot(type=kind), given)

    assert made == cast_slot("x", Slot(type=kind), made) == cast
    assert type(made) is type(cast)


@pytest.mark.parametrize(
    ("kind", "given", "hint"),
    [
        ("number", True, "Give a number."),
        ("number", "many", "could not convert string to float: 'many'"),
        ("number", [], "Give a number."),
        ("integer", "7.5", "Give a whole number."),
        ("integer", "inf", "Give a finite number."),
        ("boolean", "perhaps", "Give true or false."),
        ("boolean", 2, "Give true or false."),
        ("object", "[1]", "Give an object, or its JSON text."),
        ("object", "{", "Expecting property name enclosed in double quotes"),
        ("array", {"a": 1}, "Give a list, or its JSON text."),
        ("array", "x", "Expecting value"),
    ],
)
def test_a_value_that_does_not_fit_its_slot_is_refused(kind, given, hint):
    with pytest.raises(StateRefused) as caught:
        cast_slot("x", Slot(type=kind), given)

    name = type(given).__name__
    assert caught.value.what == f"The shared value 'x' takes {kind}, not {name}."
    assert caught.value.hint.startswith(hint)


def test_a_run_may_be_given_what_a_slot_begins_with():
    flow = Flow(state={"count": 0, "who": Slot(type="object")})
    given = {"count": "3", "who": {"name": ["Ada"]}}

    made = run_inputs(flow, given)
    made["who"]["name"].append("x")

    assert made["count"] == 3
    assert given == {"count": "3", "who": {"name": ["Ada"]}}
    assert run_inputs(flow, {}) == {}


def test_what_does_not_fit_a_slot_is_refused_before_a_run():
    flow = Flow(state={"count": 0})

    for given, words in (("many", "takes number, not str"), ({1, 2}, "is no JSON data")):
        with pytest.raises(InvalidInputs, match=words):
            run_inputs(flow, {"count": given})
