from __future__ import annotations

import pytest
from driver import Driver, drive, flow, inputs

from flow_widgets.errors import MissingReference
from flow_widgets.flow.graph import FACTS
from flow_widgets.flow.template import Reference
from flow_widgets.run.scope import lookup


def look(run: Driver, path: str):
    return lookup(run.state, Reference(tuple(path.split("."))))


def missing(run: Driver, path: str) -> str:
    with pytest.raises(MissingReference) as caught:
        look(run, path)
    return str(caught.value)


@pytest.fixture
def run() -> Driver:
    """Return a run of three steps, the last of which has not begun."""
    made = drive(
        flow(sequence="one two three", counts={"two": 2}, inputs=inputs(user={"name": "Ada"}))
    )
    made.complete("one", value={"title": "Bees", "parts": [1, 2]})
    made.complete("two", 0, value="x")
    made.chunk("two", "half", action=1)
    return made


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("user.name", "Ada"),
        ("inputs.user.name", "Ada"),
        ("inputs", {"user": {"name": "Ada"}}),
        ("steps.one.output.title", "Bees"),
        ("steps.0.output.parts.1", 2),
        ("steps.one.actions.0.output", {"title": "Bees", "parts": [1, 2]}),
        ("steps.two.actions.a0.output", "x"),
        ("steps.two.output", ["x", "half"]),
        ("steps.two.output.0", "x"),
        ("flow.name", "Flow"),
        ("flow.run_id", "r1"),
    ],
)
def test_T5_a_reference_is_looked_up(run, path, value):
    assert look(run, path) == value


def test_T5_the_shared_state_comes_before_the_scopes(run):
    run.state.shared["flow"] = {"name": "mine"}

    assert look(run, "flow.name") == "mine"


def test_T5_every_fact_of_the_flow_can_be_named(run):
    assert [look(run, f"flow.{name}") for name in FACTS] == ["flow", "Flow", "r1"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("usr", "there is no value 'usr'. Did you mean 'user'?"),
        ("inputs.usr", "there is no 'usr'. Did you mean 'user'?"),
        ("steps", "the flow has no such step. Known: 'one', 'two', 'three'."),
        ("steps.oen.output", "the flow has no such step. Did you mean 'one'?"),
        ("steps.9.output", "the flow has no such step."),
        ("steps.two.actions.7.output", "there is no such action."),
        ("steps.one.title", "names no output. Write {{steps.one.output}}."),
        ("steps.two.actions.0", "names no output. Write {{steps.two.actions.0.output}}."),
        ("steps.two.actions", "names no output. Write {{steps.two.output}}."),
        ("steps.two.actions.0.title", "names no output. Write {{steps.two.actions.0.output}}."),
        ("steps.one.output.body", "there is no 'body'."),
        ("steps.three.output", "action 2, 0 has no output; it is pending. Run step 2 first."),
        ("flow.nme", "there is no 'nme'. Did you mean 'name'?"),
    ],
)
def test_T5_a_reference_to_nothing_says_what_there_is(run, path, words):
    assert words in missing(run, path)


def test_the_partial_text_of_a_failed_action_is_its_output(run):
    run.fail("two", 1)

    assert look(run, "steps.two.actions.1.output") == "half"


def test_a_failed_action_without_text_has_no_output():
    run = drive(flow(sequence="a b"))
    run.fail("a")

    assert "it is failed" in missing(run, "steps.a.output")
