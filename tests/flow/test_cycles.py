from __future__ import annotations

import pytest

from flow_widgets.flow.cycles import back_edges, groups, ordered


def edges(text: str, count: int) -> list[list[tuple[int, int]]]:
    """Return the outgoing edges of each step for ``01 12``: from 0 to 1, from 1 to 2."""
    out: list[list[tuple[int, int]]] = [[] for _ in range(count)]
    for index, (source, target) in enumerate(text.split()):
        out[int(source)].append((index, int(target)))
    return out


@pytest.mark.parametrize(
    ("text", "count", "found"),
    [
        ("", 2, {(0,), (1,)}),
        ("01 12", 3, {(0,), (1,), (2,)}),
        ("00", 1, {(0,)}),
        ("01 10", 2, {(0, 1)}),
        ("01 12 21 23", 4, {(0,), (1, 2), (3,)}),
        ("01 12 20 23 34 43", 5, {(0, 1, 2), (3, 4)}),
        ("01 12 21 20", 3, {(0, 1, 2)}),
        ("10 21 02 30", 4, {(0, 1, 2), (3,)}),
    ],
)
def test_groups_are_the_steps_that_reach_one_another(text, count, found):
    assert set(groups(edges(text, count))) == found


@pytest.mark.parametrize(
    ("text", "begins", "back"),
    [
        ("01 12", [0], set()),
        ("00", [], {0}),
        ("01 12 21", [0], {2}),
        ("01 10 20", [2], {1}),
        ("01 12 23 31 20", [], {3, 4}),
        ("01 02 13 23", [0], set()),
    ],
)
def test_edges_that_lead_back_are_those_met_from_ahead(text, begins, back):
    assert back_edges(edges(text, 4), begins) == back


def test_groups_come_after_those_that_lead_to_them():
    out = edges("32 21 12 10", 4)
    found = groups(out)
    group_of = [next(g for g, steps in enumerate(found) if s in steps) for s in range(4)]

    assert [found[group] for group in ordered(group_of, len(found), out)] == [(3,), (1, 2), (0,)]


def test_a_long_chain_needs_no_recursion():
    count = 5_000
    out = [[(step, step + 1)] for step in range(count - 1)] + [[(count - 1, 0)]]

    assert groups(out) == (tuple(range(count)),)
    assert back_edges(out, [0]) == {count - 1}
