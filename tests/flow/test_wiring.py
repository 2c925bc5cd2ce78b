"""What the check says of edges, cycles, joins and beginnings."""

from __future__ import annotations

import pytest

from flow_widgets import Chat, Flow
from flow_widgets.actions.conditional import Conditional
from flow_widgets.actions.loop import Loop
from flow_widgets.actions.start import Start
from flow_widgets.actions.transform import Transform
from flow_widgets.flow.check import check_flow
from flow_widgets.flow.model import Edge, Step

NEVER = "never ends: no step on it chooses between ports. Let a step such as Conditional decide"


def flow(edges: str, *, joins: dict[str, str] | None = None, begin: bool = True) -> Flow:
    """Return a flow of chats; ``if…`` are conditionals, ``begin`` a trigger."""
    pairs = [pair.split(">") for pair in edges.split()]
    names = list(dict.fromkeys(end.split(".")[0] for pair in pairs for end in pair))
    steps = [Step(id=name, join=(joins or {}).get(name), actions=[_action(name)]) for name in names]
    return Flow(steps=steps, edges=[_edge(*pair) for pair in pairs])


def _action(name: str):
    if name == "begin":
        return Start()
    return Conditional(left=1, right=1) if name.startswith("if") else Chat(prompt="x")


def _edge(source: str, target: str) -> Edge:
    step, _, port = source.partition(".")
    return Edge(source=step, target=target, source_port=port or None)


def found(made: Flow) -> list[str]:
    return [f"{one.severity}: {one}" for one in check_flow(made)]


@pytest.mark.parametrize(
    "edges",
    [
        "begin>a a>ifx ifx.true>a ifx.false>b",
        "begin>a a.error>a a>b",
        "begin>ifx ifx.true>ifx",
        "begin>ifx ifx.true>a ifx.false>b a>j b>j",
    ],
)
def test_a_cycle_with_a_way_out_and_a_join_of_branches_are_no_problem(edges):
    assert found(flow(edges)) == []


@pytest.mark.parametrize(
    ("edges", "cycle"),
    [
        ("begin>a a>a", "a → a"),
        ("begin>a a>b b>a", "a → b → a"),
        ("begin>a a>b b>a b.error>c", "a → b → a"),
        ("begin>ifx ifx.true>a ifx.false>c a>b b>a", "a → b → a"),
    ],
)
def test_a_cycle_without_a_way_out_is_a_problem(edges, cycle):
    (problem,) = found(flow(edges))

    assert problem.startswith(f"error: edges: The cycle {cycle} {NEVER}")


def test_steps_that_no_run_comes_to_are_problems_and_so_is_their_cycle():
    problems = found(flow("begin>a lost>also also>lost"))

    assert [problem.split(": ")[1] for problem in problems] == ["steps[2]", "steps[3]", "edges"]
    assert problems[0] == (
        "error: steps[2]: No run comes to step 'lost': no step that begins one leads to it. "
        "Add an edge to it, or remove it."
    )


def test_a_flow_with_edges_and_no_trigger_is_told_how_it_begins():
    (problem,) = found(flow("a>c b>c"))

    assert problem == (
        "warning: steps: No step is a trigger; a run begins with 'a' and 'b'. "
        "Add Start(), Webhook(…), Schedule(…) or Event(…) to say how it is begun."
    )


def test_a_sequence_and_a_flow_inside_an_action_need_no_trigger():
    assert found(Flow(steps=[Chat(prompt="a"), Chat(prompt="b")])) == []
    assert found(Flow(steps=[Loop(body=flow("a>b"), over=[1])])) == []


def test_the_same_edge_twice_is_a_warning():
    assert found(flow("begin>a begin.success>a")) == [
        "warning: edges[1]: The same edge leads from 'begin' to 'a' already. Remove one of them."
    ]


def test_all_that_is_wrong_is_told_at_once_also_in_flows_inside_actions():
    inner = Flow(
        steps=[
            Step(id="a", actions=[Chat(prompt="{{itm}}")]),
            Step(id="a", actions=[Chat()]),
            Loop(over="{{item}}", body=[Chat(prompt="ok {{last}}"), Chat(prompt="{{nope}}")]),
        ],
        edges=[Edge(source="a", target="z"), Edge(source="a", target="s2", source_port="no")],
    )
    made = Flow(
        steps=[Step(id="x", actions=[Chat(prompt="{{y}}")]), Loop(over=[1], body=inner)],
        edges=[Edge(source="x", target="s1"), Edge(source="x", target="gone")],
    )

    body = "steps[1].actions[0].body"
    assert [problem.place for problem in check_flow(made)] == [
        "steps[0].actions[0].prompt",
        f"{body}.steps[0].actions[0].prompt",
        f"{body}.steps[1].id",
        f"{body}.steps[1].actions[0].prompt",
        f"{body}.steps[2].actions[0].body.steps[1].actions[0].prompt",
        f"{body}.edges[0].target",
        f"{body}.edges[1].source_port",
        "edges[1].target",
        "steps",
    ]


def test_a_join_where_a_cycle_is_entered_is_a_warning():
    flow = Flow(
        steps=[
            Step(id="a", actions=[Transform(value=1)]),
            Step(id="b", actions=[Conditional(left=1, right=1)], join="all_done"),
        ],
        edges=[
            Edge(source="a", target="b"),
            Edge(source="b", target="b", source_port="true"),
        ],
    )

    found = [one for one in check_flow(flow) if one.place == "steps[1].join"]

    assert [one.severity for one in found] == ["warning"]
    assert "'all_done' can never be satisfied by all edges: 'b' runs only after" in found[0].what
