"""The no-op works in LangGraph: a state with one reducer, no checkpointer, nobody who watches."""

from __future__ import annotations

import operator
import time
from typing import Annotated, TypedDict

from langgraph.graph import START, StateGraph
from langgraph.types import Send
from shapes import random_graph, sequence

PACKAGE = "langgraph"


class State(TypedDict):
    done: Annotated[int, operator.add]


async def nothing(_state: State) -> dict[str, int]:
    return {"done": 1}


def build_sequence(size: int, _seed: int):
    return _compiled(sequence(size))


def build_graph(size: int, seed: int):
    return _compiled(random_graph(size, seed))


def _compiled(waits_for: list[list[int]]):
    graph = StateGraph(State)
    for number, before in enumerate(waits_for):
        graph.add_node(f"n{number}", nothing)
        names = [f"n{one}" for one in before] or [START]
        graph.add_edge(names if len(names) > 1 else names[0], f"n{number}")  # a list is a join
    return graph.compile()


def build_parallel(size: int, _seed: int):
    graph = StateGraph(State)
    graph.add_node("worker", nothing)
    graph.add_conditional_edges(START, lambda state: [Send("worker", state)] * size, ["worker"])
    return graph.compile()


async def run(graph, size: int) -> float:
    started = time.process_time()
    state = await graph.ainvoke({"done": 0}, {"recursion_limit": size + 10})
    took = time.process_time() - started
    assert state["done"] == size, state
    return took
