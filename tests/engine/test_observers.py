"""Readers of events that come late, or from another loop."""

from __future__ import annotations

import asyncio

import pytest

from flow_widgets import FlowRunner
from flow_widgets.engine import execution as driving
from flow_widgets.engine.loop import EngineThread
from flow_widgets.engine.observers import Observers
from flow_widgets.errors import FlowError
from flow_widgets.run import events as ev


async def test_a_reader_that_comes_after_the_start_sees_every_event(provider, make_flow):
    run = FlowRunner(make_flow("a"), provider=provider).run_flow()
    await asyncio.sleep(0.02)
    assert run.status == "completed"

    seen = [event.seq async for event in run]

    assert seen == list(range(1, seen[-1] + 1))


async def test_every_reader_sees_a_run_from_its_start(provider, make_flow):
    run = FlowRunner(make_flow("a"), provider=provider).run_flow()

    async def read() -> list[int]:
        return [event.seq async for event in run]

    first, second, _ = await asyncio.gather(read(), read(), run._settled())

    assert first == second == [event.seq async for event in run]
    assert first[0] == 1


async def test_a_reader_of_a_rerun_sees_it_from_its_start(provider, make_flow):
    runner = FlowRunner(make_flow("a"), provider=provider)
    await runner.run_flow()

    kinds = [type(event) async for event in runner.run_step(0)]

    assert kinds[0] is ev.RerunStarted


async def test_the_events_of_a_run_are_let_go_when_the_next_one_starts(provider, make_flow):
    runner = FlowRunner(make_flow("a"), provider=provider)
    run = await runner.run_flow()
    await runner.run_flow()

    assert [event async for event in run] == []


async def test_a_backlog_that_grew_too_long_is_let_go(provider, make_flow, monkeypatch):
    monkeypatch.setattr(driving, "MAX_BACKLOG", 3)
    runner = FlowRunner(make_flow("a"), provider=provider)
    run = runner.run_flow()
    await asyncio.sleep(0.02)

    assert runner.execution(run).backlog is None


async def test_events_can_be_read_in_another_loop(provider, make_flow):
    thread = EngineThread()
    runner = FlowRunner(make_flow("a", "b"), provider=provider)
    run = thread.call(runner.run_flow)

    seen = [event async for event in run]

    assert type(seen[-1]) is ev.FlowCompleted
    thread.stop()


async def test_a_reader_that_stops_is_told_nothing_more(provider, make_flow):
    runner = FlowRunner(make_flow("a"), provider=provider)
    run = runner.run_flow()

    events = run.__aiter__()
    await anext(events)
    await events.aclose()

    assert runner.execution(run).observers.all == ()
    await run


async def _later(event: object) -> None:
    """Would never be awaited."""


def test_an_async_observer_is_refused(make_flow):
    with pytest.raises(FlowError, match="_later is an async function"):
        FlowRunner(make_flow("a"), observers=[_later])


def test_an_observer_is_told_until_it_is_removed():
    told: list[object] = []
    observers = Observers()

    remove = observers.add(told.append)
    observers.tell("one")
    remove()
    remove()
    observers.tell("two")

    assert told == ["one"]
