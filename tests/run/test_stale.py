from __future__ import annotations

from driver import Driver, Fail, Probe, drive, flow, inputs

from flow_widgets.actions.chat import Chat
from flow_widgets.flow.attachment import File
from flow_widgets.flow.model import Flow, Step
from flow_widgets.run import events as ev
from flow_widgets.run.stale import difference, needed_first

CHAIN = {"b": "{{steps.a.output}}", "c": "{{steps.b.output}}"}


def chain(**given) -> Flow:
    return flow(sequence="a b c", **{"texts": CHAIN, **given})


def reasons(run: Driver) -> dict[str, str]:
    return {
        step.id: action.stale for step in run.state.steps for action in step.actions if action.stale
    }


def moved(source: Flow, *names: str) -> Flow:
    """Return a flow with these steps, known ones as they are and new ones made."""
    known = {step.id: step for step in source.steps}
    steps = tuple(known.get(name) or Step(id=name, actions=(Probe(),)) for name in names)
    return source.model_copy(update={"steps": Flow(steps=steps).steps})


# What makes an output stale.


def test_R5_an_output_is_stale_when_what_it_read_is_another():
    run = drive(chain()).play()

    run.rerun((0, 0))
    run.complete("a", value="new")

    assert reasons(run) == {"b": "step 0 ran again", "c": "step 1 is stale"}


def test_R5_an_equal_output_leaves_its_readers_fresh():
    run = drive(chain()).play()

    run.rerun((0, 0))
    run.complete("a", value="a 1")

    assert run.stale == []


def test_R5_a_rerun_that_failed_makes_its_readers_stale():
    run = drive(chain()).play()

    run.rerun((0, 0))
    run.fail("a")

    assert reasons(run) == {"b": "step 0 ran again", "c": "step 1 is stale"}


def test_R5_a_rerun_that_was_canceled_makes_its_readers_stale():
    run = drive(chain()).play()

    run.rerun((0, 0))
    run.cancel()

    assert reasons(run) == {"b": "step 0 ran again", "c": "step 1 is stale"}


def test_R5_an_output_is_stale_when_its_definition_was_edited():
    run = drive(chain()).play()

    run.revise(chain(texts={**CHAIN, "b": "Say: {{steps.a.output}}"}))

    assert reasons(run) == {"b": "text changed", "c": "step 1 is stale"}


def test_R5_an_output_is_stale_when_an_input_that_it_read_was_edited():
    texts = {"a": "{{x}}", "b": "{{inputs.y}}"}
    run = drive(flow(sequence="a b", texts=texts, inputs=inputs(x=1, y=2))).play()

    run.revise_inputs(y=3)

    assert reasons(run) == {"b": "inputs changed"}


def test_R5_an_action_that_has_no_output_is_not_stale():
    run = drive(chain(on_error="continue")).play({(0, 0): Fail(), (1, 0): Fail()})

    run.revise(chain(texts={"a": "new", "b": "new", "c": "new"}, on_error="continue"))

    assert reasons(run) == {}


def test_R5_a_reader_of_a_whole_step_is_stale_when_any_of_its_actions_is_another():
    run = drive(flow(sequence="a b", counts={"a": 2}, texts={"b": "{{steps.a.output}}"})).play()

    run.rerun((0, 1))
    run.complete("a", 1, value="new")

    assert reasons(run) == {"b": "step 0 ran again"}


def test_R5_a_file_given_anew_makes_its_readers_stale():
    old, new = File.of(b"old", name="a.txt"), File.of(b"new", name="a.txt")
    run = drive(flow(sequence="a", texts={"a": "{{x}}"}, inputs=inputs(x=old))).play()

    run.revise_inputs(x=new)

    assert reasons(run) == {"a": "inputs changed"}


def test_R5_a_fact_of_the_flow_that_is_read_makes_stale_when_it_is_another():
    texts = {"a": "{{flow.name}}", "b": "{{flow.run_id}}"}
    run = drive(flow(sequence="a b", texts=texts)).play()

    run.revise(flow(sequence="a b", texts=texts, name="New", id="flow"))

    assert reasons(run) == {"a": "text changed"}


# What makes it fresh again.


def test_R6_undoing_an_edit_makes_everything_fresh_again():
    run = drive(chain()).play()
    run.revise(chain(texts={**CHAIN, "a": "edited"}))

    run.revise(chain())

    assert run.stale == []
    assert run.told(ev.ActionFresh) == ["a", "b", "c"]


def test_R6_a_reason_that_changes_is_told_and_one_that_stays_is_not():
    run = drive(chain()).play()
    run.revise(chain(texts={**CHAIN, "b": "{{steps.a.output}}!"}))
    run.revise(chain(texts={**CHAIN, "b": "{{steps.a.output}}!"}))

    run.revise(flow(sequence="a b c", texts=CHAIN))
    run.revise_inputs()

    assert run.told(ev.ActionStale) == ["b", "c"]


def test_R6_running_what_is_stale_stops_where_an_output_is_the_same():
    run = drive(chain()).play()
    run.revise(chain(texts={**CHAIN, "a": "edited"}))

    run.rerun_stale()
    run.complete("a", value="a 1")

    assert run.stale == []
    assert run.started == ["a", "b", "c", "a"]
    assert run.state.status == "completed"


def test_R6_running_what_is_stale_runs_it_in_order():
    run = drive(chain()).play()
    run.revise(chain(texts={**CHAIN, "a": "edited"}))

    run.rerun_stale()
    run.play()

    assert run.started[3:] == ["a", "b", "c"]
    assert run.stale == []


def test_R6_a_chosen_step_runs_even_when_it_turns_out_fresh():
    run = drive(chain()).play()

    run.rerun((0, 0), (1, 0))
    run.complete("a", value="a 1")

    assert run.live == [(1, 0, 2)]


def test_R6_a_stale_action_that_runs_is_no_longer_stale():
    run = drive(chain()).play()
    run.revise(chain(texts={**CHAIN, "a": "edited"}))

    run.rerun((0, 0))

    assert reasons(run) == {"b": "step 0 is stale", "c": "step 1 is stale"}


# Edits of the order of steps.


def test_R9_results_stay_with_their_steps_when_the_order_changes():
    run = drive(chain()).play()

    run.revise(moved(chain(), "x", "a", "b", "c"))

    assert run.statuses == {"x": "pending", "a": "completed", "b": "completed", "c": "completed"}
    assert run.stale == []


def test_R9_a_reader_follows_its_source_to_another_place():
    run = drive(chain()).play()
    run.revise(moved(chain(), "x", "a", "b", "c"))

    run.rerun((1, 0))
    run.complete("a", value="new")

    assert reasons(run) == {"b": "step 1 ran again", "c": "step 2 is stale"}


def test_R9_an_index_that_leads_elsewhere_now_makes_its_reader_stale():
    by_index = flow(sequence="a b c", texts={"c": "{{steps.1.output}}"})
    run = drive(by_index).play()

    run.revise(moved(by_index, "b", "a", "c"))

    assert reasons(run) == {"c": "it refers to another step now"}


def test_R9_a_reader_of_a_step_that_was_removed_is_stale():
    run = drive(chain()).play()

    run.revise(moved(chain(), "b", "c"))

    assert reasons(run) == {"b": "it refers to another step now", "c": "step 0 is stale"}


def test_R9_a_reader_of_partial_text_is_stale_when_its_source_was_removed():
    source = chain(on_error="continue")
    run = drive(source)
    run.chunk("a", "half")
    run.fail("a")
    run.play()

    run.revise(moved(source, "b", "c"))

    assert reasons(run) == {"b": "it refers to another step now", "c": "step 0 is stale"}


def test_R9_a_step_that_was_added_can_be_run_by_itself():
    run = drive(chain()).play()
    run.revise(moved(chain(), "a", "b", "c", "x"))

    run.rerun((3, 0))
    run.play()

    assert run.statuses["x"] == "completed"
    assert run.state.status == "completed"


def test_R9_an_action_that_was_added_to_a_step_is_pending():
    run = drive(chain()).play()

    run.revise(chain(counts={"a": 2}))

    assert run.actions["a"] == ["completed", "pending"]
    assert reasons(run) == {"b": "it refers to another step now", "c": "step 1 is stale"}


# Differences.


def test_ids_and_names_are_no_difference():
    old = Chat(prompt="Hi", id="a", name="A")

    assert difference(old, Chat(prompt="Hi", id="b", name="B")) is None
    assert difference(old, old) is None


def test_the_first_field_that_differs_is_named():
    old = Chat(prompt="Hi", temperature=0)

    assert difference(old, Chat(prompt="Ho", temperature=1)) == "prompt"


def test_another_type_is_a_difference_of_type():
    assert difference(Chat(prompt="Hi"), Probe()) == "type"


# What runs with it.


def test_R6_what_a_stale_action_uses_and_that_never_ran_runs_before_it():
    run = drive(chain()).play()
    longer = flow(sequence="a x b c", texts={**CHAIN, "b": "{{steps.x.output}}"})
    run.revise(longer)

    assert run.stale == [(2, 0), (3, 0)]
    assert needed_first(run.state, run.stale) == [(1, 0), (2, 0), (3, 0)]


def test_R5_an_action_that_ran_on_a_stale_output_is_stale_itself():
    run = drive(chain()).play()
    run.revise(chain(texts={**CHAIN, "a": "edited"}))

    run.rerun((1, 0))
    run.complete("b", value="b 1")

    assert reasons(run) == {
        "a": "text changed",
        "b": "step 0 is stale",
        "c": "step 1 is stale",
    }
