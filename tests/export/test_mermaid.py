"""The Mermaid text of a flow and of a run."""

from __future__ import annotations

import re
from typing import Literal

import pytest

from flow_widgets import Chat, Edge, Flow, FlowRunner, Step
from flow_widgets.actions.base import Action, Outcome
from flow_widgets.errors import FlowError
from flow_widgets.export.mermaid import to_mermaid
from flow_widgets.providers.offline import OfflineProvider, Reply


class Fork(Action):
    """An action with two ports."""

    type: Literal["fork_probe"] = "fork_probe"

    @property
    def ports(self):
        return ("true", "false")

    async def run(self, ctx):
        return Outcome(output=True, ports=("true",))


def branched(**given):
    steps = [
        Step(id="ask", name="Ask", actions=(Fork(),)),
        Step(id="yes", name="Yes", actions=(Chat(prompt="a"),)),
        Step(id="no", name="No", actions=(Chat(prompt="b"),)),
        Step(id="all", name="All", actions=(Chat(prompt="c"), Chat(prompt="d")), join="all_done"),
    ]
    ends = [
        ("ask", "yes", "true"),
        ("ask", "no", "false"),
        ("yes", "all", None),
        ("no", "all", None),
    ]
    edges = [Edge(source=a, target=b, source_port=port) for a, b, port in ends]
    return Flow(name="Branches", steps=steps, edges=edges, **given)


def test_a_flow_is_a_chart_of_its_steps_and_edges():
    assert (
        to_mermaid(branched())
        == """\
---
title: "Branches"
---
flowchart TD
    s0{"0 Ask<br/>fork probe"}
    s1["1 Yes<br/>chat"]
    s2["2 No<br/>chat"]
    s3[["3 All<br/>2 actions, after all"]]
    s0 -->|"true"| s1
    s0 -->|"false"| s2
    s1 --> s3
    s2 --> s3
"""
    )


def test_a_sequence_names_no_ports_and_no_joins():
    flow = Flow(name="Row", steps=[Chat(prompt="a", name="One"), [Fork()], Chat(prompt="b")])

    assert to_mermaid(flow, direction="LR").splitlines()[3:] == [
        "flowchart LR",
        '    s0["0 One<br/>chat"]',
        '    s1{"1<br/>fork probe"}',
        '    s2["2<br/>chat"]',
        "    s0 --> s1",
        "    s1 --> s2",
    ]


HOSTILE = [
    'say "hi" ]; click s0 "javascript:alert(1)"',
    "a]b)c}d|e>f",
    "line\none\r\n---\nend",
    "<img src=x onerror=alert(1)>",
    "`**bold** _it_`",
    "#quot; &amp; #35;",
    "1. one",
    "- dash\u202e\u2028\x00",
    "%%{init: {}}%%",
    "漢字 é 🐝",
    "x\ud800y",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_only_ever_text(name):
    flow = Flow(name=name, steps=[Step(id="x", name=name, actions=(Chat(prompt="a"),))])

    lines = to_mermaid(flow).split("\n")

    assert len(lines) == 6
    assert re.fullmatch(r'    s0\["0 [^"`<>\[\](){}|*_&.\\-]+<br/>chat"\]', lines[4])
    assert re.fullmatch(r'title: ".*"', lines[1])
    "\n".join(lines).encode()


def test_a_name_reads_as_it_was_once_its_codes_are_resolved():
    flow = Flow(name="x", steps=[Chat(prompt="a", name='1. "Hi" <b> #35;')])

    label = re.search(r'"0 (.*)<br/>chat"', to_mermaid(flow))[1]

    assert re.sub(r"#(\d+);", lambda code: chr(int(code[1])), label) == '1. "Hi" <b> #35;'


def test_a_name_of_nothing_visible_leaves_the_index():
    steps = [Step(id="x", name="\u200b\n", actions=(Chat(prompt="a"),))]

    assert '    s0["0<br/>chat"]' in to_mermaid(Flow(steps=steps)).splitlines()


def test_ids_say_nothing_of_the_flow():
    steps = [Step(id=name, actions=(Chat(prompt="a"),)) for name in ("end", "s1 --> s9", "graph")]

    text = to_mermaid(Flow(steps=steps))

    assert re.findall(r"^    (\w+)\[", text, re.MULTILINE) == ["s0", "s1", "s2"]


def test_a_direction_that_is_none_is_refused():
    with pytest.raises(FlowError, match="'UP' is no direction"):
        to_mermaid(branched(), direction="UP")


# Of a run.


@pytest.fixture
async def lines():
    """Return the lines of a run of ``branched`` that went by way of ``Yes``."""
    runner = FlowRunner(branched(), provider=OfflineProvider(pace=0))
    run = await runner.run_flow()
    return [line.strip() for line in to_mermaid(run).splitlines()]


async def test_of_a_run_the_dead_branch_differs_from_the_taken_one(lines):
    assert 's0 -->|"true"| s1' in lines
    assert 's0 -.->|"false"| s2' in lines
    assert "s2 -.-> s3" in lines


async def test_of_a_run_edges_are_drawn_by_their_statuses(lines):
    styles = [line.split(" ")[1] for line in lines if line.startswith("linkStyle")]

    assert styles == ["0,2", "1,3"]


async def test_of_a_run_each_step_has_the_class_of_its_status(lines):
    classes = [line for line in lines if line.startswith("class ")]

    assert classes == ["class s0,s1,s3 completed", "class s2 skipped"]
    assert sum(line.startswith("classDef") for line in lines) == 2


async def test_of_a_run_what_is_stale_shows_as_stale():
    flow = Flow(inputs={"x": 1}, steps=[Chat(prompt="{{x}}"), Chat(prompt="b")])
    runner = FlowRunner(flow, provider=OfflineProvider(pace=0))
    run = await runner.run_flow()

    runner.revise_inputs({"x": 2})

    classes = [line.strip() for line in to_mermaid(run).splitlines() if "    class " in line]
    assert classes == ["class s1 completed", "class s0 stale"]


async def test_of_a_run_a_failed_step_and_its_edges_show_as_failed():
    script = [Reply(status=400, error={"message": "no"}), Reply(text="b")]
    provider = OfflineProvider(pace=0, script=script)
    flow = Flow(steps=[Chat(prompt="a"), Chat(prompt="b")])

    text = to_mermaid(await FlowRunner(flow, provider=provider).run_flow())

    assert "class s0 failed" in text
    assert "linkStyle 0 stroke:#c62828,stroke-width:2px" in text
