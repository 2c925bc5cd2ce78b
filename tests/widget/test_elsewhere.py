"""Runs that somebody else drives or has gone on with, and stores that can't be read."""

from __future__ import annotations

import pytest

from flow_widgets import Chat, Flow
from flow_widgets.engine.runner import FlowRunner
from flow_widgets.errors import (
    RunChanged,
    RunInUse,
    StoreDamaged,
    StoreError,
)
from flow_widgets.providers.offline import OfflineProvider
from flow_widgets.store.memory import MemoryStore
from flow_widgets.widget import kept
from tests.widget.conftest import KEPT as FLOW
from tests.widget.conftest import STALLED, lines, notices


def test_the_second_widget_leaves_a_run_that_goes_on_to_the_first(made, store, make_screen):
    first = made(STALLED, store=store)
    live = first.run_flow()

    second = made(STALLED, store=store)
    screen = make_screen(second)

    assert second.run is None
    assert notices(second) == [
        "Run 1 goes on elsewhere in this kernel. It can be picked here when it has ended."
    ]
    assert lines(second) == [(1, "running")]
    with pytest.raises(RunInUse, match="Run 1 goes on elsewhere"):
        second.reopen(live.id)
    assert screen.ask("pick", run=live.id)["error"]["what"] == (
        "Run 1 goes on elsewhere in this kernel."
    )

    own = second.run_flow()
    assert (own.number, own.status) == (2, "running")
    second.cancel().result()
    first.cancel().result()
    second.engine.call(second.sync.kept.expire)
    assert notices(second) == []


def test_a_widget_without_a_run_takes_up_what_another_has_finished(made, monkeypatch):
    monkeypatch.setattr(kept, "LOOK_AGAIN_SECONDS", 0.02)
    store = MemoryStore()
    first = made(STALLED, store=store)
    live = first.run_flow()
    second = made(STALLED, store=store)
    seen = second.get_state("run")["run"]["running"]

    first.cancel().result()
    for _ in range(500):
        if second.run is not None:
            break
        second.engine.submit(_a_moment()).result()

    assert seen is None
    assert second.run.id == live.id


async def _a_moment():
    import asyncio

    await asyncio.sleep(0.01)


def test_a_run_that_another_kernel_drives_is_named_with_its_process():
    assert kept.going_on(4, "process 123 on this machine") == (
        "Run 4 goes on in another kernel (process 123)."
    )
    assert kept.going_on(4, "process 123 on saturn") == (
        "Run 4 goes on in another kernel (process 123 on saturn)."
    )


def test_a_run_that_went_on_elsewhere_is_refused_in_code_until_it_is_reopened(made, store):
    first = made(store=store)
    first.run_flow_sync()
    second = made(store=store)
    first.run_step_sync(1)

    with pytest.raises(RunChanged):
        second.run_step(1)

    run = second.reopen()
    assert [len(step.actions[0].attempts) for step in run.steps] == [1, 2]
    assert second.run is run
    second.run_step_sync(1)
    assert len(second.run.steps[1].actions[0].attempts) == 3


def test_the_browser_is_shown_a_run_that_went_on_elsewhere_as_it_is_now(made, store, make_screen):
    first = made(store=store)
    first.run_flow_sync()
    second = made(store=store)
    screen = make_screen(second)
    first.run_step_sync(1)

    ack = screen.ask("run_step", step=1)
    screen.until(lambda: screen.view["run"]["steps"][1]["actions"][0]["attempt"] == 2)

    assert (ack["error"]["kind"], ack["error"]["what"]) == (
        "run_changed",
        "Run 1 went on elsewhere since it was read here.",
    )
    assert screen.ask("run_step", step=1)["ok"] is True


def test_picking_a_run_reads_it_again_when_it_went_on_elsewhere(made, store, make_screen):
    first = made(store=store)
    ran = first.run_flow_sync()
    second = made(store=store)
    screen = make_screen(second)
    first.run_step_sync(1)

    screen.ask("pick", run=ran.id)
    screen.until(lambda: screen.view["run"]["steps"][1]["actions"][0]["attempt"] == 2)

    assert len(second.runs) == 1


def test_a_command_on_a_run_that_goes_on_elsewhere_says_where(made, make_screen):
    store = MemoryStore()
    flow = Flow(
        name="Half",
        steps=[Chat(prompt="a"), Chat(prompt="x", model="offline/stall")],
    )
    first = made(flow, store=store)
    first.run_step_sync(0)
    second = made(flow, store=store)
    screen = make_screen(second)
    first.run_step(1)

    ack = screen.ask("run_step", step=0)
    screen.until(lambda: screen.view["notices"])

    assert ack["error"]["what"] == "Run 1 goes on elsewhere in this kernel."
    assert [run["status"] for run in screen.view["runs"]] == ["running"]
    assert screen.view["run"]["status"] == "completed"


# --- stores that can't be read ------------------------------------------------------------------


@pytest.fixture
def broken(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".flow_widgets").mkdir()
    path = tmp_path / ".flow_widgets" / "runs.db"
    path.write_bytes(b"no database" * 500)
    monkeypatch.delenv("FLOW_WIDGETS_STORE")
    return path


def test_a_broken_default_store_does_not_keep_the_widget_from_showing(made, broken):
    widget = made()

    [notice] = widget.get_state("run")["run"]["notices"]
    assert notice["kind"] == "store"
    assert "are not kept" in notice["text"]
    assert widget.run_flow_sync().status == "completed"
    assert broken.read_bytes() == b"no database" * 500


def test_a_broken_store_that_was_asked_for_raises(made, broken):
    with pytest.raises(StoreError):
        made(store=broken)

    widget = made(store=broken, reopen=False)
    assert notices(widget)[0].startswith("Earlier runs can't be read. ")


def test_a_run_that_cant_be_read_is_said_and_new_ones_can_be_run(made, monkeypatch):
    store = MemoryStore()
    made(store=store).run_flow_sync()

    def damaged(run_id):
        raise StoreDamaged("Record 3 of run 1 is broken.")

    monkeypatch.setattr(store, "events", damaged)
    widget = made(store=store)

    assert widget.run is None
    assert notices(widget) == ["The last run can't be opened. Record 3 of run 1 is broken."]
    assert widget.run_flow_sync().number == 2


def test_a_runner_and_a_widget_share_a_store(made, store):
    runner = FlowRunner(FLOW, provider=OfflineProvider(pace=0), store=store)
    ran = runner.run_flow_sync()

    assert made(store=store).run.id == ran.id


def test_a_run_that_went_on_and_cant_be_read_again_stays_as_it_is_here(
    made, make_screen, monkeypatch
):
    store = MemoryStore()
    first = made(store=store)
    first.run_flow_sync()
    second = made(store=store)
    screen = make_screen(second)
    held = second.run
    first.run_step_sync(1)

    def damaged(run_id):
        raise StoreDamaged("Record 3 of run 1 is broken.")

    monkeypatch.setattr(store, "events", damaged)
    ack = screen.ask("run_step", step=1)

    assert ack["error"]["kind"] == "run_changed"
    assert second.runs == (held,)
    assert held.status == "completed"
