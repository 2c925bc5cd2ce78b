"""Cycles of edges: which steps lie on one, and which edges lead back.

Theory of operation. Steps that can reach one another form a group (a strongly connected component);
a step alone is one only when an edge leads from it to itself. Contracted to its groups the graph has
no cycle, which gives the order in which steps stand. An edge leads *back* when a walk along the edges,
from the steps where a run begins, meets it on the way to a step it is still behind: there a cycle is
entered, and entered again. Everything is iterative: a chain of steps may be long.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence

Edges = Sequence[Sequence[tuple[int, int]]]
"""For each step its outgoing edges, as index of the edge and target."""


def groups(out: Edges) -> tuple[tuple[int, ...], ...]:
    """Return the groups of steps that reach one another, those on no cycle alone (Tarjan)."""
    count = len(out)
    number, low = [-1] * count, [0] * count
    stack: list[int] = []
    on_stack = [False] * count
    found: list[tuple[int, ...]] = []
    clock = 0
    for root in range(count):
        if number[root] >= 0:
            continue
        walk: list[tuple[int, Iterator[tuple[int, int]]]] = []
        entered: int | None = root
        while entered is not None or walk:
            if entered is not None:
                number[entered] = low[entered] = clock
                clock += 1
                stack.append(entered)
                on_stack[entered] = True
                walk.append((entered, iter(out[entered])))
                entered = None
            step, edges = walk[-1]
            for _, target in edges:
                if number[target] < 0:
                    entered = target
                    break
                if on_stack[target]:
                    low[step] = min(low[step], number[target])
            if entered is not None:
                continue
            walk.pop()
            if walk:
                low[walk[-1][0]] = min(low[walk[-1][0]], low[step])
            if low[step] == number[step]:
                found.append(_popped(stack, on_stack, step))
    return tuple(found)


def _popped(stack: list[int], on_stack: list[bool], last: int) -> tuple[int, ...]:
    group: list[int] = []
    while not group or group[-1] != last:
        group.append(stack.pop())
        on_stack[group[-1]] = False
    return tuple(sorted(group))


def ordered(group_of: Sequence[int], count: int, out: Edges) -> Iterator[int]:
    """Yield the groups so that each comes after those that lead to it."""
    left = [0] * count
    follows: list[list[int]] = [[] for _ in range(count)]
    for step, edges in enumerate(out):
        for _, target in edges:
            if group_of[step] != group_of[target]:
                left[group_of[target]] += 1
                follows[group_of[step]].append(group_of[target])
    seen = dict.fromkeys(group_of)  # in the order of the document
    ready = deque(group for group in seen if left[group] == 0)
    while ready:
        group = ready.popleft()
        yield group
        for target in follows[group]:
            left[target] -= 1
            if left[target] == 0:
                ready.append(target)


def back_edges(out: Edges, begins: Iterable[int]) -> frozenset[int]:
    """Return the edges that lead back, walking from where a run begins and then from what is left."""
    count = len(out)
    state = [0] * count  # 0 not met, 1 on the way, 2 done
    found: set[int] = set()
    for root in (*begins, *range(count)):
        if state[root]:
            continue
        state[root] = 1
        walk = [(root, iter(out[root]))]
        while walk:
            step, edges = walk[-1]
            for edge, target in edges:
                if state[target] == 1:
                    found.add(edge)
                elif state[target] == 0:
                    state[target] = 1
                    walk.append((target, iter(out[target])))
                    break
            else:
                state[step] = 2
                walk.pop()
    return frozenset(found)
