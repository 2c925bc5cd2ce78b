"""How much memory a run of many log lines holds, over what the process had before it.

    python benchmarks/lines.py [--quick]

The run is kept in SQLite, and is in a process of its own; needs Linux.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Literal

from worker import cpu_seconds, forget_peak, memory_mb

from flow_widgets import Action, Context, Flow, FlowRunner, Outcome
from flow_widgets.store.sqlite import SQLiteStore

LINE = "Read 1,024 rows of the table and found nothing that stands out"


class Telling(Action):
    """Writes lines to the log, and lets others have their turn in between."""

    type: Literal["benchmark_telling"] = "benchmark_telling"
    lines: int

    async def run(self, ctx: Context) -> Outcome:
        for number in range(self.lines):
            ctx.log(f"{LINE} #{number}")
            if number % 100 == 0:
                await asyncio.sleep(0)
        return Outcome(output=self.lines)


async def told(store: SQLiteStore, lines: int) -> FlowRunner:
    runner = FlowRunner(Flow(steps=[Telling(lines=lines)]), store=store)
    run = await runner.run_flow()
    assert run.status == "completed", run.error
    assert len(run.log) > lines
    store.flush()
    return runner


def child(lines: int) -> None:
    """Print what the run took in this process as JSON; its runner is held until the end."""
    with tempfile.TemporaryDirectory() as folder:
        store = SQLiteStore(Path(folder) / "runs.db")
        asyncio.run(told(store, 10))
        gc.collect()
        forget_peak()
        memory, cpu, started = memory_mb("VmRSS"), cpu_seconds(), time.perf_counter()
        runner = asyncio.run(told(store, lines))
        took = {
            "cpu_us": (cpu_seconds() - cpu) / lines * 1e6,
            "wall_s": time.perf_counter() - started,
            "peak_mb": memory_mb("VmHWM") - memory,
        }
        gc.collect()
        took["held_mb"] = memory_mb("VmRSS") - memory
        del runner
        store.close()
        took["file_mb"] = store.path.stat().st_size / 1e6
    print(json.dumps(took))


def main() -> None:
    parser = argparse.ArgumentParser(description="The memory of a run of many log lines.")
    parser.add_argument("--quick", action="store_true", help="few lines: only whether it runs")
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child)
        return
    lines = 1000 if options.quick else 100_000
    command = [sys.executable, __file__, "--child", str(lines)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    took = json.loads(done.stdout)
    print(f"{lines:,} log lines, kept in SQLite ({took['file_mb']:.1f} MB):")
    print(f"held: {took['held_mb']:.1f} MB over the idle process, at most {took['peak_mb']:.1f} MB")
    print(f"CPU: {took['cpu_us']:.1f} µs per line, {took['wall_s']:.2f} s")


if __name__ == "__main__":
    main()
