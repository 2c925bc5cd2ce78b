"""The definition as the browser is shown it."""

from __future__ import annotations

from typing import get_type_hints

import pytest

from flow_widgets import Chat, Edge, Flow, Input, Step
from flow_widgets.actions import (
    Case,
    Code,
    Conditional,
    Constants,
    DataBlock,
    Delay,
    End,
    Event,
    Loop,
    Map,
    Merge,
    Request,
    Schedule,
    SetState,
    Start,
    Subflow,
    Switch,
    Transform,
    Webhook,
)
from flow_widgets.run import view as wire
from flow_widgets.widget.definition import flow_view
from flow_widgets.widget.summary import HIDDEN, MAX_VALUE_CHARS


@pytest.fixture
def shown():
    """Return the view of a flow whose last step joins two edges."""
    steps = [
        Step(id="a", actions=(Chat(prompt="a"),)),
        Step(id="b", actions=(Chat(prompt="b"), Chat(prompt="c"))),
        Step(id="c", actions=(Chat(prompt="d"),), join="first_success"),
    ]
    ends = [("a", "b", None), ("a", "c", "error"), ("b", "c", None)]
    edges = [Edge(source=a, target=b, source_port=port) for a, b, port in ends]
    flow = Flow(steps=steps, edges=edges)
    return flow_view(flow, flow, (), ())


def test_the_definition_has_exactly_the_keys_of_the_wire(shown):
    step = shown["steps"][0]
    pairs = [
        (wire.FlowView, shown),
        (wire.StepDef, step),
        (wire.ActionDef, step["actions"][0]),
        (wire.EdgeDef, shown["edges"][0]),
    ]

    assert [list(get_type_hints(kind)) for kind, _ in pairs] == [list(value) for _, value in pairs]


def test_a_step_tells_what_it_does_and_how_it_joins(shown):
    assert [(step["kind"], step["join"], step["ports"]) for step in shown["steps"]] == [
        ("chat", None, ["success", "error"]),
        ("parallel", None, ["success", "error"]),
        ("chat", "first_success", ["success", "error"]),
    ]


def test_an_edge_is_written_with_its_port(shown):
    assert shown["edges"] == [
        {"source": 0, "target": 1, "port": "success"},
        {"source": 0, "target": 2, "port": "error"},
        {"source": 1, "target": 2, "port": "success"},
    ]


def test_several_triggers_are_told_with_what_each_is_handed():
    start = Step(id="by_hand", name="By hand", actions=(Start(takes=["order"]),))
    hook = Step(id="hook", actions=(Webhook(path="/orders"),))
    work = Step(id="work", actions=(Chat(prompt="{{tone}}"),), join="first_success")
    edges = [Edge(source=name, target="work") for name in ("by_hand", "hook")]
    flow = Flow(steps=[start, hook, work], edges=edges, inputs={"tone": Input(default="kind")})

    first, second = flow_view(flow, flow, (), ())["triggers"]

    assert list(get_type_hints(wire.TriggerDef)) == list(first)
    assert first == {"step": 0, "name": "By hand", "inputs": ["order", "tone"]}
    assert (second["step"], second["name"]) == (1, "hook")
    assert {"body", "tone"} <= set(second["inputs"])


@pytest.mark.parametrize("steps", [[Chat(prompt="a")], [Webhook(path="/a"), Chat(prompt="a")]])
def test_one_trigger_or_none_is_no_choice(steps):
    flow = Flow(steps=steps)

    assert flow_view(flow, flow, (), ())["triggers"] == []


def test_a_join_is_told_only_where_it_was_chosen():
    steps = [Step(id=name, actions=(Chat(prompt="a"),)) for name in "abc"]
    edges = [Edge(source=a, target="c") for a in "ab"]
    flow = Flow(steps=steps, edges=edges)

    assert [step["join"] for step in flow_view(flow, flow, (), ())["steps"]] == [None, None, None]


UUID = "3f2b8a52-9d0e-4a55-8f53-1f0f4f0d2c11"


@pytest.mark.parametrize(
    ("step", "name"),
    [
        (Step(actions=(End(),)), "End"),
        (Step(id="s3", actions=(End(),)), "End"),
        (Step(id=UUID, actions=(End(),)), "End"),
        (Step(id="total", actions=(End(),)), "total"),
        (Step(id="total", actions=(End(name="Done"),)), "Done"),
        (Step(id="total", name="All", actions=(End(name="Done"),)), "All"),
        (Step(id="total", actions=(End(name="One"), End())), "total"),
        (Step(actions=(End(name="One"), End())), "2 actions"),
    ],
)
def test_a_step_is_called_by_what_its_author_wrote(step, name):
    flow = Flow(steps=[step])

    assert flow_view(flow, flow, (), ())["steps"][0]["name"] == name


INNER = Flow(name="Weigh", steps=[Chat(prompt="a"), Chat(prompt="b")])


def does(action):
    """Return what is shown of an action before a run."""
    flow = Flow(steps=[action])
    return flow_view(flow, flow, (), ())["steps"][0]["actions"][0]["prompt"]


@pytest.mark.parametrize(
    ("action", "lines"),
    [
        (Chat(prompt="Weigh {{it}}"), ["Weigh {{it}}"]),
        (Code(code="a = 1\na + 1\n"), ["a = 1", "a + 1"]),
        (Conditional(left="{{n}}", operator=">=", right=3), ["{{n}} ≥ 3"]),
        (Conditional(left="{{n}}", operator="is_empty"), ["{{n}} is empty"]),
        (Conditional(left="{{a}}", right="kind"), ['{{a}} = "kind"']),
        (
            Switch(value="{{n}}", cases=["one", {"name": "two", "value": "2"}]),
            ['{{n}} = "one" → one', "{{n}} = 2 → two", "otherwise → default"],
        ),
        (
            Case(
                variables={"n": 1},
                cases=[{"name": "few", "all": [{"variable": "n", "operator": "<", "right": 3}]}],
            ),
            ["n < 3 → few", "otherwise → else"],
        ),
        (SetState(key="n", value="{{m}}"), ["n: {{m}}"]),
        (Transform(values={"a": [1, "x"]}), ['a: [1, "x"]']),
        (Transform(value="{{a}}"), ["{{a}}"]),
        (Merge(values=["{{n}}", 1]), ["{{n}}", "1"]),
        (Constants(values={"a": True}), ["a: true"]),
        (End(values="{{all}}"), ["{{all}}"]),
        (Start(takes={"order": Input(), "tone": "kind"}), ["order: text", "tone: text = kind"]),
        (
            Loop(
                over="{{a}}", condition={"left": "{{n}}", "operator": "<", "right": 9}, body=INNER
            ),
            ["For each item in {{a}}", "While {{n}} < 9", "2 steps each time"],
        ),
        (
            Map(over=[1, 2], item="n", body=INNER),
            ["For each n in [1, 2]", "2 steps each, 8 at a time"],
        ),
        (Subflow(flow=INNER, inputs={"a": 1}), ["Weigh: 2 steps", "a: 1"]),
        (Delay(seconds="{{n}}"), ["Waits {{n}} s"]),
        (Webhook(path="/orders"), ["POST /orders"]),
        (Schedule(cron="0 9 * * *"), ["0 9 * * * (UTC)"]),
        (Event(event_name="paid"), ["paid"]),
        (DataBlock(data="a,b", format="csv"), ["data: a,b", "format: csv"]),
    ],
)
def test_what_an_action_will_do_is_told_in_a_few_lines(action, lines):
    assert does(action).replace("\xa0", " ").split("\n") == lines


def test_no_secret_is_told():
    request = Request(
        url="https://me:word@a.test/x?q=1&api_key=abc123&token={{key}}",
        headers={"Authorization": "Bearer abc123"},
        params={"access_token": "abc123"},
        body={"user": "me", "deep": [{"password": "abc123", "max_tokens": 3}]},
    )

    assert does(request).split("\n") == [
        f"GET https://{HIDDEN}@a.test/x?q=1&api_key={HIDDEN}&token={{{{key}}}}",
        f"access_token: {HIDDEN}",
        f'body: {{"user": "me", "deep": [{{"password": "{HIDDEN}", "max_tokens": 3}}]}}',
    ]


def test_what_is_told_is_short():
    lines = does(Constants(values={f"k{n}": "long " * 1000 for n in range(20)})).split("\n")
    code = does(Code(code="x\n" * 1000)).split("\n")

    assert (len(lines), lines[-1], len(code), code[-1]) == (8, "…", 40, "…")
    assert len(lines[0]) == len("k0: ") + MAX_VALUE_CHARS
