"""Commands of the browser that a run is gone on with: outputs by hand, pins, budgets, waits."""

from __future__ import annotations

import pytest

from flow_widgets import Chat, Flow, FlowWidget
from flow_widgets.actions import Transform
from flow_widgets.engine.waiting import Waits
from flow_widgets.errors import FlowError, InvalidFlow, NoSuchStep, NothingToRun
from flow_widgets.flow.limits import Budget
from flow_widgets.providers.offline import OfflineProvider, Reply
from flow_widgets.store.memory import MemoryStore

DATA = Flow(
    name="Data",
    steps=[
        Transform(value={"n": 1}),
        Chat(prompt="Say {{steps.0.output}}"),
        Chat(prompt="Give", output_schema={"type": "object"}, model="offline/json"),
    ],
)


@pytest.fixture
def data(make_screen):
    widget = FlowWidget(DATA, provider=OfflineProvider(pace=0))
    yield make_screen(widget)
    widget.close()


def output(screen, step):
    return screen.widget.run.steps[step].actions[0].output


# --- outputs ------------------------------------------------------------------------------------


def test_a_text_is_taken_as_it_is_where_the_output_is_text(screen, widget):
    widget.run_flow_sync()

    ack = screen.ask("edit_output", step=0, action=0, text='{"a": 1}')
    screen.until(lambda: screen.view["run"]["stale"] == 1)

    action = screen.view["run"]["steps"][0]["actions"][0]
    assert ack["data"] is None
    assert widget.run.steps[0].actions[0].output == '{"a": 1}'
    assert (action["text"], action["origin"], action["attempt"]) == ('{"a": 1}', "edit", 2)


def test_json_is_read_where_the_output_is_data(data):
    data.widget.run_step_sync(0)

    data.ask("edit_output", step=0, action=0, text='{"n": [2, null]}')

    assert output(data, 0) == {"n": [2, None]}


def test_json_is_read_where_the_action_has_a_schema_though_it_never_ran(data):
    data.widget.run_step_sync(0)

    data.ask("edit_output", step=2, action=0, text='{"n": 2}')

    assert output(data, 2) == {"n": 2}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"n": 2', "Expecting ',' delimiter, line 1, column 8."),
        ('{\n "n": two}', "Expecting value, line 2, column 7."),
        ("NaN", "NaN is no JSON number."),
        ("[" * 100_000, "it is nested too deeply."),
    ],
)
def test_what_is_no_json_is_refused_with_the_place(data, text, words):
    data.widget.run_step_sync(0)

    ack = data.ask("edit_output", step=0, action=0, text=text)

    assert ack["error"]["kind"] == "invalid_value"
    assert ack["error"]["what"] == (
        f"The output of this action is data, and the text is no JSON: {words}"
    )
    assert output(data, 0) == {"n": 1}


def test_run_stale_goes_on_from_an_output_by_hand(widget):
    widget.run_flow_sync()

    widget.edit_output(0, "For", "Only honey")
    run = widget.run_stale().result()

    assert [len(one.attempts) for step in run.steps for one in step.actions] == [2, 1, 2]


# --- pins ---------------------------------------------------------------------------------------


def test_a_pinned_output_is_used_by_the_next_run_until_it_is_let_go(screen, widget):
    first = widget.run_flow_sync()

    assert screen.ask("pin", step=0, action=1, pinned=True)["data"] is None
    screen.until(
        lambda: screen.view["run"] and screen.view["run"]["steps"][0]["actions"][1]["pinned"]
    )
    second = widget.run_flow_sync()
    assert second.steps[0].actions[1].output == first.steps[0].actions[1].output
    screen.until(lambda: screen.view["run"]["steps"][0]["actions"][1]["origin"] == "pin")
    with pytest.raises(NothingToRun, match="is pinned"):
        widget.run_action(0, 1)

    screen.ask("pin", step=0, action=1, pinned=False)
    assert widget.run_action_sync(0, 1) is second


def test_pins_in_code(widget):
    widget.run_flow_sync()

    widget.pin(0, "For")
    assert widget.get_state("run")["run"]["run"]["steps"][0]["actions"][0]["pinned"] is True
    widget.unpin(0, "For")
    assert widget.get_state("run")["run"]["run"]["steps"][0]["actions"][0]["pinned"] is False


# --- budgets and waits --------------------------------------------------------------------------


def test_a_budget_stops_a_run_and_a_larger_one_goes_on_with_it(screen, widget):
    assert screen.ask("budget", usd=None, tokens=20, seconds=None)["data"] is None
    assert widget.budget == Budget(tokens=20)

    screen.ask("run_flow", inputs=None)
    screen.settled()
    assert screen.view["run"]["stop"]["cause"] == "budget"
    assert screen.view["run"]["budget"] == {"usd": None, "tokens": 20, "seconds": None}
    refusal = screen.ask("resume")["error"]
    assert refusal["kind"] == "budget"
    assert refusal["hint"] == "Give a larger limit, then resume."

    ack = screen.ask("resume", budget={"tokens": 1_000_000})
    screen.until(lambda: screen.view["run"]["status"] == "completed")
    assert ack["data"] == {"run": widget.run.id}


def test_what_streams_counts_before_it_has_settled(make_screen, made):
    stalled = Reply(chunks=["four characters a token "] * 20, stall_after=10)
    widget = made(
        Flow(name="Long", steps=[Chat(prompt="Say four")]),
        provider=OfflineProvider(pace=0, script=[stalled]),
        budget={"tokens": 1000, "usd": 1},
        prices={"offline": {"input": 1000, "output": 1000}},
    )
    screen = make_screen(widget)
    screen.ask("run_flow", inputs=None)

    spent = screen.until(
        lambda: (
            screen.view["run"]
            and screen.view["run"]["spent"]["tokens"] >= 60
            and screen.view["run"]["spent"]
        )
    )
    assert spent["estimated"] is True
    assert spent["usd"] == pytest.approx(spent["tokens"] / 1000)
    assert widget.get_state("run")["run"]["run"]["spent"] == spent
    screen.ask("cancel")
    screen.settled()
    state = widget.runner.execution(widget.run).state
    assert screen.view["run"]["spent"]["tokens"] == state.estimated_tokens >= 60
    assert screen.view["run"] == widget.get_state("run")["run"]["run"]


def test_limits_that_are_all_null_take_the_budget_away(screen, widget):
    widget.budget = {"seconds": 5}
    assert widget.budget == Budget(seconds=5)

    screen.ask("budget", usd=None, tokens=None, seconds=None)

    assert widget.budget is None


def test_the_budget_of_the_next_runs_is_shown_and_goes_back_to_what_the_flow_says(
    make_screen, made
):
    flow = Flow(name="Kept short", steps=[Chat(prompt="x")], budget=Budget(tokens=500))
    widget = made(flow)
    screen = make_screen(widget)
    own = {"usd": None, "tokens": 500, "seconds": None}
    assert (screen.view["budget"], widget.get_state("flow")["flow"]["budget"]) == (own, own)

    screen.ask("budget", usd=None, tokens=None, seconds=5)
    screen.until(lambda: screen.view["budget"] == {"usd": None, "tokens": None, "seconds": 5.0})
    screen.ask("budget", usd=None, tokens=None, seconds=None)
    screen.until(lambda: screen.view["budget"] == own)
    widget.flow = Flow(name="Kept short", steps=[Chat(prompt="x")])
    screen.until(lambda: screen.view["budget"] is None)


def test_a_budget_that_cant_be_used_is_refused_in_code(widget):
    with pytest.raises(InvalidFlow):
        widget.budget = {"tokens": -1}
    with pytest.raises(FlowError, match="not a Budget"):
        widget.budget = 5


def test_try_now_reaches_what_waits(screen, widget, monkeypatch):
    asked = []
    monkeypatch.setattr(Waits, "try_now", lambda self, *place: asked.append(place))
    widget.run_flow_sync()

    ack = screen.ask("try_now", step=0, action=1)
    widget.try_now(1, 0)

    assert ack["data"] is None
    assert asked == [(0, 1), (1, 0)]


def test_force_makes_anew_what_the_cache_holds(make_screen):
    flow = Flow(name="Cached", steps=[Chat(prompt="x", temperature=0)])
    widget = FlowWidget(
        flow, provider=OfflineProvider(pace=0), store=MemoryStore(), cache=True, reopen=False
    )
    screen = make_screen(widget)
    widget.run_flow_sync()
    widget.run_flow_sync()
    screen.until(lambda: screen.view["run"] and screen.view["run"]["cached"] == 1)
    assert screen.view["cache"] is True

    screen.ask("run_flow", inputs=None, force=True)
    widget.run.result()
    assert widget.run.steps[0].actions[0].attempts[-1].number == 1
    assert widget.get_state("run")["run"]["run"]["cached"] == 0
    assert widget.run_flow_sync(force=True).status == "completed"
    widget.close()


# --- refused ------------------------------------------------------------------------------------

PLACE = {"step": 0, "action": 0}


@pytest.mark.parametrize(
    ("op", "fields", "words"),
    [
        ("resume", {}, "There is no run to go on with."),
        ("resume", {"budget": 5}, "'budget' must hold limits, not 5."),
        ("resume", {"budget": {}}, "No limit was given."),
        ("resume", {"budget": {"usd": None}}, "No limit was given."),
        ("resume", {"budget": {"tokens": -1}}, "tokens"),
        ("resume", {"budget": {"euros": 1}}, "euros"),
        ("budget", {"tokens": 1.5}, "tokens"),
        ("budget", {"usd": "much"}, "usd"),
        ("try_now", {"step": 0}, "'action' must be an index"),
        ("try_now", {"step": 7, "action": 0}, "There is no action 7, 0."),
        ("pin", PLACE, "'pinned' must be true or false"),
        ("pin", {**PLACE, "pinned": 1}, "'pinned' must be true or false, not 1."),
        ("pin", {**PLACE, "pinned": True}, "There is no run to pin outputs of."),
        ("edit_output", {**PLACE, "text": None}, "'text' must be a text, not None."),
        ("edit_output", {**PLACE, "text": "x"}, "There is no run to edit outputs of."),
        ("edit_output", {"step": 0, "action": 5, "text": "x"}, "There is no action 0, 5."),
        ("run_flow", {"force": "yes"}, "'force' must be true or false, not 'yes'."),
        ("pick", {}, "There is no run None."),
    ],
)
def test_a_refusal_says_what_is_wrong(screen, op, fields, words):
    ack = screen.ask(op, **fields)

    assert ack["ok"] is False
    assert words in ack["error"]["what"]


def test_what_does_not_exist_is_refused_in_code(widget):
    widget.run_flow_sync()

    with pytest.raises(NoSuchStep):
        widget.pin(9, 0)
    with pytest.raises(NoSuchStep):
        widget.try_now(0, "nobody")
    with pytest.raises(NothingToRun, match="has completed"):
        widget.resume()
