"""Two processes on one store: different runs go side by side, one run is driven by one of them only."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from flow_widgets.engine.runner import FlowRunner
from flow_widgets.errors import RunInUse
from flow_widgets.providers.openai import OpenAIProvider
from flow_widgets.store import lease

from .checks import Kept, Leg, check_kept, differences, opened, result_of
from .rig import Rig, end, rig, whole
from .scenarios import FLOWS, Quick
from .server import CountingServer

pytestmark = pytest.mark.skipif(os.name != "posix", reason="SIGKILL and fork are of POSIX")


@asynccontextmanager
async def runner_of(server: CountingServer, scenario: str, path: Path) -> AsyncIterator[FlowRunner]:
    """Give a runner of a flow in this process."""
    provider = OpenAIProvider(server.base_url, "key")
    with opened(path) as store:
        options: dict[str, Any] = {"provider": provider, "store": store, "chance": Quick(1)}
        yield FlowRunner(FLOWS[scenario](), **options)
    await provider.close()


async def until_held(one: Rig, leg: Leg) -> str:
    """Wait until all that a run can do while an answer is held back is kept; return its id."""
    await leg.until("began")
    while True:
        completed = [event for event in leg.events if event[1] == "ActionCompleted"]
        texts = [event for event in leg.events if event[1] == "ActionChunk" and event[4] == 0]
        if completed and len(texts) == 3:
            return str(leg.run_id)
        leg.news.clear()
        await leg.news.wait()


async def test_different_runs_go_side_by_side_in_one_store(tmp_path):
    path = tmp_path / "runs.db"
    async with rig() as one, rig() as two:
        expected = {"mapped": await whole(one, "mapped", tmp_path)}
        expected["retried"] = await whole(two, "retried", tmp_path)
        for each in (one, two):
            each.server.requests.clear()
        first, second, _ = await asyncio.gather(
            one.run({"scenario": "mapped", "store": str(path)}),
            two.run({"scenario": "retried", "store": str(path)}),
            end(one.server, "looped", path),
        )
        for scenario, leg, each in (("mapped", first, one), ("retried", second, two)):
            kept = Kept.of(path, scenario)
            assert kept.state is not None
            check_kept(kept, [leg], each.server)
            assert not differences(result_of(kept.state), expected[scenario].result)
            asked = {
                p: n for p, n in each.server.requests.items() if p in expected[scenario].requests
            }
            assert asked == expected[scenario].requests
    assert Kept.of(path, "looped").info is not None


async def test_a_run_that_is_driven_elsewhere_is_refused_until_its_process_is_killed(tmp_path):
    path = tmp_path / "runs.db"
    job = {"scenario": "held", "store": str(path)}
    async with rig() as one, rig() as two, runner_of(one.server, "held", path) as runner:
        async with one.leg(job) as leg:
            run_id = await until_held(one, leg)

            assert runner.reopen() is None
            assert runner.shelf.store is not None
            info = runner.shelf.store.info(run_id)
            assert (info.status, info.owner) == ("running", f"process {leg.pid} on this machine")

            with pytest.raises(RunInUse, match=f"driven by process {leg.pid} on this machine"):
                runner.reopen(run_id)
            refused = await two.run({**job, "run": run_id})
            assert refused.said("refused") == "RunInUse"
            assert f"process {leg.pid} on this machine" in refused.said("what")
            assert two.server.requests == {}

            leg.kill()
        assert runner.shelf.store.info(run_id).status == "interrupted"
        reopened = runner.reopen()
        assert reopened is not None
        assert (reopened.id, reopened.status) == (run_id, "interrupted")
        run = await runner.resume()
        assert run.status == "completed"
        assert one.server.requests["short"] == 1
        assert one.server.requests["held [hold]"] == 2
    check_kept(Kept.of(path), [leg], one.server)


async def test_a_process_that_stands_still_keeps_its_run_on_this_machine(tmp_path, monkeypatch):
    path = tmp_path / "runs.db"
    monkeypatch.setattr(lease, "GONE_SECONDS", 0.0)
    async with rig() as one, runner_of(one.server, "held", path) as runner:
        async with one.leg({"scenario": "held", "store": str(path)}) as leg:
            run_id = await until_held(one, leg)
            os.kill(leg.pid, signal.SIGSTOP)
            with pytest.raises(RunInUse):
                runner.reopen(run_id)
            os.kill(leg.pid, signal.SIGCONT)
            one.server.hold.set()
        assert leg.said("status") == "completed"
    assert one.server.requests == Counter(dict.fromkeys(one.server.requests, 1))


@pytest.mark.parametrize("finds_out", ["when it writes", "when it is idle"])
async def test_a_process_whose_run_was_taken_over_stops_and_writes_nothing(
    tmp_path, monkeypatch, finds_out
):
    path = tmp_path / "runs.db"
    often = {"writer.HEARTBEAT_SECONDS": 0.05} if finds_out == "when it is idle" else {}
    job = {"scenario": "held", "store": str(path), "settings": often}
    async with rig() as one, runner_of(one.server, "held", path) as runner:
        async with one.leg(job) as leg:
            run_id = await until_held(one, leg)
            os.kill(leg.pid, signal.SIGSTOP)
            monkeypatch.setattr(lease, "_host", lambda: "elsewhere")
            monkeypatch.setattr(lease, "GONE_SECONDS", 0.0)
            runner.reopen(run_id)
            run = await runner.resume()
            assert run.status == "completed"
            assert runner.shelf.store is not None
            runner.shelf.store.flush()
            before = Kept.of(path)

            os.kill(leg.pid, signal.SIGCONT)
            if finds_out == "when it is idle":
                await leg.until("stopping")
            one.server.hold.set()
        assert leg.said("status") == "failed"
        assert f"The run {run_id!r} is driven by nobody" in leg.said("stopping")
        assert leg.said("stopping") == leg.said("reason")
    after = Kept.of(path)
    assert (after.info, after.events) == (before.info, before.events)
    check_kept(after, [leg], one.server)
    assert one.server.requests["short"] == 1
    if finds_out == "when it is idle":
        assert one.server.requests["end, beside"] == 1
