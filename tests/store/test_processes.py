"""Several processes on one store do not disturb each other; on one run, the second is refused."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from child import ends
from logs import Log, keep, whole

from flow_widgets.errors import RunInUse
from flow_widgets.run import events as ev
from flow_widgets.store.lease import GONE_SECONDS, Owner, owner_of, this_process
from flow_widgets.store.sqlite import SQLiteStore

CHILD = Path(__file__).parent / "child.py"
ELSEWHERE = Owner("other-machine", "boot", 7, "1", "t")


@pytest.fixture
def store(tmp_path):
    made = SQLiteStore(tmp_path / "runs.db")
    yield made
    made.close()


@contextmanager
def child(store, *words):
    """Run a child until it has done its work, and kill it, the hard way, in the end."""
    command = [sys.executable, str(CHILD), str(store.path), *map(str, words)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as made:
        try:
            yield made
        finally:
            made.kill()


def test_two_processes_write_one_store(store):
    with child(store, "many", 30) as other:
        for number in range(30):
            keep(store, whole(f"here{number}"))
        assert other.stdout.readline() == "done\n"

    assert len(store.list()) == 60
    assert {len(list(store.events(one.id))) for one in store.list()} == {9}


def test_a_run_of_another_process_is_refused_until_that_is_killed(store):
    with child(store, "hold", "r1") as other:
        assert other.stdout.readline() == "done\n"
        with pytest.raises(RunInUse, match=f"process {other.pid} on this machine"):
            store.claim("r1", 4, print)
        assert store.info("r1").status == "running"
        assert store.info("r1").owner == f"process {other.pid} on this machine"
        other.kill()
        other.wait()

        assert store.info("r1").status == "interrupted"
        assert store.info("r1").owner is None
        store.claim("r1", 4, print)
        store(ev.FlowInterrupted(5, "r1", 2000.0, None, None))

    assert [type(one).__name__ for one in store.events("r1")][-2:] == [
        "ActionChunk",
        "FlowInterrupted",
    ]


@pytest.mark.parametrize(("seq", "said"), [(1, "RunInUse"), (0, "RunInUse")])
def test_a_run_of_this_process_is_refused_to_another(store, seq, said):
    keep(store, Log().begin(), release=False)

    with child(store, "claim", "r1", seq) as other:
        assert other.stdout.readline() == f"{said}\n"


def test_a_released_run_goes_on_in_another_process(store):
    keep(store, Log().begin())

    with child(store, "claim", "r1", 1) as other:
        assert other.stdout.readline() == "done\n"


@pytest.mark.skipif(sys.platform == "win32", reason="files there have no such limit")
def test_a_file_that_may_not_grow_is_named_and_stays_whole(store):
    keep(store, whole("before"))
    store.close()

    with child(store, "fill", "r1") as other:
        assert other.stdout.readline() == "StoreFull\n"
        assert other.stdout.readline() == "StoreFull\n"

    assert [one.id for one in store.list()] == ["before"]
    connection = sqlite3.connect(store.path)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_process_of_multiprocessing_writes_what_waits_before_it_ends(store):
    """Such processes end without ``atexit``."""
    other = multiprocessing.get_context("spawn").Process(target=ends, args=(str(store.path),))
    other.start()
    other.join()

    assert other.exitcode == 0
    assert store.committed("r1") == len(Log().begin().start(0).events)
    assert store.info("r1").status == "interrupted"


def test_a_forked_process_opens_the_store_anew(store):
    keep(store, Log("parent").begin(), release=False)
    pid = os.fork()
    if pid == 0:
        try:
            keep(store, whole("child"))
            refused = False
            try:
                store.claim("parent", 1, print)
            except RunInUse:
                refused = True
            store.close()
            os._exit(0 if refused else 1)
        except BaseException:  # noqa: BLE001  # a child may only end here
            os._exit(2)

    assert os.waitpid(pid, 0)[1] == 0
    assert sorted(one.id for one in store.list()) == ["child", "parent"]
    assert store.info("parent").status == "running"


def test_the_owner_on_another_machine_is_known_by_its_heartbeat():
    assert ELSEWHERE.words == "process 7 on other-machine"
    assert ELSEWHERE.is_alive(GONE_SECONDS - 1)
    assert not ELSEWHERE.is_alive(GONE_SECONDS + 1)


def test_a_process_number_that_was_used_again_is_another_process():
    mine = this_process("t")

    assert not Owner(mine.host, mine.boot, 1, "0", "t").is_alive(0)
    assert not mine.is_alive(0)
    assert owner_of(mine.record) == mine
    assert [owner_of(record) for record in (None, "", "[", "[1]", '{"a": 1}')] == [None] * 5
