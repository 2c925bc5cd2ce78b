"""Does one no-op work with one peer, in a process of its own, and prints what it took as JSON.

python worker.py PEER WORK SIZE REPEATS SEED
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import statistics
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

TAKES = 3


def main() -> None:
    peer, work = sys.argv[1:3]
    size, repeats, seed = map(int, sys.argv[3:])
    module = importlib.import_module(f"with_{peer}")
    found = {"version": version(module.PACKAGE)}
    if work == "check":
        print(json.dumps({**found, "check_ms": module.check(size, seed) * 1e3}))
        return
    if work.startswith("durable"):
        print(json.dumps({**found, "cpu_us": durable(getattr(module, work), size)}))
        return
    build = getattr(module, f"build_{work}", None)
    if build is None:
        print(json.dumps(found))
        return
    small = min(size, 10)
    asyncio.run(module.run(build(small, seed), small))
    gc.collect()
    started = time.process_time()
    built = build(size, seed)
    found["build_us"] = (time.process_time() - started) / size * 1e6
    takes = [taken(module, built, size, repeats) for _ in range(TAKES + 1)][
        1:
    ]  # the first warms up
    print(json.dumps({**found, "cpu_us": statistics.median(takes) / size * 1e6}))


def durable(work, size: int) -> float:
    """Return microseconds of CPU per step, each run in a file of its own; the first run warms up."""
    takes = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(TAKES + 1):
            gc.collect()
            takes.append(work(size, Path(folder) / f"{number}.db"))
    return statistics.median(takes[1:]) / size * 1e6


def taken(module, built, size: int, repeats: int) -> float:
    """Return the mean seconds of CPU of some runs; what collects garbage in them counts too."""
    total = 0.0
    for _ in range(repeats):
        gc.collect()
        total += asyncio.run(module.run(built, size))
    return total / repeats


if __name__ == "__main__":
    main()
