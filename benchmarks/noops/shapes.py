"""The three shapes of the no-op works, the same for every peer: what each step waits for."""

from __future__ import annotations

import random

NEAR = 40
"""How far back a step of the random graph may reach."""


def sequence(size: int) -> list[list[int]]:
    return [[number - 1] if number else [] for number in range(size)]


def random_graph(size: int, seed: int) -> list[list[int]]:
    """Return for each step the one to three earlier steps that it waits for; only the first has none."""
    chance = random.Random(seed)
    found: list[list[int]] = [[]]
    for number in range(1, size):
        near = range(max(0, number - NEAR), number)
        found.append(sorted(chance.sample(near, min(len(near), chance.choice((1, 1, 2, 3))))))
    return found
