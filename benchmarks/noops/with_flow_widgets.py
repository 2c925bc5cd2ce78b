"""The no-op works in flow_widgets, with all that a run has: events, state, log, an observer, a store."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Literal

from shapes import random_graph

from flow_widgets import Action, Context, Edge, Flow, FlowRunner, Outcome, Step, Templated
from flow_widgets.flow.check import check_flow
from flow_widgets.ids import new_run_id
from flow_widgets.run.events import ActionCompleted
from flow_widgets.store.memory import MemoryStore
from flow_widgets.store.sqlite import SQLiteStore

PACKAGE = "flow_widgets"


class Nothing(Action):
    """Ends at once."""

    is_instant: ClassVar[bool] = True

    type: Literal["benchmark_noop"] = "benchmark_noop"

    async def run(self, ctx: Context) -> Outcome:
        return Outcome(output=1)


class Referring(Nothing):
    """The same, and takes the output of another step."""

    type: Literal["benchmark_referring"] = "benchmark_referring"
    value: Templated[int] = 0


def build_sequence(size: int, _seed: int) -> Flow:
    return _checked(Flow(steps=[Nothing() for _ in range(size)]))


def build_parallel(size: int, _seed: int) -> Flow:
    return _checked(Flow(steps=[[Nothing() for _ in range(size)]]))


def build_graph(size: int, seed: int) -> Flow:
    return _checked(_graph(random_graph(size, seed), lambda _: Nothing()))


def _checked(flow: Flow) -> Flow:
    assert not any(problem.severity == "error" for problem in check_flow(flow))
    return flow


def _graph(waits_for: list[list[int]], action: Callable[[list[int]], Action]) -> Flow:
    """Return a flow of a step per list, with an edge from each step that it names."""
    return Flow(
        steps=[Step(id=f"n{n}", actions=[action(before)]) for n, before in enumerate(waits_for)],
        edges=[
            Edge(source=f"n{one}", target=f"n{n}")
            for n, before in enumerate(waits_for)
            for one in before
        ],
    )


async def run(flow: Flow, size: int) -> float:
    """Run once and return the seconds of CPU from the end of the check to the end of the run."""
    started = 0.0
    told: list[Any] = []

    def marked() -> str:  # asked for after the check, before anything is made for the run
        nonlocal started
        started = time.process_time()
        return new_run_id()

    store = MemoryStore()
    runner = FlowRunner(flow, store=store, observers=[told.append], new_id=marked)
    done = await runner.run_flow()
    took = time.process_time() - started
    assert done.status == "completed", done.error
    assert sum(type(event) is ActionCompleted for event in told) == size
    assert told == list(store.events(done.id))
    assert len(told) == runner.execution(done).state.seq == len(done.log)
    return took


def durable_at_the_end(size: int, file: Path) -> float:
    """Return the seconds of CPU of a run that is kept when it returns."""
    return asyncio.run(_durable(size, SQLiteStore(file), each=False))


def durable_step_by_step(size: int, file: Path) -> float:
    """Return the seconds of CPU of a run in which nothing begins before the step before it is kept."""
    return asyncio.run(_durable(size, SQLiteStore(file), each=True))


async def _durable(size: int, store: SQLiteStore, *, each: bool) -> float:
    await FlowRunner(build_sequence(1, 0), store=store).run_flow()  # opens the file
    started = 0.0

    def marked() -> str:
        nonlocal started
        started = time.process_time()
        return new_run_id()

    def wait(event: Any) -> None:
        if type(event) is ActionCompleted:
            store.flush()
            assert store.committed(event.run_id) == event.seq

    flow = build_sequence(size, 0)
    observers = [wait] if each else []
    done = await FlowRunner(flow, store=store, observers=observers, new_id=marked).run_flow()
    store.flush()
    store.close()
    took = time.process_time() - started
    assert done.status == "completed", done.error
    kept = SQLiteStore(store.path)
    assert sum(type(event) is ActionCompleted for event in kept.events(done.id)) == size
    kept.close()
    return took


def check(size: int, seed: int) -> float:
    """Return the seconds of CPU that it takes to check a flow of edges and references."""

    def referring(before: list[int]) -> Action:
        return Referring(value=f"{{{{steps.n{before[0]}.output}}}}") if before else Nothing()

    takes = []
    for _ in range(5):
        flow = _graph(random_graph(size, seed), referring)
        started = time.process_time()
        problems = check_flow(flow)
        takes.append(time.process_time() - started)
        assert not any(problem.severity == "error" for problem in problems)
    return sorted(takes)[len(takes) // 2]
