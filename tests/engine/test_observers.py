"""Readers of events that come late, or from another loop."""

from __future__ import annotations

import asyncio

from flow_widgets import FlowRunner
from flow_widgets.engine import execution as driving
from flow_widgets.engine.loop import EngineThread
from flow_widgets.engine.observers import Observers
from flow_widgets.run import events as ev


async def test_a_reader_that_comes_after_the_start_sees_every_event(provider, make_flow):
    run = FlowRunner(make_flow("a"), provider=provider).run_flow()
    await asyncio.sleep(0.02)
    assert run.status == "completed"

    seen = [event.seq async for event in run]

    assert seen == list(range(1, seen[-1] + 1))


async def test_a_second_reader_begins_where_it_came(provider, make_flow):
    run = await FlowRunner(make_flow("a"), provider=provider).run_flow()

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


def test_an_observer_is_told_until_it_is_removed():
    told: list[object] = []
    observers = Observers()

    remove = observers.add(told.append)
    observers.tell("one")
    remove()
    observers.tell("two")

    assert told == ["one"]
