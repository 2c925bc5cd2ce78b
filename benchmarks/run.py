"""Measures flow_widgets and the hand-written loop side by side, and prints tables in markdown.

    python benchmarks/run.py [--rounds N] [--quick] [WORK…]

What is measured, and how to read it: README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
BY_HAND = "by_hand"
OFF, MEMORY, SQLITE = "ours:off", "ours:memory", "ours:sqlite"
SUBJECTS = (BY_HAND, OFF, MEMORY, SQLITE)
STORE_GOAL = 1.15
"""The most CPU that a run kept in SQLite may take, in runs that are not kept."""
Round = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Work:
    title: str
    sizes: dict[str, int]
    quick: dict[str, int]
    every_us: int = 0
    goal: float | None = None
    """The most CPU that ours may take, as a part of what the hand-written loop takes."""


WORKS = {
    "burst": Work(
        "1 action × {chunks} chunks in a burst",
        {"width": 1, "chunks": 20_000},
        {"width": 1, "chunks": 300},
        goal=0.15,
    ),
    "paced": Work(
        "1 action × {chunks} chunks, one per millisecond",
        {"width": 1, "chunks": 4_000},
        {"width": 1, "chunks": 100},
        every_us=1000,
        goal=0.5,
    ),
    "wide": Work(
        "{width} actions × {chunks} chunks",
        {"width": 200, "chunks": 100},
        {"width": 10, "chunks": 10},
    ),
    "first_warm": Work(
        "first chunk, client made and connection open",
        {"runs": 100, "chunks": 5},
        {"runs": 3, "chunks": 5},
    ),
    "first_cold": Work("first chunk, new process, imports included", {"chunks": 5}, {"chunks": 5}),
}


@contextmanager
def local_server() -> Iterator[str]:
    """Start the server in a process of its own and give its address."""
    command = [sys.executable, str(HERE / "server.py")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        server.stdin.close()


def measure(host: str, subject: str, name: str, *, quick: bool) -> dict[str, float]:
    work = WORKS[name]
    sizes = work.quick if quick else work.sizes
    url = f"{host}/chunks/{sizes['chunks']}/every/{work.every_us}/v1"
    command = [sys.executable, str(HERE / "worker.py"), subject, name, url, json.dumps(sizes)]
    env = {key: value for key, value in os.environ.items() if not key.startswith("OPENAI_")}
    done = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, check=True, env={**env, "NO_PROXY": "*"}
    )
    measured: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return measured


def measure_rounds(host: str, name: str, rounds: int, *, quick: bool) -> list[Round]:
    """Measure all in every round, in turns who is first, after one round that only fills caches."""
    subjects = (BY_HAND, SQLITE) if name.startswith("first") else SUBJECTS
    if not quick:
        for subject in subjects:
            measure(host, subject, name, quick=True)
    found = []
    for number in range(rounds):
        order = subjects if number % 2 == 0 else subjects[::-1]
        found.append({who: measure(host, who, name, quick=quick) for who in order})
        print(f"{name}: round {number + 1} of {rounds}", file=sys.stderr, flush=True)
    return found


def ratio(rounds: list[Round], key: str, who: str = SQLITE, to: str = BY_HAND) -> str:
    ratios = [one[who][key] / one[to][key] for one in rounds]
    return f"**{statistics.median(ratios):.2f}** ({min(ratios):.2f} to {max(ratios):.2f})"


def median(rounds: list[Round], who: str, key: str, form: str) -> str:
    return format(statistics.median(one[who][key] for one in rounds), form)


def both(rounds: list[Round], key: str, form: str) -> str:
    return " / ".join(median(rounds, who, key, form) for who in (BY_HAND, SQLITE))


def title_of(name: str, *, quick: bool) -> str:
    work = WORKS[name]
    return work.title.format(**(work.quick if quick else work.sizes))


def row(name: str, rounds: list[Round], *, quick: bool) -> str:
    work = WORKS[name]
    cells = [title_of(name, quick=quick)]
    if "cpu_us" in rounds[0][SQLITE]:
        goal = "" if work.goal is None else f", goal {work.goal}"
        cells += [both(rounds, "cpu_us", ".1f"), ratio(rounds, "cpu_us") + goal]
        cells += [both(rounds, "wall_s", ".2f")]
    else:
        cells += ["", "", ""]
    cells += [both(rounds, "first_ms", ".2f"), ratio(rounds, "first_ms")]
    cells += [both(rounds, "peak_mb", ".1f") if "peak_mb" in rounds[0][SQLITE] else ""]
    return f"| {' | '.join(cells)} |"


def store_row(name: str, rounds: list[Round], *, quick: bool) -> str:
    """Return what the same run costs without a store, with one in memory, and with one in SQLite."""
    cells = [title_of(name, quick=quick)]
    cells += [median(rounds, who, "cpu_us", ".1f") for who in (OFF, MEMORY, SQLITE)]
    cells += [ratio(rounds, "cpu_us", MEMORY, OFF)]
    cells += [f"{ratio(rounds, 'cpu_us', SQLITE, OFF)}, goal {STORE_GOAL}"]
    cells += [ratio(rounds, "cpu_us", OFF)]
    cells += [" / ".join(median(rounds, who, "peak_mb", ".1f") for who in (OFF, MEMORY, SQLITE))]
    return f"| {' | '.join(cells)} |"


HEAD = """\
| work | CPU µs/chunk | ratio | wall s | first chunk ms | ratio | peak MB over start |
|---|---|---|---|---|---|---|"""
STORE_HEAD = """\

| CPU µs/chunk | no store | memory | SQLite | memory to none | SQLite to none | none to by hand | peak MB |
|---|---|---|---|---|---|---|---|"""


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="flow_widgets against the hand-written loop.")
    parser.add_argument("works", nargs="*", metavar="WORK", help=f"of: {', '.join(WORKS)}")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="small sizes: only whether it runs")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.works if name not in WORKS]
    if unknown:
        parser.error(f"no work is called {unknown[0]!r}; there are {', '.join(WORKS)}")
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}, {options.rounds} rounds;")
    print("cells: by hand / ours, kept in SQLite; ratios: median (min to max) in a round\n")
    print(HEAD)
    found = {}
    with local_server() as host:
        for name in options.works or WORKS:
            found[name] = measure_rounds(host, name, options.rounds, quick=options.quick)
            print(row(name, found[name], quick=options.quick), flush=True)
    kept = [name for name in found if OFF in found[name][0]]
    print(STORE_HEAD) if kept else None
    for name in kept:
        print(store_row(name, found[name], quick=options.quick))


if __name__ == "__main__":
    main()
