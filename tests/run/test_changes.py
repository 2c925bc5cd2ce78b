"""What is said about a flow that was defined again."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import pytest

from flow_widgets.actions.chat import Chat
from flow_widgets.actions.constants import Constants
from flow_widgets.flow.model import Action, Edge, Flow, Step
from flow_widgets.run.changes import changes


def step(key: str, /, *prompts: str, **given: Any) -> Step:
    actions = tuple(Chat(prompt=prompt, id=f"a{i}") for i, prompt in enumerate(prompts))
    return Step(id=key, **{"actions": actions, **given})


def flow(*steps: Step, **given: Any) -> Flow:
    return Flow(steps=steps, **given)


A, B, C = (step(name, name) for name in "abc")


def test_R9_equal_flows_have_no_changes():
    given = {"model": "m", "inputs": {"topic": "x"}, "state": {"n": 0}}

    assert changes(flow(A, B, **given), flow(A, B, **given)) == []


def test_R9_an_edited_action_is_told_with_its_place_and_name():
    old = step("a", actions=(Chat(prompt="x", id="c", name="Root cause"),))
    new = step("a", actions=(Chat(prompt="y", id="c", name="Root cause"),))

    assert changes(flow(C, old), flow(C, new)) == ["1, 0 Root cause: prompt changed"]


def test_R9_several_fields_stand_in_one_line():
    new = step("a", actions=(Chat(prompt="y", model="m", temperature=0, id="a0"),))

    assert changes(flow(A), flow(new)) == ["0, 0: model, prompt and temperature changed"]


def test_R9_fields_that_change_nothing_that_is_sent_are_told_and_names_are_not():
    retry = {"max_attempts": 9}
    new = step("a", actions=(Chat(prompt="a", retry=retry, id="a0", name="Called"),), name="New")

    assert changes(flow(A), flow(new)) == ["0, 0 Called: retry changed"]


def test_R9_an_action_without_a_name_is_called_like_its_step():
    assert changes(flow(step("a", "x", name="Draft")), flow(step("a", "y", name="Draft"))) == [
        "0, 0 Draft: prompt changed"
    ]


def test_R9_another_type_hides_the_fields():
    new = step("a", actions=(Constants(values={}, id="a0"),))

    assert changes(flow(A), flow(new)) == ["0, 0: type changed"]


def greeting(word: str) -> Step:
    class Greet(Action):
        type: Literal["test_changes_greet"] = "test_changes_greet"
        text: str = ""
        own: ClassVar[str] = word

    return step("a", actions=(Greet(id="a0"),))


def test_R17_other_code_is_told():
    assert changes(flow(greeting("Hi")), flow(greeting("Hi"))) == []
    assert changes(flow(greeting("Hi")), flow(greeting("Ho"))) == ["0, 0: code changed"]


def test_R9_steps_that_were_added_and_removed_are_told_by_their_own_numbers():
    review = step("r", "r", name="Review")

    assert changes(flow(A, C), flow(A, B, review)) == [
        "step 1 was added",
        "step 2 Review was added",
        "step 1 was removed",
    ]


def test_R9_actions_that_were_added_removed_and_moved_are_told():
    one, two, three = (Chat(prompt=text, id=text) for text in ("x", "y", "z"))

    lines = changes(
        flow(step("a", actions=(one, two))),
        flow(step("a", actions=(two, three))),
    )
    moved = changes(
        flow(step("a", actions=(one, two), name="Draft")),
        flow(step("a", actions=(two, one), name="Draft")),
    )

    assert lines == ["0, 1 was added", "0, 0 was removed"]
    assert moved == ["actions of step 0 Draft were reordered"]


def test_R9_another_order_of_steps_is_told_and_what_makes_room_for_others_is_not():
    assert changes(flow(A, B, C), flow(C, A, B)) == ["steps were reordered"]
    assert changes(flow(A, C), flow(A, B, C)) == ["step 1 was added"]


def test_R9_fields_of_steps_are_told():
    old, new = step("a", "x"), step("a", "x", join="no_wait", budget={"tokens": 5})

    assert changes(flow(old), flow(new)) == ["step 0: join and budget changed"]


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ({"model": "gpt-4o"}, {"model": "gpt-4.1"}, "model changed: gpt-4o to gpt-4.1"),
        ({}, {"model": "gpt-4.1"}, "model changed: none to gpt-4.1"),
        ({}, {"on_error": "continue"}, "on_error changed: stop to continue"),
        ({}, {"retry": {"max_attempts": 1}}, "retry changed"),
        ({"id": "f"}, {"id": "f", "name": "New"}, "name changed: Flow to New"),
        ({}, {"inputs": {"topic": "x"}}, "input topic was added"),
        ({"inputs": {"topic": "x"}}, {}, "input topic was removed"),
        ({"inputs": {"topic": "x"}}, {"inputs": {"topic": "y"}}, "input topic changed"),
        ({"state": {"n": 0}}, {"state": {"n": 1}}, "shared value n changed"),
    ],
)
def test_R9_fields_of_the_flow_are_told(old, new, line):
    assert changes(flow(A, **old), flow(A, **new)) == [line]


def test_R9_edges_are_compared_by_what_they_join():
    edge = Edge(source="a", target="b")
    written = Edge(source="a", target="b", source_port="success")

    assert changes(flow(A, B, edges=(edge,)), flow(A, B, edges=(written,))) == []
    assert changes(flow(A, B), flow(A, B, edges=(edge,))) == ["edges changed"]
    assert changes(flow(A, edges=(Edge(source="x", target="a"),)), flow(A)) == ["edges changed"]
