"""Strategies for flows, and for what happens when they run."""

from __future__ import annotations

from typing import Any

from driver import Done, Driver, Fail, Probe
from hypothesis import strategies as st

from flow_widgets.flow.model import Edge, Flow, Step

PORTS = ("success", "other")
JOINS = (None, "all_success", "all_done", "first_success", "no_wait")


@st.composite
def graphs(draw: st.DrawFn, *, most: int = 7) -> Flow:
    """Draw a flow of probes with any acyclic edges, joins and numbers of actions.

    Some actions name a value that there is not, so that they fail while they are started.
    """
    count = draw(st.integers(1, most))
    steps = [draw(_steps(f"n{index}")) for index in range(count)]
    pairs = [(a, b) for a in range(count) for b in range(a + 1, count)]
    chosen = draw(st.lists(st.sampled_from(pairs), max_size=12)) if pairs else []
    edges = tuple(
        Edge(
            source=steps[a].id,
            target=steps[b].id,
            source_port=draw(st.sampled_from((None, *steps[a].ports))),
        )
        for a, b in chosen
    )
    return Flow(
        steps=tuple(draw(st.permutations(steps))),
        edges=edges,
        on_error=draw(st.sampled_from(("stop", "continue"))),
    )


@st.composite
def cyclic_graphs(draw: st.DrawFn, *, most: int = 6) -> Flow:
    """Draw a flow of probes with any edges, most of them on cycles; a run comes to every step."""
    count = draw(st.integers(2, most))
    steps = [draw(_steps(f"n{index}")) for index in range(count)]
    pairs = [(a, b) for a in range(count) for b in range(1, count)]
    chosen = draw(st.lists(st.sampled_from(pairs), min_size=1, max_size=10))
    reached = {0}
    for step in range(1, count):
        chosen.append((draw(st.sampled_from(sorted(reached))), step))
        reached.add(step)
    edges = tuple(
        Edge(
            source=steps[a].id,
            target=steps[b].id,
            source_port=draw(st.sampled_from((None, *steps[a].ports))),
        )
        for a, b in chosen
    )
    return Flow(
        steps=tuple(steps),
        edges=edges,
        on_error=draw(st.sampled_from(("stop", "continue"))),
        max_iterations=draw(st.integers(1, 4)),
    )


@st.composite
def _steps(draw: st.DrawFn, name: str) -> Step:
    texts = draw(st.lists(st.sampled_from(("", "", "", "{{nothing}}")), max_size=2))
    actions = tuple(Probe(text=text, own_ports=PORTS) for text in texts)
    return Step(id=name, join=draw(st.sampled_from(JOINS)), actions=actions)


def resolved(flow: Flow) -> Flow:
    """Return a flow in which no action names a value that there is not."""
    steps = (
        step.model_copy(
            update={"actions": tuple(a.model_copy(update={"text": ""}) for a in step.actions)}
        )
        for step in flow.steps
    )
    return flow.model_copy(update={"steps": tuple(steps)})


outcomes = st.one_of(
    st.builds(Done, st.none(), st.sampled_from((None, ("other",), PORTS))),
    st.builds(Done, st.sampled_from(("same", {"a": 1}))),
    st.builds(Fail, retry_seconds=st.sampled_from((None, None, 1.0))),
)


def settle_some(draw: st.DrawFn, run: Driver, *, cancels: bool = False) -> None:
    """Settle open attempts in any order and in any way, until none is left."""
    while run.live or run.waits:
        if not run.live or (run.waits and draw(st.booleans())):
            run.go_on(draw(st.sampled_from(run.waits)))
            continue
        if cancels and draw(st.integers(0, 9)) == 0:
            run.cancel()
            return
        run.settle(draw(st.sampled_from(run.live)), draw(outcomes))


def places(flow: Flow) -> list[Any]:
    """Return the place of every action of a flow."""
    return [(s, a) for s, step in enumerate(flow.steps) for a in range(len(step.actions))]
