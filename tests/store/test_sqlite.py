"""What can go wrong with a file has a name, and damages nothing."""

from __future__ import annotations

import os
import sqlite3
import threading

import pytest
from logs import FLOW, Log, keep, letter, whole

from flow_widgets.errors import (
    RunInUse,
    StoreDamaged,
    StoreError,
    StoreFull,
    StoreLocked,
    StoreReadOnly,
    StoreTooNew,
)
from flow_widgets.run import events as ev
from flow_widgets.store import lease, mounts, sqlite
from flow_widgets.store.migrations import APPLICATION, MIGRATIONS, VERSION
from flow_widgets.store.sqlite import SQLiteBackend, SQLiteStore


@pytest.fixture
def path(tmp_path):
    return tmp_path / ".flow_widgets" / "runs.db"


@pytest.fixture
def store(path):
    made = SQLiteStore(path, busy_seconds=0.05)
    yield made
    made.close()


def opened(path):
    return sqlite3.connect(path, isolation_level=None)


def test_nothing_is_touched_before_something_is_kept(store, path):
    assert store.list() == []
    assert not path.parent.exists()


def test_the_folder_tells_git_to_ignore_it(store, path):
    keep(store, whole())

    assert (path.parent / ".gitignore").read_text() == "*\n"
    assert store.place == str(path)
    assert store.notice == ""


def test_a_folder_of_the_users_own_is_left_as_it_is(tmp_path):
    store = SQLiteStore(tmp_path / "mine" / "runs.db")
    keep(store, whole())
    store.close()

    assert [one.name for one in (tmp_path / "mine").iterdir()] == ["runs.db"]


def test_the_file_bears_its_mark_and_version(store, path):
    keep(store, whole())
    store.close()

    connection = opened(path)
    assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION,)
    assert connection.execute("PRAGMA user_version").fetchone() == (VERSION,)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_what_is_kept_is_there_for_the_next_process(store, path):
    log = whole()
    keep(store, log)
    store.close()

    other = SQLiteStore(path)
    assert other.info("r1").status == "completed"
    assert len(list(other.events("r1"))) == len(log.events)
    other.close()


def test_a_store_that_was_closed_opens_again(store):
    keep(store, whole("r1"))
    store.close()

    keep(store, whole("r2"))

    assert len(store.list()) == 2


def test_the_fallback_says_so_once_and_works(path, caplog):
    store = SQLiteStore(path, wal=False)
    keep(store, whole("r1"))
    store.close()
    keep(store, whole("r2"))

    assert "more slowly" in store.notice
    assert len(caplog.records) == 1
    assert len(store.list()) == 2
    assert [one.name for one in path.parent.glob("*-wal")] == []
    store.close()


def test_a_network_file_system_is_told_by_its_mount(tmp_path):
    table = tmp_path / "mountinfo"
    table.write_text(
        "1 0 0:1 / / rw - ext4 /dev/sda rw\n"
        "2 1 0:2 / /home rw shared:1 - nfs4 server:/home rw\n"
        "3 2 0:3 / /home/me/local\\040disk rw - ext4 /dev/sdb rw\n"
        "odd line\n"
    )

    found = {
        folder: mounts.is_on_network(tmp_path.__class__(folder), table)
        for folder in ("/srv", "/home/me", "/home/me/local disk/x", "/homes")
    }

    assert found == {
        "/srv": False,
        "/home/me": True,
        "/home/me/local disk/x": False,
        "/homes": False,
    }
    assert not mounts.is_on_network(tmp_path, tmp_path / "missing")


def test_on_a_network_wal_is_not_used(path, monkeypatch):
    monkeypatch.setattr(sqlite, "is_on_network", lambda folder: True)
    store = SQLiteStore(path)
    keep(store, whole())

    assert "network" in store.notice
    store.close()


@pytest.mark.parametrize("content", [b"not a database, but a text " * 20, b"SQLite", b"\0" * 4096])
def test_what_is_no_database_is_refused_untouched(path, store, content):
    path.parent.mkdir()
    path.write_bytes(content)

    for ask in (store.list, lambda: store.claim("r1", 0, print)):
        with pytest.raises(StoreDamaged, match="no SQLite database"):
            ask()
    assert path.read_bytes() == content


def test_a_file_that_is_cut_off_is_refused_untouched(path, store):
    for number in range(20):
        keep(store, whole(f"r{number}"))
    store.close()
    content = path.read_bytes()[:-5000]
    path.write_bytes(content)

    for ask in (store.list, lambda: store.claim("r1", 0, print)):
        with pytest.raises(StoreDamaged, match="is cut off"):
            ask()
    assert path.read_bytes() == content


def test_the_database_of_another_program_is_refused_untouched(path, store):
    path.parent.mkdir()
    for mark in (0, 77):
        connection = opened(path)
        connection.execute(f"PRAGMA application_id = {mark}")
        connection.execute(f"CREATE TABLE theirs{mark} (a)")
        connection.close()
        content = path.read_bytes()

        for ask in (store.list, lambda: store.claim("r1", 0, print)):
            with pytest.raises(StoreDamaged, match="another program"):
                ask()
        assert path.read_bytes() == content
        assert sorted(one.name for one in path.parent.iterdir()) == ["runs.db"]


def test_a_newer_version_is_refused_untouched(path, store):
    keep(store, whole())
    store.close()
    connection = opened(path)
    connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    content = path.read_bytes()

    for ask in (store.list, lambda: store.claim("r2", 0, print)):
        with pytest.raises(StoreTooNew, match=f"version {VERSION + 1}"):
            ask()
    assert path.read_bytes() == content


def test_an_older_version_is_brought_forward_with_a_copy_beside_it(path, store):
    keep(store, whole())
    store.close()
    after = {**MIGRATIONS, VERSION + 1: ("ALTER TABLE runs ADD COLUMN color TEXT",)}

    backend = SQLiteBackend(path, migrations=after)
    with backend.write(urgent=True) as session:
        session.run("UPDATE runs SET color = ?", ("red",))
    backend.close()

    names = sorted(one.name for one in path.parent.glob("runs*"))
    assert names == ["runs-version-1-1.db", "runs.db"]
    connection = opened(path.parent / names[0])
    assert connection.execute("PRAGMA user_version").fetchone() == (VERSION,)
    connection.close()
    with pytest.raises(StoreTooNew):
        store.list()


def test_a_migration_that_fails_changes_nothing(path, store):
    keep(store, whole())
    store.close()
    wrong = {**MIGRATIONS, VERSION + 1: ("ALTER TABLE runs ADD COLUMN color TEXT", "NO SQL")}

    with (
        pytest.raises(StoreError, match="syntax error"),
        SQLiteBackend(path, migrations=wrong).write(urgent=True),
    ):
        pass

    assert store.info("r1").status == "completed"


def test_a_store_that_others_hold_is_said_to_be_locked_and_is_written_later(path, store):
    failures = []
    log = whole()
    store.claim("r1", 0, failures.append)
    holder = opened(path)
    holder.execute("BEGIN IMMEDIATE")

    store(log.events[0])
    for _ in range(2):
        with pytest.raises(StoreLocked, match="another process"):
            store.flush()
    assert store.committed("r1") == 0
    assert len(failures) == 1
    assert isinstance(failures[0], StoreLocked)
    with pytest.raises(StoreLocked):
        store.claim("r2", 0, print)

    holder.execute("ROLLBACK")
    holder.close()
    for event in log.events[1:]:
        store(event)
    store.flush()
    assert [one.seq for one in store.events("r1")] == [one.seq for one in log.events]


def test_a_full_disk_is_named_and_nothing_is_lost(path, store):
    failures = []
    log = Log().begin()
    keep(store, whole("before"))
    store.claim("r1", 0, failures.append)
    connection = store._backend._connection
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    log.start(0).complete(0, "much " * 50_000)
    for event in log.events:
        store(event)

    with pytest.raises(StoreFull, match="can't grow"):
        store.flush()
    assert [type(one) for one in failures] == [StoreFull]
    assert store.committed("r1") == 0
    assert store.info("before").status == "completed"

    connection.execute("PRAGMA max_page_count = 1000000")
    store.flush()
    assert list(store.events("r1")) == log.events
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_run_that_holds_what_no_database_takes_is_lost_and_the_others_are_not(store):
    failures = []
    store.claim("r1", 0, failures.append)
    for event in Log().begin(number=10**30).events:
        store(event)
    keep(store, whole("r2"))

    assert len(failures) == 1
    assert "too large" in str(failures[0])
    store.release("r1")
    store.flush()
    assert [one.id for one in store.list()] == ["r2"]
    keep(store, whole("r1"))
    assert store.info("r1").status == "completed"


def test_a_text_that_is_too_long_for_the_database_is_named_and_holds_nobody_up(store):
    failures = []
    keep(store, whole("before"))
    store._backend._connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 100_000)
    log = Log().begin().start(0).complete(0, "much " * 50_000)
    store.claim("r1", 0, failures.append)
    for event in log.events:
        store(event)
    store.flush()

    assert "too big" in str(failures[0])
    keep(store, whole("after"))
    assert store.committed("after") == 9


def test_the_folder_of_a_notebook_that_was_moved_is_not_made_anew(tmp_path):
    store = SQLiteStore(tmp_path / "gone" / sqlite.FOLDER / "runs.db")

    with pytest.raises(StoreReadOnly, match="No such file"):
        store.claim("r1", 0, print)
    assert not (tmp_path / "gone").exists()


def test_a_read_only_file_can_be_read(path, store, monkeypatch):
    keep(store, whole())
    store.close()
    monkeypatch.setattr(sqlite, "_may_write", lambda path: False)
    content = path.read_bytes()

    assert store.info("r1").status == "completed"
    assert len(list(store.events("r1"))) == 9
    with pytest.raises(StoreReadOnly, match="can't be written"):
        store.claim("r1", 9, print)
    assert path.read_bytes() == content


def test_a_folder_that_can_not_be_made_is_read_only(tmp_path):
    (tmp_path / "file").write_text("")
    store = SQLiteStore(tmp_path / "file" / "runs.db")

    with pytest.raises(StoreReadOnly):
        store.claim("r1", 0, print)


def test_damaged_pages_are_named(path, store):
    for number in range(30):
        keep(store, whole(f"r{number}"))
    store.close()
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)

    with pytest.raises(StoreDamaged, match="is broken"):
        store.list()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE events SET body = '[1, 2' WHERE run_id = 'r1'",
        "UPDATE events SET body = '[[\"os.system\", 1, 2.0, null, null, [], {}]]'",
        "UPDATE events SET last_seq = 99",
        "UPDATE events SET seq = 5, last_seq = 13",
        "DELETE FROM events",
        "DELETE FROM blobs",
        "UPDATE blobs SET data = X'00'",
    ],
)
def test_a_broken_record_is_named_and_the_list_still_works(path, store, change):
    keep(store, whole())
    connection = opened(path)
    connection.execute(change)
    connection.close()

    with pytest.raises(StoreDamaged, match="Event . of the run 'r1'"):
        list(store.events("r1"))
    assert [one.id for one in store.list()] == ["r1"]
    assert store.delete(["r1"]) == 1


def test_a_recalled_output_that_is_broken_is_none(path, store):
    keep(store, whole())
    connection = opened(path)
    connection.execute("UPDATE events SET body = '[1'")
    connection.close()

    assert store.recall("id of r1") is None


def test_an_owner_that_lost_its_run_is_told_and_writes_nothing(path, store):
    """A second store object of the same file stands for another process; its claim is fenced off."""
    failures, log = [], whole()
    store.claim("r1", 0, failures.append)
    for event in log.events[:4]:
        store(event)
    store.flush()
    lease.LIVE.clear()  # as if the first process were gone
    other = SQLiteStore(path)
    other.claim("r1", 4, print)

    for event in log.events[4:]:
        store(event)
    store.flush()

    assert [type(one) for one in failures] == [RunInUse]
    assert "another widget" in str(failures[0])
    assert other.committed("r1") == 4
    other(ev.FlowInterrupted(5, "r1", 2000.0, None, None))
    assert len(list(other.events("r1"))) == 5
    store.release("r1")
    store.flush()
    assert other.info("r1").owner is not None
    other.close()


def test_an_owner_whose_run_was_deleted_is_told(path, store):
    failures, log = [], whole()
    store.claim("r1", 0, failures.append)
    connection = opened(path)
    connection.execute("DELETE FROM runs")
    connection.close()
    store(log.events[0])
    store.flush()

    assert "it was deleted" in str(failures[0])


def test_values_that_are_no_data_end_the_keeping_of_their_run_only(store):
    failures, log = [], Log().begin({"odd": object()})
    store.claim("r1", 0, failures.append)
    store(log.events[0])
    keep(store, whole("r2"))

    assert "can't be kept" in str(failures[0])
    assert store.committed("r1") == 0
    store.release("r1")
    store.claim("r1", 0, print)


def test_a_gap_in_what_is_told_is_refused(store):
    failures, log = [], whole()
    store.claim("r1", 0, failures.append)
    store(log.events[0])
    store(log.events[2])
    store.flush()

    assert "can't be kept" in str(failures[0])


def test_events_of_runs_that_nobody_claimed_are_dropped(store):
    store(whole().events[0])
    store.flush()

    assert store.list() == []


def test_the_thread_writes_by_itself_and_ends_with_the_last_claim(store):
    done = threading.Event()
    log = whole()
    store.on_commit = lambda run_id, seq: seq == len(log.events) and done.set()
    store.claim("r1", 0, print)
    thread = store._thread
    for event in log.events:
        store(event)

    assert done.wait(10)
    store.release("r1")
    thread.join(10)
    assert not thread.is_alive()
    assert store.info("r1").owner is None


def test_what_a_stranger_raises_in_a_hook_is_nothing_to_the_store(store):
    def fails(*args):
        raise RuntimeError

    store.on_commit = fails
    store.claim("r1", 0, fails)
    store(whole().events[0])
    store(whole().events[2])
    store.flush()
    assert store.list() == []


def test_an_error_that_nobody_foresaw_is_named(store, monkeypatch):
    failures = []
    store.claim("r1", 0, failures.append)
    store(whole().events[0])

    def breaks(*args, **more):
        raise ZeroDivisionError("odd")

    with monkeypatch.context() as patch:
        patch.setattr(store._backend, "write", breaks)
        with pytest.raises(StoreError, match="ZeroDivisionError: odd"):
            store.flush()
    store.flush()

    assert "ZeroDivisionError" in str(failures[0])
    assert store.committed("r1") == 1


def test_content_goes_with_the_last_run_that_has_it(path, store):
    for number in range(3):
        log = Log(f"r{number}").begin({"file": letter(50_000), "own": f"{number} " * 20_000})
        keep(store, log)
    connection = opened(path)

    def blobs():
        return connection.execute("SELECT count(*) FROM blobs").fetchone()[0]

    assert blobs() == 1 + 1 + 3
    store.delete(["r0"])
    assert blobs() == 1 + 1 + 2
    store.delete(["r1", "r2"])
    assert blobs() == 0
    assert connection.execute("SELECT count(*) FROM events").fetchone() == (0,)
    assert connection.execute("SELECT count(*) FROM run_blobs").fetchone() == (0,)
    connection.close()


def test_the_wal_is_written_back_when_it_is_large(path, store):
    store.claim("r1", 0, print)
    log = Log().begin().start(0)
    for number in range(12):
        log.complete(0, f"{number}" * 500_000)
    for event in log.events:
        store(event)
        store.flush()

    assert path.with_name("runs.db-wal").stat().st_size < 5_000_000
    store.close()
    assert not path.with_name("runs.db-wal").exists()


def test_a_file_that_was_deleted_is_made_again(path, store):
    keep(store, whole("r1"))
    store.close()
    path.unlink()
    assert store.list() == []

    keep(store, whole("r2"))

    assert [one.id for one in store.list()] == ["r2"]


def test_ten_thousand_runs_are_listed_as_they_are(path, store):
    """A hundred are kept, and their lines copied a hundred times."""
    flows = [FLOW, FLOW.model_copy(update={"id": "other", "name": "Other"})]
    for number in range(100):
        log = Log(f"r{number:02}", at=float(number % 10), flow=flows[number % 2]).begin()
        keep(store, log.end() if number % 3 else log)
    connection = opened(path)
    columns = [row[1] for row in connection.execute("PRAGMA table_info(runs)")]
    copied = ", ".join("id || '-' || n" if one == "id" else one for one in columns)
    connection.execute(
        "WITH RECURSIVE numbers (n) AS (SELECT 10 UNION ALL SELECT n + 1 FROM numbers WHERE n < 108)"
        f" INSERT INTO runs SELECT {copied} FROM runs, numbers"
    )
    connection.close()

    found = store.list()

    keys = [(one.started_at, one.id) for one in found]
    assert len(found) == 10_000
    assert keys == sorted(keys, reverse=True)
    assert store.list(limit=7, offset=5000) == found[5000:5007]
    assert store.list(flow_id="other") == [one for one in found if one.flow_id == "other"]
    cut = [one for one in found if one.status == "interrupted"]
    assert len(cut) == 3400
    assert store.list(status="interrupted", limit=3, offset=2) == cut[2:5]
    assert store.list(since=5.25, until=6.25) == [one for one in found if 5 < one.started_at < 7]


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() == 0, reason="root may write all")
def test_permissions_are_told_apart_by_the_system(path, store):
    keep(store, whole())
    store.close()
    path.parent.chmod(0o500)
    try:
        assert store.info("r1").status == "completed"
        with pytest.raises(StoreReadOnly):
            store.claim("r1", 9, print)
    finally:
        path.parent.chmod(0o700)
