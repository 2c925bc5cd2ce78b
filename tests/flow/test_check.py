from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flow_widgets.actions.chat import Chat
from flow_widgets.errors import Problem
from flow_widgets.flow.check import check_flow
from flow_widgets.flow.message import Message
from flow_widgets.flow.model import Edge, Flow, Step

BEGINS = (
    "steps: No step is a trigger; a run begins with 's0'. "
    "Add Start(), Webhook(…), Schedule(…) or Event(…) to say how it is begun."
)


def found(flow) -> list[str]:
    return [str(problem) for problem in check_flow(flow)]


def refers(text: str, **given) -> list[str]:
    """Return what is found of a reference in the second of three steps."""
    steps = [
        Step(id="one", actions=[Chat(prompt="1")]),
        Chat(prompt=text),
        Step(id="many", actions=[Chat(prompt="2"), Chat(prompt="3")]),
    ]
    return found(Flow(steps=steps, **given))


def edged(*edges: Edge, count: int = 2) -> Flow:
    return Flow(
        steps=[Step(id=f"s{n}", actions=[Chat(prompt="x")]) for n in range(count)], edges=edges
    )


def test_a_flow_that_can_run_has_no_problems():
    text = "{{topic}} {{inputs.topic}} {{steps.one.output.title}} {{flow.name}} {{flow}}"

    assert refers(text, inputs=["topic"]) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{{topc}}", "{{topc}} is no input of this flow. Did you mean 'topic'?"),
        ("{{xyz}}", "{{xyz}} is no input of this flow. Declare it: Flow(inputs={'xyz': …})."),
        ("{{inputs.topc}}", "{{inputs.topc}} is no input of this flow. Did you mean 'topic'?"),
        ("{{inputs}}", "{{inputs}} is no input of this flow. Name one of them: {{inputs.…}}."),
        (
            "{{steps.².output}}",
            "{{steps.².output}} names no step of this flow. Known: 'one', 's1', 'many'.",
        ),
        (
            "{{stpes.one.output}}",
            "{{stpes.one.output}} is no input of this flow. Did you mean 'steps'?",
        ),
        (
            "{{steps.oen.output}}",
            "{{steps.oen.output}} names no step of this flow. Did you mean 'one'?",
        ),
        (
            "{{steps.9.output}}",
            "{{steps.9.output}} names no step of this flow. The flow has 3 steps; indices start at 0.",
        ),
        ("{{steps}}", "{{steps}} names no step of this flow. Known: 'one', 's1', 'many'."),
        (
            "{{steps.one.actions.3.output}}",
            "{{steps.one.actions.3.output}} names no step of this flow. The step has no such action.",
        ),
        (
            "{{steps.0.actions.x.output}}",
            "{{steps.0.actions.x.output}} names no step of this flow. The step has no such action.",
        ),
        ("{{steps.one.title}}", "{{steps.one.title}} names no output. Write {{steps.one.output}}."),
        ("{{steps.one}}", "{{steps.one}} names no output. Write {{steps.one.output}}."),
        (
            "{{steps.one.actions.0}}",
            "{{steps.one.actions.0}} names no output. Write {{steps.one.actions.0.output}}.",
        ),
        (
            "{{steps.1.output}}",
            "{{steps.1.output}} refers to its own step. "
            "A step can use the outputs of steps that lead to it; this is step 1.",
        ),
        (
            "{{steps.many.output}}",
            "{{steps.many.output}} refers to step 2, which does not run before. "
            "A step can use the outputs of steps that lead to it; this is step 1.",
        ),
        (
            "{{flow.nme}}",
            "{{flow.nme}} is nothing that the flow knows of itself. Did you mean 'name'?",
        ),
    ],
)
def test_a_reference_that_can_not_be_looked_up_is_a_problem(text, words):
    assert refers(text, inputs=["topic"]) == [f"steps[1].actions[0].prompt: {words}"]


def test_a_reference_is_told_at_its_field():
    messages = [Message(content=["ok", "{{a}}"]), Message(content="{{b}}")]

    assert [problem.place for problem in check_flow(Flow(steps=[Chat(messages=messages)]))] == [
        "steps[0].actions[0].messages[0].content[1]",
        "steps[0].actions[0].messages[1].content",
    ]


def test_what_an_action_finds_wrong_is_told_at_its_place():
    flow = Flow(steps=[Chat(prompt="1"), [Chat(prompt="2"), Chat()]])

    assert found(flow) == [
        "steps[1].actions[1].prompt: there is nothing to ask. Give a prompt or messages."
    ]


def test_ids_that_are_used_twice_are_problems():
    steps = [
        Step(id="a", actions=[Chat(prompt="1", id="x"), Chat(prompt="2", id="x")]),
        Step(id="a", actions=[Chat(prompt="3")]),
    ]

    assert found(Flow(steps=steps)) == [
        "steps[0].actions[1].id: 'x' is used by two actions of this step.",
        "steps[1].id: 'a' is used by two steps. Rename one.",
    ]


def test_an_input_can_not_take_the_name_of_a_scope():
    assert found(Flow(inputs={"steps": 1, "ok": 2})) == [
        "inputs.steps: 'steps' has a meaning of its own. Rename it."
    ]


def test_edges_lead_between_known_steps_and_leave_known_ports():
    edges = (
        Edge(source="s0", target="s2"),
        Edge(source="x", target="s1", source_port="any"),
        Edge(source="s0", target="s1", source_port="error"),
        Edge(source="s0", target="s1", source_port="no"),
    )

    assert found(edged(*edges)) == [
        "edges[0].target: 's2' is no step of this flow. Known: 's0', 's1'.",
        "edges[1].source: 'x' is no step of this flow. Known: 's0', 's1'.",
        "edges[3].source_port: step 's0' has no port 'no'. Its ports: success, error.",
        BEGINS,
    ]


def test_problems_come_in_the_order_of_the_document():
    flow = Flow(
        inputs={"flow": 1},
        steps=[Chat(prompt="{{b}}", system="{{a}}"), [Chat(prompt="x"), Chat()]],
        edges=[Edge(source="s0", target="x")],
    )

    assert [problem.place for problem in check_flow(flow)] == [
        "inputs.flow",
        "steps[0].actions[0].system",
        "steps[0].actions[0].prompt",
        "steps[1].actions[1].prompt",
        "edges[0].target",
        "steps",
    ]


def test_what_keeps_a_document_from_loading_is_told_as_problems():
    assert found({"steps": [{"type": "caht"}]}) == [
        "steps[0].actions[0]: 'caht' is not a known action type. Did you mean 'chat'?"
    ]
    assert found({"stps": []}) == [
        "This is no flow in a known format; its keys are 'stps'. Did you mean 'steps'?"
    ]


def test_a_document_that_loads_is_checked():
    assert found({"steps": [{"prompt": "Hi"}]}) == []


# Malformed documents.

CHAT_STEPS = [{"actions": [{"messages": [{"role": "user", "content": "x"}]}]}]


def editable(**given) -> dict:
    flows = {"byId": {"a": {"steps": [{"actionIds": ["b"]}]}}}
    return {"flows": flows, "actions": [{"id": "b", "messages": [{"content": "x"}]}], **given}


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"flows": {"byId": {"a": "x"}}}, "flows.byId.a: must be a dict, not str."),
        ({"flows": {"byId": [1]}}, "flows.byId: must be a dict, not list."),
        ({"flows": {"byId": {"a": {"steps": [1]}}}}, "flows.byId.a.steps[0]: must be a dict"),
        (editable(actions=[1]), "actions[0]: must be a dict, not int."),
        (editable(actions=[{"id": [1]}]), "actions[0].id: must be a text, not list."),
        (editable(actions=[{"id": "b", "messages": [1]}]), "actions[0].messages[0]: must be"),
        (editable(activeFlowId=[1]), "activeFlowId: must be a text, not list."),
        (editable(files="x"), "files: must be a list, not str."),
        (editable(variables=[1]), "variables[0]: must be a dict, not int."),
        ({"steps": CHAT_STEPS, "variables": "abc"}, "variables: must be a list, not str."),
        ({"steps": CHAT_STEPS, "variables": [1]}, "variables[0]: must be a dict, not int."),
        ({"inputs": [[1]], "steps": []}, "inputs: must be"),
    ],
    ids=range(12),
)
def test_a_malformed_document_has_problems_with_places(document, words):
    assert found(document)[0].startswith(words)


def test_an_editable_document_may_leave_out_what_it_does_not_need():
    assert found(editable(files=None, variables=None, activeFlowId=None)) == []


WORDS = """flows byId activeFlowId steps actionIds actions id type name messages content files role
variables value inputs default edges source target prompt output_schema format model filesEnabled
structured_output structuredOutputEnabled structuredOutput $ref $schema"""
KEYS = st.sampled_from(WORDS.split())
LEAVES = st.none() | st.integers(-1, 9) | st.sampled_from(["", "a", "b", "chat", "text", "{{a}}"])
TREES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | LEAVES, inner, max_size=5),
    max_leaves=25,
)
DOCUMENTS = st.one_of(
    TREES,
    st.builds(
        lambda flow, rest: {**rest, "flows": {"byId": {"a": flow}}},
        TREES,
        st.dictionaries(KEYS, TREES),
    ),
    st.builds(
        lambda action, more: {"steps": [{"actions": [action]}], **more},
        TREES,
        st.dictionaries(KEYS, TREES),
    ),
    st.builds(lambda fields: {"steps": [{"type": "chat", **fields}]}, st.dictionaries(KEYS, TREES)),
)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(DOCUMENTS)
def test_whatever_the_document_the_check_returns_problems(document):
    problems = check_flow(document)

    assert all(isinstance(problem, Problem) for problem in problems)
