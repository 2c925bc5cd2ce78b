"""The no-op works in pydantic-graph, by its GraphBuilder.

There is no random graph: its joins wait for the branches of one fork. Where branches cross, a join is
passed more than once, and what stands behind it runs again.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from pydantic_graph import GraphBuilder, StepContext, reduce_sum

PACKAGE = "pydantic-graph"


@dataclass
class State:
    done: int = 0


async def nothing(ctx: StepContext[State, None, object]) -> int:
    ctx.state.done += 1
    return 1


def build_sequence(size: int, _seed: int):
    builder = GraphBuilder(state_type=State, output_type=int, auto_instrument=False)
    steps = [builder.step(nothing, node_id=f"n{number}") for number in range(size)]
    builder.add_edge(builder.start_node, steps[0])
    for number in range(size - 1):
        builder.add_edge(steps[number], steps[number + 1])
    builder.add_edge(steps[-1], builder.end_node)
    return builder.build()


def build_parallel(_size: int, _seed: int):
    builder = GraphBuilder(
        state_type=State, input_type=list[int], output_type=int, auto_instrument=False
    )
    worker = builder.step(nothing, node_id="worker")
    total = builder.join(reduce_sum, initial=0)
    builder.add_mapping_edge(builder.start_node, worker)
    builder.add_edge(worker, total)
    builder.add_edge(total, builder.end_node)
    return builder.build()


async def run(graph, size: int) -> float:
    state, inputs = State(), list(range(size))
    started = time.process_time()
    await graph.run(state=state, inputs=inputs)
    took = time.process_time() - started
    assert state.done == size, state
    return took
