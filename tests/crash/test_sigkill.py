"""A run is killed, anywhere and as often as one likes: nothing that was told is lost, nothing is repeated."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import shutil
import sqlite3
from pathlib import Path

import pytest

from .checks import Kept, check_kept
from .rig import Kill, Rig, Tally, Whole, drawn, end, rig, trial, whole
from .scenarios import SCENARIOS

pytestmark = pytest.mark.skipif(os.name != "posix", reason="SIGKILL and fork are of POSIX")

POINTS = ("after_call", "before_commit", "after_commit", "before_publish")
SEED = int(os.environ.get("CRASH_SEED", "20260219"))
SMALL_WAL = {"sqlite.WAL_BYTES": 60_000}
"""Makes checkpoints so frequent that kills come into them."""


_WHOLE: dict[str, Whole] = {}


async def whole_once(one: Rig, scenario: str, folder: Path) -> Whole:
    """Return what a scenario comes to; it is run for the first test that asks."""
    if scenario not in _WHOLE:
        _WHOLE[scenario] = await whole(one, scenario, folder)
    return _WHOLE[scenario]


async def killed_at_random(count: int, seed: int, folder: Path, *, workers: int) -> Tally:
    """Kill runs of all scenarios at random places, half of them several times."""
    tally = Tally()

    async def work(worker: int) -> None:
        async with rig() as one:
            for number in range(worker, count, workers):
                await killed(one, f"{seed} {number}", list(SCENARIOS)[number % len(SCENARIOS)])

    async def killed(one: Rig, seed: str, scenario: str) -> None:
        chance, expected = random.Random(seed), await whole_once(one, scenario, folder)
        kills = [drawn(chance, expected) for _ in range(chance.choice((1, 1, 2, 4)))]
        settings = SMALL_WAL if chance.random() < 0.3 else {}
        print(f"seed {seed!r}: {scenario}, {kills}, {settings}")
        given = {"expected": expected, "path": folder / f"{seed}.db", "tally": tally}
        await trial(one, scenario, kills, **given, settings=settings)

    async with asyncio.TaskGroup() as group:
        for worker in range(workers):
            group.create_task(work(worker))
    print(tally)
    return tally


async def test_killed_at_25_random_offsets_nothing_is_lost_and_nothing_repeated(tmp_path):
    tally = await killed_at_random(25, SEED, tmp_path, workers=2)
    assert tally.kills >= 25
    assert tally.outputs > 50


@pytest.mark.nightly
@pytest.mark.timeout(1800)
async def test_killed_at_many_random_offsets_nothing_is_lost_and_nothing_repeated(tmp_path):
    count = int(os.environ.get("CRASH_RUNS", "240"))
    tally = await killed_at_random(count, SEED + 1, tmp_path, workers=4)
    assert tally.kills >= 200


@pytest.mark.parametrize("point", POINTS)
async def test_killed_at_a_named_point_nothing_is_lost_and_nothing_repeated(tmp_path, point):
    tally = Tally()
    async with rig() as one:
        for scenario in ("steps", "mapped"):
            expected = await whole_once(one, scenario, tmp_path)
            for times in sorted({1, 3, expected.stages[point] // 2}):
                path = tmp_path / f"{scenario}-{times}.db"
                kill = [Kill(point=(point, times))]
                await trial(one, scenario, kill, expected=expected, path=path, tally=tally)
    print(point, tally)
    assert tally.kills == tally.trials


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
async def test_killed_as_the_wal_is_written_back_nothing_is_lost(tmp_path, share):
    """A checkpoint writes page after page, the first one first, so that it knows of pages not there yet."""
    path, whole_path = tmp_path / "store" / "runs.db", tmp_path / "whole" / "runs.db"
    async with rig() as one:
        leg = await one.run(
            {"scenario": "large", "store": str(path)}, Kill(point=("after_call", 3))
        )
        before = path.stat().st_size
        shutil.copytree(path.parent, whole_path.parent)
        with contextlib.closing(sqlite3.connect(whole_path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(FULL)")
            written = whole_path.read_bytes()
        assert len(written) > before
        reached = before + int((len(written) - before) * share)
        path.write_bytes(written[:reached])

        check_kept(Kept.of(path), [leg], one.server)
        await end(one.server, "large", path)
        check_kept(Kept.of(path), [leg], one.server)
