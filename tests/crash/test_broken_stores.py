"""A store that can't be used is named, and damaged no further; what was made stays in memory."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from flow_widgets.engine.run import Run
from flow_widgets.engine.runner import FlowRunner
from flow_widgets.errors import (
    StoreDamaged,
    StoreError,
    StoreFull,
    StoreLocked,
    StoreReadOnly,
    StoreTooNew,
)
from flow_widgets.providers.openai import OpenAIProvider
from flow_widgets.store.sqlite import SQLiteStore

from .checks import Kept, attempts_of, check_kept, opened, prompt_of
from .rig import end, rig
from .scenarios import FLOWS, Quick, pieces
from .server import CountingServer, counting_server

pytestmark = pytest.mark.skipif(os.name != "posix", reason="limits of processes are of POSIX")
NOBODY = 65534


@pytest.fixture
async def server() -> AsyncIterator[CountingServer]:
    async with counting_server() as counting:
        yield counting


@asynccontextmanager
async def runner_of(server: CountingServer, store: Any) -> AsyncIterator[FlowRunner]:
    """Give a runner of a flow that the server may hold back."""
    provider = OpenAIProvider(server.base_url, "key")
    yield FlowRunner(FLOWS["held"](), provider=provider, store=store, chance=Quick(1))
    await provider.close()


async def until_held(runner: FlowRunner, run: Run) -> None:
    """Wait until only the answer is missing that is held back."""
    async for event in run:
        del event
        chats = run.steps[0].actions
        if chats[1].status == "completed" and len(chats[0].attempts[0].text.split()) >= 3:
            break
    assert runner.shelf.store is not None
    runner.shelf.store.flush()


def bytes_in(folder: Path) -> dict[str, bytes]:
    """Return the content of all files of a folder."""
    return {one.name: one.read_bytes() for one in folder.iterdir() if one.is_file()}


@pytest.fixture
async def kept(server, tmp_path) -> Path:
    """Return the file of a store that keeps a run, with its folder to itself."""
    path = tmp_path / "kept" / "runs.db"
    server.hold.set()
    await end(server, "held", path)
    server.requests.clear()
    return path


def cut(share: float) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        os.truncate(path, max(20, int(path.stat().st_size * share)))

    return change


def scribbled(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"This is no database.")


def of_another(path: Path) -> None:
    path.unlink()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
        connection.commit()


def newer(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")


BROKEN = [
    pytest.param(cut(0.0), StoreDamaged, id="cut off in its header"),
    pytest.param(cut(0.5), StoreDamaged, id="cut off in the middle"),
    pytest.param(cut(0.999), StoreDamaged, id="cut off near its end"),
    pytest.param(scribbled, StoreDamaged, id="no database"),
    pytest.param(of_another, StoreDamaged, id="of another program"),
    pytest.param(newer, StoreTooNew, id="of a newer version"),
]


@pytest.mark.parametrize(("change", "error"), BROKEN)
async def test_a_broken_store_is_named_and_left_as_it_is(server, kept, change, error):
    change(kept)
    before = bytes_in(kept.parent)
    async with runner_of(server, kept) as runner:
        with pytest.raises(error) as caught:
            runner.reopen()
        assert caught.value.hint
        assert str(kept) in str(caught.value)
        with pytest.raises(error):
            runner.run_flow()
        assert (runner.run, runner.runs) == (None, [])
    assert bytes_in(kept.parent) == before
    assert server.requests == {}


@pytest.mark.parametrize(("change", "error"), BROKEN)
async def test_a_broken_default_store_is_named_and_runs_go_on(
    server, kept, change, error, monkeypatch
):
    del error
    change(kept)
    before = bytes_in(kept.parent)
    monkeypatch.setenv("FLOW_WIDGETS_STORE", str(kept))
    async with runner_of(server, "default") as runner:
        run = await runner.run_flow()
        assert run.status == "completed"
        assert str(kept) in runner.shelf.notice
    assert bytes_in(kept.parent) == before


async def test_a_folder_in_the_place_of_a_store_is_named(server, tmp_path):
    (tmp_path / "runs.db").mkdir()
    async with runner_of(server, tmp_path / "runs.db") as runner:
        with pytest.raises(StoreReadOnly, match=r"runs\.db") as caught:
            runner.run_flow()
        assert caught.value.hint
    assert server.requests == {}


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Write to a store as another process does that never comes to an end."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


async def test_a_store_that_is_locked_refuses_a_run_and_takes_the_next(server, kept):
    store = SQLiteStore(kept, busy_seconds=0.05)
    async with runner_of(server, store) as runner:
        with locked(kept):
            with pytest.raises(StoreLocked) as caught:
                runner.run_flow()
            assert caught.value.hint
            assert server.requests == {}
            before = runner.reopen()
            assert before is not None
            assert before.status == "completed"
        run = await runner.run_flow()
        assert run.status == "completed"
    store.close()
    assert [info.number for info in opened_list(kept)] == [2, 1]


def opened_list(path: Path) -> list[Any]:
    with opened(path) as store:
        return store.list()


async def stopped_and_resumed(
    server: CountingServer,
    store: SQLiteStore,
    broken: contextlib.AbstractContextManager[Any],
    error: type[StoreError],
) -> None:
    """Break a store while a run works on it; when it is whole again, let the run go on."""
    async with runner_of(server, store) as runner:
        run = runner.run_flow()
        await until_held(runner, run)
        with broken:
            server.hold.set()
            await run
            assert run.status == "failed"
            assert run.stop_reason is not None
            assert run.stop_reason.startswith("the run can't be kept: The store")
            made = {one for one in run.to_frame()["output"] if one is not None}
            assert "".join(pieces("short")) in made
            with pytest.raises(error):
                runner.resume()
            assert run.status == "failed"
        done = {prompt_of(one) for one in attempts_of(run._state) if one.status == "completed"}
        asked = dict(server.requests)
        assert (await runner.resume()).status == "completed"
        for prompt, count in server.requests.items():
            assert count - asked.get(prompt, 0) == (prompt not in done)
    store.close()
    kept = Kept.of(store.path)
    check_kept(kept, [], server)
    assert kept.state == run._state


async def test_a_store_that_is_locked_stops_a_run_and_a_resume_goes_on(server, tmp_path):
    path = tmp_path / "runs.db"
    store = SQLiteStore(path, busy_seconds=0.05)
    await stopped_and_resumed(server, store, locked(path), StoreLocked)


@contextlib.contextmanager
def full(store: SQLiteStore) -> Iterator[None]:
    """Let a store grow by a few pages and no more."""
    connection = store._backend._connection
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    yield
    connection.execute("PRAGMA max_page_count = 1000000")


async def test_a_store_that_is_full_stops_a_run_and_a_resume_goes_on(server, tmp_path):
    store = SQLiteStore(tmp_path / "runs.db")

    @contextlib.contextmanager
    def later() -> Iterator[None]:
        with full(store):
            yield

    await stopped_and_resumed(server, store, later(), StoreFull)


@pytest.mark.parametrize("size", [60_000, 100_000, 160_000])
async def test_a_disk_that_is_full_stops_a_run_and_what_was_made_is_there(tmp_path, size):
    path = tmp_path / "runs.db"
    job = {"scenario": "large", "store": str(path), "file_bytes": size, "frame": True}
    async with rig() as one:
        leg = await one.run(job)
        assert leg.said("status") == "failed"
        assert "there is no space left, or a limit is reached" in leg.said("reason")
        kept = Kept.of(path)
        check_kept(kept, [leg], one.server)
        assert kept.info is None or kept.info.status == "interrupted"
        await end(one.server, "large", path)
        check_kept(Kept.of(path), [leg], one.server)


async def test_a_disk_without_any_space_refuses_a_run_and_leaves_no_wreck(tmp_path):
    path = tmp_path / "runs.db"
    async with rig() as one:
        leg = await one.run({"scenario": "held", "store": str(path), "file_bytes": 1000})
        assert leg.said("refused") == "StoreFull"
        assert one.server.requests == {}
        one.server.hold.set()
        await end(one.server, "held", path)
    assert Kept.of(path).info is not None


@pytest.fixture
def public() -> Iterator[Path]:
    """Return a folder that every user may enter."""
    folder = Path(tempfile.mkdtemp(prefix="flow-widgets-"))
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


async def test_what_may_not_be_written_can_be_read(public):
    path, job = public / "runs.db", {"scenario": "held", "user": NOBODY}
    async with rig() as one:
        one.server.hold.set()
        await end(one.server, "held", path)
        one.server.requests.clear()
        path.chmod(0o444)
        public.chmod(0o555)
        before = bytes_in(public)

        read = await one.run({**job, "store": str(path)})
        assert read.said("status") == "completed"
        refused = await one.run({**job, "store": str(path), "new": True})
        assert refused.said("refused") == "StoreReadOnly"
        nowhere = await one.run({**job, "store": str(public / "new" / "runs.db")})
        assert nowhere.said("refused") == "StoreReadOnly"
        assert bytes_in(public) == before
        assert one.server.requests == {}


async def test_a_store_that_is_deleted_stops_its_run_and_takes_the_next(server, tmp_path):
    path = tmp_path / "runs.db"
    async with runner_of(server, path) as runner:
        run = runner.run_flow()
        await until_held(runner, run)
        for one in tmp_path.iterdir():
            one.unlink()
        server.hold.set()
        await run
        assert run.status == "failed"
        assert "it was deleted" in (run.stop_reason or "")
        assert run.to_frame()["output"].count() >= 2  # and what began before the store was asked
        assert (await runner.resume()).status == "completed"
        assert "not in its store any more" in runner.shelf.notice
        assert (await runner.run_flow()).status == "completed"
        assert runner.shelf.store is not None
        runner.shelf.store.close()
    assert [info.status for info in opened_list(path)] == ["completed"]
