"""Runs flows in processes that are killed, and holds what is left of them against what was promised."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flow_widgets.engine.runner import FlowRunner
from flow_widgets.providers.openai import OpenAIProvider

from .checks import (
    Kept,
    Leg,
    check_kept,
    check_reopened,
    check_requests,
    differences,
    done_in,
    opened,
    result_of,
)
from .scenarios import FLOWS, Quick
from .server import CountingServer, counting_server

CHILD = Path(__file__).with_name("child.py")


@dataclass
class Kill:
    """When a process is to be killed: at a piece that the server sends, at an event, or at a point."""

    piece: int = 0
    event: int = 0
    point: tuple[str, int] | None = None


class Rig:
    """A server in this process, and a program that runs flows against it in processes of their own."""

    def __init__(self, server: CountingServer, program: asyncio.subprocess.Process) -> None:
        self.server, self._program = server, program
        self._jobs = asyncio.Lock()

    @asynccontextmanager
    async def leg(self, job: dict[str, Any], kill: Kill | None = None) -> AsyncIterator[Leg]:
        """Let a process do a job; at the end of the block it is waited for."""
        kill = kill or Kill()
        heard: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        leg = Leg(0)

        async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError):
                while (line := await reader.readline()).endswith(b"\n"):
                    leg.lines.append(json.loads(line))
                    leg.news.set()
                    if "event" in leg.lines[-1] and len(leg.events) == kill.event:
                        leg.kill()
            writer.close()
            heard.set_result(None)

        async with (
            self._jobs,
            await asyncio.start_server(listen, "127.0.0.1", 0, limit=1 << 24) as acks,
        ):
            port = acks.sockets[0].getsockname()[1]
            asked = {"port": port, "base_url": self.server.base_url, "point": kill.point, **job}
            begun = self.server.count
            assert self._program.stdin is not None
            assert self._program.stdout is not None
            self._program.stdin.write(json.dumps(asked).encode() + b"\n")
            leg.pid = int(await self._program.stdout.readline())
            waiting = asyncio.ensure_future(self._ended(leg, heard))
            if kill.piece:
                self.server.on_piece = lambda n: leg.kill() if n - begun == kill.piece else None
            try:
                yield leg
            except BaseException:
                leg.kill()
                raise
            finally:
                await waiting
                self.server.on_piece = None

    async def _ended(self, leg: Leg, heard: asyncio.Future[None]) -> None:
        assert self._program.stdout is not None
        code = int(await self._program.stdout.readline())
        leg.ended.set_result(code)
        if code == 0:
            await heard
        else:
            await asyncio.wait([heard], timeout=0.5)  # it may have ended before it said anything
        leg.news.set()

    async def run(self, job: dict[str, Any], kill: Kill | None = None) -> Leg:
        """Let a process do a job to its end."""
        async with self.leg(job, kill) as leg:
            pass
        return leg


@asynccontextmanager
async def rig() -> AsyncIterator[Rig]:
    """Make a server and a program."""
    environment = {**os.environ, "FLOW_WIDGETS_STORE": "off"}
    pipe = asyncio.subprocess.PIPE
    program = await asyncio.create_subprocess_exec(
        sys.executable, str(CHILD), stdin=pipe, stdout=pipe, env=environment, limit=1 << 20
    )
    try:
        async with counting_server() as server:
            yield Rig(server, program)
    finally:
        assert program.stdin is not None
        program.stdin.close()
        await program.wait()


@dataclass
class Tally:
    """What was counted over many kills."""

    trials: int = 0
    kills: int = 0
    acknowledged: int = 0
    outputs: int = 0
    repeated: int = 0
    too_early: int = 0
    """How many runs were killed before anything was kept of them."""

    def __str__(self) -> str:
        return (
            f"{self.trials} runs, {self.kills} kills ({self.too_early} before the first commit), "
            f"{self.acknowledged} events acknowledged, {self.outputs} of them outputs, 0 lost; "
            f"{self.repeated} requests that were in flight sent again, 0 that had completed"
        )


@dataclass
class Whole:
    """What a scenario comes to when nobody kills it."""

    result: dict[str, Any]
    requests: Counter[str]
    pieces: int
    events: int
    stages: Counter[str]


async def whole(rig: Rig, scenario: str, folder: Path) -> Whole:
    """Run a scenario to its end, and count."""
    fresh(rig.server)
    path = folder / f"{scenario}-whole.db"
    leg = await rig.run({"scenario": scenario, "store": str(path)})
    assert leg.said("status") == "completed", leg.lines[-1:]
    kept = Kept.of(path)
    assert kept.state is not None
    check_kept(kept, [leg], rig.server)
    result = result_of(kept.state)
    stages = Counter(leg.said("stages"))
    return Whole(result, Counter(rig.server.requests), rig.server.count, len(kept.events), stages)


def fresh(server: CountingServer) -> None:
    """Let a server forget all that it has counted."""
    server.requests.clear()
    server.sent.clear()
    server.count = 0


async def trial(
    rig: Rig,
    scenario: str,
    kills: list[Kill],
    *,
    expected: Whole,
    path: Path,
    tally: Tally,
    **job: Any,
) -> None:
    """Kill a run several times, then let it come to its end in this process, and check all of it."""
    fresh(rig.server)
    legs: list[Leg] = []
    done: set[str] = set()
    tally.trials += 1
    for kill in kills:
        before = Counter(rig.server.requests)
        legs.append(await rig.run({"scenario": scenario, "store": str(path), **job}, kill))
        assert legs[-1].was_killed or legs[-1].said("status") == "completed", legs[-1].lines[-2:]
        kept = Kept.of(path)
        check_kept(kept, legs, rig.server)
        check_requests(before, rig.server.requests, done, expected.requests)
        done = done_in(kept.state)
        tally.kills += legs[-1].was_killed
        tally.too_early += kept.state is None
        tally.acknowledged += len(legs[-1].events)
        tally.outputs += sum(event[1] == "ActionCompleted" for event in legs[-1].events)
        if not legs[-1].was_killed:
            break
    before = Counter(rig.server.requests)
    await end(rig.server, scenario, path)
    check_requests(before, rig.server.requests, done, expected.requests)
    kept = Kept.of(path)
    assert kept.state is not None
    check_kept(kept, legs, rig.server)
    assert not differences(result_of(kept.state), expected.result)
    assert set(rig.server.requests) == set(expected.requests)
    tally.repeated += rig.server.requests.total() - expected.requests.total()


async def end(server: CountingServer, scenario: str, path: Path) -> None:
    """Let a run come to its end in this process, from where it stands."""
    provider, kept = OpenAIProvider(server.base_url, "key"), Kept.of(path)
    with opened(path) as store:
        before = store.list()
        options: dict[str, Any] = {"provider": provider, "store": store, "chance": Quick(1)}
        runner = FlowRunner(FLOWS[scenario](), **options)
        run = runner.reopen()
        assert (run is None) == (not before)
        if run is None:
            run = runner.run_flow()
        else:
            assert run.status == before[0].status
            assert run.status in ("completed", "interrupted")
            check_reopened(run._state, kept)
            run = runner.resume() if run.status == "interrupted" else run
        await run
        assert run.status == "completed"
    await provider.close()


def drawn(chance: random.Random, expected: Whole) -> Kill:
    """Return a kill at a random place of a run."""
    kind = chance.choice(("piece", "piece", "event"))
    if kind == "piece":
        return Kill(piece=chance.randint(1, expected.pieces))
    return Kill(event=chance.randint(1, expected.events))
