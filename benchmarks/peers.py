"""Steps that do nothing in flow_widgets, LangGraph and pydantic-graph: what an engine itself costs.

    python benchmarks/peers.py --setup        # once: a virtual environment for each of the others
    python benchmarks/peers.py [--rounds N] [--quick] [--seed N]

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
import venv
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
CACHE = Path("~/.cache/flow_widgets-bench")
OURS = "flow_widgets"
PEERS = {
    "langgraph": (
        "langgraph==1.2.22",
        "langgraph-checkpoint-sqlite==3.1.2",
        "langchain-core==1.7.2",
        "pydantic==2.14.3",
    ),
    "pydantic_graph": ("pydantic-graph==2.68.0", "pydantic==2.14.3"),
}
"""What each of the others is installed from."""
TITLES = {OURS: "flow_widgets", "langgraph": "LangGraph", "pydantic_graph": "pydantic-graph"}
GOAL = 0.1
"""The most CPU per step that ours may take, as a part of LangGraph's."""
GROWTH_GOAL = 2.0
"""The most that a step of a flow of 10,000 may cost, in steps of a flow of 100."""
CHECKED_STEPS = 500
DURABLE_STEPS = 200
DURABLE = {
    "durable_at_the_end": "kept when the run returns",
    "durable_step_by_step": "each step kept before the next begins",
}
"""How ours is kept in SQLite."""
SAVERS = {"durable_async": "AsyncSqliteSaver", "durable_sync": "SqliteSaver"}
"""How LangGraph is: each step before the next begins."""
GROWING = {100: 20, 1000: 2, 10_000: 1}
"""Sizes that show whether a part grows faster than the flow, and how often each is run."""
QUIET = {
    "LANGSMITH_TRACING": "false",
    "LANGCHAIN_TRACING_V2": "false",
    "LANGGRAPH_CLI_NO_ANALYTICS": "1",
    "OTEL_SDK_DISABLED": "true",
}


@dataclass(frozen=True)
class Work:
    title: str
    size: int
    quick: int


WORKS = {
    "sequence": Work("{size:,} steps in sequence", 1000, 20),
    "parallel": Work("{size:,} actions in parallel", 5000, 40),
    "graph": Work("random graph of {size:,} steps with joins", 1000, 30),
}
Round = dict[str, dict[str, float]]


def python_of(cache: Path, peer: str) -> Path:
    """Return the interpreter that has a peer installed; ours is the one that runs this."""
    if peer == OURS:
        return Path(sys.executable)
    return cache / peer / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def set_up(cache: Path) -> None:
    for peer, requirements in PEERS.items():
        print(f"{TITLES[peer]}: {cache / peer}", file=sys.stderr, flush=True)
        venv.create(cache / peer, with_pip=True, symlinks=os.name != "nt")
        install = [str(python_of(cache, peer)), "-m", "pip", "install", "-q", *requirements]
        subprocess.run(install, check=True)


def measure(cache: Path, peer: str, work: str, size: int, *, seed: int, repeats: int = 1) -> dict:
    program = [str(python_of(cache, peer)), str(HERE / "noops" / "worker.py")]
    arguments = [peer, work, str(size), str(repeats), str(seed)]
    done = subprocess.run(
        [*program, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env={**os.environ, **QUIET},
    )
    return json.loads(done.stdout.splitlines()[-1])


def in_turns(names: list, number: int) -> list:
    return names if number % 2 == 0 else names[::-1]


def median(rounds: list[Round], who: str, key: str) -> str:
    if who not in rounds[0] or key not in rounds[0][who]:
        return "–"
    return f"{statistics.median(one[who][key] for one in rounds):.1f}"


def ratio(rounds: list[Round], who: str, other: str, key: str = "cpu_us") -> str:
    if other not in rounds[0] or key not in rounds[0][other]:
        return "–"
    ratios = [one[who][key] / one[other][key] for one in rounds]
    return f"**{statistics.median(ratios):.2f}** ({min(ratios):.2f} to {max(ratios):.2f})"


def compare(cache: Path, peers: list[str], options: argparse.Namespace) -> dict[str, list[Round]]:
    """Print a table of the works; return what was measured."""
    others = list(PEERS)
    names = [TITLES[OURS], *(f"{TITLES[one]} | ratio" for one in others)]
    print(f"| CPU µs per step | {' | '.join(names)} |\n|---{'|---' * (1 + 2 * len(others))}|")
    found: dict[str, list[Round]] = {}
    for name, work in WORKS.items():
        size = work.quick if options.quick else work.size
        found[name] = []
        for number in range(options.rounds):
            turn = in_turns(peers, number)
            found[name].append(
                {one: measure(cache, one, name, size, seed=options.seed) for one in turn}
            )
            print(f"{name}: round {number + 1} of {options.rounds}", file=sys.stderr, flush=True)
        cells = [work.title.format(size=size), median(found[name], OURS, "cpu_us")]
        for other in others:
            goal = f", goal {GOAL}" if other == "langgraph" else ""
            cells += [median(found[name], other, "cpu_us"), ratio(found[name], OURS, other) + goal]
        print(f"| {' | '.join(cells)} |", flush=True)
    return found


def building(found: dict[str, list[Round]]) -> None:
    """Print what was not charged: to make a flow or a graph, checked or compiled."""
    peers = list(TITLES)
    print(f"\n| building, CPU µs per step | {' | '.join(TITLES[one] for one in peers)} |")
    print(f"|---{'|---' * len(peers)}|")
    for name, rounds in found.items():
        cells = [name, *(median(rounds, one, "build_us") for one in peers)]
        print(f"| {' | '.join(cells)} |", flush=True)


def growth(cache: Path, options: argparse.Namespace) -> None:
    """Print what a step of flow_widgets costs in flows of other sizes."""
    sizes = {20: 2, 40: 1} if options.quick else GROWING
    small, large = min(sizes), max(sizes)
    heads = [f"{size:,} steps" for size in sizes]
    print(f"\n| CPU µs per step | {' | '.join(heads)} | {large:,} to {small:,} |")
    print(f"|---{'|---' * (len(sizes) + 1)}|")
    for name in ("sequence", "graph"):
        rounds: list[Round] = [
            {
                str(size): measure(cache, OURS, name, size, seed=options.seed, repeats=sizes[size])
                for size in in_turns(list(sizes), number)
            }
            for number in range(options.rounds)
        ]
        cells = [name, *(median(rounds, str(size), "cpu_us") for size in sizes)]
        cells += [f"{ratio(rounds, str(large), str(small))}, goal {GROWTH_GOAL:.0f}"]
        print(f"| {' | '.join(cells)} |", flush=True)


def durability(cache: Path, options: argparse.Namespace) -> None:
    """Print what a step costs that is kept in SQLite."""
    size = 10 if options.quick else DURABLE_STEPS
    there = SAVERS if python_of(cache, "langgraph").exists() else {}
    works = [*((OURS, one) for one in DURABLE), *(("langgraph", one) for one in there)]
    rounds: list[Round] = [
        {one: measure(cache, peer, one, size, seed=0) for peer, one in in_turns(works, number)}
        for number in range(options.rounds)
    ]
    heads = [f"{TITLES['langgraph']}, {saver} | ratio" for saver in SAVERS.values()]
    print(f"\n| {size} steps in SQLite, CPU µs per step | {TITLES[OURS]} | {' | '.join(heads)} |")
    print(f"|---|---{'|---|---' * len(SAVERS)}|")
    for one, title in DURABLE.items():
        cells = [title, median(rounds, one, "cpu_us")]
        for saver in SAVERS:
            cells += [median(rounds, saver, "cpu_us"), f"{ratio(rounds, one, saver)}, goal {GOAL}"]
        print(f"| {' | '.join(cells)} |", flush=True)


def checking(cache: Path, options: argparse.Namespace) -> None:
    size = 20 if options.quick else CHECKED_STEPS
    takes = [
        measure(cache, OURS, "check", size, seed=options.seed)["check_ms"]
        for _ in range(options.rounds)
    ]
    middle = statistics.median(takes)
    print(f"\n`check_flow`, random graph of {size:,} steps that refer to one another: ", end="")
    print(f"{middle:.1f} ms of CPU ({min(takes):.1f} to {max(takes):.1f})")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Steps that do nothing, beside other engines.")
    parser.add_argument("--setup", action="store_true", help="install the others, then stop")
    parser.add_argument("--cache", type=Path, default=CACHE, help=f"where; else {CACHE}")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=7, help="of the random graph")
    parser.add_argument("--quick", action="store_true", help="small sizes: only whether it runs")
    options = parser.parse_args(arguments)
    cache = options.cache.expanduser()
    if options.setup:
        set_up(cache)
        return
    here = [peer for peer in TITLES if python_of(cache, peer).exists()]
    for peer, title in TITLES.items():
        if peer not in here:
            hint = "is not set up; run: python benchmarks/peers.py --setup"
            print(title, hint, file=sys.stderr)
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}, {options.rounds} rounds;")
    versions = [measure(cache, peer, "none", 0, seed=0)["version"] for peer in here]
    print(", ".join(f"{TITLES[peer]} {one}" for peer, one in zip(here, versions, strict=True)))
    print("ratios: median (min to max) of flow_widgets to the other, in a round\n")
    building(compare(cache, here, options))
    growth(cache, options)
    durability(cache, options)
    checking(cache, options)


if __name__ == "__main__":
    main()
