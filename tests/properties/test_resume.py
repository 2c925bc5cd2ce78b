"""However a run is cut off, and how often: it goes on, ends as if it had not been, and repeats nothing."""

from __future__ import annotations

from collections import Counter
from typing import Any

from driver import Done, Driver, Fail
from hypothesis import given
from hypothesis import strategies as st
from strategies import PORTS, cyclic_graphs, graphs, outcomes, places, resolved, settle_some

from flow_widgets.flow.model import Flow
from flow_widgets.run import events as ev
from flow_widgets.run.joins import RUN_FACTOR
from flow_widgets.run.plan import plan_from_scratch
from flow_widgets.run.resume import chosen_left, left_of
from flow_widgets.run.state import SETTLED, RunState

limits = st.sampled_from((None, 1, 2))
fates = st.sampled_from((Done("same"), Done("same", ("other",)), Done("same", PORTS)))


def cut_somewhere(draw: Any, run: Driver, fate: dict[int, Any] | None = None) -> None:
    """Let a run come to its end, unless it fails, is canceled, or its process ends."""
    while run.live or run.waits:
        what = draw(st.sampled_from(("settle", "settle", "settle", "wait", "cancel", "crash")))
        if what == "cancel":
            run.cancel(*draw(st.sampled_from(((), ("budget", "spent"), ("store", "full")))))
        elif what == "crash":
            run.crash(draw(st.integers(max(1, len(run.events) - 6), len(run.events))))
        elif run.waits and (what == "wait" or not run.live):
            run.go_on(draw(st.sampled_from(run.waits)))
        elif run.live:
            key = draw(st.sampled_from(run.live))
            end = fate[key[0]] if fate else draw(outcomes)
            run.settle(key, draw(st.sampled_from((end, end, Fail(), Fail(retry_seconds=1.0)))))


def finish(draw: Any, run: Driver, fate: dict[int, Any]) -> None:
    """Let a run come to its end with no failure."""
    while run.live or run.waits:
        if not run.live:
            run.go_on()
            continue
        key = draw(st.sampled_from(run.live))
        run.settle(key, fate[key[0]])


def again(run: Driver) -> bool:
    """Resume a run that did not complete; say whether there was something to resume."""
    is_cut = run.state.status in ("failed", "canceled", "interrupted")
    if is_cut:
        run.resume()
    return is_cut


def drawn_fates(draw: Any, flow: Flow) -> dict[int, Any]:
    """Return how each step is to end: of one with a single action, at any of its ports."""
    return {
        index: draw(fates) if len(step.actions) == 1 else Done("same")
        for index, step in enumerate(flow.steps)
    }


def settled(run: Driver) -> bool:
    return (
        not run.state.open_visits
        and {status for status in run.statuses.values() if status not in SETTLED} == set()
    )


def shown(state: RunState) -> Any:
    """Return what a run has come to: statuses, outputs and edges."""
    steps = [
        (step.status, [(one.status, one.newest and one.newest.output) for one in step.actions])
        for step in state.steps
    ]
    return steps, [bool(arc.fired) for arc in state.arcs], [arc.closed for arc in state.arcs]


def visits(run: Driver) -> list[int]:
    return [step.visit_count for step in run.state.steps]


class Repeats:
    """Notes every attempt that begins in a visit in which the same action had completed."""

    def __init__(self, run: Driver) -> None:
        self.run, self.found = run, list[tuple[int, int, int]]()
        run.watch = self

    def __call__(self, event: Any) -> None:
        if isinstance(event, ev.ActionStarted):
            action = self.run.state.action((event.step, event.action))
            before = [one for one in action.attempts[:-1] if one.visit == event.visit]
            if any(one.status == "completed" for one in before):
                self.found.append((event.step, event.action, event.attempt))


@given(st.data(), graphs(), limits)
def test_R14_a_run_cut_off_anywhere_comes_to_what_it_had_come_to_uncut(
    data: Any, flow: Flow, most: Any
) -> None:
    flow = resolved(flow)
    fate = drawn_fates(data.draw, flow)
    uncut = Driver(flow).start()
    finish(data.draw, uncut, fate)
    run = Driver(flow, max_parallel=most, held=some(data.draw, flow)).start()
    repeats = Repeats(run)

    for _ in range(data.draw(st.integers(1, 3))):
        cut_somewhere(data.draw, run, fate)
        again(run)
    finish(data.draw, run, fate)
    for _ in range(3):
        if again(run):
            finish(data.draw, run, fate)

    assert repeats.found == []
    assert settled(run)
    if not has_raced(run):
        assert (run.state.status, shown(run.state)) == (uncut.state.status, shown(uncut.state))
        assert visits(run) == visits(uncut)


def some(draw: Any, flow: Flow) -> Any:
    known = places(flow)
    return draw(st.lists(st.sampled_from(known), unique=True)) if known else []


def has_raced(run: Driver) -> bool:
    """Whether a failure was taken for an end on the way: by an ``error`` edge, or a join that goes on."""
    graph = run.state.graph
    failed = {event.step for event in run.events if isinstance(event, ev.StepFailed)}
    handled = any(arc.port == "error" for step in failed for arc in graph.out[step])
    return handled or (bool(failed) and graph.flow.on_error == "continue")


@given(st.data(), graphs(), limits)
def test_R14_no_action_that_completed_ever_starts_again(data: Any, flow: Flow, most: Any) -> None:
    run = Driver(flow, max_parallel=most).start()

    for _ in range(data.draw(st.integers(1, 4))):
        cut_somewhere(data.draw, run)
        again(run)
    settle_some(data.draw, run)

    joins = run.state.graph.joins
    done = Counter(
        (event.step, event.action)
        for event in run.events
        if isinstance(event, ev.ActionCompleted) and joins[event.step] != "no_wait"
    )
    assert settled(run)
    assert {place for place, count in done.items() if count > 1} == set()
    assert run.folded() == run.state


@given(st.data(), cyclic_graphs(), limits)
def test_R14_cycles_go_on_where_they_stood(data: Any, flow: Flow, most: Any) -> None:
    run = Driver(flow, max_parallel=most).start()
    repeats = Repeats(run)

    for _ in range(data.draw(st.integers(1, 4))):
        cut_somewhere(data.draw, run)
        again(run)
    settle_some(data.draw, run)

    graph = run.state.graph
    on_cycles = [n for s, n in enumerate(visits(run)) if graph.cycle_of[s] >= 0]
    assert repeats.found == []
    assert settled(run)
    assert max(on_cycles, default=0) <= flow.max_iterations
    assert sum(on_cycles) <= flow.max_iterations * RUN_FACTOR
    assert run.folded() == run.state


@given(st.data(), cyclic_graphs(), limits)
def test_R14_a_cycle_cut_off_comes_to_what_it_had_come_to_uncut(
    data: Any, flow: Flow, most: Any
) -> None:
    flow = resolved(flow).model_copy(update={"max_iterations": 6, "on_error": "stop"})
    fate = drawn_fates(data.draw, flow)
    uncut = Driver(flow).start()
    finish(data.draw, uncut, fate)
    run = Driver(flow, max_parallel=most).start()

    for _ in range(data.draw(st.integers(1, 3))):
        cut_somewhere(data.draw, run, fate)
        again(run)
    finish(data.draw, run, fate)
    for _ in range(3):
        if again(run):
            finish(data.draw, run, fate)

    if uncut.state.status == "completed" and is_in_order(flow, run) and not has_raced(run):
        assert (run.state.status, shown(run.state)) == (uncut.state.status, shown(uncut.state))
        assert visits(run) == visits(uncut)


def is_in_order(flow: Flow, run: Driver) -> bool:
    """Whether the rounds of a flow do not depend on which of two steps is quicker."""
    graph = run.state.graph
    return all(
        graph.joins[step] == "no_wait" or len(graph.into[step]) < 2
        for cycle in graph.cycles
        for step in cycle
    )


@given(st.data(), graphs(), limits)
def test_P8_after_a_resume_a_scan_finds_nothing_left(data: Any, flow: Flow, most: Any) -> None:
    check_scans(data.draw, Driver(flow, max_parallel=most).start())


@given(st.data(), cyclic_graphs(), limits)
def test_P8_after_a_resume_on_cycles_a_scan_finds_nothing_left(
    data: Any, flow: Flow, most: Any
) -> None:
    check_scans(data.draw, Driver(flow, max_parallel=most).start())


def check_scans(draw: Any, run: Driver) -> None:
    left = []
    for _ in range(draw(st.integers(1, 3))):
        cut_somewhere(draw, run)
        again(run)
        left.append(plan_from_scratch(run.state))
        for _ in range(draw(st.integers(0, 4))):
            if run.live:
                run.settle(draw(st.sampled_from(run.live)), draw(outcomes))
                left.append(plan_from_scratch(run.state))
    assert left == [[] for _ in left]


@given(st.data(), st.one_of(graphs(), cyclic_graphs()), limits)
def test_R13_any_beginning_of_the_events_can_be_interrupted(
    data: Any, flow: Flow, most: Any
) -> None:
    run = Driver(flow, max_parallel=most, held=some(data.draw, flow)).start()
    cut_somewhere(data.draw, run)
    again(run)
    cut_somewhere(data.draw, run)

    run.crash(data.draw(st.integers(1, len(run.events))))

    attempts = [one for step in run.state.steps for a in step.actions for one in a.attempts]
    actions = [one.status for step in run.state.steps for one in step.actions]
    assert run.state.status != "running"
    assert {one.status for one in attempts} <= SETTLED
    assert {"running", "waiting"} & {*actions, *run.statuses.values()} == set()
    assert run.state.visiting == set()
    assert not run.state.open_visits


@given(st.data(), graphs(), limits)
def test_R14_what_is_left_of_chosen_actions_is_run_and_nothing_else(
    data: Any, flow: Flow, most: Any
) -> None:
    flow = resolved(flow).model_copy(update={"on_error": "continue"})
    fate = dict.fromkeys(range(len(flow.steps)), Done("same"))
    run = Driver(flow, max_parallel=most).start()
    finish(data.draw, run, fate)
    chosen = some(data.draw, flow)
    run.rerun(*chosen)
    cut_somewhere(data.draw, run, fate)
    if not chosen_left(run.state) or run.state.status == "completed":
        return
    left, before = left_of(run.state), len(run.events)

    run.resume()
    finish(data.draw, run, fate)

    assert set(left) <= set(chosen)
    assert sorted(begun(run, before)) == sorted(left)
    assert left_of(run.state) == []
    assert set(run.statuses.values()) <= {"completed", "skipped"}


def begun(run: Driver, since: int) -> list[Any]:
    return [(e.step, e.action) for e in run.events[since:] if isinstance(e, ev.ActionStarted)]


@given(st.data(), st.one_of(graphs(), cyclic_graphs()), limits)
def test_R14_R15_edits_pins_reruns_and_revisions_between_never_break_a_resume(
    data: Any, flow: Flow, most: Any
) -> None:
    run = Driver(flow, max_parallel=most).start()

    for _ in range(data.draw(st.integers(1, 5))):
        cut_somewhere(data.draw, run)
        change(data.draw, run)
    settle_some(data.draw, run)

    assert run.state.status != "running"
    assert run.state.open_visits == 0
    assert run.folded() == run.state
    pinned = [one for step in run.state.steps for one in step.actions if one.pinned]
    assert [one for one in pinned if one.stale and one.status == "completed"] == []


def change(draw: Any, run: Driver) -> None:
    """Do one thing to a settled run."""
    flow = run.state.graph.flow
    known = places(flow)
    what = draw(st.sampled_from(("resume", "resume", "edit", "pin", "stale", "rerun", "revise")))
    if what == "resume":
        again(run)
    elif what == "revise":
        run.revise(revised(draw, flow))
    elif what == "stale" and run.stale:
        run.rerun_stale()
    elif known and what == "edit":
        run.edit(draw(st.sampled_from(known)), draw(st.sampled_from(("same", "by hand"))))
    elif known and what == "pin":
        run.pin(draw(st.sampled_from(known)), pinned=draw(st.booleans()))
    elif known and what == "rerun":
        run.rerun(*draw(st.lists(st.sampled_from(known), unique=True)))


def revised(draw: Any, flow: Flow) -> Flow:
    """Return a flow with some steps and edges dropped, some moved, and one added."""
    steps = draw(st.permutations(flow.steps))
    steps = steps[: draw(st.integers(1, len(steps)))]
    ids = {step.id for step in steps}
    edges = [e for e in flow.edges if {e.source, e.target} <= ids and draw(st.integers(0, 4))]
    if draw(st.booleans()) and not ids & {"new"}:
        new = steps[0].model_copy(update={"id": "new"})
        steps = [*steps, new]
        edges.append(
            (flow.edges or (None,))[0].model_copy(
                update={"source": steps[0].id, "target": "new", "source_port": None}
            )
        ) if flow.edges else None
    return flow.model_copy(update={"steps": tuple(steps), "edges": tuple(edges)})
