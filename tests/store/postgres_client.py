"""Drives a run in a PostgreSQL store until it is told to stop, or killed: ``URL``, and who talks first."""

from __future__ import annotations

import os
import sys
from itertools import count
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE)]

from logs import Log  # noqa: E402

from flow_widgets.store.postgres import PostgresStore  # noqa: E402


def main(url: str, mode: str) -> None:
    store, log = PostgresStore(url), Log("r1").begin().start(0)
    store.claim("r1", 0, print)
    for event in log.events:
        store(event)
    store.flush()
    print(len(log.events), flush=True)
    if mode == "waits":
        sys.stdin.readline()
        store.close()
        return
    if mode == "forks":
        _fork(store, log)
        return
    for number in count():
        store(log.chunk(0, f"{number} ").events[-1])
        if number % 500 == 499:
            store.flush()
            print(len(log.events), flush=True)


def _fork(store: PostgresStore, log: Log) -> None:
    """Use the store in a child, which ends, and then in the parent, whose connection it shared."""
    child = os.fork()
    if not child:
        statuses = [one.status for one in store.list()]
        store.close()
        os._exit(0 if statuses == ["running"] else 1)
    code = os.waitpid(child, 0)[1]
    store(log.complete(0, "done").events[-1])
    store.flush()
    print(code, store.info("r1").status, store.committed("r1"), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
