"""Runs that were kept: reopened, picked, resumed, and looked at."""

from __future__ import annotations

import pytest

from flow_widgets import Chat, Flow, Input
from flow_widgets.actions import Subflow
from flow_widgets.errors import (
    AlreadyRunning,
    NoSuchRun,
)
from flow_widgets.run import events as ev
from flow_widgets.store.memory import MemoryStore
from flow_widgets.widget import kept
from tests.widget.conftest import KEPT as FLOW
from tests.widget.conftest import STALLED, lines


def events_of(widget, command=None):
    """Run something and return the events that it told."""
    found = []
    remove = widget.on_event(found.append)
    (command or widget.run_flow)().result()
    remove()
    return found


def half_a_run(make, store):
    """Put into a store what a process has told that ended while the second step streamed."""
    events = events_of(make(store=None))
    chunk = next(n for n, one in enumerate(events) if type(one) is ev.ActionChunk and one.step == 1)
    told = events[: chunk + 1]
    store.claim(told[0].run_id, 0, lambda error: None)
    for event in told:
        store(event)
    store.flush()
    store.close()
    return told


# --- reopening ----------------------------------------------------------------------------------


def test_a_widget_shows_the_last_run_of_its_flow(made, store):
    first = made(store=store)
    first.run_flow_sync()
    ran = first.run_flow_sync({"topic": "wasps"})

    again = made(store=store)

    view = again.get_state("run")["run"]
    assert (again.run.id, again.run.number, again.run.status) == (ran.id, 2, "completed")
    assert view["run"]["id"] == ran.id
    assert view["inputs"] == {"topic": "wasps"}
    assert (view["run"]["stale"], view["cache"]) == (0, False)
    assert not any("changed since" in one["text"] for one in view["notices"])
    assert [one.output for step in again.run.steps for one in step.actions] == [
        one.output for step in ran.steps for one in step.actions
    ]


def test_reopen_false_begins_with_no_run(made, store):
    made(store=store).run_flow_sync()

    widget = made(store=store, reopen=False)

    assert widget.run is None
    assert lines(widget) == [(1, "completed")]
    assert widget.run_flow_sync().number == 2


def test_a_run_of_another_flow_is_not_reopened(made, store):
    made(store=store).run_flow_sync()

    assert made(Flow(name="Other", steps=[Chat(prompt="x")]), store=store).run is None


def test_a_flow_without_a_name_gets_only_runs_that_have_an_action_of_it(made, store):
    made(Flow(steps=[Chat(prompt="mine")]), store=store).run_flow_sync()
    made(Flow(steps=[Chat(prompt="other")]), store=store).run_flow_sync()

    widget = made(Flow(steps=[Chat(prompt="mine")]), store=store)

    assert widget.run.number == 1
    assert lines(widget) == [(1, "completed")]


def test_inputs_that_are_given_go_before_those_of_the_run(made, store):
    made(store=store).run_flow_sync()

    widget = made(store=store, inputs={"topic": "wasps"})

    assert widget.inputs == {"topic": "wasps"}
    assert widget.run.steps[0].actions[0].stale == "inputs changed"


def test_another_default_takes_the_place_of_the_old_one(made, store):
    made(store=store).run_flow_sync()

    widget = made(FLOW.model_copy(update={"inputs": {"topic": Input(default="ants")}}), store=store)

    assert widget.inputs == {"topic": "ants"}
    assert widget.run.steps[0].actions[0].stale == "inputs changed"


def test_inputs_of_an_earlier_run_are_told_until_they_are_changed(made, store):
    made(store=store).run_flow_sync({"topic": "wasps"})

    widget = made(store=store)
    widget.run_flow_sync()

    text = "The inputs are those of run 1, not the defaults: topic."
    assert text in [one["text"] for one in widget.get_state("run")["run"]["notices"]]
    widget.inputs = {"topic": "bees"}
    assert text not in [one["text"] for one in widget.get_state("run")["run"]["notices"]]
    assert widget.run.inputs["topic"] == "wasps"


def test_a_value_that_no_longer_fits_is_left_out(made, store):
    made(store=store).run_flow_sync({"topic": "wasps"})
    inputs = {"topic": Input(type="integer", default=3)}

    assert made(FLOW.model_copy(update={"inputs": inputs}), store=store).inputs == {"topic": 3}


def test_what_is_displayed_shows_the_reopened_run(made, store):
    made(store=store).run_flow_sync()

    data = made(store=store)._repr_mimebundle_()[0]

    assert data["text/plain"] == "FlowWidget('Two steps', 2 steps, 2 actions, completed)"
    assert "<strong>Two steps</strong>: completed" in data["text/html"]


# --- a process that ended -----------------------------------------------------------------------


def test_an_interrupted_run_shows_what_had_completed_and_the_partial_text(made, store):
    told = half_a_run(made, store)

    run = made(store=store).get_state("run")["run"]["run"]

    first, second = (step["actions"][0] for step in run["steps"])
    assert (run["status"], run["resumable"]) == ("interrupted", 1)
    assert run["stop"]["text"].startswith("The process that ran this ended.")
    assert (first["status"], second["status"]) == ("completed", "canceled")
    assert second["text"] == told[-1].text


def test_resume_sends_only_what_had_not_completed(made, store):
    half_a_run(made, store)
    widget = made(store=store)

    run = widget.resume_sync()

    assert run.status == "completed"
    assert [len(step.actions[0].attempts) for step in run.steps] == [1, 2]
    assert lines(made(store=store)) == [(1, "completed")]


def test_the_browser_resumes_too(made, store, make_screen):
    half_a_run(made, store)
    widget = made(store=store)
    screen = make_screen(widget)

    ack = screen.ask("resume")
    screen.until(lambda: screen.view["run"]["status"] == "completed")

    assert ack["data"] == {"run": widget.run.id}
    assert screen.ask("resume")["error"]["what"] == "The run has completed."


# --- picking ------------------------------------------------------------------------------------


def test_kept_runs_can_be_picked_and_are_read_then(made, store, make_screen):
    first = made(store=store)
    ids = [first.run_flow_sync({"topic": name}).id for name in ("ants", "wasps", "moths")]
    widget = made(store=store)
    screen = make_screen(widget)
    assert [run["id"] for run in screen.view["runs"]] == ids
    assert len(widget.runs) == 1

    screen.ask("pick", run=ids[0])
    screen.until(lambda: screen.view["run"]["id"] == ids[0])

    assert screen.view["inputs"] == {"topic": "ants"}
    assert widget.run.id == ids[0]
    assert [run.number for run in widget.runs] == [1, 3]
    assert [run["id"] for run in screen.view["runs"]] == ids


def test_the_list_holds_the_newest_fifty(made, monkeypatch):
    monkeypatch.setattr(kept, "LISTED", 3)
    store = MemoryStore()
    first = made(store=store)
    for _ in range(5):
        first.run_flow_sync()

    assert [number for number, _ in lines(made(store=store))] == [3, 4, 5]
    assert [number for number, _ in lines(first)] == [1, 2, 3, 4, 5]


def test_the_store_is_not_read_with_every_delta(made, make_screen, monkeypatch):
    store = MemoryStore()
    widget = made(store=store)
    screen = make_screen(widget)
    widget.run_flow_sync()
    screen.settled()
    read = []
    monkeypatch.setattr(store, "list", lambda **how: read.append(how) or [])

    for _ in range(10):
        widget.engine.call(widget.sync.flush)

    assert read == []


def test_a_kept_run_can_be_looked_at_while_another_goes_on(made, make_screen):
    store = MemoryStore()
    old = made(store=store).run_flow_sync()
    steps = (*FLOW.steps, *Flow(steps=[Chat(prompt="x", model="offline/stall")]).steps)
    longer = Flow(name="Two steps", inputs={"topic": "bees"}, steps=[s.actions[0] for s in steps])
    widget = made(longer, store=store, reopen=False)
    screen = make_screen(widget)
    live = widget.run_flow()

    screen.ask("pick", run=old.id)
    screen.until(lambda: screen.view["run"] and screen.view["run"]["id"] == old.id)

    assert widget.run is live
    assert [step["status"] for step in screen.view["run"]["steps"]][2] == "pending"
    assert screen.view["notices"][0]["text"] == (
        "The flow has changed since run 1: 1 change. All outputs are up to date."
    )

    screen.ask("cancel")
    screen.until(lambda: screen.view["running"] is None)
    screen.ask("pin", step=0, action=0, pinned=True)
    assert widget.run.id == old.id
    screen.until(lambda: screen.view["run"]["steps"][0]["actions"][0]["pinned"])


def test_a_run_that_does_not_exist_is_refused(made, store):
    widget = made(store=store)

    with pytest.raises(NoSuchRun):
        widget.reopen("r0")
    assert widget.reopen() is None


def test_reopen_is_refused_while_a_run_goes_on(made):
    widget = made(STALLED, store=MemoryStore())
    widget.run_flow()

    with pytest.raises(AlreadyRunning):
        widget.reopen()


def test_reopen_shows_a_run_by_its_id(made, store):
    widget = made(store=store)
    first = widget.run_flow_sync()
    widget.run_flow_sync()

    assert widget.reopen(first.id) is first
    assert widget.run is first
    assert widget.get_state("run")["run"]["run"]["id"] == first.id
    assert widget.reopen().number == 2


def test_an_edit_after_the_other_run_ended_is_of_the_run_that_is_shown(made, make_screen):
    store = MemoryStore()
    widget = made(STALLED, store=store)
    screen = make_screen(widget)
    old = widget.run_flow().cancel().result()
    widget.run_flow()
    screen.ask("pick", run=old.id)
    widget.cancel().result()
    screen.until(lambda: screen.view["running"] is None)

    screen.ask("edit", step=0, action=0, fields={"prompt": "y"})

    assert widget.run is old


def test_a_required_input_keeps_what_it_was_given(made, store):
    flow = Flow(name="Asks", inputs={"who": Input()}, steps=[Chat(prompt="Hi {{who}}")])
    made(flow, store=store, inputs={"who": "Ada"}).run_flow_sync()

    assert made(flow, store=store).inputs == {"who": "Ada"}


def test_a_run_inside_an_action_is_no_run_to_choose(made, store):
    body = Flow(name="Body", steps=[Chat(prompt="x")])
    flow = Flow(name="Outer", steps=[Subflow(flow=body)])
    made(flow, store=store).run_flow_sync()

    widget = made(flow, store=store)

    assert lines(widget) == [(1, "completed")]
    assert widget.run.status == "completed"
