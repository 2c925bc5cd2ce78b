"""Does one piece of work once, in a process of its own, and prints what it took as JSON.

python worker.py by_hand|ours:off|ours:memory|ours:sqlite WORK BASE_URL {"width": …, "chunks": …}
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import resource
import statistics
import sys
import time
from pathlib import Path

import server

clock = time.perf_counter


class Seen:
    """Is told every piece of text."""

    def __init__(self) -> None:
        self.count = 0
        self.first = 0.0

    def __call__(self, text: str) -> None:
        if not self.count:
            self.first = clock()
        self.count += 1


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def memory_mb(field: str) -> float:
    """Return VmRSS or VmHWM; 0 where there is no /proc."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1000 for line in lines if line.startswith(field)), 0.0)


def forget_peak() -> None:
    if Path("/proc/self/clear_refs").exists():
        Path("/proc/self/clear_refs").write_text("5")


async def work_once(subject, width: int, chunks: int, prompt: str) -> tuple[Seen, float]:
    """Run ``width`` prompts at once, check every output, and return how long it was to the first chunk."""
    seen = Seen()
    started = clock()
    outputs = await subject.run([f"{prompt} {number}" for number in range(width)], seen)
    assert outputs == [server.text_of(chunks)] * width, "wrong output"
    assert seen.count == width * chunks, f"{seen.count} chunks were seen, not {width * chunks}"
    return seen, seen.first - started


def made(name: str, base_url: str):
    module, _, kept = name.partition(":")
    options = [kept] if kept else []
    return importlib.import_module(module).Subject(base_url, server.MODEL, *options)


async def warmed(name: str, base_url: str):
    subject = made(name, base_url)
    for _ in range(3):
        await work_once(subject, 2, server.WARM_UP_CHUNKS, server.WARM_UP)
    return subject


async def stream(name: str, base_url: str, width: int, chunks: int) -> dict[str, float]:
    subject = await warmed(name, base_url)
    gc.collect()
    forget_peak()
    memory, cpu, started = memory_mb("VmRSS"), cpu_seconds(), clock()
    _, first = await work_once(subject, width, chunks, "work")
    await subject.close()
    wall, cpu = clock() - started, cpu_seconds() - cpu
    peak = memory_mb("VmHWM")
    return {
        "cpu_us": cpu / (width * chunks) * 1e6,
        "wall_s": wall,
        "first_ms": first * 1e3,
        "peak_mb": peak - memory,
    }


async def first_warm(name: str, base_url: str, runs: int, chunks: int) -> dict[str, float]:
    subject = await warmed(name, base_url)
    found = [(await work_once(subject, 1, chunks, "work"))[1] for _ in range(runs)]
    await subject.close()
    return {"first_ms": statistics.median(found) * 1e3}


async def first_cold(name: str, base_url: str, chunks: int, started: float) -> dict[str, float]:
    """The time from before the import, so in a script that only asks one thing."""
    subject = made(name, base_url)
    seen, _ = await work_once(subject, 1, chunks, "work")
    await subject.close()
    return {"first_ms": (seen.first - started) * 1e3}


def main() -> None:
    name, work, base_url, sizes = sys.argv[1:]
    options = json.loads(sizes)
    if work == "first_cold":
        options["started"] = clock()
    function = {"first_warm": first_warm, "first_cold": first_cold}.get(work, stream)
    print(json.dumps(asyncio.run(function(name, base_url, **options))))


if __name__ == "__main__":
    main()
