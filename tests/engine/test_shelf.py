"""Where runs are kept: stores that fail, runs that others drive, and runs that are taken up again."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

import pytest

from flow_widgets import Chat, Flow, FlowRunner
from flow_widgets.actions.map import Map
from flow_widgets.engine.shelf import Shelf
from flow_widgets.errors import (
    AlreadyRunning,
    NoSuchRun,
    RunChanged,
    RunFailed,
    RunInUse,
    StoreDamaged,
    StoreError,
    StoreFull,
    StoreReadOnly,
)
from flow_widgets.run import events as ev
from flow_widgets.run.reduce import reduce
from flow_widgets.store.memory import MemoryStore
from flow_widgets.store.sqlite import SQLiteStore


class Broken(MemoryStore):
    """A store that fails where a test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.refuses: StoreError | None = None
        self.unreadable: StoreError | None = None
        self.drops = False
        self.watchers: dict = {}

    def __call__(self, event) -> None:
        if not self.drops:
            super().__call__(event)

    def claim(self, run_id, seq, on_failure):
        if self.refuses is not None:
            raise self.refuses
        super().claim(run_id, seq, on_failure)
        self.watchers[run_id] = on_failure

    def list(self, **picking):
        if self.unreadable is not None:
            raise self.unreadable
        return super().list(**picking)


@pytest.fixture
def broken():
    return Broken()


@pytest.fixture
def as_default(monkeypatch, broken):
    """Let the default store be the one that fails."""
    monkeypatch.setattr("flow_widgets.store.opening.open_store", lambda where="default": broken)
    return broken


def folded(events):
    state = None
    for event in events:
        state = reduce(state, event)
    return state


def is_whole(store, run) -> bool:
    """Whether a store has all of a run, in order and without gaps."""
    events = list(store.events(run.id))
    numbers = [event.seq for event in events]
    return numbers == list(range(1, len(events) + 1)) and folded(events) == run._execution.state


async def turn_until(is_so) -> None:
    async with asyncio.timeout(10):
        while not is_so():  # noqa: ASYNC110  # there is no event for it
            await asyncio.sleep(0)


# Stores that can't be written.


async def test_runs_go_on_without_the_default_store_and_a_notice_says_why(
    provider, make_flow, as_default
):
    as_default.refuses = StoreReadOnly("The store can't be written.", hint="Name another.")
    runner = FlowRunner(make_flow("a", "b"), provider=provider)

    run = await runner.run_flow()

    assert run.status == "completed"
    assert runner.shelf.notice == (
        "This run is not kept. The store can't be written. Name another."
    )
    runner.edit_output(0, 0, "mine")
    await runner.run_action(1, 0)
    assert as_default._events == {}


async def test_the_default_store_is_tried_again_with_the_next_run(provider, make_flow, as_default):
    as_default.refuses = StoreReadOnly("No.")
    runner = FlowRunner(make_flow("a"), provider=provider)
    first = await runner.run_flow()
    as_default.refuses = None

    second = await runner.run_flow()

    assert runner.shelf.notice == ""
    assert (first.number, second.number) == (1, 2)
    assert is_whole(as_default, second)


async def test_a_default_store_that_can_not_be_read_is_no_obstacle(provider, make_flow, as_default):
    as_default.unreadable = StoreDamaged("The store is broken.")
    runner = FlowRunner(make_flow("a"), provider=provider)

    assert runner.reopen() is None
    notice = "Earlier runs can't be read, and new ones are not kept. The store is broken."
    assert runner.shelf.notice == notice
    assert (await runner.run_flow()).status == "completed"


async def test_an_edit_of_a_run_is_made_where_the_default_store_fails(
    provider, make_flow, as_default
):
    runner = FlowRunner(make_flow("a"), provider=provider)
    run = await runner.run_flow()
    as_default.refuses = StoreFull("No space.")

    runner.edit_output(0, 0, "mine")

    assert run.output == "mine"
    assert "No space" in runner.shelf.notice


async def test_a_store_that_was_asked_for_has_to_work_before_anything_is_sent(
    provider, make_flow, broken
):
    runner = FlowRunner(make_flow("a"), provider=provider, store=broken)
    runner.revise(Flow(steps=[Chat(prompt="{{word}}")], inputs={"word": {}}))
    first = await runner.run_flow({"word": "a"})
    runner.revise_inputs({"word": "b"})
    seq, told = first._execution.state.seq, []
    runner.observers.append(told.append)
    broken.refuses = StoreFull("No space.")
    provider.requests.clear()

    for command in (runner.run_flow, lambda: runner.run_action(0, 0), runner.run_stale):
        with pytest.raises(StoreFull):
            command()
    with pytest.raises(StoreFull):
        runner.run_action(0, 0, {"word": "c"})
    with pytest.raises(StoreFull):
        runner.edit_output(0, 0, "mine")
    with pytest.raises(StoreFull):
        runner.pin(0, 0)

    assert (runner.run, runner.runs, runner.is_running) == (first, [first], False)
    assert (provider.requests, told, first._execution.state.seq) == ([], [], seq)
    assert runner.inputs == {"word": "b"}
    broken.refuses = None
    second = await runner.run_flow()
    assert (second.number, second.output) == (2, "echo: b ")


async def test_a_store_that_was_asked_for_and_can_not_be_read_is_an_error(
    provider, make_flow, broken
):
    broken.unreadable = StoreDamaged("It is broken.")
    runner = FlowRunner(make_flow("a"), provider=provider, store=broken)

    with pytest.raises(StoreDamaged):
        runner.run_flow()
    with pytest.raises(StoreDamaged):
        runner.reopen()

    assert (runner.run, runner.runs) == (None, [])


async def test_a_store_that_fails_while_a_run_goes_on_stops_it_and_it_is_resumed(
    provider, make_flow, broken
):
    runner = FlowRunner(make_flow(["a", "wait b"], "c"), provider=provider, store=broken)
    run = runner.run_flow()
    await turn_until(lambda: run.steps[0].actions[0].status == "completed")

    await asyncio.to_thread(broken.watchers[run.id], StoreFull("No space is left."))
    await turn_until(lambda: run._execution.state.canceling)
    provider.released.set()
    await run

    assert (run.status, run.stop_reason) == ("failed", "the run can't be kept: No space is left")
    assert run.steps[0].status == "completed"
    with pytest.raises(RunFailed, match="No space is left"):
        run.raise_for_status()
    await runner.resume()
    assert run.status == "completed"
    assert provider.counts == {"a": 1, "wait b": 1, "c": 1}
    assert is_whole(broken, run)


async def test_a_failure_after_the_end_is_told_in_the_log(provider, make_flow, broken):
    runner = FlowRunner(make_flow("a"), provider=provider, store=broken)
    run = await runner.run_flow()

    await asyncio.to_thread(broken.watchers[run.id], StoreFull("No space is left."))
    await turn_until(lambda: run.log[-1].level == "warn")

    assert run.log[-1].text == "The end of this run is not kept yet: No space is left."
    assert run.status == "completed"


async def test_a_failure_told_when_the_loop_is_gone_changes_nothing(provider, make_flow, broken):
    runner = FlowRunner(make_flow("a"), provider=provider, store=broken)
    run = await asyncio.to_thread(runner.run_flow_sync)
    seq = run._execution.state.seq

    broken.watchers[run.id](StoreFull("No."))

    assert run._execution.state.seq == seq


@pytest.mark.parametrize("inside", [False, True])
async def test_what_runs_on_after_the_store_failed_can_be_canceled(provider, broken, inside):
    action = Chat(prompt="hold")
    flow = Flow(steps=[Map(over=[1], body=[action]) if inside else action])
    runner = FlowRunner(flow, provider=provider, store=broken)
    run = runner.run_flow()
    await turn_until(lambda: provider.live == 1)
    await asyncio.to_thread(broken.watchers[run.id], StoreFull("No space is left."))
    await turn_until(lambda: run._execution.state.canceling)
    assert run.status == "running"

    await asyncio.wait_for(run.cancel(), 5)

    assert (run.status, run.stop_reason, provider.closed) == ("canceled", None, 1)
    assert is_whole(broken, run)


async def test_a_sqlite_store_that_fails_while_a_run_goes_on_keeps_what_it_can(
    provider, make_flow, tmp_path, monkeypatch
):
    store = SQLiteStore(tmp_path / "runs.db")
    runner = FlowRunner(make_flow("wait b", ["c", "hold"], "d"), provider=provider, store=store)
    run = runner.run_flow()
    await turn_until(lambda: provider.live == 1)

    def fail(**options):
        raise StoreFull("No space is left.")

    with monkeypatch.context() as patched:
        patched.setattr(store._backend, "write", fail)
        provider.released.set()
        await turn_until(lambda: run._execution.state.canceling and provider.live == 1)
        await asyncio.wait_for(run.cancel(), 10)
        with pytest.raises(StoreFull):
            runner.resume()
    rest = runner.resume()
    await turn_until(lambda: provider.counts["hold"] == 2)
    await rest.cancel()

    assert provider.counts == {"wait b": 1, "c": 1, "hold": 2}
    store.flush()
    assert is_whole(store, run)
    store.close()


# Who drives a run.


async def test_a_run_is_claimed_while_it_works_and_let_go_after(provider, make_flow):
    store = MemoryStore()
    runner = FlowRunner(make_flow("wait"), provider=provider, store=store)
    run = runner.run_flow()
    assert store.info(run.id).owner is not None
    provider.released.set()
    await run

    assert store.info(run.id).owner is None


async def test_what_is_recorded_between_is_kept_in_order_with_the_next_work(provider, make_flow):
    store = MemoryStore()
    runner = FlowRunner(make_flow("a", "b"), provider=provider, store=store)
    run = await runner.run_flow()
    kept = store.committed(run.id)

    runner.revise(make_flow("a", "other"))
    runner.revise(make_flow("a", "another"))
    assert store.committed(run.id) == kept
    await runner.run_stale()

    assert is_whole(store, run)
    kinds = [type(event) for event in store.events(run.id)]
    assert kinds.count(ev.FlowRevised) == 2
    assert run.output == "echo: another "


async def test_a_run_that_is_driven_elsewhere_is_refused_and_stays_as_it_is(provider, make_flow):
    store = MemoryStore()
    first = FlowRunner(make_flow("wait"), provider=provider, store=store)
    run = first.run_flow()
    second = FlowRunner(make_flow("wait"), provider=provider, store=store)

    with pytest.raises(RunInUse, match="driven by another widget or runner of this process"):
        second.reopen(run.id)
    assert second.reopen() is None
    assert (second.run, second.runs) == (None, [])
    provider.released.set()
    await run

    assert second.reopen(run.id).status == "completed"


async def test_two_runners_take_turns_with_one_run(provider, make_flow):
    store = MemoryStore()
    first = FlowRunner(make_flow("a", "b"), provider=provider, store=store)
    second = FlowRunner(make_flow("a", "b"), provider=provider, store=store)
    run = await first.run_flow()
    other = second.reopen()
    await second.run_action(0, 0)

    with pytest.raises(RunChanged):
        first.run_action(1, 0)
    with pytest.raises(RunChanged):
        first.edit_output(0, 0, "x")
    again = first.reopen(run.id)
    await first.run_action(1, 0)

    assert again is not run
    assert first.run is again
    assert [one.id for one in first.runs] == [run.id]
    assert provider.counts == {"a": 2, "b": 2}
    assert is_whole(store, again)
    assert other.status == "completed"
    assert second.reopen(other.id) is not other


async def test_what_is_held_and_did_not_change_is_taken_up_as_it_is(provider, make_flow):
    runner = FlowRunner(make_flow("a"), provider=provider, store=MemoryStore())
    run = await runner.run_flow()

    assert runner.reopen() is run
    assert runner.reopen(run.id) is run


# Taking runs up again.


async def test_the_last_run_is_taken_up_and_gone_on_with(provider, make_flow, tmp_path):
    store = SQLiteStore(tmp_path / "runs.db")
    first = FlowRunner(make_flow("a", "fail"), provider=provider, store=store)
    await first.run_flow()
    await first.run_flow()
    provider.failing = False

    second = FlowRunner(make_flow("a", "fail"), provider=provider, store=store)
    run = second.reopen()
    assert (run.number, run.status, second.run) == (2, "failed", run)
    assert [event async for event in run] == []
    await second.resume()

    assert run.status == "completed"
    assert provider.counts == {"a": 2, "fail": 3}
    assert is_whole(store, run)
    store.close()


async def test_a_run_is_taken_up_by_its_id(provider, make_flow):
    store = MemoryStore()
    first = FlowRunner(make_flow("a"), provider=provider, store=store)
    one, _ = await first.run_flow(), await first.run_flow()

    run = FlowRunner(make_flow("a"), provider=provider, store=store).reopen(one.id)

    assert (run.id, run.number) == (one.id, 1)


async def test_runs_that_are_not_there_or_of_another_flow_are_named(provider, make_flow):
    store = MemoryStore()
    run = await FlowRunner(make_flow("a", name="One"), provider=provider, store=store).run_flow()
    runner = FlowRunner(make_flow("a", name="Two"), provider=provider, store=store)

    with pytest.raises(NoSuchRun, match="one of the flow 'One'"):
        runner.reopen(run.id)
    with pytest.raises(NoSuchRun, match="There is no run 'x'"):
        runner.reopen("x")
    with pytest.raises(NoSuchRun, match="this runner keeps none"):
        FlowRunner(make_flow("a"), provider=provider, store=None).reopen("x")
    assert FlowRunner(make_flow("a"), provider=provider, store=None).reopen() is None
    assert runner.reopen() is None


async def test_another_flow_without_a_name_is_not_taken_for_this_one(provider, make_flow):
    store = MemoryStore()
    await FlowRunner(make_flow("a", "b"), provider=provider, store=store).run_flow()

    assert FlowRunner(make_flow("x", "y"), provider=provider, store=store).reopen() is None
    found = FlowRunner(make_flow("x", "b"), provider=provider, store=store)
    assert found.reopen() is not None
    assert found.stale == [(0, 0)]


async def test_a_named_flow_is_taken_up_however_much_it_was_edited(provider, make_flow):
    store = MemoryStore()
    await FlowRunner(make_flow("a", name="F"), provider=provider, store=store).run_flow()

    runner = FlowRunner(make_flow("x", name="F"), provider=provider, store=store)

    assert runner.reopen().status == "completed"
    assert runner.stale == [(0, 0)]


async def test_what_no_process_drives_any_more_is_interrupted_and_resumed(provider, make_flow):
    store, left = MemoryStore(), MemoryStore()
    first = FlowRunner(make_flow("a", "wait"), provider=provider, store=store)
    run = first.run_flow()
    await turn_until(lambda: run.steps[1].actions[0].text != "")
    for event in store.events(run.id):
        left(event)
    await run.cancel()
    provider.released.set()

    second = FlowRunner(make_flow("a", "wait"), provider=provider, store=left)
    again = second.reopen(run.id)
    partial = again.steps[1].actions[0]
    assert (again.status, partial.status, partial.text) == ("interrupted", "canceled", "echo: ")
    assert again.ended_at == again.started_at or again.ended_at > again.started_at
    await second.resume()

    assert again.status == "completed"
    assert provider.counts == {"a": 1, "wait": 2}
    assert is_whole(left, again)


async def test_a_run_can_not_be_taken_up_while_another_goes_on(provider, make_flow):
    store = MemoryStore()
    runner = FlowRunner(make_flow("hold"), provider=provider, store=store)
    run = runner.run_flow()

    with pytest.raises(AlreadyRunning):
        runner.reopen()

    await run.cancel()


async def test_runs_are_numbered_across_runners(provider, make_flow):
    store = MemoryStore()
    first = FlowRunner(make_flow("a"), provider=provider, store=store)
    second = FlowRunner(make_flow("a"), provider=provider, store=store)

    numbers = [(await one.run_flow()).number for one in (first, second, first, second)]

    assert numbers == [1, 2, 3, 4]


async def test_a_mistake_of_ours_lets_go_of_the_run(provider, make_flow, monkeypatch):
    store = MemoryStore()
    runner = FlowRunner(make_flow("a"), provider=provider, store=store)

    def break_down(*_):
        raise ZeroDivisionError("a mistake")

    monkeypatch.setattr("flow_widgets.engine.execution.conclusion", break_down)

    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(begun(runner), 5)

    run = runner.run
    assert run.status == "failed"
    assert store.info(run.id).owner is None


def test_a_default_store_is_the_one_that_opening_finds(monkeypatch):
    assert (Shelf("default").is_default, Shelf("default").store) == (True, None)
    assert (Shelf(None).is_default, Shelf(None).kept(Flow(steps=[]))) == (False, [])


async def begun(runner):
    return await runner.run_flow()


# Processes.

_CHILD = """
import asyncio, os, sys
from flow_widgets import Chat, Flow, FlowRunner
steps = [Chat(prompt="a" * 200), Chat(prompt="b")]
flow = Flow(name="Child", steps=steps, model="offline/echo")
"""


def child(code: str, folder) -> str:
    command = [sys.executable, "-W", "error", "-c", _CHILD + code]
    found = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        cwd=folder,
        env={
            "PATH": "/usr/bin:/bin",
            "FLOW_WIDGETS_STORE": "runs.db",
            "JUPYTER_PLATFORM_DIRS": "1",
        },
    )
    assert (found.stderr, found.returncode) == ("", 0)
    return found.stdout


def test_everything_told_before_a_process_ends_is_kept(tmp_path):
    code = """
async def main():
    run = await flow.run(provider="offline")
    print(run._execution.state.seq)
asyncio.run(main())
"""
    told = child(code, tmp_path)
    store = SQLiteStore(tmp_path / "runs.db")

    (info,) = store.list()

    assert (info.status, info.seq) == ("completed", int(told))
    assert folded(store.events(info.id)).status == "completed"
    store.close()


def test_a_process_that_leaves_its_run_has_it_canceled_and_kept(tmp_path):
    code = """
async def main():
    from flow_widgets.actions.delay import Delay
    FlowRunner(Flow(name="Child", steps=[Delay(seconds=1000)])).run_flow()
    await asyncio.sleep(0.05)
asyncio.run(main())
"""
    child(code, tmp_path)
    store = SQLiteStore(tmp_path / "runs.db")

    assert [info.status for info in store.list()] == ["canceled"]
    store.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system can't fork")
def test_a_process_that_was_forked_leaves_the_run_to_its_parent(tmp_path):
    code = """
async def main():
    runner = FlowRunner(flow, provider="offline")
    run = await runner.run_flow()
    runner.shelf.store.flush()
    pid = os.fork()
    if not pid:
        try:
            async def again():
                other = FlowRunner(flow, provider="offline")
                made = await other.run_flow()
                return made.number
            loop = asyncio.new_event_loop()
            asyncio._set_running_loop(None)
            number = loop.run_until_complete(again())
            other = FlowRunner(flow).shelf.store
            other.flush()
            os._exit(number)
        except BaseException as error:
            print(repr(error), flush=True)
            os._exit(99)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 2, status
    await runner.run_action(0, 0)
    print(run._execution.state.seq)
asyncio.run(main())
"""
    command = [sys.executable, "-c", _CHILD + code]
    found = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        cwd=tmp_path,
        env={
            "PATH": "/usr/bin:/bin",
            "FLOW_WIDGETS_STORE": "runs.db",
            "JUPYTER_PLATFORM_DIRS": "1",
        },
    )
    assert found.returncode == 0, found.stderr + found.stdout
    store = SQLiteStore(tmp_path / "runs.db")
    infos = {info.number: info for info in store.list()}

    assert infos[1].seq == int(found.stdout)
    assert infos[2].status == "completed"
    store.close()


_MEMORY = """
import resource
from typing import Literal
from flow_widgets.actions.base import Outcome
from flow_widgets.flow.model import Action

class Talk(Action):
    type: Literal["talk"] = "talk"
    async def run(self, ctx):
        for number in range(100_000):
            ctx.log(f"line {number} of what is said here")
            if number % 1000 == 0:
                await asyncio.sleep(0)
        return Outcome(output="done")

def used():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

before = used()
async def main():
    runner = FlowRunner(Flow(name="Talk", steps=[Talk()]))
    run = await runner.run_flow()
    assert len(run.log) > 100_000
    return run
run = asyncio.run(main())
print(int(used() - before), int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000))
"""


@pytest.mark.slow
def test_a_run_of_a_hundred_thousand_log_lines_takes_less_than_100_mb(tmp_path):
    grown, most = map(int, child(_MEMORY, tmp_path).split())

    assert grown < 100, most


async def test_what_a_full_default_store_could_not_take_is_kept_with_the_next_claim(
    provider, make_flow, as_default
):
    as_default.refuses = StoreFull("No space.")
    runner = FlowRunner(make_flow("a", "fail"), provider=provider)
    run = await runner.run_flow()
    as_default.refuses, provider.failing = None, False

    await runner.resume()

    assert (run.status, runner.shelf.notice) == ("completed", "")
    assert is_whole(as_default, run)


async def test_a_run_that_was_deleted_can_go_on_in_memory(provider, make_flow, caplog):
    store = MemoryStore()
    runner = FlowRunner(make_flow("a", "fail"), provider=provider, store=store)
    run = await runner.run_flow()
    store.delete([run.id])
    provider.failing = False

    await runner.resume()

    assert run.status == "completed"
    notice = "This run is not in its store any more, so it is not kept."
    assert runner.shelf.notice == notice
    assert [one.message for one in caplog.records] == [notice]


async def test_a_flow_without_a_name_finds_its_run_among_many_of_others(provider):
    store = MemoryStore()
    first = await FlowRunner(
        Flow(steps=[Chat(prompt="mine")]), provider=provider, store=store
    ).run_flow()
    for number in range(7):
        other = Flow(steps=[Chat(prompt=f"other {number}")])
        await FlowRunner(other, provider=provider, store=store).run_flow()

    again = FlowRunner(Flow(steps=[Chat(prompt="mine")]), provider=provider, store=store)

    assert again.reopen().id == first.id
