"""Kept runs as a user lists, looks at, names, deletes and shares them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Literal

import pytest

from flow_widgets import Chat, Flow, FlowRunner
from flow_widgets.actions.base import Outcome
from flow_widgets.errors import FlowError, NoSuchRun, RunInUse, StoreDamaged
from flow_widgets.flow import catalog
from flow_widgets.flow.model import Action
from flow_widgets.history import MAX_SHOWN, runs
from flow_widgets.providers.offline import OfflineProvider
from flow_widgets.store.memory import MemoryStore
from flow_widgets.store.sqlite import SQLiteStore


@pytest.fixture(params=["memory", "sqlite"])
def store(request, tmp_path):
    made = MemoryStore() if request.param == "memory" else SQLiteStore(tmp_path / "runs.db")
    yield made
    made.close()


@pytest.fixture
def offline():
    return OfflineProvider(pace=0)


def flow_of(*prompts: str, name: str = "Draft") -> Flow:
    steps = [Chat(prompt=prompt, model="offline/echo") for prompt in prompts]
    return Flow(name=name, steps=steps)


async def kept(store, offline, *names: str, at: float = 1000.0):
    """Run a flow of each name, one second after another, and return the ids."""
    found = []
    for number, name in enumerate(names):
        flow = flow_of("a", "b", name=name)
        clock = partial(float, at + number)
        runner = FlowRunner(flow, provider=offline, store=store, clock=clock)
        found.append((await runner.run_flow()).id)
        await runner.close()
    return found


async def test_kept_runs_are_listed_newest_first(store, offline):
    ids = await kept(store, offline, "One", "Two", "Three")

    found = runs(store=store)

    assert [one.id for one in found] == ids[::-1]
    assert [one.flow_name for one in found] == ["Three", "Two", "One"]
    assert (len(found), found[0].status, found[-1].completed) == (3, "completed", 2)


async def test_runs_are_picked_by_flow_status_time_words_and_number(store, offline):
    one, two, three = await kept(store, offline, "One", "Two", "Three")

    def ids(*args, **picking):
        return [found.id for found in runs(*args, store=store, **picking)]

    assert ids(flow_of("x", name="Two")) == [two]
    assert ids(flow_of("x", name="Two").id) == [two]
    assert ids(status="failed") == []
    assert ids(status="completed", limit=2) == [three, two]
    assert ids(since=1001.0) == [three, two]
    assert ids(until=datetime.fromtimestamp(1001.0, UTC)) == [two, one]
    assert ids(search="thr") == [three]
    assert ids(search=one) == [one]


async def test_a_run_is_loaded_by_place_id_or_line_without_what_ran_it(store, offline):
    one, two = await kept(store, offline, "One", "Two")
    found = runs(store=store)

    assert [found.load(which).id for which in (0, 1, -1, one, found[0])] == [
        two,
        one,
        one,
        one,
        two,
    ]
    run = found.load()
    assert (run.status, run.steps[0].output, run.number) == ("completed", "a", 1)
    assert [line.level for line in run.log][:1] == ["info"]
    assert repr(run).startswith("<Run 1 of 'Two': completed, 2 steps")
    with pytest.raises(NoSuchRun, match="There is no run 7; there are 2 runs"):
        found.load(7)
    with pytest.raises(NoSuchRun):
        found.load("unknown")


async def test_lists_can_be_cut_and_made_frames(store, offline):
    await kept(store, offline, "One", "Two", "Three")

    found = runs(store=store)[:2]
    frame = found.to_frame()

    assert len(found) == 2
    assert len(frame) == 4
    assert list(found.to_frame("runs")["status"]) == ["completed", "completed"]


async def test_runs_are_deleted_all_or_some(store, offline):
    one, two, three = await kept(store, offline, "One", "Two", "Three")
    found = runs(store=store)

    assert found.delete(one) == 1
    assert [info.id for info in found] == [three, two]
    assert found.delete(found[0]) == 1
    assert found.delete(*[]) == 0
    assert found.delete_all() == 1
    assert (len(found), len(runs(store=store))) == (0, 0)
    assert found.delete_all() == 0


async def test_a_run_that_is_in_use_is_not_deleted(store, offline):
    await kept(store, offline, "One")
    flow = Flow(name="Two", steps=[{"type": "delay", "seconds": 1000}])
    runner = FlowRunner(flow, store=store)
    run = runner.run_flow()
    found = runs(store=store)
    assert (len(found), found[0].status) == (2, "running")

    with pytest.raises(RunInUse):
        found.delete_all()
    assert found.load(run.id).status == "running"
    await run.cancel()

    assert len(runs(store=store)) == 2
    assert found.delete_all() == 2


async def test_a_run_can_be_given_a_name(store, offline):
    (one,) = await kept(store, offline, "One")
    found = runs(store=store)

    found.rename(0, "The good one")

    assert (found[0].label, runs(store=store, search="good")[0].id) == ("The good one", one)
    assert "The good one · One · Completed" in repr(found)
    with pytest.raises(NoSuchRun):
        found.rename("unknown", "x")


async def test_runs_travel_as_one_file(store, offline, tmp_path):
    ids = await kept(store, offline, "One", "Two")

    path = runs(store=store).export(tmp_path / "runs.file")
    other = runs(store=MemoryStore())
    new = other.import_file(path)

    assert sorted(new) == sorted(ids)
    assert other.import_file(path) == []
    there = runs(store=other._store)
    assert [one.id for one in there] == ids[::-1]
    assert there.load(ids[0]).output == "b"
    (tmp_path / "other").write_text("something else")
    with pytest.raises(StoreDamaged):
        other.import_file(tmp_path / "other")


async def test_a_list_shows_its_newest_runs_and_how_many_more(store, offline):
    await kept(store, offline, *["One"] * (MAX_SHOWN + 2))

    found = runs(store=store)
    lines = repr(found).splitlines()

    assert lines[0] == f"<{MAX_SHOWN + 2} runs in {store.place}>"
    assert len(lines) == MAX_SHOWN + 2
    assert lines[-1].strip() == "2 more"
    html = found._repr_html_()
    assert html.count("<tr>") == MAX_SHOWN + 1
    assert html.endswith("<p>2 more</p>")
    assert repr(runs(store=MemoryStore())) == "<0 runs in memory>"


async def test_what_a_user_wrote_is_text_in_the_page(store, offline):
    await kept(store, offline, "<script>alert(1)</script>")
    found = runs(store=store)
    found.rename(0, "<img src=x>&")

    html = found._repr_html_()

    assert "<script>" not in html
    assert "<img" not in html
    assert "&lt;img src=x&gt;&amp;" in html


async def test_tokens_costs_and_failures_are_shown(store, offline):
    flow = Flow(
        steps=[
            [
                Chat(prompt="a", model="offline/echo"),
                {"type": "transform", "value": "{{inputs.x.y}}"},
            ]
        ],
        inputs={"x": {"type": "json"}},
    )
    prices = {"offline/echo": {"input": 1000, "output": 1000}}
    runner = FlowRunner(flow, provider=offline, store=store, prices=prices)
    run = await runner.run_flow({"x": {}})
    await runner.close()

    shown = repr(runs(store=store))

    assert run.status == "failed"
    assert "1 of 2, 1 failed" in shown
    assert f"{run.tokens:,}" in shown


def test_without_a_store_there_are_no_runs_to_list(tmp_path):
    with pytest.raises(FlowError, match="No store is open"):
        runs(store=None)
    with pytest.raises(FlowError, match="No store is open"):
        runs()
    assert len(runs(store=tmp_path / "new.db")) == 0
    assert not (tmp_path / "new.db").exists()


async def test_a_run_whose_type_of_action_is_not_known_here_can_be_looked_at(
    store, offline, monkeypatch
):
    class Special(Action):
        type: Literal["special_of_a_test"] = "special_of_a_test"
        words: str

        async def run(self, ctx):
            return Outcome(output=self.words.upper())

    flow = Flow(name="S", steps=[Special(words="hello"), Chat(prompt="b", model="offline/echo")])
    runner = FlowRunner(flow, provider=offline, store=store)
    made = await runner.run_flow()
    await runner.close()
    monkeypatch.delitem(catalog._classes, "special_of_a_test")
    found = runs(store=store)

    run = found.load(made.id)

    assert run.steps[0].output == "HELLO"
    assert len(found.to_frame()) == 2
    assert found[0].actions == 2


@pytest.mark.parametrize("when", ["2020-01-01", "2020-01-01T10:00:00+02:00", date(2020, 1, 1)])
async def test_a_time_is_taken_in_every_usual_form(store, offline, when):
    await kept(store, offline, "One", at=1_700_000_000.0)

    assert (len(runs(until=when, store=store)), len(runs(since=when, store=store))) == (0, 1)


@pytest.mark.parametrize("when", ["yesterday", timedelta(days=1), True, [1]])
def test_what_is_no_time_is_refused(store, when):
    with pytest.raises(FlowError, match=r"until is .*, which is no time"):
        runs(until=when, store=store)


def test_a_limit_below_zero_is_refused(store):
    with pytest.raises(FlowError, match="limit is -1"):
        runs(limit=-1, store=store)
