"""Whatever the cycles, the outcomes and their order: runs end, joins wait, nothing is dropped silently."""

from __future__ import annotations

from collections import Counter
from typing import Any

from driver import Driver
from hypothesis import given
from hypothesis import strategies as st
from strategies import cyclic_graphs, outcomes, settle_some

from flow_widgets.flow.graph import Graph
from flow_widgets.flow.model import Flow
from flow_widgets.run import events as ev
from flow_widgets.run.joins import RUN_FACTOR
from flow_widgets.run.plan import plan_from_scratch
from flow_widgets.run.state import SETTLED

limits = st.sampled_from((None, 1, 2))


class Watch:
    """Keeps its own count of firings and visits, and looks at each visit as it begins."""

    def __init__(self, run: Driver) -> None:
        self.run, self.visits, self.open = run, Counter[int](), Counter[int]()
        self.new = Counter[int]()
        """Firings of each edge that no visit of its target was begun for."""
        self.fired = Counter[int]()
        self.settled: list[tuple[str, int]] = []
        run.watch = self

    @property
    def graph(self) -> Graph:
        return self.run.state.graph

    def __call__(self, event: Any) -> None:
        if isinstance(event, ev.StepStarted):
            self._begun(event.step)
        elif isinstance(event, (ev.StepCompleted, ev.StepFailed, ev.StepCanceled)):
            self.open[event.step] -= bool(event.visit)
            self._fired(event)
        if isinstance(event, ev.StepSkipped):
            self.settled.append(("skipped", event.step))

    def _fired(self, event: Any) -> None:
        if isinstance(event, ev.StepCanceled):
            return
        has_failed = isinstance(event, ev.StepFailed)
        ports = ("error",) if has_failed else event.ports
        for arc in self.graph.out[event.step]:
            self.fired[arc.index] += arc.is_fired(ports)
            self.new[arc.index] += arc.is_fired(ports) or has_failed
        if event.visit == 0:
            for arc in self.graph.into[event.step]:
                self.new[arc.index] -= self.new[arc.index] > 0

    def _begun(self, step: int) -> None:
        graph, arcs = self.graph, self.graph.into[step]
        is_waiting = graph.joins[step] in ("all_success", "all_done") and len(arcs) > 1
        if graph.cycle_of[step] >= 0 and is_waiting and self.run.state.stopped_by is None:
            active = self._active(step)
            missing = [a for a in arcs if not self.new[a.index] and a.source in active]
            assert not missing or self._is_stuck(step)
        self.visits[step] += 1
        self.open[step] += 1
        for arc in arcs:
            self.new[arc.index] -= self.new[arc.index] > 0

    def _active(self, without: int) -> set[int]:
        """Return the steps that go on, and those that they can still lead to past the join."""
        front = [step for step, count in self.open.items() if count > 0 and step != without]
        found: set[int] = set(front)
        while front:
            for arc in self.graph.out[front.pop()]:
                if arc.target != without and arc.target not in found:
                    found.add(arc.target)
                    front.append(arc.target)
        return found

    def _is_stuck(self, step: int) -> bool:
        cycle = self.graph.cycles[self.graph.cycle_of[step]]
        return not any(self.open[member] > 0 for member in cycle)


@given(st.data(), cyclic_graphs(), limits)
def test_C3_C4_every_run_ends_with_every_step_settled(data: Any, flow: Flow, most: Any) -> None:
    watch = Watch(Driver(flow, max_parallel=most))

    watch.run.start()
    settle_some(data.draw, watch.run, cancels=True)

    run = watch.run
    assert run.state.status in ("completed", "failed", "canceled")
    assert [status for status in run.statuses.values() if status not in SETTLED] == []
    assert run.state.open_visits == 0
    assert len(watch.settled) == len(set(watch.settled))


@given(st.data(), cyclic_graphs(), limits)
def test_C5_no_step_is_visited_more_often_than_the_limit(data: Any, flow: Flow, most: Any) -> None:
    watch = Watch(Driver(flow, max_parallel=most))

    watch.run.start()
    settle_some(data.draw, watch.run)

    on_cycles = {s: n for s, n in watch.visits.items() if watch.graph.cycle_of[s] >= 0}
    assert max(on_cycles.values(), default=0) <= flow.max_iterations
    assert sum(on_cycles.values()) <= flow.max_iterations * RUN_FACTOR


@given(st.data(), cyclic_graphs(), limits)
def test_C4_what_an_edge_led_to_was_visited_and_all_else_is_skipped(
    data: Any, flow: Flow, most: Any
) -> None:
    run = Driver(flow, max_parallel=most)
    watch = Watch(run)

    run.start()
    settle_some(data.draw, run)

    if run.state.stopped_by is not None:
        return
    graph, state = run.state.graph, run.state
    assert all(arc.closed for arc in state.arcs)
    for step, arcs in enumerate(graph.into):
        fired = sum(watch.fired[arc.index] for arc in arcs)
        if arcs and graph.joins[step] == "no_wait":
            assert watch.visits[step] == fired
        if fired:
            assert watch.visits[step] or state.steps[step].status == "failed"
        if arcs and not watch.visits[step]:
            assert state.steps[step].status in ("skipped", "failed")


@given(st.data(), cyclic_graphs(), limits)
def test_P8_a_scan_of_the_whole_state_finds_nothing_left(data: Any, flow: Flow, most: Any) -> None:
    run = Driver(flow, max_parallel=most).start()

    left = [plan_from_scratch(run.state)]
    while run.live:
        run.settle(data.draw(st.sampled_from(run.live)), data.draw(outcomes))
        left.append(plan_from_scratch(run.state))

    assert left == [[] for _ in left]


@given(st.data(), cyclic_graphs(), limits)
def test_R1_folding_the_events_again_gives_an_equal_state(data: Any, flow: Flow, most: Any) -> None:
    run = Driver(flow, max_parallel=most).start()

    settle_some(data.draw, run, cancels=True)
    places = [(s, a) for s, step in enumerate(flow.steps) for a in range(len(step.actions))]
    run.rerun(*(data.draw(st.lists(st.sampled_from(places), unique=True)) if places else []))
    settle_some(data.draw, run)

    assert run.state.status != "running"
    assert run.folded() == run.state
