"""Shared values that actions write: where reads come from, what makes stale, what is told (R5, P10)."""

from __future__ import annotations

import pytest
from driver import Driver, Fail, drive, flow, inputs

from flow_widgets import Flow
from flow_widgets.actions.set_state import SetState
from flow_widgets.flow.model import Edge, Step
from flow_widgets.run import events as ev

READ = {"b": "{{x}}"}


def made(edges: str, *, sets: dict[str, str], texts: dict[str, str] | None = None, **given) -> Flow:
    """Return a flow of probes in which some steps declare that they set a shared value."""
    source = flow(edges, texts=texts or {}, **given)
    steps = [_setting(step, sets[step.id]) if step.id in sets else step for step in source.steps]
    return source.model_copy(update={"steps": tuple(steps)})


def _setting(step: Step, names: str) -> Step:
    pairs = zip(step.actions, names.split() * 9, strict=False)
    actions = tuple(one.model_copy(update={"save_as": name}) for one, name in pairs)
    return step.model_copy(update={"actions": actions})


def warnings(run: Driver) -> list[str]:
    lines = (event for event in run.events if isinstance(event, ev.LogWritten))
    return [f"{line.step}, {line.action}: {line.text}" for line in lines]


def write(run: Driver, step: str, value, name: str = "x", action: int = 0) -> None:
    run.complete(step, action, value=value, writes=((name, value),))


def test_a_written_value_is_found_by_what_runs_later():
    run = drive(made("a >> b", sets={"a": "x.y"}, texts={"b": "{{x.y}}"}))

    run.complete("a", writes=(("x.y", 5),))

    assert run.state.shared == {"x": {"y": 5}}
    assert run.statuses["b"] == "running"
    assert run.folded() == run.state


def test_R5_a_reader_is_stale_when_the_writer_sets_another_value_and_fresh_at_the_same():
    run = drive(made("a >> b, b >> c", sets={"a": "x"}, texts={**READ, "c": "{{steps.b.output}}"}))
    write(run, "a", 1)
    run.play()

    run.rerun((0, 0))
    write(run, "a", 2)
    assert run.stale == [(1, 0), (2, 0)]
    run.rerun((0, 0))
    write(run, "a", 1)

    assert run.stale == []


def test_R5_another_output_with_the_same_written_value_makes_nothing_stale():
    run = drive(made("a >> b", sets={"a": "x"}, texts=READ))
    run.complete("a", value="one", writes=(("x", 1),))
    run.play()

    run.rerun((0, 0))
    run.complete("a", value="two", writes=(("x", 1),))

    assert run.stale == []


def test_R5_a_reader_of_one_value_is_not_touched_by_another_of_the_same_writer():
    run = drive(made("a >> b", sets={"a": "x"}, texts=READ))
    run.complete("a", writes=(("x", 1), ("y", 1)))
    run.play()

    run.rerun((0, 0))
    run.complete("a", writes=(("x", 1), ("y", 2)))

    assert run.stale == []


def test_R5_a_written_value_hides_the_input_of_its_name():
    run = drive(made("a >> b", sets={"a": "x"}, texts=READ, inputs=inputs(x=0)))
    write(run, "a", 1)
    run.play()

    run.revise_inputs(x=9)

    assert run.state.shared["x"] == 1
    assert run.stale == []


def test_R5_what_a_slot_begins_with_is_read_until_it_is_set():
    source = made("a >> b", sets={}, texts=READ, state={"x": 7})
    run = drive(source).play()

    run.revise(made("a >> b", sets={}, texts=READ, state={"x": 8}))

    assert run.stale == [(1, 0)]


def test_R9_a_written_value_follows_its_writer_to_another_place():
    source = made("", sets={"a": "x"}, texts=READ, sequence="a b")
    run = drive(source)
    write(run, "a", 1)
    run.play()
    longer = made("", sets={"a": "x"}, texts=READ, sequence="z a b")

    run.revise(longer)

    assert run.stale == []


@pytest.mark.parametrize(
    ("edges", "sets", "count"),
    [
        ("s >> a, s >> b", "a b", 1),
        ("s >> a, a >> b", "a b", 0),
        ("s.x >> a, s.y >> b", "a b", 0),
    ],
)
def test_P10_values_set_in_parallel_are_told_and_ordered_or_exclusive_ones_are_not(
    edges, sets, count
):
    ports = {"s": ("x", "y")} if ".x" in edges else {}
    run = drive(made(edges, sets=dict.fromkeys(sets.split(), "x"), ports=ports))
    run.complete("s", ports=("x",) if ports else None)
    while run.live:
        write(run, run.state.steps[run.live[0][0]].id, run.live[0][0])

    assert len(warnings(run)) == count


def test_P10_the_last_value_stands_and_the_warning_says_so():
    run = drive(made("s >> a, s >> b", sets={"a": "x", "b": "x"}))
    run.complete("s")
    write(run, "b", 2)
    write(run, "a", 1)

    assert warnings(run) == ["1, 0: 'x' was also set by 2, 0, in parallel; this value stands now"]
    assert run.state.shared == {"x": 1}


def test_P10_parallel_actions_of_one_step_are_told_too():
    run = drive(made("", sets={"a": "x"}, sequence="a", counts={"a": 2}))
    write(run, "a", 1, action=0)
    write(run, "a", 2, action=1)

    assert warnings(run) == ["0, 1: 'x' was also set by 0, 0, in parallel; this value stands now"]


def test_P10_different_parts_of_one_value_are_no_conflict():
    run = drive(made("", sets={"a": "x.one x.two"}, sequence="a", counts={"a": 2}))
    write(run, "a", 1, "x.one", action=0)
    write(run, "a", 2, "x.two", action=1)

    assert run.state.shared == {"x": {"one": 1, "two": 2}}
    assert warnings(run) == []


def test_P10_a_rerun_of_a_writer_is_no_conflict_with_itself_nor_with_what_follows_it():
    run = drive(made("a >> b", sets={"a": "x", "b": "x"}))
    write(run, "a", 1)
    write(run, "b", 2)

    run.rerun((0, 0))
    write(run, "a", 3)

    assert warnings(run) == []


def test_a_failed_action_sets_nothing():
    run = drive(made("a >> b", sets={"a": "x"}, on_error="continue")).play({(0, 0): Fail()})

    assert run.state.shared == {}


def test_an_edit_of_the_edges_keeps_what_was_set():
    steps = [SetState(id="a", key="x", value=1), SetState(id="b", key="y", value="{{x}}")]
    edges = [Edge(source="a", target="b")]
    run = drive(Flow(steps=steps, edges=edges))
    run.complete("a", writes=(("x", 1),))
    run.play()

    run.revise(Flow(steps=steps))

    assert run.state.shared["x"] == 1
    assert run.stale == []


def test_P10_an_ordered_writer_in_between_hides_no_parallel_one():
    run = drive(made("s >> a, s >> b, b >> c", sets=dict.fromkeys("abc", "x")))
    run.complete("s")
    write(run, "a", 1)
    write(run, "b", 2)
    write(run, "c", 3)

    assert [line.partition(":")[0] for line in warnings(run)] == ["2, 0", "3, 0"]
