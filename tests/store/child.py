"""What another process does with a store: ``python child.py PATH COMMAND [RUN]``; prints what was done."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from logs import Log, keep, whole

from flow_widgets.errors import StoreError
from flow_widgets.store.sqlite import SQLiteStore


def main(path: str, command: str, run_id: str = "r1") -> None:
    store = SQLiteStore(path)
    if command == "many":
        for number in range(int(run_id)):
            keep(store, whole(f"{command}{number}"))
    elif command == "hold":
        keep(store, Log(run_id).begin().start(0).chunk(0, "half"), release=False)
    elif command == "claim":
        try:
            store.claim(run_id, int(sys.argv[4]), print)
        except StoreError as error:
            print(type(error).__name__, flush=True)
            return
    elif command == "fill":
        fill(store, run_id)
    print("done", flush=True)
    if command == "hold":
        sys.stdin.read()


def ends(path: str) -> None:
    """Tell a store what is not urgent, and end at once."""
    store = SQLiteStore(path)
    store.claim("r1", 0, print)
    for event in Log().begin().start(0).events:
        store(event)


def fill(store: SQLiteStore, run_id: str) -> None:
    """Keep a large output where files may only become small; say what came of it."""
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
    log = Log(run_id).begin().start(0).complete(0, "much " * 200_000)
    store.claim(run_id, 0, lambda error: print(type(error).__name__, flush=True))
    for event in log.events:
        store(event)
    try:
        store.flush()
    except StoreError as error:
        print(type(error).__name__, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:4])
