from __future__ import annotations

import pytest

from flow_widgets import Chat, Flow, FlowRunner
from flow_widgets.actions.conditional import Conditional
from flow_widgets.actions.set_state import SetState
from flow_widgets.actions.transform import Transform
from flow_widgets.errors import InvalidFlow, NoSuchStep
from flow_widgets.flow.formats import dump_flow, load_flow
from flow_widgets.flow.graph import compile_graph
from flow_widgets.flow.model import Edge, Step

BRANCH = Conditional(left="{{x}}", right=1)


def built() -> tuple[Flow, Step, Chat]:
    flow = Flow(inputs=["x"])
    yes = Chat(prompt="yes")
    branch = flow.add_step(BRANCH, name="Branch")
    flow.add_step(yes)
    return flow, branch, yes


@pytest.mark.parametrize(
    ("given", "count"),
    [
        (Chat(prompt="a"), 1),
        ([Chat(prompt="a"), Chat(prompt="b")], 2),
        (Step(name="x"), 0),
        ([], 0),
    ],
)
def test_an_action_a_list_and_a_step_can_be_added(given, count):
    flow = Flow()

    step = flow.add_step(given, name="One", join="all_done")

    assert flow.steps == (step,)
    assert (step.id, step.name, step.join, len(step.actions)) == ("one", "One", "all_done", count)
    assert [action.id for action in step.actions] == [f"a{n}" for n in range(count)]


def test_a_dict_can_be_added_and_what_is_no_step_can_not():
    assert Flow().add_step({"prompt": "x"}).actions == (Chat(prompt="x", id="a0"),)
    with pytest.raises(InvalidFlow, match="is not a known action type"):
        Flow().add_step({"type": "caht"})


def test_a_given_id_stays_and_must_be_new():
    flow = Flow()
    flow.add_step(Chat(prompt="x"), id="a")

    with pytest.raises(ValueError, match="The flow has a step 'a' already; give another id."):
        flow.add_step(Chat(prompt="y"), id="a")
    assert len(flow) == 1


@pytest.mark.parametrize("source", ["object", "step", "id", "name", "index"])
@pytest.mark.parametrize("target", ["object", "step", "id", "index"])
def test_the_ends_of_an_edge_are_objects_ids_names_or_indices(source, target):
    flow, branch, yes = built()
    sources = {"object": BRANCH, "step": branch, "id": "branch", "name": "Branch", "index": 0}
    targets = {"object": yes, "step": flow.steps[1], "id": "s1", "index": 1}

    edge = flow.add_edge(sources[source], targets[target], "false")

    assert flow.edges == (edge,) == (Edge(source="branch", target="s1", source_port="false"),)


@pytest.mark.parametrize(
    ("ends", "words"),
    [
        (
            ("branch", "s1", "no"),
            "Step 'branch' has no port 'no'. Available ports: true, false, error.",
        ),
        (
            ("brnch", "s1"),
            "The source of the edge: There is no step 'brnch': the flow has 2 steps. "
            "Did you mean 'branch'?",
        ),
        (
            ("branch", 7),
            "The target of the edge: There is no step 7: the flow has 2 steps. "
            "Indices run from 0 to 1.",
        ),
        (
            ("branch", Chat(prompt="new")),
            "The target of the edge: This Chat is no step of the flow. Add it first.",
        ),
        (
            (Step(id="brnch"), "s1"),
            "The source of the edge: This Step is no step of the flow. Did you mean 'branch'?",
        ),
    ],
)
def test_an_edge_without_an_end_or_a_port_is_refused(ends, words):
    flow, _, _ = built()

    with pytest.raises(ValueError) as caught:  # noqa: PT011  # the words are compared below
        flow.add_edge(*ends)

    assert str(caught.value) == words
    assert flow.edges == ()


def test_the_port_may_be_left_out():
    flow, _, _ = built()

    assert flow.add_edge(0, 1).source_port is None


def test_the_same_object_added_twice_is_the_one_added_last_and_equal_ones_are_told():
    flow, chat = Flow(), Chat(prompt="x")
    flow.add_step(Chat(prompt="x"))
    flow.add_step(Chat(prompt="x"))

    with pytest.raises(NoSuchStep) as caught:
        flow.step_index(Chat(prompt="x", id="a0"))
    assert str(caught.value) == (
        "Several steps are equal to this Chat: 's0', 's1'. Give the id, or what add_step returned."
    )
    flow.add_step(chat)
    flow.add_step(chat)
    assert flow.step_index(chat) == 3


def test_a_flow_that_grew_is_equal_to_one_written_at_once():
    flow, branch, yes = built()
    flow.add_edge(branch, yes, "true")
    edges = [Edge(source="branch", target="s1", source_port="true")]

    whole = Flow(inputs=["x"], steps=[Step(name="Branch", actions=[BRANCH]), yes], edges=edges)

    assert flow == whole
    assert dump_flow(flow) == dump_flow(whole)
    assert load_flow(dump_flow(flow)) == flow


def test_a_runner_keeps_the_flow_as_it_was_given():
    flow, branch, yes = built()
    runner = FlowRunner(flow)

    flow.add_edge(branch, yes)
    flow.add_step(Chat(prompt="later"))

    assert (len(runner.flow), len(runner.flow.edges)) == (2, 0)
    assert len(flow) == 3


def test_a_runner_keeps_a_flow_that_was_written_at_once():
    flow = Flow(steps=[Chat(prompt="x")])
    runner, other = FlowRunner(flow), FlowRunner(flow)
    assert runner.flow == flow

    flow.add_step(Chat(prompt="later"))
    runner.flow.add_step(Chat(prompt="own"))

    assert [len(one) for one in (flow, runner.flow, other.flow)] == [2, 2, 1]
    assert [step.actions[0].prompt for step in runner.flow.steps] == ["x", "own"]
    assert len(compile_graph(runner.flow).joins) == 2
    assert len(compile_graph(other.flow).joins) == 1


def test_a_copy_knows_what_was_added_and_what_is_added_to_it_stays_its_own():
    flow, _, yes = built()
    copy = load_flow(flow)
    late = Chat(prompt="late")

    copy.add_step(late)

    assert (copy.step_index(BRANCH), copy.step_index(yes), copy.step_index(late)) == (0, 1, 2)
    with pytest.raises(NoSuchStep):
        flow.step_index(late)


@pytest.mark.parametrize("given", [None, 1, "x", Flow(), SetState, {1: 2}], ids=repr)
def test_what_is_no_step_is_refused(given):
    flow = Flow()

    with pytest.raises(InvalidFlow):
        flow.add_step(given)
    assert flow.steps == ()


@pytest.mark.parametrize("step", [Chat(prompt="x"), Step(name="a")], ids=["action", "step"])
@pytest.mark.parametrize("changes", [{"name": 5}, {"id": 5}, {"join": "x"}], ids=repr)
def test_what_a_step_is_given_is_looked_at(step, changes):
    with pytest.raises(InvalidFlow, match=next(iter(changes))):
        Flow().add_step(step, **changes)


def test_another_step_of_the_same_id_stands_for_the_one_of_the_flow():
    flow = Flow()
    flow.add_step(Transform(value=1), id="a")
    flow.add_step(Transform(value=2), id="b")

    edge = flow.add_edge(Step(id="a", actions=[Transform(value=9)]), "b")

    assert (edge.source, edge.target) == ("a", "b")
