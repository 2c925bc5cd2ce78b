"""Where a run begins: with a trigger, or with what no edge leads to (P1)."""

from __future__ import annotations

from driver import Driver, drive, flow

from flow_widgets.actions.start import Start
from flow_widgets.flow.model import Flow


def triggers() -> Flow:
    one = Flow(steps=[Start(name="one"), Start(name="two")])
    one.add_step(Start(name="mid"))
    one.add_step(Start(name="last"))
    one.add_edge("one", "mid")
    one.add_edge("two", "last")
    return one


def test_P1_a_trigger_begins_the_run_and_the_others_are_skipped():
    run = Driver(triggers(), trigger=1).start()

    run.play()

    assert run.statuses == {
        "one": "skipped",
        "two": "completed",
        "mid": "skipped",
        "last": "completed",
    }
    assert run.state.steps[0].reason == "step 1 began this run"
    assert run.state.status == "completed"


def test_P1_a_trigger_can_be_one_that_edges_lead_to():
    run = Driver(triggers(), trigger=2).start()

    run.play()

    assert run.statuses == {
        "one": "skipped",
        "two": "skipped",
        "mid": "completed",
        "last": "skipped",
    }


def test_P1_where_every_step_has_an_edge_to_it_the_first_one_begins():
    ports = {"b": ("again", "done")}
    run = drive(flow("a >> b, b.again >> a, b.done >> c", ports=ports))

    run.complete("a")
    run.complete("b", ports=("done",))

    assert run.started == ["a", "b", "c"]
