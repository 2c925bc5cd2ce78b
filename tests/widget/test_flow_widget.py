"""The widget from code: commands, looking, display."""

from __future__ import annotations

import asyncio
import json

import pytest

from flow_widgets import Chat, Flow, FlowWidget
from flow_widgets.actions import Code, Event, Request, Transform, Webhook
from flow_widgets.errors import (
    AlreadyRunning,
    FlowError,
    InvalidFlow,
    InvalidInputs,
    NoSuchStep,
    NothingToRun,
)
from flow_widgets.providers.offline import OfflineProvider
from flow_widgets.run import events as ev


async def test_awaiting_a_run_gives_it_back_settled(widget):
    run = await widget.run_flow()

    assert run is widget.run
    assert run.status == "completed"
    assert widget.runs == (run,)


def test_the_sync_forms_wait(widget):
    run = widget.run_flow_sync({"topic": "wasps"})
    widget.run_step_sync(1)
    widget.run_action_sync(0, "Against")

    assert run.inputs == {"topic": "wasps"}
    assert [len(a.attempts) for step in run.steps for a in step.actions] == [1, 2, 2]


async def test_not_awaiting_leaves_the_caller_free(widget):
    run = widget.run_flow()

    assert run.status in ("running", "completed")
    await run


async def test_cancel_settles_the_run_at_once():
    widget = FlowWidget(Flow(steps=[Chat(prompt="x", model="offline/stall")]), provider="offline")
    run = widget.run_flow()

    widget.cancel()

    assert run.status == "canceled"
    await run


async def test_a_second_run_is_refused_where_it_was_asked_for(widget):
    slow = FlowWidget(Flow(steps=[Chat(prompt="x", model="offline/stall")]), provider="offline")
    slow.run_flow()

    with pytest.raises(AlreadyRunning):
        slow.run_step(0)

    slow.cancel()


async def test_callbacks_are_told_every_event_until_removed(widget):
    seen = []
    remove = widget.on_event(seen.append)

    run = await widget.run_flow()
    remove()
    await widget.run_step(1)

    assert [event.seq for event in seen] == list(range(1, len(seen) + 1))
    assert type(seen[-1]) is ev.FlowCompleted
    assert len(run.steps[1].actions[0].attempts) == 2


async def test_a_callback_added_to_a_settled_run_hears_its_reruns(widget):
    await widget.run_flow()
    seen = []
    widget.on_event(seen.append)

    await widget.run_step(1)

    assert type(seen[0]) is ev.RerunStarted


async def test_inputs_can_be_assigned_and_make_outputs_stale(widget):
    run = await widget.run_flow()

    widget.inputs = {"topic": "wasps"}

    assert widget.inputs == {"topic": "wasps"}
    assert run.steps[0].actions[0].stale == "inputs changed"
    await widget.run_stale()
    with pytest.raises(NothingToRun):
        widget.run_stale()


def test_inputs_that_are_not_declared_are_refused(widget):
    with pytest.raises(InvalidInputs, match="Did you mean 'topic'"):
        widget.inputs = {"topik": "x"}
    with pytest.raises(InvalidInputs):
        FlowWidget(widget.flow, inputs={"x": 1}, provider="offline")


async def test_another_flow_keeps_the_outputs_of_the_same_actions(widget):
    run = await widget.run_flow()
    steps = list(widget.flow.steps)
    steps[1] = steps[1].model_copy(
        update={"actions": (steps[1].actions[0].model_copy(update={"prompt": "Judge"}),)}
    )

    widget.flow = widget.flow.model_copy(update={"steps": tuple(steps)})

    assert run.steps[0].actions[0].output is not None
    assert run.steps[1].actions[0].stale == "prompt changed"


async def test_frames_and_files_come_from_all_runs(widget, tmp_path):
    await widget.run_flow()
    await widget.run_flow()

    assert widget.to_frame("runs")["run"].tolist() == [1, 2]
    assert widget.save(tmp_path / "r.csv").read_text().startswith("run_id,")


async def test_what_is_displayed_is_deterministic_and_needs_no_kernel(widget):
    before = widget._repr_mimebundle_()[0]
    await widget.run_flow()
    after = widget._repr_mimebundle_()[0]

    assert before["text/plain"] == "FlowWidget('Two opinions', 2 steps, 3 actions, not run yet)"
    assert after["text/plain"] == "FlowWidget('Two opinions', 2 steps, 3 actions, completed)"
    assert "<strong>Two opinions</strong>: completed" in after["text/html"]
    assert "application/vnd.jupyter.widget-view+json" in after


async def test_a_display_is_refreshed_when_a_run_ends(widget, monkeypatch):
    updates = []

    class Handle:
        def update(self, data, **options):
            updates.append(data["text/plain"])

    monkeypatch.setattr("IPython.display.display", lambda data, **options: Handle())
    widget.display()

    await widget.run_flow()
    await asyncio.to_thread(widget.engine.call, widget.sync.flush)

    assert updates[-1] == "FlowWidget('Two opinions', 2 steps, 3 actions, completed)"


def test_a_closed_widget_displays_nothing(widget, monkeypatch):
    widget.close()

    monkeypatch.setattr("IPython.display.display", None)  # would raise

    widget.display()
    widget.post({"k": "d"})


async def test_a_key_is_nowhere_in_what_is_synced_shown_or_kept(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-CANARY0123456789")
    from flow_widgets.providers.openai import OpenAIProvider

    provider = OpenAIProvider(base_url="http://127.0.0.1:9/v1", model="m")
    widget = FlowWidget(Flow(steps=[Chat(prompt="x")]), provider=provider)
    run = await widget.run_flow()

    state = json.dumps(widget.get_state(), default=str)
    seen = [state, repr(widget), repr(run.error), str(vars(provider)), repr(provider)]
    seen += [widget.to_frame(of).to_csv() for of in ("actions", "steps", "runs", "log")]
    assert run.status == "failed"
    assert not any("CANARY" in text for text in seen)


def test_offline_is_never_chosen_by_itself(monkeypatch):
    widget = FlowWidget(Flow(steps=[Chat(prompt="x")]))

    assert [p["place"] for p in widget.get_state("flow")["flow"]["problems"]] == [
        "steps[0].actions[0].provider"
    ]


def test_the_widget_takes_what_load_flow_takes():
    widget = FlowWidget({"steps": [{"prompt": "x"}]}, provider=OfflineProvider(pace=0))

    assert widget.run_flow_sync().status == "completed"


# --- triggers -----------------------------------------------------------------------------------


def two_doors():
    flow = Flow(name="Two doors")
    form = flow.add_step(Webhook(name="Form", path="/form"))
    paid = flow.add_step(Event(name="Paid", event_name="order.paid"))
    flow.add_edge(form, flow.add_step(Transform(name="Read", value="{{body.town}}")))
    flow.add_edge(paid, flow.add_step(Transform(name="Bill", value="{{event_data.sum}}")))
    return flow


@pytest.mark.parametrize(
    ("trigger", "handed", "outputs"),
    [
        ("form", {"body": {"town": "Oslo"}}, ["Oslo", None]),
        (1, {"event_data": {"sum": 7}}, [None, 7]),
        ("Paid", {"event_data": '{"sum": 8}'}, [None, 8]),
    ],
)
def test_a_run_begins_at_the_trigger_that_was_chosen(trigger, handed, outputs):
    widget = FlowWidget(two_doors())

    run = widget.run_flow_sync(handed, trigger_step=trigger)

    assert run.status == "completed"
    assert [run.steps[step].actions[0].output for step in (2, 3)] == outputs
    name, value = next(iter(handed.items()))
    assert widget.inputs[name] == (json.loads(value) if isinstance(value, str) else value)
    assert widget.runner.stale == []


def test_of_several_triggers_one_must_be_chosen_and_handed_what_is_its_own():
    widget = FlowWidget(two_doors())

    with pytest.raises(FlowError, match="has 2 triggers: 'form', 'paid'"):
        widget.run_flow()
    with pytest.raises(NoSuchStep):
        widget.run_flow(trigger_step="read")
    with pytest.raises(InvalidInputs, match="'body' is no input"):
        widget.run_flow({"body": {}}, trigger_step="paid")
    assert widget.runs == ()
    asked = widget.get_state("flow")["flow"]["inputs"]
    assert {"body", "event_data"} <= {one["name"] for one in asked if not one["required"]}


def test_what_the_only_trigger_is_handed_is_asked_for_like_an_input():
    flow = Flow(steps=[Webhook(path="/towns"), Transform(value="{{body.town}}")])
    widget = FlowWidget(flow, inputs={"body": {"town": "Oslo"}})

    asked = widget.get_state("flow")["flow"]["inputs"]

    assert [(one["name"], one["type"], one["required"]) for one in asked] == [
        ("body", "json", False),
        ("headers", "json", False),
        ("method", "text", False),
        ("query", "json", False),
    ]
    assert widget.run_flow_sync().output == "Oslo"
    widget.inputs = {"body": '{"town": "Rome"}'}
    assert widget.run_flow_sync().output == "Rome"
    assert widget.run_flow_sync({"body": {"town": "Lima"}}).output == "Lima"
    assert widget.inputs["body"] == {"town": "Lima"}


def test_that_nothing_is_a_trigger_is_not_worth_a_line_on_the_screen():
    edges = [{"source": "a", "target": "b"}]
    steps = [{"id": "a", "actions": [Transform(value=1)]}, {"id": "b", "actions": [Chat()]}]
    widget = FlowWidget({"steps": steps, "edges": edges}, provider="offline")

    found = widget.runner.check()
    shown = widget.get_state("flow")["flow"]["problems"]

    assert [one.what for one in found][-1].startswith("No step is a trigger")
    assert [one["what"] for one in shown] == [one.what for one in found[:-1]]
    assert shown


# --- what the owner allows ----------------------------------------------------------------------

HERE = "http://127.0.0.1:9/"
REFUSED = "Requests to 127.0.0.1 are refused"


def problems(widget):
    return [one["what"] for one in widget.get_state("flow")["flow"]["problems"]]


def test_code_of_a_flow_runs_only_where_the_owner_allows_it():
    code = [Code(code="6 * 7")]
    refused = FlowWidget(code)
    allowed = FlowWidget(code, allow_custom_code=True)

    assert len(problems(refused)) == 1
    with pytest.raises(InvalidFlow, match="allow_custom_code=True"):
        refused.run_flow()
    assert problems(allowed) == []
    assert allowed.run_flow_sync().output == 42


@pytest.mark.parametrize(
    ("options", "is_allowed"),
    [
        ({}, False),
        ({"allowed_hosts": ["example.com", "127.0.0.1:8"]}, False),
        ({"allow_private_network": True}, True),
        ({"allowed_hosts": ["127.0.0.1:9"]}, True),
    ],
)
def test_a_flow_reaches_this_machine_only_where_the_owner_allows_it(options, is_allowed):
    widget = FlowWidget([Request(url=HERE, retries=0)], **options)

    if is_allowed:
        assert problems(widget) == []
        assert widget.run_flow_sync().error.what.startswith("No connection to 127.0.0.1")
    else:
        assert problems(widget)[0].startswith(REFUSED)
        with pytest.raises(InvalidFlow, match=REFUSED):
            widget.run_flow()


def test_a_flow_sends_only_secrets_that_the_owner_names(monkeypatch):
    monkeypatch.setenv("TOWN_KEY", "canary-0123456789")
    flow = [Request(url=HERE, retries=0, auth={"bearer": "TOWN_KEY"})]
    refused = FlowWidget(flow, allow_private_network=True)
    allowed = FlowWidget(flow, allow_private_network=True, allowed_secrets=["TOWN_KEY"])

    with pytest.raises(InvalidFlow, match="allowed_secrets"):
        refused.run_flow()
    assert problems(allowed) == []
    assert allowed.run_flow_sync().error.what.startswith("No connection to 127.0.0.1")
