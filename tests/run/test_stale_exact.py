"""An output stands as long as what it would be made from now is what it was made from (R5, R17, R18)."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import pytest
from driver import Done, Driver, Fail, Probe, drive, flow, inputs

from flow_widgets.actions.chat import Chat
from flow_widgets.actions.loop import Loop
from flow_widgets.actions.subflow import Subflow
from flow_widgets.flow.model import Action, Edge, Flow, Step
from flow_widgets.flow.template import Templated
from flow_widgets.run import events as ev
from flow_widgets.run.digest import digest
from flow_widgets.run.state import AttemptState


def reasons(run: Driver) -> dict[str, str]:
    return {
        step.id: action.stale for step in run.state.steps for action in step.actions if action.stale
    }


def chats(*prompts: str, names: str = "", **options: Any) -> Flow:
    """Return a flow of one chat a step, with these ids, by letter when none are given."""
    ids = names.split() or list("abcdef")
    steps = [
        Step(id=name, name=name.title(), actions=(Chat(prompt=prompt),))
        for name, prompt in zip(ids, prompts, strict=False)
    ]
    return Flow(steps=tuple(steps), **options)


# What is no difference.


def test_R5_renaming_a_step_with_its_references_changes_nothing():
    run = drive(chats("one", "two {{steps.a.output}}")).play()
    source = chats("one", "two {{steps.first.output}}")
    renamed = source.steps[0].model_copy(update={"name": "First"})

    run.revise(source.model_copy(update={"steps": (renamed, source.steps[1])}))

    assert reasons(run) == {}


def test_R5_another_reference_to_an_equal_value_changes_nothing():
    run = drive(chats("one", "one", "two {{steps.a.output}}")).play({(1, 0): Done("a 1")})
    assert reasons(run) == {}

    run.revise(chats("one", "one", "two {{steps.b.output}}"))

    assert reasons(run) == {}


def test_R5_a_value_written_into_the_text_changes_nothing():
    run = drive(chats("about {{topic}}", inputs=inputs(topic="bees"))).play()

    run.revise(chats("about bees", inputs=inputs(topic="bees")))

    assert reasons(run) == {}


def test_R5_another_part_of_a_value_that_is_read_changes_nothing():
    run = drive(chats("one", "two {{steps.a.output.title}}"))
    run.complete("a", value={"title": "Bees", "pages": 1})
    run.play()

    run.rerun((0, 0))
    run.complete("a", value={"title": "Bees", "pages": 2})
    assert reasons(run) == {}
    run.rerun((0, 0))
    run.complete("a", value={"title": "Wasps", "pages": 2})

    assert reasons(run) == {"b": "step 0 ran again"}


def test_R5_what_is_not_sent_changes_nothing():
    chat = Chat(prompt="one")
    run = drive(Flow(steps=[chat])).play()
    patient = {"retry": {"max_attempts": 9}, "budget": {"tokens": 5}, "timeout_seconds": 3.0}

    run.revise(Flow(steps=[Chat(prompt="one", idle_seconds=9, **patient)], retry={}))

    assert reasons(run) == {}


def test_R5_where_the_output_is_saved_is_a_change():
    run = drive(Flow(steps=[Chat(prompt="one")])).play()

    run.revise(Flow(steps=[Chat(prompt="one", save_as="x")]))

    assert reasons(run) == {"s0": "save_as changed"}


def test_R5_an_equal_looking_value_of_another_type_is_a_change():
    run = drive(Flow(steps=[Chat(prompt="one", extra={"x": True})])).play()

    run.revise(Flow(steps=[Chat(prompt="one", extra={"x": 1})]))

    assert reasons(run) == {"s0": "extra changed"}


# Models.


def test_R5_another_model_of_the_flow_makes_stale_what_used_it():
    own = Chat(prompt="b", model="m2")
    run = drive(Flow(steps=[Chat(prompt="a"), own, Probe()], model="m1")).play()

    run.revise(Flow(steps=[Chat(prompt="a"), own, Probe()], model="m3"))
    assert reasons(run) == {"s0": "model changed"}
    run.revise(Flow(steps=[Chat(prompt="a", model="m1"), own, Probe()], model="m3"))

    assert reasons(run) == {}


def test_R5_a_model_that_an_action_names_is_a_field():
    run = drive(Flow(steps=[Chat(prompt="a", model="m1")])).play()

    run.revise(Flow(steps=[Chat(prompt="a")], model="m3"))

    assert reasons(run) == {"s0": "model changed"}


# Code.


def greeting(word: str) -> type[Action]:
    class Greet(Action):
        type: Literal["test_stale_greet"] = "test_stale_greet"
        text: Templated[str] = ""
        word_: ClassVar[str] = word

    return Greet


def test_R17_an_action_of_the_same_code_defined_again_is_the_same():
    run = drive(Flow(steps=[greeting("Hi")(text="x")])).play()

    run.revise(Flow(steps=[greeting("Hi")(text="x")]))

    assert reasons(run) == {}


def test_R17_an_action_of_other_code_makes_its_output_stale():
    run = drive(Flow(steps=[greeting("Hi")(text="x")])).play()

    run.revise(Flow(steps=[greeting("Ho")(text="x")]))

    assert reasons(run) == {"s0": "code changed"}


def test_R5_an_action_of_another_type_makes_its_output_stale():
    run = drive(Flow(steps=[Chat(prompt="x")])).play()

    run.revise(Flow(steps=[Probe(text="x")]))

    assert reasons(run) == {"s0": "type changed"}


# References that lead to nothing.


def test_R5_a_reference_to_a_step_that_has_not_run_makes_stale():
    run = drive(chats("one", "two {{steps.a.output}}", names="a c")).play()

    run.revise(chats("one", "new", "two {{steps.a.output}}", names="a b c"))
    assert reasons(run) == {}
    longer = chats("one", "new", "two {{steps.b.output}}", names="a b c")
    run.revise(longer)

    assert reasons(run) == {"c": "prompt changed"}


def test_R5_an_input_that_is_gone_makes_its_readers_stale():
    run = drive(chats("{{x}}", inputs=inputs(x=1))).play()

    run.state.inputs = {}
    run.state.shared = {}
    run.revise(chats("{{x}}", inputs=inputs(x=1)))

    assert reasons(run) == {"a": "inputs changed"}


def test_R5_partial_text_that_was_read_is_compared_as_text():
    source = chats("one", "two {{steps.a.output}}", on_error="continue")
    run = drive(source)
    run.chunk("a", "half")
    run.fail("a")
    run.play()
    run.revise(source)
    assert reasons(run) == {}

    run.rerun((0, 0))
    run.chunk("a", "other")
    run.fail("a")

    assert reasons(run) == {"b": "step 0 ran again"}


def test_R5_text_that_is_still_coming_is_not_compared():
    source = flow(sequence="a b", counts={"a": 2}, texts={"b": "{{steps.a.output}}"})
    run = drive(source).play()
    run.rerun((0, 0), (0, 1))
    run.chunk("a", "a 1", 1)

    run.complete("a", value="a 1")

    assert reasons(run) == {"b": "step 0 ran again"}


def test_R5_a_branch_that_was_not_taken_is_no_source_of_what_is_made():
    texts = {"c": "{{steps.a.output ?? steps.b.output}}"}
    run = drive(flow(sequence="a b c", texts=texts)).play()

    run.rerun((1, 0))
    run.complete("b", value="new")

    assert reasons(run) == {}


# Shared values.


def setting(source: Flow, **names: str) -> Flow:
    steps = [
        step.model_copy(
            update={
                "actions": tuple(
                    one.model_copy(update={"save_as": names.get(step.id)}) for one in step.actions
                )
            }
        )
        for step in source.steps
    ]
    return source.model_copy(update={"steps": tuple(steps)})


def test_R18_what_is_set_later_makes_earlier_readers_no_staler():
    source = setting(flow(sequence="a b", texts={"a": "{{n}}"}, state={"n": 0}), a="n", b="n")
    run = drive(source)
    run.complete("a", value=1, writes=(("n", 1),))
    run.complete("b", value=2, writes=(("n", 2),))

    run.revise(setting(flow(sequence="a b", texts={"a": "{{ n }}"}, state={"n": 0}), a="n", b="n"))

    assert reasons(run) == {}


def test_R18_an_input_is_read_as_it_was_given_where_nobody_before_sets_it():
    texts = {"a": "{{n}}"}
    source = setting(flow(sequence="a b", texts=texts, inputs=inputs(n=0)), b="n")
    run = drive(source)
    run.complete("a")
    run.complete("b", value=2, writes=(("n", 2),))

    renamed = flow(sequence="a b", texts={"a": "{{ n }}"}, inputs=inputs(n=0))
    run.revise(setting(renamed, b="n"))

    assert reasons(run) == {}


def test_R18_a_name_that_nothing_begins_with_is_looked_up_as_it_stands():
    source = flow(sequence="a", texts={"a": "{{n ?? flow.name}}"})
    run = drive(source).play()
    run.state.shared["n"] = 5

    run.revise(source)

    assert reasons(run) == {"a": "text changed"}


def test_R18_a_value_of_those_before_is_compared_as_it_is():
    source = setting(flow(sequence="a b", texts={"b": "{{x}}"}), a="x")
    run = drive(source)
    run.complete("a", value=1, writes=(("x", 1),))
    run.play()

    run.revise(setting(flow(sequence="a b", texts={"b": "{{ x }}"}), a="x"))
    assert reasons(run) == {}
    run.revise(setting(flow(sequence="a b", texts={"b": "{{x}}!"}), a="x"))

    assert reasons(run) == {"b": "text changed"}


def test_R18_a_value_that_others_have_set_since_is_compared_as_written():
    source = setting(flow(sequence="a b c", texts={"b": "{{x}}"}), a="x", c="x")
    run = drive(source)
    run.complete("a", value=1, writes=(("x", 1),))
    run.complete("b")
    run.complete("c", value=2, writes=(("x", 2),))

    run.revise(source)
    assert reasons(run) == {}
    run.revise(
        setting(flow(sequence="a b c", texts={"b": "{{ x }}"}), a="x", c="x"),
    )

    assert reasons(run) == {"b": "text changed"}


def test_R18_a_value_of_a_parallel_action_is_compared_as_written():
    source = setting(flow("a >> c, b >> d", texts={"d": "{{x}}"}), a="x")
    run = drive(source)
    run.complete("a", value=1, writes=(("x", 1),))
    run.play()
    run.revise(source)
    assert reasons(run) == {}

    run.rerun((0, 0))
    run.complete("a", value=2, writes=(("x", 2),))
    run.revise(source)

    assert reasons(run) == {"d": "step 0 ran again"}


# What is compared as written.


def looping(prompt: str, over: str = "{{steps.a.output}}", **options: Any) -> Flow:
    loop = Loop(over=over, body=[Chat(prompt=prompt)])
    return Flow(steps=(Step(id="a", actions=(Probe(),)), Step(id="b", actions=(loop,))), **options)


def test_R18_a_flow_inside_that_looks_outside_is_compared_as_written():
    run = drive(looping("{{item}} {{steps.a.output}}"))
    run.complete("a", value=[1])
    run.play()

    run.revise(looping("{{item}} {{steps.a.output}}", over="{{ steps.a.output }}"))
    assert reasons(run) == {"b": "over changed"}
    run.revise(looping("{{item}} {{steps.a.output}}"))
    assert reasons(run) == {}
    run.rerun((0, 0))
    run.complete("a", value=[2])

    assert reasons(run) == {"b": "step 0 ran again"}


def test_R18_a_reference_inside_that_leads_elsewhere_makes_stale():
    loop = looping("{{item}} {{steps.1.output}}", over=[1])
    first, added = (Step(id=name, actions=(Probe(),)) for name in "xz")
    source = loop.model_copy(update={"steps": (first, *loop.steps)})
    run = drive(source).play()

    run.revise(source.model_copy(update={"steps": (added, *source.steps)}))

    assert reasons(run) == {"b": "it refers to another step now"}


def test_R5_a_flow_inside_that_sees_only_its_own_is_exact_around_it():
    run = drive(looping("{{item}}"))
    run.complete("a", value=[1])
    run.play()

    run.revise(looping("{{item}}", over="{{ steps.a.output }}"))
    assert reasons(run) == {}
    run.revise(looping("{{item}}!", over="{{ steps.a.output }}"))

    assert reasons(run) == {"b": "body changed"}


def test_R5_retries_inside_change_nothing_and_code_inside_does():
    def inside(action: Any, **options: Any) -> Flow:
        return Flow(steps=[Loop(over=[1], body=Flow(steps=[action], **options))])

    run = drive(inside(greeting("Hi")())).play()

    run.revise(inside(greeting("Hi")(retry={"max_attempts": 1}), retry={"max_attempts": 2}))
    assert reasons(run) == {}
    run.revise(inside(greeting("Ho")()))

    assert reasons(run) == {"s0": "code changed"}


def inner_run(action: Action, model: str | None, inner: dict[Any, Any] | None = None) -> Any:
    """Return the run of a flow inside an action, of one action that took a model."""
    run = drive(Flow(steps=[action])).play()
    attempt = run.state.steps[0].actions[0].attempts[0]
    update = {"model": model} if isinstance(action, Chat) else {}
    attempt.rendered = action.model_copy(update=update)
    attempt.inner = inner
    return run.state


@pytest.mark.parametrize("deep", [False, True])
def test_R5_another_model_of_the_flow_makes_stale_what_used_it_inside(deep):
    chat = Chat(prompt="x")
    body: Any = Loop(over=[1], body=[chat]) if deep else chat
    source = Flow(steps=[Subflow(flow=Flow(steps=[body]))], model="m1")
    run = drive(source).play()
    attempt: AttemptState = run.state.steps[0].actions[0].attempts[0]
    inside = inner_run(chat, "m1")
    attempt.inner = {0: inner_run(body, None, {0: inside}) if deep else inside}
    owning = drive(Flow(steps=[chat], model="m9")).play().state
    attempt.inner[1] = owning

    run.revise(source.model_copy(update={"model": "m1"}))
    assert reasons(run) == {}
    run.revise(source.model_copy(update={"model": "m2"}))

    assert reasons(run) == {"s0": "model changed"}


def test_R5_an_attempt_without_its_filled_in_form_is_compared_as_written():
    run = drive(chats("one", "two {{steps.a.output}}")).play()
    run.state.steps[1].actions[0].attempts[0].rendered = None

    run.revise(chats("one", "two {{ steps.a.output }}"))

    assert reasons(run) == {"b": "prompt changed"}


def test_R5_data_that_is_too_deep_to_compare_counts_as_another():
    deep: Any = []
    for _ in range(5_000):
        deep = [deep]
    run = drive(Flow(steps=[Chat(prompt="x")])).play()
    attempt = run.state.steps[0].actions[0].attempts[0]
    attempt.rendered = attempt.rendered.model_copy(update={"extra": {"x": deep}})

    run.revise(Flow(steps=[Chat(prompt="{{flow.name ?? x}}")]))

    assert reasons(run) == {"s0": "prompt changed"}


def test_R10_what_is_handed_round_a_cycle_is_compared_as_written():
    def cyclic(text: str) -> Flow:
        steps = (
            Step(id="a", actions=(Probe(text=text, own_ports=("again", "done")),)),
            Step(id="b", actions=(Probe(text="{{steps.a.output}}"),)),
        )
        edges = (
            Edge(source="a", source_port="again", target="b"),
            Edge(source="b", target="a"),
        )
        return Flow(steps=steps, edges=edges)

    run = drive(cyclic("x"))
    run.complete("a", value="1", ports=("again",))
    run.complete("b", value="2")
    run.complete("a", value="3", ports=("done",))

    run.revise(cyclic("x"))
    assert reasons(run) == {}
    run.revise(cyclic("y"))

    assert reasons(run) == {"a": "text changed"}


# Outputs by hand.


def edit(run: Driver, step: int, value: Any) -> None:
    definition = run.state.graph.flow.steps[step].actions[0]
    run.record((ev.OutputEdited, step, 0, value, digest(value), definition, ()))


def test_R15_an_output_that_a_person_wrote_stays_and_its_readers_follow_it():
    run = drive(chats("one", "two {{steps.a.output}}", "three {{steps.b.output}}")).play()

    edit(run, 1, "mine")
    assert reasons(run) == {"c": "step 1 was edited"}
    run.revise(chats("new", "new {{steps.a.output}}", "three {{steps.b.output}}"))

    assert reasons(run) == {"a": "prompt changed", "c": "step 1 was edited"}


def test_R15_a_pinned_output_is_never_stale_until_it_is_let_go():
    run = drive(chats("one", "two {{steps.a.output}}", "three {{steps.b.output}}")).play()
    run.record((ev.OutputPinned, 1, 0, True))

    run.revise(chats("new", "new {{steps.a.output}}", "three {{steps.b.output}}"))
    assert reasons(run) == {"a": "prompt changed"}
    run.record((ev.OutputPinned, 1, 0, False))

    assert reasons(run) == {
        "a": "prompt changed",
        "b": "prompt changed",
        "c": "step 1 is stale",
    }


def test_R15_an_output_that_was_pinned_in_an_earlier_run_is_stale_once_it_is_let_go():
    run = drive(chats("one")).play()
    run.state.steps[0].actions[0].attempts[0].origin = "pin"

    run.revise(chats("one"))

    assert reasons(run) == {"a": "it is pinned no more"}


def test_R5_an_output_that_failed_is_not_stale():
    run = drive(chats("one")).play({(0, 0): Fail()})

    run.revise(chats("two"))

    assert reasons(run) == {}
