"""Failures on cycles of edges that go on, and what the steps behind them say."""

from __future__ import annotations

import pytest

from flow_widgets import Edge, Flow, FlowRunner, Step
from flow_widgets.actions import Conditional, SetState, Start, Transform
from flow_widgets.flow.model import Action


def bad() -> SetState:
    """Return an action that fails: its value is not what the slot takes."""
    return SetState(key="k", value="x")


def looping(*between: tuple[str, Action], edges: list[tuple[str, str]]) -> Flow:
    steps = [
        ("start", Start()),
        ("again", Transform(value=1)),
        *between,
        ("ask", Conditional(left=1, right=2)),
        ("end", Transform(value="end")),
    ]
    drawn = [Edge(source=a, target=b) for a, b in [("start", "again"), *edges]]
    drawn += [
        Edge(source="ask", target="again", source_port="true"),
        Edge(source="ask", target="end", source_port="false"),
    ]
    return Flow(
        on_error="continue",
        state={"k": 0},
        steps=[Step(id=name, actions=[action]) for name, action in steps],
        edges=drawn,
    )


@pytest.mark.parametrize(
    "flow",
    [
        looping(("bad", bad()), edges=[("again", "bad"), ("bad", "ask")]),
        looping(
            ("bad", bad()),
            ("worse", bad()),
            edges=[("again", "bad"), ("again", "worse"), ("bad", "ask"), ("worse", "ask")],
        ),
        looping(
            ("good", Transform(value=1)),
            ("bad", bad()),
            edges=[("again", "good"), ("again", "bad"), ("good", "ask"), ("bad", "ask")],
        ),
    ],
)
async def test_C3_what_needs_a_failed_step_on_a_cycle_fails_and_the_run_ends(flow):
    run = await FlowRunner(flow).run_flow()

    assert run.status == "failed"
    assert {step.status for step in run.steps[-2:]} == {"failed"}
    assert "needs it" in run.steps["ask"].reason
