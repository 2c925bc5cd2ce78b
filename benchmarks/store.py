"""What keeping runs costs: on the side that tells, on the writer's thread, and for reading back.

    python benchmarks/store.py [--quick]

Times are CPU time of the thread that does the work, except where it says wall.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flow_widgets import Chat, Flow
from flow_widgets.run import events as ev
from flow_widgets.run.reduce import reduce
from flow_widgets.store.base import fold
from flow_widgets.store.decoder import Decoder
from flow_widgets.store.encoder import Encoder
from flow_widgets.store.sqlite import SQLiteStore

FLOW = Flow(name="Measured", steps=[Chat(prompt="Write.")])
TAKES = 5


def begin(run_id: str) -> list[Any]:
    action = FLOW.steps[0].actions[0]
    return [
        ev.FlowStarted(1, run_id, 1.0, None, None, 1, FLOW, {}, None),
        ev.StepStarted(2, run_id, 1.0, 0, None, 1, (0,), rerun=False),
        ev.ActionStarted(3, run_id, 1.0, 0, 0, 1, 1, action, (), "m", action),
    ]


def chunks(run_id: str, count: int) -> list[Any]:
    return [ev.ActionChunk(4 + n, run_id, 1.5, 0, 0, 1, " token") for n in range(count)]


def mixed(run_id: str, count: int) -> list[Any]:
    """A log of every second event a chunk, and the others lines."""
    kinds = (
        lambda seq: ev.ActionChunk(seq, run_id, 1.5, 0, 0, 1, " token"),
        lambda seq: ev.LogWritten(seq, run_id, 1.5, 0, 0, "info", "A line of the log"),
    )
    return [kinds[n % 2](4 + n) for n in range(count)]


def per_event(work: Callable[[], object], count: int) -> float:
    """Return microseconds of CPU for each event."""
    taken = []
    for _ in range(TAKES):
        gc.collect()
        started = time.thread_time()
        work()
        taken.append((time.thread_time() - started) / count * 1e6)
    return statistics.median(taken)


def telling(folder: Path, count: int) -> float:
    store = SQLiteStore(folder / "telling.db")
    store.claim("r", 0, print)
    told = chunks("r", count)
    store._something.clear()
    store._is_woken = True  # the thread stays asleep: only the caller's side is measured

    def tell() -> None:
        for event in told:
            store(event)

    taken = per_event(tell, count)
    store._told.clear()
    store.close()
    return taken


def writing(folder: Path, count: int) -> float:
    taken = []
    for take in range(TAKES):
        store, run_id = SQLiteStore(folder / f"writing{take}.db"), "r"
        store.claim(run_id, 0, print)
        for event in begin(run_id):
            store(event)
        store.flush()
        store._is_woken = True
        for event in chunks(run_id, count):
            store(event)
        started = time.thread_time()
        store.flush()
        taken.append((time.thread_time() - started) / count * 1e6)
        store.close()
    return statistics.median(taken)


def whole(folder: Path, count: int) -> tuple[float, float, float]:
    """Return wall and CPU seconds to read and fold a log, and CPU seconds to fold alone."""
    store, run_id = SQLiteStore(folder / "whole.db"), "r"
    store.claim(run_id, 0, print)
    events = [*begin(run_id), *mixed(run_id, count)]
    for at in range(0, len(events), 1000):
        for event in events[at : at + 1000]:
            store(event)
        store.flush()
    store.close()
    read, folded = [], []
    for _ in range(TAKES):
        gc.collect()
        wall, cpu = time.perf_counter(), time.thread_time()
        state = fold(store, run_id)
        read.append((time.perf_counter() - wall, time.thread_time() - cpu))
        assert state.seq == events[-1].seq
        del state
        gc.collect()
        cpu, alone = time.thread_time(), None
        for event in events:
            alone = reduce(alone, event)
        folded.append(time.thread_time() - cpu)
        del alone
    store.close()
    walls, cpus = zip(*read, strict=True)
    return statistics.median(walls), statistics.median(cpus), statistics.median(folded)


def listing(folder: Path, count: int) -> tuple[float, float]:
    """Return wall and CPU milliseconds to open a store and list all of its runs."""
    store = SQLiteStore(folder / "listing.db")
    for number in range(count):
        run_id = f"r{number:06}"
        store.claim(run_id, 0, print)
        for event in begin(run_id):
            store(event)
        store(ev.FlowCanceled(4, run_id, 2.0 + number, None, None))
        store.release(run_id)
    store.close()
    taken = []
    for _ in range(TAKES):
        gc.collect()
        wall, cpu = time.perf_counter(), time.thread_time()
        fresh = SQLiteStore(folder / "listing.db")
        found = fresh.list()
        taken.append((time.perf_counter() - wall, time.thread_time() - cpu))
        assert len(found) == count
        del found
        fresh.close()
    walls, cpus = zip(*taken, strict=True)
    return statistics.median(walls) * 1e3, statistics.median(cpus) * 1e3


def codec(count: int) -> tuple[float, float]:
    events = chunks("r", count)
    body = Encoder("r").batch(events).body

    def decode() -> None:
        Decoder("r", lambda digest: b"").batch(body, events[0].seq, events[-1].seq)

    return per_event(lambda: Encoder("r").batch(events), count), per_event(decode, count)


def main() -> None:
    parser = argparse.ArgumentParser(description="The cost of keeping runs.")
    parser.add_argument("--quick", action="store_true", help="small sizes: only whether it runs")
    quick = parser.parse_args().quick
    burst, log, runs = (200, 1000, 20) if quick else (20_000, 100_000, 10_000)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print(f"telling a chunk (µs, of {burst:,}): {telling(folder, burst):.3f}")
        print(f"writing a chunk (µs, of {burst:,}): {writing(folder, burst):.3f}")
        encode, decode = codec(burst)
        print(f"encoding, decoding a chunk (µs): {encode:.3f}, {decode:.3f}")
        wall, cpu, alone = whole(folder, log)
        print(f"reading and folding {log:,} events (s): {wall:.3f} wall, {cpu:.3f} CPU")
        print(f"folding {log:,} events in memory (s): {alone:.3f} CPU")
        wall, cpu = listing(folder, runs)
        print(f"opening and listing {runs:,} runs (ms): {wall:.1f} wall, {cpu:.1f} CPU")


if __name__ == "__main__":
    main()
