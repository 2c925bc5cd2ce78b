from __future__ import annotations

import pytest

from flow_widgets.actions.chat import Chat
from flow_widgets.actions.loop import Loop
from flow_widgets.actions.set_state import SetState
from flow_widgets.flow.graph import Arc, Need, compile_graph, source_of
from flow_widgets.flow.identity import named
from flow_widgets.flow.model import Edge, Flow, Step
from flow_widgets.flow.template import Reference


def flow(*texts: str, edges: tuple[str, ...] = (), **given) -> Flow:
    """Return a flow of a chat for each text, with ids ``a``, ``b``, …."""
    steps = [Step(id=chr(97 + n), actions=[Chat(prompt=text)]) for n, text in enumerate(texts)]
    return Flow(steps=steps, edges=[_edge(one) for one in edges], **given)


def _edge(text: str) -> Edge:
    source, _, target = text.partition(">")
    step, _, port = source.partition(".")
    return Edge(source=step, target=target, source_port=port or None)


def reference(path: str) -> Reference:
    return Reference(tuple(path.split(".")))


def test_without_edges_each_step_leads_to_the_next():
    graph = compile_graph(flow("1", "2", "3"))

    assert graph.sequence
    assert graph.arcs == (
        Arc(0, 0, 1, "success", any_port=True),
        Arc(1, 1, 2, "success", any_port=True),
    )
    assert graph.joins == ("all_done",) * 3


def test_edges_leave_the_first_port_unless_they_name_one():
    graph = compile_graph(flow("1", "2", edges=("a>b", "a.error>b")))

    assert not graph.sequence
    assert [arc.port for arc in graph.arcs] == ["success", "error"]
    assert graph.joins == ("all_success",) * 2


def test_a_step_keeps_the_join_that_it_names():
    made = Flow(steps=[Step(id="a"), Step(id="b", join="no_wait")])

    assert compile_graph(made).joins == ("all_done", "no_wait")


def test_edges_with_an_unknown_end_are_left_out():
    graph = compile_graph(flow("1", "2", edges=("x>b", "a>b", "a>y")))

    assert graph.arcs == (Arc(0, 0, 1, "success"),)
    assert graph.out == (graph.arcs, ())
    assert graph.into == ((), graph.arcs)


def test_the_order_puts_each_step_behind_those_that_lead_to_it():
    graph = compile_graph(flow("1", "2", "3", edges=("c>a", "a>b")))

    assert graph.order == (2, 0, 1)
    assert [graph.is_before(2, step) for step in range(3)] == [True, True, False]
    assert not graph.cycles


def test_steps_on_a_cycle_stand_together_behind_what_leads_to_them():
    graph = compile_graph(flow("1", "2", "3", "4", edges=("c>b", "b>a", "a>b", "a>d")))

    assert graph.order == (2, 0, 1, 3)
    assert graph.rank == (1, 2, 0, 3)
    assert (graph.cycles, graph.cycle_of) == (((0, 1),), (0, 0, -1, -1))
    assert [graph.arcs[index].source for index in graph.back] == [0]
    assert graph.joins == ("all_success", "no_wait", "all_success", "all_success")


def test_the_steps_of_a_cycle_are_all_before_one_another():
    graph = compile_graph(flow("1", "2", "3", edges=("a>b", "b>c", "c>b")))

    assert [graph.is_before(0, step) for step in range(3)] == [False, True, True]
    assert graph.is_before(1, 1)
    assert graph.is_before(2, 1)
    assert [bin(graph.earlier(step)) for step in range(3)] == ["0b0", "0b1", "0b11"]


def test_a_written_value_makes_what_uses_it_depend_on_the_writer():
    steps = [
        SetState(key="user.name", value="Ada"),
        Chat(prompt="{{user}}"),
        Chat(prompt="{{other}}"),
    ]

    assert compile_graph(Flow(steps=steps)).dependents == {(0, 0): ((1, 0),)}


def test_flows_inside_actions_are_compiled_with_their_flow():
    loop = Loop(body=[Chat(prompt="{{item}}")], over=[1])
    made = Flow(steps=[loop])

    graph = compile_graph(made)
    body = made.steps[0].actions[0].body

    assert graph.inner_graph((0, 0), body) is graph.inner[0, 0][0]
    assert graph.inner_graph((0, 0), Flow(name="other")).flow.name == "other"


def test_what_an_action_needs_is_found():
    graph = compile_graph(flow("{{x}}", "{{steps.a.output}} {{inputs.y}} {{flow.name}}"))

    needs = {place: [need.source for need in found] for place, found in graph.needs.items()}
    assert needs == {(0, 0): ["x"], (1, 0): [(0, 0), "y", "flow"]}
    assert isinstance(graph.needs[0, 0][0], Need)


def test_who_depends_on_an_output_is_found():
    many = Step(id="m", actions=[Chat(prompt="1"), Chat(prompt="2")])
    last = Chat(prompt="{{steps.m.output}} {{steps.a.output}} {{steps.a.output.x}}")

    graph = compile_graph(Flow(steps=[*flow("0").steps, many, last]))

    assert graph.dependents == {(0, 0): ((2, 0),), (1, 0): ((2, 0),), (1, 1): ((2, 0),)}


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("x.y", "x"),
        ("inputs.x", "x"),
        ("inputs", "inputs"),
        ("flow.name", "flow"),
        ("steps", "steps"),
        ("steps.a.output", (0, 0)),
        ("steps.b.output", 1),
        ("steps.1.output", 1),
        ("steps.b.actions.1.output", (1, 1)),
        ("steps.b.actions.a1.output", (1, 1)),
        ("steps.b.actions.7.output", "steps"),
        ("steps.nope.output", "steps"),
        ("steps.b.actions", 1),
    ],
)
def test_T5_what_a_reference_looks_at(path, source):
    both = Step(id="b", actions=[Chat(prompt="1"), Chat(prompt="2")])

    assert source_of(Flow(steps=[*flow("0").steps, both]), reference(path)) == source


@pytest.mark.parametrize(
    ("key", "index"),
    [
        ("0", 0),
        ("1", 1),
        ("2", None),
        ("draft", 1),
        ("sum_up", 0),
        ("Sum up", None),
        ("x", None),
        ("", None),
    ],
)
def test_T5_a_name_is_an_index_then_an_id_then_a_name(key, index):
    assert named(key, [Step(id="one", name="Sum up"), Step(id="draft")]) == index


def test_T5_an_id_comes_before_a_name_that_stands_earlier():
    assert named("draft", [Step(id="x", name="Draft"), Step(id="draft", name="Other")]) == 1
