"""Every command of the browser, accepted and refused."""

from __future__ import annotations

import base64

import pytest

from flow_widgets import Chat, Edge, File, Flow, FlowWidget, Input, Message, Step
from flow_widgets.actions import Start, Webhook
from flow_widgets.providers.offline import OfflineProvider


def test_run_flow_starts_a_run_with_the_inputs_it_brings(screen, widget):
    ack = screen.ask("run_flow", inputs={"topic": "wasps"})
    screen.settled()

    assert ack["ok"] is True
    assert ack["data"] == {"run": widget.run.id}
    assert widget.run.inputs == {"topic": "wasps"}


def test_play_runs_a_step_or_an_action(screen, widget):
    screen.ask("run_step", step=0)
    screen.settled()
    screen.ask("run_action", step=0, action=1)
    widget.run.result()
    assert len(widget.run.steps[0].actions[1].attempts) == 2

    assert [s.status for s in widget.run.steps] == ["completed", "pending"]


def test_a_picked_run_is_the_one_that_buttons_act_on(screen, widget):
    first = widget.run_flow_sync({"topic": "wasps"})
    second = widget.run_flow_sync({"topic": "moths"})

    screen.ask("pick", run=first.id)
    screen.until(lambda: screen.view["inputs"] == {"topic": "wasps"})
    screen.ask("run_step", step=1)
    first.result()

    assert len(first.steps[1].actions[0].attempts) == 2
    assert len(second.steps[1].actions[0].attempts) == 1
    assert (first.inputs, second.inputs) == ({"topic": "wasps"}, {"topic": "moths"})
    assert second.steps[0].actions[0].stale is None


@pytest.fixture
def desk(make_screen):
    """Return a screen with a flow that begins with an order by hand, or with a hook."""
    steps = [
        Step(id="by_hand", actions=(Start(takes={"order": "Tea"}),)),
        Step(id="hook", actions=(Webhook(path="/orders"),)),
        Step(id="work", actions=(Chat(prompt="In a {{tone}} tone"),), join="first_success"),
    ]
    edges = [Edge(source=name, target="work") for name in ("by_hand", "hook")]
    flow = Flow(steps=steps, edges=edges, inputs={"tone": Input(default="kind")})
    return make_screen(FlowWidget(flow, provider=OfflineProvider(pace=0)))


@pytest.mark.parametrize(("trigger", "handed"), [(0, "order"), (1, "body")])
def test_run_flow_starts_at_the_chosen_trigger_with_what_that_is_handed(desk, trigger, handed):
    ack = desk.ask("run_flow", inputs=None, trigger=trigger)
    desk.settled()

    run = desk.view["run"]
    assert ack["ok"] is True
    assert [step["status"] for step in run["steps"]][trigger] == "completed"
    assert [step["status"] for step in run["steps"]][1 - trigger] == "skipped"
    assert {handed, "tone"} <= set(desk.widget.run.inputs)
    assert {"order", "body"} - {handed} - set(desk.widget.run.inputs)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "This flow has 2 triggers"),
        ({"trigger": "hook"}, "'trigger' must be an index"),
        ({"trigger": 2}, "Step 'work' is no trigger"),
        ({"trigger": 9}, "the flow has 3 steps"),
    ],
)
def test_what_is_no_trigger_is_refused(desk, fields, words):
    ack = desk.ask("run_flow", inputs=None, **fields)

    assert words in ack["error"]["what"]


def test_cancel_is_accepted_also_when_nothing_runs(screen):
    assert screen.ask("cancel")["ok"] is True


def test_edited_inputs_make_outputs_stale_and_run_stale_makes_them_fresh(screen, widget):
    widget.run_flow_sync()

    screen.ask("inputs", values={"topic": "wasps"})
    screen.until(lambda: screen.view["run"] and screen.view["run"]["stale"] == 2)
    assert screen.view["inputs_edited"] is True
    screen.ask("run_stale")
    screen.until(lambda: screen.view["run"]["stale"] == 0)
    screen.settled()

    assert widget.run.steps[0].actions[0].attempts[-1].number == 2


def test_an_edit_in_place_changes_the_flow_and_a_reset_takes_it_back(screen, widget):
    original = widget.flow
    screen.ask(
        "edit", step=0, action=1, fields={"prompt": "Doubt it", "temperature": 0.5, "model": ""}
    )

    action = widget.get_state("flow")["flow"]["steps"][0]["actions"][1]
    assert (action["prompt"], action["fields"]["temperature"], action["edited"]) == (
        "Doubt it",
        0.5,
        True,
    )

    screen.ask("reset", step=0, action=1)
    assert widget.flow == original


def test_an_edit_of_messages_changes_the_last_one_of_the_user(make_screen):
    messages = [
        Message(role="system", content="s"),
        "first",
        Message(content=["old", File.of(b"x", name="x.png")]),
    ]
    widget = FlowWidget(Flow(steps=[Chat(messages=messages)]), provider=OfflineProvider(pace=0))
    screen = make_screen(widget)
    screen.ask("edit", step=0, action=0, fields={"prompt": "new", "system": "t"})

    changed = widget.flow.steps[0].actions[0].messages
    assert [message.text for message in changed] == ["t", "first", "new"]
    assert changed[2].content[1].name == "x.png"


@pytest.mark.parametrize(
    ("op", "fields", "words"),
    [
        ("dance", {}, "'dance' is no command."),
        ("run_step", {"step": "1"}, "'step' must be an index"),
        ("run_step", {"step": 9}, "the flow has 2 steps"),
        ("run_action", {"step": 0, "action": 9}, "step 0 has 2 actions"),
        ("run_stale", {}, "Nothing is stale."),
        ("pick", {"run": "r0"}, "There is no run 'r0'."),
        ("inputs", {"values": {"topik": 1}}, "'topik' is no input"),
        (
            "edit",
            {"step": 0, "action": 0, "fields": {"temperature": "hot"}},
            "temperature: must be a valid number",
        ),
        ("edit", {"step": 0, "action": 7, "fields": {}}, "There is no action 0, 7."),
        ("attempt", {"step": 0, "action": 0, "attempt": 1}, "There is no run yet."),
        ("asset", {"name": "../secret"}, "There is no part '../secret'"),
    ],
)
def test_a_refusal_says_what_is_wrong(screen, op, fields, words):
    ack = screen.ask(op, **fields)

    assert ack["ok"] is False
    assert words in ack["error"]["what"]


def test_a_flow_with_problems_is_refused_with_the_first_and_their_number(make_screen):
    flow = Flow(steps=[Chat(prompt="{{x}}"), Chat(prompt="{{y}}")])
    ack = make_screen(FlowWidget(flow, provider=OfflineProvider(pace=0))).ask(
        "run_flow", inputs=None
    )

    assert (
        ack["error"]["what"]
        == "steps[0].actions[0].prompt: {{x}} is no input of this flow. (1 more)"
    )
    assert "steps[1].actions[0].prompt" in ack["error"]["detail"]


def test_earlier_attempts_are_fetched(screen, widget):
    widget.run_flow_sync()
    widget.run_step_sync(1)

    data = screen.ask("attempt", step=1, action=0, attempt=1)["data"]

    assert data["text"] == widget.run.steps[1].actions[0].attempts[0].text
    assert screen.ask("attempt", step=1, action=0, attempt=9)["ok"] is False


def test_older_lines_of_the_log_are_fetched(screen, widget):
    widget.run_flow_sync()

    data = screen.ask("log", before=3, count=2)["data"]

    assert (data["first"], [line["n"] for line in data["lines"]]) == (1, [1, 2])


def test_a_file_is_taken_from_the_browser_and_its_bytes_never_go_back(make_screen):
    flow = Flow(steps=[Chat(prompt="{{doc}}")], inputs={"doc": Input(type="file")})
    widget = FlowWidget(flow, provider=OfflineProvider(pace=0))
    screen = make_screen(widget)
    data = base64.b64encode(b"secret text").decode()
    screen.ask("inputs", values={"doc": {"name": "a.txt", "mime": "text/plain", "data": data}})
    screen.until(lambda: screen.view["inputs"]["doc"])

    assert widget.inputs["doc"].text == "secret text"
    assert screen.view["inputs"]["doc"] == {"name": "a.txt", "mime": "text/plain", "size_bytes": 11}
    screen.ask("run_flow", inputs={"doc": screen.view["inputs"]["doc"]})
    screen.settled()
    assert widget.run.status == "completed"


@pytest.mark.parametrize("name", ["flow_markdown", "flow_graph"])
def test_a_part_of_the_front_end_is_sent_as_a_buffer(screen, name):
    ack = screen.ask("asset", name=name)

    assert ack["data"] == {"name": name}
    assert len(screen.buffers[screen.messages.index(ack)][0]) > 1000


def test_sync_answers_with_a_snapshot(screen, widget):
    widget.run_flow_sync()
    screen.view = None

    screen.ask("sync", have=0)

    assert screen.view["run"]["id"] == widget.run.id


def test_a_message_that_is_no_command_is_ignored(screen, widget):
    widget._handle_custom_msg("hello", [])
    widget._handle_custom_msg({"k": "v"}, [])

    assert screen.ask("cancel")["ok"] is True
