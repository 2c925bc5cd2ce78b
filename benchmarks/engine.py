"""What the engine itself costs: steps that do nothing, and whether any part grows faster than the flow.

    python benchmarks/engine.py [--quick]

Each cell is microseconds per action; a row whose cells grow with the size is not linear.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import statistics
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Literal

from flow_widgets import Action, Context, Edge, Flow, FlowRunner, Outcome, Step, Templated
from flow_widgets.flow.check import check_flow
from flow_widgets.flow.graph import compile_graph
from flow_widgets.run.delta import Projection

TAKES = 5


class Nothing(Action):
    """Ends at once; what it returns is the output."""

    type: Literal["benchmark_nothing"] = "benchmark_nothing"

    async def run(self, ctx: Context) -> Outcome:
        return Outcome(output=1)


class After(Nothing):
    """The same, and refers to the output of another."""

    type: Literal["benchmark_after"] = "benchmark_after"
    value: Templated[int]


def in_sequence(count: int) -> list[Action]:
    return [Nothing() for _ in range(count)]


def referring(count: int) -> list[Action]:
    later = [After(value=f"{{{{steps.{number - 1}.output}}}}") for number in range(1, count)]
    return [Nothing(), *later]


def in_parallel(count: int) -> list[list[Action]]:
    return [[Nothing() for _ in range(count)]]


def chained(count: int) -> dict:
    pairs = pairwise(f"step_{number}" for number in range(count))
    return {
        "steps": [Step(id=f"step_{number}", actions=[Nothing()]) for number in range(count)],
        "edges": [Edge(source=source, target=target) for source, target in pairs],
    }


SHAPES: dict[str, Callable[[int], dict]] = {
    "in sequence": lambda count: {"steps": in_sequence(count)},
    "in sequence, each refers to the one before": lambda count: {"steps": referring(count)},
    "in sequence by edges": chained,
    "in parallel": lambda count: {"steps": in_parallel(count)},
}


async def parts(make: Callable[[int], dict], count: int) -> dict[str, float]:
    """Return seconds for each part of a flow's life."""
    took: dict[str, float] = {}
    gc.collect()

    def lap(name: str, started: float) -> float:
        took[name] = time.perf_counter() - started
        return time.perf_counter()

    fields = make(count)
    started = time.perf_counter()
    flow = Flow(**fields)
    started = lap("Flow(…)", started)
    assert not any(problem.severity == "error" for problem in check_flow(flow))
    started = lap("check_flow", started)
    compile_graph(flow)
    started = lap("compile_graph", started)
    runner = FlowRunner(flow, store=None)
    run = runner.run_flow()
    await run
    assert run.status == "completed", run.error
    started = lap("run_flow, check included", started)
    projection = Projection(runner.execution(run).state)
    projection.view()
    started = lap("view", started)
    projection.touched.update(
        (s, a) for s, step in enumerate(run.flow.steps) for a in range(len(step.actions))
    )
    projection.ops()
    lap("ops, all touched", started)
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description="The cost of steps that do nothing.")
    parser.add_argument("--quick", action="store_true", help="small sizes: only whether it runs")
    sizes = (10, 20) if parser.parse_args().quick else (200, 1000, 5000)
    for title, make in SHAPES.items():
        print(f"\n| {title} | {' | '.join(f'{size:,}' for size in sizes)} |")
        print(f"|---|{'---|' * len(sizes)}")
        found = {size: [asyncio.run(parts(make, size)) for _ in range(TAKES)] for size in sizes}
        for part in found[sizes[0]][0]:
            cells = [
                f"{statistics.median(take[part] for take in found[size]) / size * 1e6:.1f}"
                for size in sizes
            ]
            print(f"| {part} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
