"""Whatever the graph, the outcomes and their order: runs end, joins wait, logs fold to the same state."""

from __future__ import annotations

from collections import Counter
from typing import Any

from driver import Driver
from hypothesis import given
from hypothesis import strategies as st
from strategies import graphs, outcomes, places, settle_some

from flow_widgets.flow.graph import Arc, Graph
from flow_widgets.run import events as ev
from flow_widgets.run.plan import plan_from_scratch
from flow_widgets.run.state import SETTLED, RunState

limits = st.sampled_from((None, 1, 2))


class Watch:
    """Looks at each event of a run as it happens, and keeps its own count of what edges did."""

    def __init__(self, run: Driver) -> None:
        self.run, self.fired, self.failed = run, Counter[int](), set[int]()
        self.visits, self.decided = Counter[int](), Counter[int]()
        run.watch = self

    def __call__(self, event: Any) -> None:
        if isinstance(event, ev.StepStarted) and not event.rerun:
            self._may_start(event.step)
            self.visits[event.step] += 1
            self.decided[event.step] += 1
        elif isinstance(event, ev.StepSkipped) or getattr(event, "visit", None) == 0:
            self.decided[event.step] += 1
        if isinstance(event, (ev.StepCompleted, ev.StepFailed)):
            self._settled(event)

    def _settled(self, event: Any) -> None:
        out = self.graph.out[event.step]
        ports = event.ports if isinstance(event, ev.StepCompleted) else ("error",)
        handled = any(arc.port == "error" for arc in out)
        for arc in out:
            self.fired[arc.index] += arc.is_fired(ports)
            if isinstance(event, ev.StepFailed) and not handled:
                self.failed.add(arc.index)

    def _may_start(self, step: int) -> None:
        arcs, join = self.graph.into[step], self.graph.joins[step]
        if not arcs:
            return
        fired = [arc for arc in arcs if self.fired[arc.index]]
        failed = [arc for arc in arcs if arc.index in self.failed]
        if join in ("no_wait", "first_success"):
            assert fired
        if join == "all_success":
            assert fired
            assert not failed
        if join == "all_done":
            assert fired or failed
        if join in ("all_success", "all_done"):
            assert all(self._is_over(arc) for arc in arcs)

    def _is_over(self, arc: Arc) -> bool:
        return bool(self.fired[arc.index]) or self.state.steps[arc.source].status in SETTLED

    @property
    def state(self) -> RunState:
        return self.run.state

    @property
    def graph(self) -> Graph:
        return self.run.state.graph


@given(st.data(), graphs(), limits)
def test_every_run_settles_and_leaves_no_step_waiting(data: Any, flow: Any, most: Any) -> None:
    run = Driver(flow, max_parallel=most).start()

    settle_some(data.draw, run, cancels=True)

    assert run.state.status in ("completed", "failed", "canceled")
    assert {status for status in run.statuses.values() if status not in SETTLED} == set()
    assert run.state.open_visits == 0


@given(st.data(), graphs(), limits)
def test_J1_no_join_starts_early_and_none_twice(data: Any, flow: Any, most: Any) -> None:
    watch = Watch(Driver(flow, max_parallel=most))

    watch.run.start()
    settle_some(data.draw, watch.run, cancels=True)

    joins = watch.graph.joins
    assert {s: n for s, n in watch.decided.items() if n != 1 and joins[s] != "no_wait"} == {}


@given(st.data(), graphs())
def test_J6_no_wait_visits_once_for_each_firing(data: Any, flow: Any) -> None:
    watch = Watch(Driver(flow.model_copy(update={"on_error": "continue"})))

    watch.run.start()
    settle_some(data.draw, watch.run)

    graph = watch.graph
    waiting = [s for s, join in enumerate(graph.joins) if join == "no_wait" and graph.into[s]]
    arrivals = {s: sum(watch.fired[arc.index] for arc in graph.into[s]) for s in waiting}
    assert {s: watch.visits[s] for s in waiting} == arrivals


@given(st.data(), graphs(), limits)
def test_P8_a_scan_of_the_whole_state_finds_nothing_left(data: Any, flow: Any, most: Any) -> None:
    run = Driver(flow, max_parallel=most).start()

    left = [plan_from_scratch(run.state)]
    while run.live:
        settle_one(data.draw, run)
        left.append(plan_from_scratch(run.state))

    assert left == [[] for _ in left]


def settle_one(draw: Any, run: Driver) -> None:
    run.settle(draw(st.sampled_from(run.live)), draw(outcomes))


@given(st.data(), graphs(), limits)
def test_P4_a_run_in_which_a_failure_was_not_handled_has_failed(
    data: Any, flow: Any, most: Any
) -> None:
    run = Driver(flow, max_parallel=most).start()

    settle_some(data.draw, run)

    graph = run.state.graph
    failed = {event.step for event in run.events if isinstance(event, ev.StepFailed)}
    unhandled = [s for s in failed if all(arc.port != "error" for arc in graph.out[s])]
    assert run.state.status == ("failed" if unhandled else "completed")


@given(st.data(), graphs(), limits)
def test_R1_folding_the_events_again_gives_an_equal_state(data: Any, flow: Any, most: Any) -> None:
    run = Driver(flow, max_parallel=most).start()

    settle_some(data.draw, run, cancels=True)
    for _ in range(data.draw(st.integers(0, 2))):
        rerun_some(data.draw, run)

    assert run.folded() == run.state


@given(st.data(), graphs(), limits)
def test_R7_a_rerun_starts_each_chosen_action_once_unless_a_failure_stops_it(
    data: Any, flow: Any, most: Any
) -> None:
    run = Driver(flow, max_parallel=most).start()
    settle_some(data.draw, run)
    before = len(run.events)

    chosen = rerun_some(data.draw, run)

    begun = Counter(
        (event.step, action)
        for event in run.events[before:]
        if isinstance(event, ev.StepStarted)
        for action in event.actions
    )
    assert run.state.status != "running"
    assert set(begun.values()) <= {1}
    assert set(begun) <= set(chosen)
    if flow.on_error == "continue":
        assert set(begun) == set(chosen)


def rerun_some(draw: Any, run: Driver) -> list[Any]:
    """Run some actions again and settle them; return which."""
    known = places(run.state.graph.flow)
    chosen = draw(st.lists(st.sampled_from(known), unique=True)) if known else []
    run.rerun(*chosen)
    settle_some(draw, run)
    return chosen
