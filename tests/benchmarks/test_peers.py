"""The comparison with other engines runs; its workers count the steps that were done themselves."""

from __future__ import annotations

import subprocess
import sys

import pytest


def run(project, *arguments):
    return subprocess.run(
        [sys.executable, project / "benchmarks" / "peers.py", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=True,
    )


@pytest.mark.slow
def test_a_quick_round_measures_ours_and_says_how_to_set_the_others_up(project, tmp_path):
    done = run(project, "--quick", "--rounds", 1, "--cache", tmp_path)

    rows = [line for line in done.stdout.splitlines() if line.startswith("| ")]
    assert len(rows) == 1 + 3 + 1 + 3 + 1 + 2 + 1 + 2
    assert "`check_flow`" in done.stdout
    assert "LangGraph is not set up; run: python benchmarks/peers.py --setup" in done.stderr


@pytest.mark.slow
def test_the_random_graph_has_one_start_and_is_the_same_for_a_seed(project, monkeypatch):
    monkeypatch.syspath_prepend(str(project / "benchmarks" / "noops"))
    from shapes import random_graph

    graph = random_graph(200, seed=3)

    assert graph == random_graph(200, seed=3) != random_graph(200, seed=4)
    assert [number for number, before in enumerate(graph) if not before] == [0]
    assert all(one < number for number, before in enumerate(graph) for one in before)
    assert any(len(before) > 1 for before in graph)
