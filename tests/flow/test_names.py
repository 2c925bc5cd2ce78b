"""Which names a reference may use: shared values, payloads, variables of flows inside actions."""

from __future__ import annotations

import pytest

from flow_widgets import Chat, Flow
from flow_widgets.actions.loop import Loop
from flow_widgets.actions.map import Map
from flow_widgets.actions.set_state import SetState
from flow_widgets.actions.start import Start
from flow_widgets.actions.subflow import Subflow
from flow_widgets.actions.transform import Transform
from flow_widgets.flow.check import check_flow


def found(*steps, **given) -> list[str]:
    return [str(problem) for problem in check_flow(Flow(steps=list(steps), **given))]


def asks(text: str) -> Chat:
    return Chat(prompt=text)


SETS = SetState(key="user.name", value="Ada")


@pytest.mark.parametrize(
    "steps",
    [
        [SETS, asks("{{user.name}} {{user}}")],
        [Chat(prompt="x", save_as="a.b"), asks("{{a.b}}")],
        [Chat(prompt="x", save_as={"a": "x", "b": "y"}), asks("{{a}} {{b}}")],
        [Start(takes=["topic"]), asks("{{topic}}")],
        [
            Chat(prompt="x", id="one"),
            Loop(over=[1], body=[asks("{{item}} {{index}} {{last}} {{steps.one.output}}")]),
        ],
        [Loop(over=[1], item="row", index="n", body=[asks("{{row}} {{n}}")])],
        [Loop(over=[1], body=[SETS, asks("{{user}}")]), asks("{{user}}")],
        [Map(over=[1], body=[SETS, asks("{{item}} {{index}}")]), asks("{{user}}")],
        [Map(over=[[1]], body=[Loop(over="{{item}}", body=[asks("{{index}}")])])],
        [Subflow(flow=Flow(inputs=["a"], steps=[asks("{{a}}")]), inputs={"a": 1})],
        [asks("{{x}} {{inputs.x}} {{n}}")],
    ],
)
def test_what_is_set_handed_or_declared_before_can_be_used(steps):
    assert found(*steps, inputs={"x": 1}, state={"n": 0}) == []


LATE = (
    "which does not run before. A step can use what steps that lead to it have set; this is step 0."
)


@pytest.mark.parametrize(
    ("steps", "problem"),
    [
        (
            [asks("{{user}}"), SETS],
            f"steps[0].actions[0].prompt: {{{{user}}}} is set by step 1, {LATE}",
        ),
        (
            [SETS, asks("{{usr}}")],
            "steps[1].actions[0].prompt: {{usr}} is neither an input of this flow nor set by a step "
            "before. Did you mean 'user'?",
        ),
        (
            [Loop(over=[1], body=[asks("x")]), asks("{{item}}")],
            "steps[1].actions[0].prompt: {{item}} is no input of this flow. "
            "Declare it: Flow(inputs={'item': …}).",
        ),
        (
            [Map(over=[1], body=[asks("{{last}}")])],
            "steps[0].actions[0].body.steps[0].actions[0].prompt: {{last}} is neither an input of this "
            "flow nor set by a step before. Declare it: Flow(inputs={'last': …}).",
        ),
        (
            [asks("x"), Subflow(flow=[asks("{{user}}")])],
            "steps[1].actions[0].flow.steps[0].actions[0].prompt: {{user}} is no input of this flow. "
            "Declare it: Flow(inputs={'user': …}).",
        ),
        (
            [SETS, Subflow(flow=[asks("{{steps.9.output}}")])],
            "steps[1].actions[0].flow.steps[0].actions[0].prompt: {{steps.9.output}} names no step of "
            "this flow. The flow has 1 step; indices start at 0.",
        ),
        (
            [Loop(over=[1], body=[asks("{{steps.gone.output}}")])],
            "steps[0].actions[0].body.steps[0].actions[0].prompt: {{steps.gone.output}} names no step "
            "of this flow. Known: 's0'.",
        ),
        (
            [asks("{{x ?? nope}}")],
            "steps[0].actions[0].prompt: {{nope}} is no input of this flow. "
            "Declare it: Flow(inputs={'nope': …}).",
        ),
        (
            [Chat(prompt="x", save_as="steps.a")],
            "steps[0].actions[0].save_as: 'steps' has a meaning of its own. Choose another name.",
        ),
    ],
)
def test_a_name_without_a_value_is_told_with_what_is_near(steps, problem):
    assert found(*steps, inputs={"x": 1}) == [problem]


def test_names_of_slots_are_checked():
    assert found(state={"steps": 1, "x": 2}, inputs={"x": 1}) == [
        "state.steps: 'steps' has a meaning of its own. Rename it.",
        "state.x: 'x' is an input of this flow already. Rename one of them.",
    ]


def test_what_is_available_is_listed_where_edges_are_drawn():
    flow = Flow(inputs={"topic": "x"})
    flow.add_step(Start(takes=["body"]), id="a")
    flow.add_step(asks("{{zzz}}"), id="b")
    flow.add_edge("a", "b")

    (problem,) = check_flow(flow)

    assert problem.hint == "Declare it: Flow(inputs={'zzz': …}). Available: topic, body."


def test_what_is_set_later_is_not_among_the_names_to_use():
    flow = Flow(
        inputs={"given": 1},
        steps=[Transform(value="{{giveen}} {{other}}"), SetState(key="late", value=1)],
    )

    hints = [one.hint for one in check_flow(flow)]

    assert any("given" in hint for hint in hints)
    assert not any("late" in hint for hint in hints)
