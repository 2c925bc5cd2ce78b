"""What a browser is sent adds up to what a snapshot shows."""

from __future__ import annotations

import copy

from flow_widgets import Chat, Edge, Flow, FlowWidget, Step
from flow_widgets.actions import Start
from flow_widgets.providers.offline import OfflineProvider, Reply


def shown(widget):
    """Return a snapshot without what differs from one moment to the next."""
    view = copy.deepcopy(widget.get_state("run")["run"])
    return {key: value for key, value in view.items() if key not in ("seq", "now")}


def without_moment(view):
    return {key: value for key, value in view.items() if key not in ("seq", "now")}


def test_deltas_add_up_to_the_snapshot(screen, widget):
    widget.run_flow_sync()
    screen.settled()

    assert without_moment(screen.view) == shown(widget)
    assert screen.view["run"]["settled"] == 3


def test_reruns_edits_and_picks_add_up_too(screen, widget):
    widget.run_flow_sync()
    widget.run_step_sync(0)
    widget.inputs = {"topic": "wasps"}
    first = widget.run
    widget.run_flow_sync()
    screen.until(lambda: len(screen.view["runs"]) == 2)
    screen.settled()
    screen.ask("pick", run=first.id)
    screen.until(lambda: screen.view["run"]["id"] == first.id)

    assert without_moment(screen.view) == shown(widget)
    assert screen.view["run"]["stale"] == 0
    assert [run["number"] for run in screen.view["runs"]] == [1, 2]


def test_numbers_of_deltas_have_no_gaps(screen, widget):
    widget.run_flow_sync()
    screen.settled()

    numbers = [
        m["seq"] for m in screen.messages if m["k"] == "d" and (m["set"] or m["add"] or m["push"])
    ]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_a_heartbeat_repeats_the_last_number(screen, widget):
    widget.run_flow_sync()
    screen.settled()

    beat = screen.until(
        lambda: next(
            (
                m
                for m in reversed(screen.messages)
                if m["k"] == "d" and not m["set"] and not m["add"]
            ),
            None,
        )
    )

    assert beat["seq"] <= screen.view["seq"]


def test_a_late_viewer_starts_from_a_snapshot_in_the_middle_of_a_run(make_screen):
    script = [Reply(chunks=["one ", "two ", "three"], stall_after=1, stall_seconds=0.3)]
    widget = FlowWidget(
        Flow(steps=[Chat(prompt="x")]), provider=OfflineProvider(pace=0, script=script)
    )
    widget.run_flow()
    screen = make_screen(widget)
    screen.settled()

    assert screen.view["run"]["steps"][0]["actions"][0]["text"] == "one two three"


def test_characters_beyond_the_basic_plane_are_counted_as_the_browser_does(make_screen):
    script = [Reply(chunks=["a🐝", "b🐝🐝", "c"])]
    widget = FlowWidget(
        Flow(steps=[Chat(prompt="x")]), provider=OfflineProvider(pace=0, script=script)
    )
    screen = make_screen(widget)
    widget.run_flow_sync()
    screen.settled()

    assert screen.view["run"]["steps"][0]["actions"][0]["text"] == "a🐝b🐝🐝c"


def test_many_streams_are_sent_at_the_slower_rate(make_screen):
    flow = Flow(steps=[[Chat(prompt=f"long {n}") for n in range(30)]])
    crowd = FlowWidget(flow, provider=OfflineProvider(pace=0))
    screen = make_screen(crowd)
    crowd.run_flow_sync()
    screen.settled()

    assert without_moment(screen.view) == shown(crowd)


def test_inputs_of_another_trigger_are_no_edit(make_screen):
    starts = [Step(id=name, actions=(Start(takes={name: "x"}),)) for name in ("a", "b")]
    work = Step(id="work", actions=(Chat(prompt="{{tone}}"),), join="first_success")
    edges = [Edge(source=name, target="work") for name in ("a", "b")]
    flow = Flow(steps=[*starts, work], edges=edges, inputs={"tone": "kind"})
    screen = make_screen(FlowWidget(flow, provider=OfflineProvider(pace=0)))

    screen.ask("run_flow", inputs=None, trigger=1)
    screen.settled()

    assert {"a", "b", "tone"} <= set(screen.view["inputs"])
    assert screen.view["inputs_edited"] is False
    screen.ask("inputs", values={"a": "other"})
    assert screen.widget.get_state("run")["run"]["inputs_edited"] is False
    screen.ask("inputs", values={"b": "other"})
    screen.until(lambda: screen.view["inputs_edited"])
