"""The benchmarks run: their workers check the outputs and the number of chunks themselves."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest


@pytest.mark.slow
def test_a_quick_round_prints_a_row_for_every_work_and_what_the_store_costs(project):
    done = subprocess.run(
        [sys.executable, project / "benchmarks" / "run.py", "--quick", "--rounds", "1"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )

    rows = [line for line in done.stdout.splitlines() if line.startswith("| ")]
    heads = [number for number, row in enumerate(rows) if row.startswith(("| work", "| CPU"))]
    ratios = [len(re.findall(r"\*\*\d+\.\d\d\*\* \(", row)) for row in rows]
    assert heads == [0, 6]
    assert ratios == [0, 2, 2, 2, 1, 1, 0, 3, 3, 3]


@pytest.mark.slow
@pytest.mark.parametrize("program", ["store.py", "lines.py"])
def test_what_is_kept_is_measured(project, program):
    done = subprocess.run(
        [sys.executable, project / "benchmarks" / program, "--quick"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )

    assert re.search(r"runs \(ms\): \d|held: -?\d", done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("program", ["engine.py", "imports.py"])
def test_the_other_programs_print_their_tables(project, program):
    option = {"engine.py": ["--quick"], "imports.py": ["--rounds", "1"]}[program]

    done = subprocess.run(
        [sys.executable, project / "benchmarks" / program, *option],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )

    assert "|---|" in done.stdout
