"""What only a store on a PostgreSQL server has to stand: other machines, and a server that goes away."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import subprocess
import sys
import threading
import time
import traceback
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Literal

import postgres_server
import psycopg
import pytest
from logs import Log, keep, letter, whole

from flow_widgets import Action, Chat, Flow, FlowRunner
from flow_widgets.errors import (
    FlowError,
    NoSuchRun,
    RunChanged,
    RunInUse,
    StoreDamaged,
    StoreError,
    StoreFull,
    StoreLocked,
    StoreReadOnly,
    StoreTooNew,
    StoreUnreachable,
)
from flow_widgets.providers.offline import OfflineProvider
from flow_widgets.run import events as ev
from flow_widgets.store import postgres
from flow_widgets.store.base import fold
from flow_widgets.store.migrations import MIGRATIONS
from flow_widgets.store.opening import open_store
from flow_widgets.store.postgres import PostgresBackend, PostgresStore
from flow_widgets.store.postgres_address import Address

CLIENT = Path(__file__).parent / "postgres_client.py"
CANARY = "canary-7d1f"
SERVERS = []
"""What an action may restart."""


@pytest.fixture
def url():
    return postgres_server.new_url()


@pytest.fixture
def opened(url):
    """Open stores on one schema, each as another process would, and close them in the end."""
    with contextlib.ExitStack() as stack:

        def open_another(**options):
            store = PostgresStore(url, **options)
            stack.callback(_close, store)
            return store

        yield open_another


@pytest.fixture
def store(opened):
    return opened()


@pytest.fixture(scope="module")
def server():
    made = postgres_server.Server()
    yield made
    made.delete()


@pytest.fixture
def own(server):
    """Keep runs on a server that the test may stop."""
    schema = f"s{time.time_ns()}"
    made = PostgresStore(f"{server.url}?schema={schema}")
    yield made
    _close(made)


@contextlib.contextmanager
def away(server, mode="fast"):
    server.stop(mode)
    try:
        yield
    finally:
        server.start()


def _close(store):
    with contextlib.suppress(StoreError):
        store.close()


def begin(store, run_id="r1", on_failure=print):
    """Claim a run and tell how it began."""
    log = Log(run_id).begin().start(0)
    store.claim(run_id, 0, on_failure)
    for event in log.events:
        store(event)
    store.flush()
    return log


def sql(store, statement, *values):
    """Carry out a statement beside a store, as somebody else would."""
    address = store._backend._address
    with psycopg.connect(**address.options(), autocommit=True) as connection:
        connection.execute(f"SET search_path = {address.quoted_schema}")
        cursor = connection.execute(statement, values)
        return cursor.fetchall() if cursor.description else None


def untimed(events):
    return [replace(one, at=0.0) if type(one) is ev.ActionChunk else one for one in events]


# --- where it is --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "place", "schema"),
    [
        (f"postgresql://me:{CANARY}@h/db", "postgresql://me@h:5432/db", "flow_widgets"),
        (f"postgres://me:{CANARY}@h:6/db?schema=a", "postgresql://me@h:6/db?schema=a", "a"),
        (f"postgresql://h/db?user=me&password={CANARY}", "postgresql://me@h:5432/db", None),
        (f"postgresql://me:a?{CANARY}@h/db", "postgresql://me@h:5432/db", None),
        (f"postgresql://me:a%40{CANARY}@h/db?sslmode=prefer", "postgresql://me@h:5432/db", None),
        ("postgresql://a,b:7/db?schema=x%20y", "postgresql://a:5432,b:7/db?schema=x y", "x y"),
    ],
)
def test_the_place_is_the_url_without_its_password(url, place, schema):
    store = PostgresStore(url)

    assert store.place == place
    assert repr(store) == f"PostgresStore({place!r})"
    assert Address(url).schema == (schema or "flow_widgets")
    assert CANARY not in repr(Address(url))


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        (f"postgresql://me:{CANARY}@{CANARY}@h/db", "it has an @ too many"),
        (f"postgresql://me:{CANARY}/x@h/db", "it has an @ too many"),
        (f"postgresql://me:{CANARY}/db", "its port is no number"),
        (f"postgresql://me:%zz{CANARY}@h/db", "it can't be read"),
        (f"postgresql://me:{CANARY}@h/db?nonsense={CANARY}", "it can't be read"),
        (f"postgresql://me:{CANARY}@h/db?schema=", "its schema has to be a name"),
    ],
)
def test_a_url_that_can_not_be_used_is_refused_without_showing_it(url, problem):
    with pytest.raises(FlowError, match=problem) as caught:
        PostgresStore(url)
    assert CANARY not in "".join(traceback.format_exception(caught.value))


def test_one_url_has_one_store(url):
    store = open_store(url)

    assert isinstance(store, PostgresStore)
    assert open_store(url) is store
    assert open_store(store) is store


def test_without_the_driver_one_is_told_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)

    with pytest.raises(FlowError, match=r"pip install 'flow_widgets\[postgres\]'"):
        open_store("postgresql://nobody@nowhere/without")


def test_importing_the_package_does_not_import_the_driver():
    code = (
        "import sys, flow_widgets, flow_widgets.store.opening as o; flow_widgets.FlowRunner;"
        "o.open_store('off'); sys.exit('psycopg' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --- the tables ---------------------------------------------------------------------------------


def test_nothing_is_made_before_the_first_write(store):
    assert store.list() == []
    assert sql(store, "SELECT to_regnamespace(current_setting('search_path'))") == [(None,)]

    begin(store)

    assert sql(store, "SELECT key, value FROM meta ORDER BY key") == [
        ("application", "flow_widgets"),
        ("version", "1"),
    ]


def test_many_may_make_the_tables_at_the_same_time(opened):
    stores = [opened() for _ in range(6)]
    start = threading.Barrier(len(stores))

    def work(number):
        start.wait()
        keep(stores[number], whole(f"r{number}"))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(stores))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(one.id for one in stores[0].list()) == [f"r{n}" for n in range(6)]


def test_a_schema_that_is_there_already_is_used(store, url):
    schema = url.rpartition("=")[2]
    with psycopg.connect(postgres_server.shared_url(), autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {schema}")

    keep(store, whole())

    assert store.info("r1").status == "completed"


@pytest.mark.parametrize(
    "table", ["CREATE TABLE meta (name int)", "CREATE TABLE events (x int)"], ids=["meta", "events"]
)
def test_tables_of_another_program_are_left_alone(store, url, table):
    schema = url.rpartition("=")[2]
    with psycopg.connect(postgres_server.shared_url(), autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {schema}")
        connection.execute(table.replace("TABLE ", f"TABLE {schema}."))

    with pytest.raises(StoreDamaged, match="tables of another program"):
        store.claim("r1", 0, print)
    assert sql(store, "SELECT count(*) FROM pg_tables WHERE schemaname = %s", schema) == [(1,)]


def test_what_a_newer_version_wrote_is_refused_and_left_alone(store, opened):
    keep(store, whole())
    sql(store, "UPDATE meta SET value = '99' WHERE key = 'version'")

    for one in (store, opened()):
        with pytest.raises(StoreTooNew, match="version 99; this program reads 1"):
            one.claim("r2", 0, print)
        with pytest.raises(StoreTooNew):
            one.list()
    assert sql(store, "SELECT id FROM runs") == [("r1",)]


def test_tables_are_brought_to_a_newer_version_under_those_who_use_them(store, url):
    keep(store, whole())
    migrations = {**MIGRATIONS, 2: ("ALTER TABLE runs ADD COLUMN extra TEXT",)}
    newer = PostgresBackend(url, migrations=migrations)

    with newer.read() as session:
        assert session.rows("SELECT id, extra FROM runs") == [("r1", None)]
    with pytest.raises(StoreTooNew, match="version 2"):
        store.claim("r2", 0, print)
    newer.close()


def test_a_migration_that_fails_changes_nothing(store, url):
    keep(store, whole())
    broken = ("ALTER TABLE runs ADD COLUMN extra TEXT", "SELECT no_such_function()")
    newer = PostgresBackend(url, migrations={**MIGRATIONS, 2: broken})

    with pytest.raises(StoreError, match="no_such_function"), newer.write(urgent=True):
        pass
    newer.close()
    assert store.info("r1").status == "completed"
    keep(store, whole("r2"))


def test_tables_that_somebody_dropped_are_made_anew(store, url):
    keep(store, whole())
    sql(store, f"DROP SCHEMA {url.rpartition('=')[2]} CASCADE")

    assert store.list() == []
    keep(store, whole("r2"))
    assert [one.id for one in store.list()] == ["r2"]


# --- who drives a run ---------------------------------------------------------------------------


def test_of_many_who_claim_a_run_one_gets_it(opened):
    stores = [opened() for _ in range(8)]
    start, found = threading.Barrier(len(stores)), []

    def work(one):
        start.wait()
        try:
            one.claim("r1", 0, print)
            found.append("claimed")
        except RunInUse:
            found.append("refused")

    threads = [threading.Thread(target=work, args=(one,)) for one in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(found) == ["claimed"] + ["refused"] * 7


def test_a_machine_that_says_something_is_believed_to_live(store, opened):
    begin(store)
    _hold_elsewhere(store, silent_seconds=20)

    with pytest.raises(RunInUse, match="process 77 on elsewhere"):
        opened().claim("r1", 3, print)
    assert opened().info("r1").owner == "process 77 on elsewhere"


def test_a_machine_that_says_nothing_for_30_s_has_lost_its_runs(store, opened):
    failures = []
    log = begin(store, on_failure=failures.append)
    _hold_elsewhere(store, silent_seconds=31)

    other = opened()
    assert other.info("r1").status == "interrupted"
    other.claim("r1", 3, print)
    store(log.chunk(0, "too late").events[-1])
    store.flush()

    assert [type(one) for one in failures] == [RunInUse]
    assert list(other.events("r1")) == log.events[:3]


def test_a_clock_that_goes_wrong_does_not_make_a_machine_seem_gone(store, monkeypatch):
    clock = SimpleNamespace(time=lambda: time.time() - 3600, monotonic=time.monotonic)
    monkeypatch.setattr(postgres, "time", clock)

    begin(store)

    silent = sql(store, "SELECT extract(epoch FROM now())::float8 - heartbeat FROM runs")[0][0]
    assert abs(silent) < 10


def _hold_elsewhere(store, silent_seconds):
    """Make a run look as if a process of another machine had claimed it."""
    with store._locked():
        store._beaten_at = time.time()  # it says nothing more by itself
    [(record,)] = sql(store, "SELECT owner FROM runs")
    owner = json.loads(record) | {"host": "elsewhere", "pid": 77}
    sql(
        store,
        "UPDATE runs SET owner = %s, heartbeat = extract(epoch FROM now())::float8 - %s",
        json.dumps(owner),
        silent_seconds,
    )


@pytest.fixture
def client(url):
    """Start a process that drives the run ``r1``; returns it and how much of it is kept for good."""
    started = []

    def start(mode):
        command = [sys.executable, str(CLIENT), url, mode]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        return process, int(process.stdout.readline())

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_a_run_of_another_process_is_refused_until_it_lets_go(store, client):
    process, kept = client("waits")

    with pytest.raises(RunInUse, match=f"process {process.pid} on this machine"):
        store.claim("r1", kept, print)
    assert store.info("r1").status == "running"
    assert len(list(store.events("r1"))) == kept

    process.communicate("\n")
    store.claim("r1", kept, print)
    assert process.returncode == 0


def test_a_process_that_was_killed_has_lost_nothing_that_was_acknowledged(store, client):
    process, _ = client("streams")
    acknowledged = [int(process.stdout.readline()) for _ in range(2)][-1]
    process.kill()
    process.wait()

    kept = list(store.events("r1"))
    assert len(kept) >= acknowledged
    assert [one.seq for one in kept] == list(range(1, len(kept) + 1))
    assert store.info("r1").status == "interrupted"
    told = "".join(f"{number} " for number in range(len(kept) - 3))
    assert "".join(one.text for one in kept[3:]) == told

    log = Log("r1").begin().start(0)
    log.events = kept[:]
    store.claim("r1", len(kept), print)
    store(log.complete(0, told).events[-1])
    store.flush()
    assert fold(store, "r1").seq == len(log.events)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_process_that_forks_keeps_its_connection_and_its_runs(client):
    process, kept = client("forks")

    assert process.communicate()[0].split() == ["0", "running", str(kept + 1)]


# --- others who write ---------------------------------------------------------------------------


def test_one_reads_and_writes_other_runs_while_somebody_writes(store, opened):
    keep(store, whole())
    log, other = begin(store, "r2"), opened(lock_seconds=0.2)

    with other._backend.write(urgent=False) as session:
        session.run("UPDATE runs SET label = 'half' WHERE id = ?", ("r1",))
        store(log.complete(0, "done").events[-1])
        store.flush()

        assert store.info("r1").label == ""
        assert store.info("r2").completed == 1


def test_a_store_that_is_held_for_too_long_is_named(store, opened):
    keep(store, whole())
    other = opened(lock_seconds=0.1)

    with store._backend.write(urgent=False, alone=True):
        with pytest.raises(StoreLocked, match="held by somebody else"):
            other.claim("r2", 0, print)
        assert [one.id for one in other.list()] == ["r1"]
    other.claim("r2", 0, print)


def test_content_that_another_run_names_is_not_deleted(store, opened):
    other = opened()
    for one, run_id in ((store, "r1"), (other, "r2")):
        keep(one, Log(run_id).begin({"file": letter(50_000)}))
    blobs = sql(store, "SELECT count(*) FROM blobs")

    store.delete(["r1"])

    assert sql(store, "SELECT count(*) FROM blobs") == blobs
    assert next(iter(other.events("r2"))).inputs["file"] == letter(50_000)
    other.delete(["r2"])
    assert sql(store, "SELECT count(*) FROM blobs") == [(0,)]


def test_runs_with_the_same_content_are_written_by_many_at_once(opened):
    stores, problems = [opened() for _ in range(4)], []
    files = [letter(40_000 + size) for size in range(8)]

    def work(number):
        for turn in range(4):
            inputs = {str(index): files[(index * (number + 1)) % 8] for index in range(8)}
            try:
                keep(stores[number], Log(f"r{number}-{turn}").begin(inputs))
                stores[number].delete([f"r{number}-{turn - 2}"])
            except StoreError as error:
                problems.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert problems == []
    runs = stores[0].list()
    assert len(runs) == 8
    assert all(fold(stores[0], run.id).seq == 1 for run in runs)


# --- a server that goes away --------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_restart_of_the_server_is_not_noticed(own, server, mode):
    failures = []
    log = begin(own, on_failure=failures.append)

    with away(server, mode):
        pass
    for event in (log.chunk(0, "Dear").events[-1], log.complete(0, "Dear").events[-1]):
        own(event)
    _flush_soon(own)

    assert untimed(own.events("r1")) == untimed(log.events)
    assert failures == []


class Restarts(Action):
    """Does to a server what the test says."""

    type: Literal["restarts"] = "restarts"

    async def run(self, ctx):
        ctx.chunk("before ")
        await asyncio.to_thread(SERVERS[-1].stop, "immediate")
        ctx.chunk("after")
        await asyncio.to_thread(SERVERS[-1].start)


async def test_a_run_goes_on_while_the_server_restarts(own, server):
    SERVERS[:] = [server]
    flow = Flow(steps=[Chat(prompt="first"), Restarts(), Chat(prompt="last")])
    runner = FlowRunner(flow, provider=OfflineProvider(pace=0), store=own)

    run = await runner.run_flow()
    _flush_soon(own)

    assert run.status == "completed"
    assert own.info(run.id).status == "completed"
    kept, live = fold(own, run.id), runner.execution(run).state
    assert (kept.seq, kept.status) == (live.seq, live.status)
    assert [step.actions for step in kept.steps] == [step.actions for step in live.steps]


def test_events_wait_in_memory_while_the_server_is_away(own, server):
    failures = []
    log = begin(own, on_failure=failures.append)

    with away(server, "immediate"):
        own(log.complete(0, "Dear Ada").events[-1])
        with pytest.raises(StoreUnreachable, match="Connection refused"):
            own.flush()
        own(log.end().events[-1])
        with pytest.raises(StoreUnreachable):
            own.list()
        assert own.committed("r1") == 3
    _flush_soon(own)

    assert list(own.events("r1")) == log.events
    assert failures == []


def test_owners_are_told_once_of_a_server_that_stays_away(server):
    failures = []
    store = PostgresStore(f"{server.url}?schema=patience", patience_seconds=0)
    log = begin(store, on_failure=failures.append)

    with away(server):
        for text in ("Dear", " Ada"):
            store(log.chunk(0, text).events[-1])
            with pytest.raises(StoreUnreachable):
                store.flush()
    _flush_soon(store)

    assert [type(one) for one in failures] == [StoreUnreachable]
    assert untimed(store.events("r1")) == untimed(log.events)
    store.close()


def test_a_commit_whose_answer_was_lost_is_not_made_twice(store, monkeypatch):
    log, backend = begin(store), store._backend
    commit = backend._commit

    def committed_in_silence(connection):
        commit(connection)
        connection.close()
        raise psycopg.OperationalError("the connection is lost")

    monkeypatch.setattr(backend, "_commit", committed_in_silence)
    store(log.complete(0, "Dear Ada").events[-1])
    store.release("r1")
    with pytest.raises(StoreUnreachable, match="the connection is lost"):
        store.flush()
    monkeypatch.setattr(backend, "_commit", commit)
    store.flush()

    assert list(store.events("r1")) == log.events
    store.claim("r1", len(log.events), print)


def test_a_database_that_went_back_to_what_it_was_is_not_written_with_a_gap(store):
    failures = []
    log = begin(store, on_failure=failures.append)
    sql(store, "DELETE FROM events")
    sql(store, "UPDATE runs SET seq = 0")

    store(log.complete(0, "Dear Ada").events[-1])
    store.flush()

    assert [type(one) for one in failures] == [RunChanged]
    assert sql(store, "SELECT count(*) FROM events") == [(0,)]


def test_a_connection_that_is_ended_in_a_transaction_is_made_anew(store):
    log = begin(store)
    with pytest.raises(StoreUnreachable, match="terminating connection|connection is closed"):
        _end_inside(store)

    store(log.complete(0, "Dear Ada").events[-1])
    store.flush()

    assert store.info("r1").label == ""
    assert list(store.events("r1")) == log.events


def _end_inside(store):
    with store._backend.write(urgent=True) as session:
        [(pid,)] = session.rows("SELECT pg_backend_pid()")
        session.run("UPDATE runs SET label = 'half'")
        sql(store, "SELECT pg_terminate_backend(%s, 5000)", pid)
        session.run("UPDATE runs SET label = 'more'")


def _flush_soon(store):
    """Flush, once a server that is back is asked again."""
    store._backend._refused = None
    store.flush()


# --- what a server refuses ----------------------------------------------------------------------


def test_a_server_that_may_not_be_written_can_be_read(store, url):
    keep(store, whole())
    reader = PostgresStore(f"{url}&options=-c%20default_transaction_read_only%3Don")

    assert list(reader.events("r1")) == list(store.events("r1"))
    with pytest.raises(StoreReadOnly, match="can't be written: cannot execute .* read-only"):
        reader.claim("r2", 0, print)
    with pytest.raises(StoreReadOnly):
        reader.delete(["r1"])
    reader.close()


def test_a_user_without_rights_is_told(url):
    guarded = PostgresStore(_as_guarded(url, postgres_server.PASSWORD))

    assert guarded.list() == []
    with pytest.raises(StoreReadOnly, match="permission denied for database"):
        guarded.claim("r1", 0, print)
    guarded.close()


def test_a_full_disk_is_named_and_what_waits_is_written_later(store):
    failures = []
    log = begin(store, on_failure=failures.append)
    sql(
        store,
        "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION "
        "'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$",
    )
    sql(store, "CREATE TRIGGER no_room BEFORE INSERT ON events EXECUTE FUNCTION no_room()")

    store(log.complete(0, "Dear Ada").events[-1])
    with pytest.raises(StoreFull, match="No space left on device"):
        store.flush()
    sql(store, "DROP TRIGGER no_room ON events")
    store.flush()

    assert [type(one) for one in failures] == [StoreFull]
    assert list(store.events("r1")) == log.events


def test_a_run_that_holds_what_no_column_takes_is_lost_and_the_others_are_not(store):
    failures = []
    store.claim("r1", 0, failures.append)
    for event in Log().begin(number=10**30).events:
        store(event)
    keep(store, whole("r2"))

    assert [str(one).count("out of range") for one in failures] == [1]
    store.release("r1")
    store.flush()
    assert [one.id for one in store.list()] == ["r2"]


def test_content_that_was_changed_is_not_handed_out(store):
    keep(store, Log().begin({"file": letter(50_000)}))
    sql(store, "UPDATE blobs SET data = 'other'")

    with pytest.raises(StoreDamaged, match="'r1'"):
        list(store.events("r1"))


def test_a_database_that_is_not_there_is_named():
    url = postgres_server.new_url().replace("/postgres?", "/nowhere?")
    if postgres_server.GIVEN:
        pytest.skip("the server is a given one")

    with pytest.raises(StoreUnreachable, match=r'127.0.0.1:\d+/nowhere.*"nowhere" does not exist'):
        PostgresStore(url).list()


def test_the_password_never_stands_in_what_is_told(url, caplog, capfd, monkeypatch):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("PGPASSWORD", f"{CANARY}-too")
    told = []
    for one in (_as_guarded(url, CANARY), f"postgresql://me:{CANARY}@127.0.0.1:1/db"):
        store = PostgresStore(one)
        for act, *given in ((store.list,), (store.claim, "r1", 0, print)):
            with pytest.raises(StoreUnreachable) as caught:
                act(*given)
            error = caught.value
            told += [repr(error), "".join(traceback.format_exception(error))]
            told += [str(error.__context__), str(error.__cause__), str(vars(error))]
        told += [repr(store), store.place, repr(store._backend), str(vars(store._backend))]

    output = capfd.readouterr()
    assert "password authentication failed" in "".join(told)
    assert "Connection refused" in "".join(told)
    assert CANARY not in "".join([*told, caplog.text, output.out, output.err])


def test_what_a_server_says_is_cleaned_of_the_password():
    address = Address("postgresql://me:p%40ss-canary@h/db")

    assert address.cleaned("no p@ss-canary and no p%40ss-canary") == "no *** and no ***"


def test_an_unknown_run_in_a_schema_that_is_not_there_is_named(store):
    with pytest.raises(NoSuchRun, match=r"'r1'.*postgresql://"):
        store.info("r1")


def _as_guarded(url, password):
    if postgres_server.GIVEN:
        pytest.skip("the server is a given one, without the role that is guarded")
    return url.replace("flow@", f"guarded:{password}@")
