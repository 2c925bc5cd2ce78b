"""How long the imports take, each in new processes, and which heavy packages they load.

python benchmarks/imports.py [--rounds N]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys

STATEMENTS = (
    "import flow_widgets",
    "from flow_widgets import Flow, Chat, FlowRunner",
    "from flow_widgets import Flow, Chat, FlowRunner, FlowWidget",
    "from openai import AsyncOpenAI",
)
HEAVY = (
    "anywidget",
    "IPython",
    "ipywidgets",
    "jsonschema",
    "openai",
    "pandas",
    "psycopg",
    "pydantic",
    "sqlite3",
    "yaml",
)
PROGRAM = """
import json, sys, time
started = time.perf_counter()
{statement}
took = time.perf_counter() - started
print(json.dumps([took, len(sys.modules), [name for name in {heavy} if name in sys.modules]]))
"""


def measure(statement: str) -> tuple[float, int, list[str]]:
    program = PROGRAM.format(statement=statement, heavy=HEAVY)
    done = subprocess.run(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, check=True
    )
    seconds, modules, heavy = json.loads(done.stdout)
    return seconds, modules, heavy


def main() -> None:
    parser = argparse.ArgumentParser(description="The time that imports take.")
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    print("| statement | ms | modules | of the heavy packages it loads |\n|---|---|---|---|")
    for statement in STATEMENTS:
        measure(statement)  # fills the caches
        found = [measure(statement) for _ in range(rounds)]
        milliseconds = statistics.median(seconds for seconds, _, _ in found) * 1000
        _, modules, heavy = found[0]
        print(f"| `{statement}` | {milliseconds:.0f} | {modules} | {', '.join(heavy) or 'none'} |")


if __name__ == "__main__":
    main()
