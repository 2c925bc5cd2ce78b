"""Outputs that a person writes or pins, and how runs go on from there (R15)."""

from __future__ import annotations

import asyncio

import pytest

from flow_widgets import Chat, Flow, FlowRunner
from flow_widgets.actions.set_state import SetState
from flow_widgets.errors import (
    AlreadyRunning,
    FlowError,
    InvalidValue,
    MissingReference,
    NoSuchStep,
    NothingToRun,
)
from flow_widgets.flow.declared import Slot
from flow_widgets.run import events as ev
from flow_widgets.run.reduce import reduce
from flow_widgets.store.memory import MemoryStore


def chain(*prompts: str, **options) -> Flow:
    options.setdefault("retry", {"max_attempts": 1})
    return Flow(steps=[Chat(prompt=prompt) for prompt in prompts], **options)


LINE = ("a", "b {{steps.0.output}}", "c {{steps.1.output}}")


async def test_R15_what_depends_on_an_edited_output_is_stale_and_runs_from_it(provider):
    runner = FlowRunner(chain(*LINE), provider=provider)
    run = await runner.run_flow()

    assert runner.edit_output(0, 0, "mine") is run
    assert runner.stale == [(1, 0), (2, 0)]
    await runner.run_stale()

    assert run.output == "echo: c echo: b mine  "
    assert provider.counts["a"] == 1
    attempts = run.steps[0].actions[0].attempts
    assert [(one.output, one.origin) for one in attempts] == [("echo: a ", "ran"), ("mine", "edit")]


async def test_R15_an_edit_that_changes_nothing_makes_nothing_stale(provider):
    runner = FlowRunner(chain(*LINE), provider=provider)
    await runner.run_flow()

    runner.edit_output(0, 0, "echo: a ")

    assert runner.stale == []


async def test_R15_an_edit_can_be_undone_by_running_the_action(provider):
    runner = FlowRunner(chain(*LINE), provider=provider)
    run = await runner.run_flow()
    runner.edit_output(0, 0, "mine")

    await runner.run_action(0, 0)

    assert run.steps[0].output == "echo: a "
    assert runner.stale == []


async def test_structured_outputs_are_edited_and_read_by_their_parts(provider):
    runner = FlowRunner(chain("a", "b {{steps.0.output.n.0}}"), provider=provider)
    with pytest.raises(Exception, match=r".*"):
        (await runner.run_flow()).raise_for_status()
    value = {"n": [1, None, True, 2.5, "ü"]}

    run = runner.edit_output(0, 0, value)
    value["n"][0] = 9
    await runner.resume()

    assert run.status == "completed"
    assert run.output == "echo: b 1 "
    assert run.steps[0].output["n"][0] == 1


async def test_R15_an_edit_writes_where_the_action_saves(provider):
    flow = Flow(
        steps=[Chat(prompt="a", save_as="answer"), Chat(prompt="b {{answer}}")],
        state={"answer": Slot(type="text")},
    )
    runner = FlowRunner(flow, provider=provider)
    run = await runner.run_flow()

    runner.edit_output(0, 0, "mine")
    assert run.state["answer"] == "mine"
    assert runner.stale == [(1, 0)]
    await runner.run_stale()

    assert run.output == "echo: b mine "


async def test_an_edit_that_can_not_be_saved_changes_nothing(provider):
    flow = Flow(
        steps=[Chat(prompt="a", save_as={"n": ""})], state={"n": Slot(type="text", default="x")}
    )
    parts = Flow(steps=[Chat(prompt="a", save_as={"n": "part"})], state={"n": Slot(type="number")})
    runner = FlowRunner(flow, provider=provider)
    run = await runner.run_flow()
    other = FlowRunner(parts, provider=provider)
    failed = await other.run_flow()
    seq = run._execution.state.seq

    with pytest.raises(MissingReference):
        other.edit_output(0, 0, {"other": 1})
    with pytest.raises(FlowError):
        other.edit_output(0, 0, {"part": "no number"})
    other.edit_output(0, 0, {"part": 2})

    assert failed.state["n"] == 2
    assert run._execution.state.seq == seq


@pytest.mark.parametrize("output", [object(), float("nan"), {(1, 2): 3}, {"a": {1, 2}}, b"bytes"])
async def test_what_is_no_data_is_refused(provider, output):
    runner = FlowRunner(chain("a"), provider=provider)
    run = await runner.run_flow()

    with pytest.raises(InvalidValue, match="no JSON data"):
        runner.edit_output(0, 0, output)

    assert run.output == "echo: a "


async def test_R15_keys_are_texts_as_in_the_store(provider):
    runner = FlowRunner(chain("a"), provider=provider)
    run = await runner.run_flow()

    runner.edit_output(0, 0, {10: "ten", 9: {True: 2.5}})

    assert run.output == {"10": "ten", "9": {"true": 2.5}}
    assert runner.stale == []
    runner.edit_output(0, 0, {"9": {"true": 2.5}, "10": "ten"})
    marks = [one._state.digest for one in run.steps[0].actions[0].attempts]
    assert marks[1] == marks[2]


async def test_too_deep_data_is_refused(provider):
    runner = FlowRunner(chain("a"), provider=provider)
    await runner.run_flow()
    deep: list = []
    for _ in range(100_000):
        deep = [deep]

    with pytest.raises(InvalidValue):
        runner.edit_output(0, 0, deep)


async def test_edits_and_pins_need_a_settled_run_and_a_place(provider):
    runner = FlowRunner(chain("hold"), provider=provider)
    with pytest.raises(NothingToRun, match="no run to edit"):
        runner.edit_output(0, 0, "x")
    with pytest.raises(NothingToRun, match="no run to pin"):
        runner.pin(0, 0)
    run = runner.run_flow()
    await asyncio.sleep(0)
    with pytest.raises(AlreadyRunning):
        runner.edit_output(0, 0, "x")
    with pytest.raises(AlreadyRunning):
        runner.pin(0, 0)
    await run.cancel()

    with pytest.raises(NoSuchStep):
        runner.edit_output(1, 0, "x")
    with pytest.raises(NothingToRun, match="no output to pin; it is canceled"):
        runner.pin(0, 0)


async def test_R15_a_failed_action_is_edited_and_the_run_goes_on(provider):
    runner = FlowRunner(chain("a", "fail", "c {{steps.1.output}}"), provider=provider)
    run = await runner.run_flow()
    assert run.status == "failed"

    runner.edit_output(1, 0, "by hand")
    await runner.resume()

    assert run.status == "completed"
    assert run.output == "echo: c by hand "
    assert provider.counts == {"a": 1, "fail": 1, "c by hand": 1}


async def test_R15_after_an_edit_of_a_failed_action_what_it_kept_from_running_is_stale(provider):
    runner = FlowRunner(chain("a", "fail", "c {{steps.1.output}}"), provider=provider)
    run = await runner.run_flow()

    runner.edit_output(1, 0, "by hand")
    await runner.run_stale()

    assert run.output == "echo: c by hand "
    assert provider.counts["fail"] == 1


async def test_an_action_that_never_ran_is_edited_and_the_run_goes_on(provider):
    runner = FlowRunner(chain("hold", "b {{steps.0.output}}"), provider=provider)
    run = runner.run_flow()
    await asyncio.sleep(0)
    await run.cancel()

    runner.edit_output(1, 0, "by hand")
    provider.requests.clear()
    runner.edit_output(0, 0, "also")
    await runner.resume()

    assert run.status == "completed"
    assert run.output == "by hand"
    assert provider.requests == []


async def test_one_of_several_failed_actions_is_edited_and_the_others_run_again(provider):
    flow = Flow(steps=[[Chat(prompt="fail 1"), Chat(prompt="fail 2")]], retry={"max_attempts": 1})
    runner = FlowRunner(flow, provider=provider)
    run = await runner.run_flow()

    runner.edit_output(0, 0, "by hand")
    provider.failing = False
    await runner.resume()

    assert [one.output for one in run.steps[0].actions] == ["by hand", "echo: fail 2 "]
    assert provider.counts == {"fail 1": 1, "fail 2": 2}


async def test_edits_and_pins_are_kept_and_fold_to_the_same(provider):
    store = MemoryStore()
    runner = FlowRunner(chain(*LINE), provider=provider, store=store)
    run = await runner.run_flow()

    runner.edit_output(1, 0, {"n": 1})
    runner.pin(1, 0)

    events = list(store.events(run.id))
    assert [
        type(event) for event in events if type(event) in (ev.OutputEdited, ev.OutputPinned)
    ] == [
        ev.OutputEdited,
        ev.OutputPinned,
    ]
    state = None
    for event in events:
        state = reduce(state, event)
    assert state == run._execution.state
    assert store.info(run.id).owner is None


# Pins.


async def test_R15_a_pinned_output_is_used_by_the_next_runs(provider):
    runner = FlowRunner(chain(*LINE), provider=provider)
    await runner.run_flow()
    runner.edit_output(0, 0, "mine")
    runner.pin(0, 0)

    second = await runner.run_flow()
    third = await runner.run_flow()

    assert provider.counts["a"] == 1
    for run in (second, third):
        first = run.steps[0].actions[0]
        assert (first.output, first.attempts[0].origin, run.steps[1].output) == (
            "mine",
            "pin",
            "echo: b mine ",
        )


async def test_a_pinned_output_is_not_made_stale_by_edits(provider):
    runner = FlowRunner(chain(*LINE), provider=provider)
    await runner.run_flow()
    runner.pin(0, 0)

    runner.revise(chain("another", *LINE[1:]))
    assert runner.stale == []
    runner.pin(0, 0, False)

    assert runner.stale == [(0, 0), (1, 0), (2, 0)]


async def test_a_rerun_of_a_step_uses_the_pinned_output_and_makes_the_others(provider):
    flow = Flow(steps=[[Chat(prompt="a"), Chat(prompt="b")]])
    runner = FlowRunner(flow, provider=provider)
    run = await runner.run_flow()
    runner.pin(0, 0)

    await runner.run_step(0)

    assert provider.counts == {"a": 1, "b": 2}
    assert [one.attempts[-1].origin for one in run.steps[0].actions] == ["pin", "ran"]
    with pytest.raises(NothingToRun, match="is pinned"):
        runner.run_action(0, 0)


async def test_letting_go_of_a_pin_holds_in_the_run_and_the_next(provider):
    runner = FlowRunner(chain("a"), provider=provider)
    await runner.run_flow()
    runner.pin(0, 0)
    second = await runner.run_flow()
    assert provider.counts["a"] == 1

    runner.pin(0, 0, False)
    assert runner.stale == [(0, 0)]
    await runner.run_stale()
    assert (provider.counts["a"], second.steps[0].actions[0].attempts[-1].origin) == (2, "ran")
    await runner.run_flow()

    assert provider.counts["a"] == 3


async def test_letting_go_of_what_is_not_pinned_does_nothing(provider):
    runner = FlowRunner(chain("a"), provider=provider)
    run = await runner.run_flow()
    seq = run._execution.state.seq

    runner.pin(0, 0, False)

    assert run._execution.state.seq == seq


async def test_pins_go_with_their_action_when_the_flow_is_edited(provider):
    flow = chain("a", "b")
    runner = FlowRunner(flow, provider=provider)
    await runner.run_flow()
    runner.pin(1, 0)

    runner.revise(flow.model_copy(update={"steps": flow.steps[::-1], "edges": ()}))
    run = await runner.run_flow()

    assert run.steps[0].actions[0].attempts[0].origin == "pin"
    assert provider.counts == {"a": 2, "b": 1}


async def test_pins_are_taken_up_with_a_kept_run(provider):
    store = MemoryStore()
    first = FlowRunner(chain("a", "b"), provider=provider, store=store)
    await first.run_flow()
    first.pin(0, 0)

    second = FlowRunner(chain("a", "b"), provider=provider, store=store)
    second.reopen()
    run = await second.run_flow()

    assert run.number == 2
    assert provider.counts == {"a": 1, "b": 2}


async def test_pins_of_the_current_run_are_none_of_another_run_that_is_taken_up(provider):
    store = MemoryStore()
    runner = FlowRunner(chain("a"), provider=provider, store=store)
    old = await runner.run_flow()
    again = FlowRunner(chain("a"), provider=provider, store=store)
    await again.run_flow()
    again.edit_output(0, 0, "mine")
    again.pin(0, 0)

    again.reopen(old.id)
    await again.run_action(0, 0)

    assert again.run.output == "echo: a "


async def test_a_forced_run_uses_pins_all_the_same(provider):
    runner = FlowRunner(chain("a"), provider=provider, cache=True, store=MemoryStore())
    await runner.run_flow()
    runner.pin(0, 0)

    run = await runner.run_flow(force=True)

    assert run.steps[0].actions[0].attempts[0].origin == "pin"


async def test_a_pinned_output_sets_what_its_action_saves(provider):
    flow = Flow(
        steps=[Chat(prompt="a", save_as="answer"), SetState(values={"copy": "{{answer}}"})],
        state={"answer": Slot(type="any"), "copy": Slot(type="any")},
    )
    runner = FlowRunner(flow, provider=provider)
    await runner.run_flow()
    runner.pin(0, 0)

    run = await runner.run_flow()

    assert run.state == {"answer": "echo: a ", "copy": "echo: a "}
