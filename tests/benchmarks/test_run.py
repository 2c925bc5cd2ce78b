"""The benchmarks run: their workers check the outputs and the number of chunks themselves."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest


@pytest.mark.slow
def test_a_quick_round_prints_a_row_for_every_work(project):
    done = subprocess.run(
        [sys.executable, project / "benchmarks" / "run.py", "--quick", "--rounds", "1"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )

    rows = [line for line in done.stdout.splitlines() if line.startswith("| ")][1:]
    assert len(rows) == 5
    assert all(re.search(r"\*\*\d+\.\d\d\*\* \(", row) for row in rows)


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
