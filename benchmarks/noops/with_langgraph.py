"""The no-op works in LangGraph: a state with one reducer, nobody who watches.

There is a checkpointer only where steps are to be durable.
"""

from __future__ import annotations

import asyncio
import operator
import sqlite3
import time
from pathlib import Path
from typing import Annotated, TypedDict

from langgraph.graph import START, StateGraph
from langgraph.types import Send
from shapes import random_graph, sequence

PACKAGE = "langgraph"


class State(TypedDict):
    done: Annotated[int, operator.add]


async def nothing(_state: State) -> dict[str, int]:
    return {"done": 1}


def nothing_sync(_state: State) -> dict[str, int]:
    return {"done": 1}


def build_sequence(size: int, _seed: int):
    return _compiled(sequence(size))


def build_graph(size: int, seed: int):
    return _compiled(random_graph(size, seed))


def _compiled(waits_for: list[list[int]], node=nothing, saver=None):
    graph = StateGraph(State)
    for number, before in enumerate(waits_for):
        graph.add_node(f"n{number}", node)
        names = [f"n{one}" for one in before] or [START]
        graph.add_edge(names if len(names) > 1 else names[0], f"n{number}")  # a list is a join
    return graph.compile(checkpointer=saver)


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


def durable_async(size: int, file: Path) -> float:
    """Return the seconds of CPU of a run with AsyncSqliteSaver, each step kept before the next begins."""
    return asyncio.run(_durable_async(size, file))


async def _durable_async(size: int, file: Path) -> float:
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

    async with AsyncSqliteSaver.from_conn_string(str(file)) as saver:
        opening = _compiled(sequence(1), saver=saver)
        await opening.ainvoke({"done": 0}, _config("first", 1), durability="sync")
        graph = _compiled(sequence(size), saver=saver)
        started = time.process_time()
        state = await graph.ainvoke({"done": 0}, _config("run", size), durability="sync")
    return _checked(time.process_time() - started, state, size, file)


def durable_sync(size: int, file: Path) -> float:
    """Return the same with SqliteSaver, plain functions and no event loop."""
    from langgraph.checkpoint.sqlite import SqliteSaver

    with SqliteSaver.from_conn_string(str(file)) as saver:
        opening = _compiled(sequence(1), nothing_sync, saver)
        opening.invoke({"done": 0}, _config("first", 1), durability="sync")
        graph = _compiled(sequence(size), nothing_sync, saver)
        started = time.process_time()
        state = graph.invoke({"done": 0}, _config("run", size), durability="sync")
    return _checked(time.process_time() - started, state, size, file)


def _config(thread: str, size: int) -> dict:
    return {"recursion_limit": size + 10, "configurable": {"thread_id": thread}}


def _checked(took: float, state: dict, size: int, file: Path) -> float:
    """Return what was measured, if the steps were done and there is a checkpoint after each."""
    assert state["done"] == size, state
    connection = sqlite3.connect(file)
    count = "SELECT count(*) FROM checkpoints WHERE thread_id = 'run'"
    assert connection.execute(count).fetchone()[0] > size
    connection.close()
    return took
