"""An oracle that knows nothing of events: what each step of an acyclic flow must come to."""

from __future__ import annotations

from typing import Any, NamedTuple

from driver import Done, Driver, Fail
from hypothesis import given
from hypothesis import strategies as st
from strategies import PORTS, graphs

from flow_widgets.flow.graph import Graph
from flow_widgets.flow.model import Flow

ends = st.sampled_from((Done(), Done(ports=("other",)), Done(ports=PORTS), Fail()))


class Fate(NamedTuple):
    """What a step comes to: its status, and how often it is visited."""

    status: str
    visits: int


def expected(graph: Graph, outcome: dict[int, Any]) -> list[Fate]:
    """Return what each step comes to under ``continue``, from the definitions of the joins alone."""
    fates: dict[int, Fate] = {}
    for step in graph.order:
        arcs = [_edge(graph, fates[arc.source], arc, outcome) for arc in graph.into[step]]
        fired, failed = sum(count for count, _ in arcs), any(bad for _, bad in arcs)
        join = graph.joins[step]
        if not arcs:
            visits = 1
        elif join == "no_wait":
            visits = fired
        elif join == "all_success":
            visits = int(fired > 0 and not failed)
        else:
            visits = int(fired > 0 or (failed and join == "all_done"))
        unmet = "failed" if failed else "skipped"
        done = "failed" if isinstance(outcome[step], Fail) else "completed"
        fates[step] = Fate(done if visits else unmet, visits)
    return [fates[step] for step in range(len(fates))]


def _edge(graph: Graph, source: Fate, arc: Any, outcome: dict[int, Any]) -> tuple[int, bool]:
    """Return how often an edge fires, and whether it fails."""
    if source.status == "failed":
        is_handled = any(one.port == "error" for one in graph.out[arc.source])
        return (max(source.visits, 1) * (arc.port == "error"), not is_handled)
    if source.status == "skipped":
        return (0, False)
    return (source.visits * arc.is_fired(outcome[arc.source].ports or PORTS[:1]), False)


@given(st.data(), graphs())
def test_J1_to_J6_every_step_comes_to_what_its_edges_say(data: Any, flow: Flow) -> None:
    run = Driver(flow.model_copy(update={"on_error": "continue"})).start()
    graph = run.state.graph
    outcome = {step: data.draw(ends) for step in range(len(flow.steps))}
    for index, step in enumerate(flow.steps):
        if any(action.text for action in step.actions):
            outcome[index] = Fail()
        elif (len(step.actions) != 1 and not isinstance(outcome[index], Fail)) or not step.actions:
            outcome[index] = Done()

    while run.live:
        key = data.draw(st.sampled_from(run.live))
        run.settle(key, outcome[key[0]])

    found = [Fate(step.status, step.visit_count) for step in run.state.steps]
    assert found == expected(graph, outcome)
