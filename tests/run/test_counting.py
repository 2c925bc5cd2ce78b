"""What attempts used counts in the run, and on every level around it (R16)."""

from __future__ import annotations

from typing import Any

from driver import Driver, drive, flow

from flow_widgets.run import events as ev
from flow_widgets.run.reduce import reduce

INNER = (ev.Inner(0, 0, 1, 0),)
DEEP = (*INNER, ev.Inner(0, 0, 1, "x"))
FAILURE = ev.Failure("broken", "It broke.")


def completed(tokens: int | None, cost: float | None) -> tuple[Any, ...]:
    usage = (None, None, None, tokens, None, None, None, (), cost)
    return (ev.ActionCompleted, 0, 0, 1, "out", "d", ("success",), *usage)


def spent(run: Driver) -> tuple[Any, ...]:
    state = run.state
    return (state.tokens, state.estimated_tokens, state.cost_usd, state.unpriced)


def test_R16_tokens_and_costs_are_counted_in_the_run():
    run = drive(flow(sequence="a", counts={"a": 2}))

    run.record(completed(10, 0.5))

    newest = run.state.action((0, 0)).newest
    assert (newest.total_tokens, newest.cost_usd) == (10, 0.5)
    assert spent(run) == (10, 0, 0.5, False)


def test_R16_tokens_without_a_price_are_told():
    run = drive(flow(sequence="a"))

    run.record(completed(10, None))

    assert spent(run) == (10, 0, None, True)


def test_R16_an_output_that_cost_nothing_needs_no_price():
    run = drive(flow(sequence="a"))

    run.record(completed(None, None))

    assert spent(run) == (None, 0, None, False)


def test_R16_where_the_server_named_none_tokens_are_estimated():
    run = drive(flow(sequence="a", counts={"a": 2}))

    run.record((ev.ActionFailed, 0, 0, 1, FAILURE, None, None, None, 12, 0.25))
    run.record((ev.ActionCanceled, 0, 1, 1, 8, None))

    assert [one.newest.estimated_tokens for one in run.state.steps[0].actions] == [12, 8]
    assert spent(run) == (None, 20, 0.25, True)


def test_R16_what_comes_late_counts_no_more():
    run = drive(flow(sequence="a"))
    run.record(completed(10, 0.5))

    reduce(run.state, ev.ActionCanceled(99, "r1", 1_000.0, 0, 0, 1, 8, 1.0))

    assert spent(run) == (10, 0, 0.5, False)


def test_R16_an_attempt_inside_counts_on_every_level_around_it():
    run = drive(flow(sequence="a"))
    inside = flow(sequence="x", counts={"x": 2})
    for path in (INNER, DEEP):
        _begin(run, inside, path)

    kind, *fields = completed(10, 0.5)
    reduce(run.state, kind(90, "r1", 1_000.0, *fields, path=DEEP))
    reduce(run.state, ev.ActionCanceled(91, "r1", 1_000.0, 0, 1, 1, 4, None, path=DEEP))

    outer = run.state.action((0, 0)).newest
    middle = outer.inner[0]
    within = middle.action((0, 0)).newest
    deepest = within.inner["x"]
    levels = (run.state, middle, deepest)
    assert [(one.tokens, one.estimated_tokens) for one in levels] == [(10, 4)] * 3
    assert [one.cost_usd for one in levels] == [0.5] * 3
    assert [one.unpriced for one in levels] == [True] * 3
    assert [outer.inner_tokens, within.inner_tokens, outer.tokens] == [10, 10, 10]


def _begin(run: Driver, inside: Any, path: ev.Path) -> None:
    head = (50, "r1", 1_000.0)
    reduce(run.state, ev.FlowStarted(*head, None, None, 1, inside, {}, None, path=path))
    reduce(run.state, ev.StepStarted(*head, 0, None, 1, (0, 1), False, path=path))
    for number, action in enumerate(inside.steps[0].actions):
        reduce(run.state, ev.ActionStarted(*head, 0, number, 1, 1, action, (), None, path=path))
