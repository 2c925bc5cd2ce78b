"""Every store keeps the same promises, whatever it is made of."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import postgres_server
import pytest
from logs import FLOW, Log, keep, letter, whole

from flow_widgets import Flow
from flow_widgets.errors import NoSuchRun, RunChanged, RunInUse
from flow_widgets.run import events as ev
from flow_widgets.store.base import fold
from flow_widgets.store.files import export_runs, import_runs
from flow_widgets.store.memory import MemoryStore
from flow_widgets.store.postgres import PostgresStore
from flow_widgets.store.sqlite import SQLiteStore


def _sqlite(folder):
    return SQLiteStore(folder / "runs.db")


def _sqlite_without_wal(folder):
    return SQLiteStore(folder / "runs.db", wal=False)


def _postgres(folder):
    return PostgresStore(postgres_server.new_url())


MAKERS = {
    "memory": lambda folder: MemoryStore(),
    "sqlite": _sqlite,
    "sqlite without wal": _sqlite_without_wal,
    "postgres": _postgres,
}


@pytest.fixture(params=MAKERS)
def store(request, tmp_path):
    made = MAKERS[request.param](tmp_path)
    yield made
    made.close()


def at_first_of_chunks(events):
    """Return events with the time of pieces left out, which a store may take from the first."""
    return [replace(one, at=0.0) if type(one) is ev.ActionChunk else one for one in events]


def test_a_new_store_keeps_nothing(store):
    assert store.list() == []
    assert store.delete(["r1"]) == 0
    assert store.recall("some identity") is None
    assert store.committed("r1") == 0


def test_an_unknown_run_is_named(store):
    for ask in (store.info, store.events, lambda run_id: store.rename(run_id, "x")):
        with pytest.raises(NoSuchRun, match="'r1'"):
            ask("r1")
    with pytest.raises(NoSuchRun, match="'r1'"):
        fold(store, "r1")


def test_what_was_told_comes_back_in_order(store):
    log = whole()
    keep(store, log)

    assert at_first_of_chunks(store.events("r1")) == at_first_of_chunks(log.events)
    assert store.committed("r1") == len(log.events)


def test_the_line_says_what_the_fold_says(store):
    keep(store, whole())

    state, info = fold(store, "r1"), store.info("r1")

    assert (info.status, info.started_at, info.ended_at) == (
        state.status,
        state.started_at,
        state.ended_at,
    )
    assert (info.active_seconds, info.tokens, info.cost_usd, info.seq) == (
        state.active_seconds,
        state.tokens,
        state.cost_usd,
        state.seq,
    )
    assert (info.actions, info.completed, info.failed) == (3, 1, 0)
    assert (info.flow_id, info.flow_name, info.number) == ("letters", "Letters", 1)
    assert (info.label, info.owner) == ("", None)


def test_one_reads_what_was_told_just_now(store):
    log = Log().begin()
    store.claim("r1", 0, print)
    store(log.events[0])

    assert [info.status for info in store.list()] == ["running"]
    assert list(store.events("r1")) == log.events


def test_a_run_that_is_claimed_is_refused_to_others(store):
    keep(store, whole(), release=False)

    with pytest.raises(RunInUse, match="another widget"):
        store.claim("r1", 9, print)
    with pytest.raises(RunInUse):
        store.delete(["r1"])
    assert store.info("r1").owner == "another widget or runner of this process"


def test_a_released_run_can_be_claimed_at_once(store):
    log = whole()
    keep(store, log, release=False)

    store.release("r1")
    store.claim("r1", len(log.events), print)
    store(log.add(ev.InputsRevised, None, None, {"name": "Bob"}))

    assert list(store.events("r1"))[-1] == log.events[-1]


def test_a_claim_needs_the_last_number(store):
    log = whole()
    keep(store, log)

    for seq in (0, 3, len(log.events) + 1):
        with pytest.raises(RunChanged, match="stored events"):
            store.claim("r1", seq, print)
    with pytest.raises(NoSuchRun):
        store.claim("r2", 3, print)
    store.claim("r1", len(log.events), print)


def test_a_run_that_works_and_has_no_owner_is_interrupted(store):
    keep(store, Log().begin().start(0))

    assert store.info("r1").status == "interrupted"
    assert [one.id for one in store.list(status="interrupted")] == ["r1"]
    assert store.list(status="running") == []


def test_a_run_that_works_is_running(store):
    keep(store, Log().begin().start(0), release=False)

    assert [one.id for one in store.list(status="running")] == ["r1"]
    assert store.list(status="interrupted") == []


def test_runs_are_listed_newest_first_and_picked(store):
    other = Flow(name="Réports", steps=[FLOW.steps[1]])
    for number in range(5):
        flow = other if number == 3 else FLOW
        keep(store, whole(f"r{number}", at=1000.0 * number, flow=flow, number=number))

    assert [one.id for one in store.list()] == ["r4", "r3", "r2", "r1", "r0"]
    assert [one.id for one in store.list(limit=2, offset=1)] == ["r3", "r2"]
    assert [one.id for one in store.list(offset=3)] == ["r1", "r0"]
    assert [one.id for one in store.list(flow_id=other.id)] == ["r3"]
    assert [one.id for one in store.list(search="RÉPORT")] == ["r3"]
    assert [one.id for one in store.list(search="%")] == []
    assert [one.id for one in store.list(since=2000.25, until=3000.25)] == ["r3", "r2"]
    since = datetime.fromtimestamp(3000.25, UTC)
    assert [one.id for one in store.list(since=since)] == ["r4", "r3"]
    assert [one.id for one in store.list(status="completed", limit=1)] == ["r4"]
    assert store.list(status="failed") == []


def test_a_name_given_to_a_run_is_kept_and_found(store):
    keep(store, whole("r1"))
    keep(store, whole("r2"))

    store.rename("r1", "The good One")

    assert store.info("r1").label == "The good One"
    assert [one.id for one in store.list(search="good one")] == ["r1"]


def test_deleted_runs_are_gone(store):
    for number in range(3):
        keep(store, whole(f"r{number}"))

    assert store.delete(["r0", "r2", "r9", "r0"]) == 2
    assert [one.id for one in store.list()] == ["r1"]
    assert store.recall("id of r0") is None
    with pytest.raises(NoSuchRun):
        store.events("r0")


def test_an_id_may_be_used_again_after_its_run_was_deleted(store):
    keep(store, whole())
    store.delete(["r1"])

    keep(store, whole())

    assert store.info("r1").status == "completed"


def test_the_newest_output_of_an_identity_is_recalled(store):
    for number, output in enumerate(("older", "newer")):
        log = Log(f"r{number}", at=1000.0 * number).begin().start(0, identity="same")
        keep(store, log.complete(0, output).end())
    log = Log("r5", at=9000.0).begin().start(0, identity="same")
    keep(store, log.complete(0, "taken over", origin="cache", source="r1").end())

    found = store.recall("same")

    assert (found.run_id, found.output, found.origin) == ("r1", "newer", "ran")
    assert store.recall("other") is None


def test_files_and_long_texts_come_back_as_they_were(store):
    log = Log().begin({"name": "Ada", "file": letter(50_000), "many": [letter(3), {"~x": 1}]})
    log.start(0).complete(0, "long " * 20_000)
    keep(store, log)

    assert list(store.events("r1")) == log.events


def test_half_characters_come_back_as_they_were(store):
    log = Log().begin({"name": "\ud83c"}).start(0).chunk(0, "\ud83c").chunk(0, "\udf0d")
    log.complete(0, {"\udf0d": ["\ud83c\udf0d", "🌍"]})
    keep(store, log)

    assert at_first_of_chunks(store.events("r1")) == at_first_of_chunks(log.events)


def test_commits_are_told_in_order(store):
    told = []
    store.on_commit = lambda run_id, seq: told.append((run_id, seq))
    log = whole()

    keep(store, log)

    assert told == sorted(told)
    assert told[-1] == ("r1", len(log.events))


def test_runs_travel_in_a_file(store, tmp_path):
    logs = [whole("r1"), Log("r2").begin({"name": "\ud83c", "file": letter(40_000)}).start(0)]
    for log in logs:
        keep(store, log)
    store.rename("r1", "The first")
    path = export_runs(store, tmp_path / "two.runs.gz", ["r1", "r2"])
    other = SQLiteStore(tmp_path / "other.db")

    assert import_runs(other, path) == ["r1", "r2"]
    assert import_runs(other, path) == []
    assert import_runs(store, path) == []
    assert other.info("r1") == store.info("r1")
    assert list(other.events("r2")) == list(store.events("r2"))
    assert other.info("r2").status == "interrupted"
    other.close()


def test_a_run_in_a_file_that_differs_is_refused(store, tmp_path):
    keep(store, whole("r1"))
    keep(store, whole("r2"))
    path = export_runs(store, tmp_path / "two.runs.gz", ["r1", "r2"])
    store.delete(["r1", "r2"])
    keep(store, Log("r2").begin())

    with pytest.raises(RunChanged, match="'r2'"):
        import_runs(store, path)
    assert [one.id for one in store.list()] == ["r2"]
