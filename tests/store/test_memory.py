"""Folding a stored log gives the state that was live."""

from __future__ import annotations

import pytest

from flow_widgets import Chat, Flow, FlowRunner
from flow_widgets.providers.offline import OfflineProvider
from flow_widgets.store.base import fold
from flow_widgets.store.memory import MemoryStore


async def test_folding_the_stored_events_gives_the_live_state():
    store = MemoryStore()
    flow = Flow(steps=[[Chat(prompt="a"), Chat(prompt="b")], Chat(prompt="{{steps.0.output}}")])
    runner = FlowRunner(flow, provider=OfflineProvider(pace=0), store=store)
    run = await runner.run_flow()
    await runner.run_step(0)

    assert [info.id for info in store.list()] == [run.id]
    assert fold(store, run.id) == runner.execution(run).state


def test_an_unknown_run_is_named():
    with pytest.raises(LookupError, match="r1"):
        fold(MemoryStore(), "r1")


def test_a_store_that_gives_no_events_is_no_run():
    class Empty(MemoryStore):
        def events(self, run_id):
            return iter(())

    with pytest.raises(LookupError, match="There is no run"):
        fold(Empty(), "r1")
