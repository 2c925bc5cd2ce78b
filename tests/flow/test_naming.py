from __future__ import annotations

import pytest

from flow_widgets import Chat, Flow, FlowRunner
from flow_widgets.actions.loop import Loop
from flow_widgets.actions.map import Map
from flow_widgets.actions.set_state import SetState
from flow_widgets.actions.start import Start
from flow_widgets.actions.transform import Transform
from flow_widgets.errors import MissingReference, TemplateTooLarge
from flow_widgets.flow.check import check_flow
from flow_widgets.flow.declared import Input
from flow_widgets.flow.identity import named
from flow_widgets.flow.naming import as_index
from flow_widgets.flow.shared import StateRefused, check_path, written
from flow_widgets.flow.template import Reference, as_text, descend

HUGE = "9" * 5_000
STEP = Transform(value=1)


def problems(*steps, **given) -> list[str]:
    flow = Flow(steps=steps, **given)
    found = (one for one in check_flow(flow) if "No step is a trigger" not in one.what)
    return [f"{one.severity} {one.place}: {one.what}" for one in found]


@pytest.mark.parametrize(
    ("key", "index"),
    [
        ("0", 0),
        ("2", 2),
        ("002", 2),
        ("3", None),
        ("-1", None),
        ("²", None),
        ("٣", None),
        ("", None),
    ],
)
def test_an_index_is_digits_within_the_size(key, index):
    assert as_index(key, 3) == index


def test_an_index_of_thousands_of_digits_is_none():
    assert as_index(HUGE, 3) is None
    assert named(HUGE, [STEP]) is None
    with pytest.raises(MissingReference, match="has 1 items"):
        descend([1], Reference(("x", HUGE)), 1)
    with pytest.raises(StateRefused, match="a list stands"):
        written({"x": [1]}, f"x.{HUGE}", 1)
    assert problems(Transform(value=f"{{{{steps.{HUGE}.output}}}}"))


@pytest.mark.parametrize("value", [10**5_000, {"a": 10**5_000}], ids=["alone", "inside"])
def test_a_number_of_thousands_of_digits_is_no_text(value):
    with pytest.raises(TemplateTooLarge, match="a number has too many digits"):
        as_text(value)


@pytest.mark.parametrize(
    "path", ["steps", "inputs.x", "flow", "a b", "1", "a..b", "", "a.", "{{x}}"]
)
def test_W1_nothing_is_written_where_no_reference_finds_it(path):
    with pytest.raises(StateRefused):
        check_path(path)
    with pytest.raises(StateRefused):
        written({}, path, 1)
    assert problems(SetState(values={path: 1}))
    if path:
        assert problems(Transform(value=1, save_as=path))


@pytest.mark.parametrize("path", ["a", "a.b", "a.0", "a-b._c", "_x"])
def test_W1_a_path_of_names_is_written(path):
    check_path(path)

    assert problems(Transform(value=1, save_as={path: ""})) == []


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"item": "steps"}, "error steps[0].actions[0].item: 'steps' has a meaning of its own."),
        ({"index": "flow"}, "error steps[0].actions[0].index: 'flow' has a meaning of its own."),
        ({"item": "index"}, "error steps[0].actions[0].index: 'index' is the name of item."),
    ],
)
@pytest.mark.parametrize("kind", [Loop, Map])
def test_variables_have_names_of_their_own(kind, given, found):
    assert problems(kind(over=[1], body=[STEP], **given)) == [found]


def test_a_loop_has_a_variable_already():
    assert problems(Loop(over=[1], body=[STEP], item="last")) == [
        "error steps[0].actions[0].item: 'last' is a variable already."
    ]
    assert problems(Map(over=[1], body=[STEP], item="last")) == []


def test_declared_names_are_those_that_references_reach():
    assert problems(STEP, inputs={"my name": 1, "2": 1, "flow": 1}, state={"2": 1}) == [
        "warning inputs.my name: no reference can name 'my name'.",
        "error inputs.flow: 'flow' has a meaning of its own.",
        "warning state.2: no reference can name '2'.",
        "error state.2: '2' is an input of this flow already.",
    ]
    assert problems(Start(takes={"inputs": 1, "a b": 1})) == [
        "error steps[0].actions[0].takes.inputs: 'inputs' has a meaning of its own.",
        "warning steps[0].actions[0].takes.a b: no reference can name 'a b'.",
    ]


def test_ids_that_no_reference_can_name_are_warned_of():
    flow = Flow()
    flow.add_step(Chat(prompt="x", id="a b"), id="{{x}}")

    assert [(one.severity, one.place) for one in check_flow(flow)[:2]] == [
        ("warning", "steps[0].id"),
        ("warning", "steps[0].actions[0].id"),
    ]


BODY = Flow(inputs={"tone": "kind"}, steps=[Transform(value="{{item}} {{tone}} {{inputs.tone}}")])
NEEDY = Flow(inputs={"tone": Input()}, steps=[Transform(value="{{item}} {{tone}}")])


@pytest.mark.parametrize("kind", [Loop, Map])
async def test_T10_a_body_has_the_defaults_of_its_inputs(kind):
    run = await FlowRunner(Flow(steps=[kind(over=["a", "b"], body=BODY)])).run_flow()

    assert run.output == ["a kind kind", "b kind kind"]


@pytest.mark.parametrize("kind", [Loop, Map])
async def test_T10_a_required_input_of_a_body_is_a_variable_or_a_value_around_it(kind):
    around = Flow(inputs={"tone": "dry"}, steps=[kind(over=["a"], body=NEEDY)])
    item = Flow(inputs=["item"], steps=[Transform(value="{{inputs.item}}")])

    run = await FlowRunner(around).run_flow()
    other = await FlowRunner(Flow(steps=[kind(over=["a"], body=item)])).run_flow()

    assert (run.output, other.output) == (["a dry"], ["a"])


@pytest.mark.parametrize("kind", [Loop, Map])
def test_a_required_input_of_a_body_without_a_value_is_a_problem(kind):
    assert problems(kind(over=["a"], body=NEEDY)) == [
        "error steps[0].actions[0].body.inputs.tone: 'tone' has no value here."
    ]


async def test_what_a_body_takes_from_around_it_makes_it_stale():
    runner = FlowRunner(Flow(inputs={"tone": "dry"}, steps=[Map(over=["a"], body=NEEDY)]))
    await runner.run_flow()

    runner.revise_inputs({"tone": "kind"})

    assert runner.stale == [(0, 0)]
