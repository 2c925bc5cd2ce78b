"""What inputs of elements hold: what is given at the beginning, and what connections carry."""

from __future__ import annotations

import pytest
from elements import END, LLM, START, TEXT, branching, doc, inputs, native, problems, ran, wire

from flow_widgets.flow.formats import load_flow, load_notes
from flow_widgets.flow.formats.executor.expression import either, inside


def test_flat_values_reach_what_the_start_leads_to():
    document = doc({"s": START, "l": LLM}, "s > l", prompt="Hi", other=3)

    assert native(document, "s")["values"] == {
        "prompt": "{{inputs.prompt}}",
        "other": "{{inputs.other}}",
    }
    assert native(document, "l")["prompt"] == "{{inputs.prompt}}"
    assert inputs(document)["other"] == {"type": "integer", "required": False, "default": 3}


def test_values_by_element_reach_that_element_only():
    elements = {"s": START, "ask": {"type": "chat_input"}, "l": LLM}
    document = doc(elements, "s > l", "ask.chat_input > l.prompt", ask={"chat_input": "x"})

    assert native(document, "s")["values"] == {}
    assert native(document, "ask")["text"] == "{{inputs.chat_input}}"
    assert native(document, "l")["prompt"] == "{{steps.ask.output}}"
    assert load_flow(document).inputs["chat_input"].default == "x"


def test_values_of_the_same_name_are_told_apart_by_the_element():
    document = doc({"s": START, "a": LLM, "b": LLM}, a={"prompt": "x"}, b={"prompt": "y"})

    assert {name: one["default"] for name, one in inputs(document).items()} == {
        "prompt": "x",
        "b_prompt": "y",
    }


def test_values_of_an_unknown_element_are_noted_and_not_used():
    document = doc({"s": START, "a": LLM}, a={"prompt": "x"}, b={"prompt": "y"})

    assert list(inputs(document)) == ["prompt"]
    assert [str(one) for one in load_notes(document)] == [
        "initial_inputs.b: 'b' is no element of this flow; its values are not used. "
        "Known: 's', 'a'."
    ]


def test_flat_values_reach_an_element_of_another_type_that_is_the_start():
    document = doc({"ask": {"type": "chat_input"}}, chat_input="Hi")
    document["flow_definition"]["start_element_id"] = "ask"

    assert native(document, "ask")["text"] == "{{inputs.chat_input}}"


def test_a_chat_input_that_nothing_leads_to_asks_the_run():
    document = doc({"s": START, "ask": {"type": "chat_input"}})

    assert native(document, "ask")["text"] == "{{inputs.chat_input}}"
    assert inputs(document) == {"chat_input": {"type": "text", "required": False, "default": ""}}


def test_a_chat_input_takes_a_flat_value_of_its_name():
    document = doc({"s": START, "chat_input": {"type": "chat_input"}}, chat_input="Hi")

    assert native(document, "chat_input")["text"] == "{{inputs.chat_input}}"
    assert list(inputs(document)) == ["chat_input"]


@pytest.mark.parametrize(
    ("type", "native_type"),
    [
        ("string", "text"),
        ("int", "integer"),
        ("float", "number"),
        ("bool", "boolean"),
        ("json", "json"),
        ("list", "json"),
        ("any", "json"),
        ("string|int", "json"),
    ],
)
def test_an_input_has_the_type_of_its_schema(type, native_type):
    start = {**START, "output_schema": {"x": {"type": type, "required": True}}}

    assert inputs(doc({"s": start})) == {"x": {"type": native_type}}


def test_a_name_that_can_not_stand_in_a_template_is_changed():
    document = doc({"s": START}, **{"my name": "Ada", "1st": True, "steps": 1.5})

    assert inputs(document) == {
        "my_name": {"type": "text", "required": False, "default": "Ada"},
        "_1st": {"type": "boolean", "required": False, "default": True},
        "steps_": {"type": "number", "required": False, "default": 1.5},
    }


def test_a_second_start_begins_no_run():
    document = doc({"s": START, "t": START, "l": LLM}, "s > t", "t > l", prompt="x")

    assert native(document, "t")["type"] == "transform"


async def test_elements_that_only_lead_to_others_run_once():
    elements = {"s": START, "ask": {"type": "chat_input"}, "l": LLM, "o": {"type": "metadata"}}
    document = doc(
        elements, "s > l", "ask.chat_input > l.prompt", "ask > o", ask={"chat_input": "x"}
    )

    run = await ran(document)

    assert [step.output for step in run.steps] == [{}, "x", "x", {"chat_input": "x"}]


# Connections.


def test_an_unnamed_connection_carries_equal_names_only():
    fields = {"data": "any", "llm_output": "string"}
    custom = {"type": "custom", "code": "1", "input_schema": fields}
    document = doc({"s": START, "l": LLM, "c": custom}, "s > l", "l > c", prompt="x")

    assert native(document, "c")["inputs"] == {"llm_output": "{{steps.l.output}}"}


def test_an_unnamed_connection_from_the_start_carries_what_no_other_gives():
    ask = {"type": "chat_input"}
    fields = {"prompt": TEXT, "context": "list", "tone": {"type": "string", "default": "dry"}}
    llm = {"type": "llm_text", "input_schema": fields}
    document = doc({"s": START, "ask": ask, "l": llm}, "s > l", "ask.chat_input > l.prompt")

    assert list(inputs(document)) == ["context", "chat_input"]
    assert native(document, "l")["values"] == {"tone": "dry"}


def test_a_connection_may_name_one_end_only():
    document = doc(
        {"s": START, "l": LLM, "m": {"type": "metadata"}, "e": END},
        "s > l.prompt",
        "l > e.text_input",
        "l.llm_output > m",
        prompt="x",
    )

    assert native(document, "l")["prompt"] == "{{inputs.prompt}}"
    assert native(document, "e")["values"]["text_output"] == "{{steps.l.output}}"
    assert native(document, "m")["values"] == {"llm_output": "{{steps.l.output}}"}


def test_dotted_targets_make_one_dict():
    document = doc(
        {"s": START, "k": {"type": "constants", "data": 1}, "r": {"type": "rest_api", "url": "x"}},
        "s.user.name > r.params.who.name",
        "k.data > r.params.who.n",
        "k.data[0].x > r.params.first",
        r={"params": {"old": 1}},
    )

    assert native(document, "r")["params"] == {
        "old": "{{inputs.params.old}}",
        "who": {"name": "{{inputs.user.name}}", "n": "{{steps.k.output.data}}"},
        "first": "{{steps.k.output.data.0.x}}",
    }


def test_an_element_is_called_by_its_place_where_its_id_can_not_stand_in_a_template():
    document = doc({"s": START, "my llm": LLM, "7": LLM, "e": END}, "s > my llm", prompt="x")
    document["flow_definition"]["connections"] += [
        wire("my llm.llm_output > e.text_input"),
        wire("7.llm_output > e.other"),
        wire("s > 7"),
    ]

    values = native(document, "e")["values"]

    assert (values["text_output"], values["other"]) == ("{{steps.1.output}}", "{{steps.2.output}}")


def test_of_two_connections_to_an_input_the_last_counts_and_is_noted():
    document = doc(
        {"s": START, "a": LLM, "b": LLM, "e": END},
        "s > a",
        "s > b",
        "a.llm_output > e.text_input",
        "b.llm_output > e.text_input",
        prompt="x",
        e={"text_input": "z"},
    )
    document["initial_inputs"] = {"s": {"prompt": "x"}, "e": {"text_input": "z"}}

    assert native(document, "e")["values"]["text_output"] == (
        "{{steps.b.output ?? steps.a.output ?? inputs.text_input}}"
    )
    assert [one.place for one in load_notes(document)] == ["connections[3]"]


def test_an_optional_input_from_a_branch_may_be_missing():
    document = branching("s.q > e.text_input", "yes.llm_output > e.proposed_transaction")

    value = native(document, "e")["values"]["proposed_transaction"]

    assert value == "{{steps.yes.output ?? inputs.proposed_transaction}}"
    assert inputs(document)["proposed_transaction"]["default"] is None


def test_a_default_of_a_schema_is_taken_as_it_is_written():
    fields = {"prompt": {"type": "string", "required": True, "default": "Say {{hello}}"}}
    document = doc({"s": START, "l": {"type": "llm_text", "input_schema": fields}})

    assert native(document, "l")["prompt"] == "Say \\{{hello}}"


def test_a_required_input_without_a_value_is_told():
    assert problems(doc({"s": START, "l": LLM, "e": END}, "l.llm_output > e.text_input")) == [
        "elements.l.input_schema.prompt: 'l' gets no 'prompt': no connection, initial input or "
        'default has it. Connect an output to it with "to_input": "prompt", or give it in '
        "initial_inputs."
    ]


def test_an_output_that_is_not_there_is_told_once():
    document = doc({"s": START, "l": LLM, "e": END}, "s > l", "l.llm_outpt > e.text_input")

    assert problems(document) == [
        "connections[1].from_output: 'llm_outpt' is no output of 'l'. Did you mean 'llm_output'?"
    ]


def test_a_part_that_is_not_there_is_told():
    elements = {
        "s": START,
        "f": {"type": "flow_select"},
        "m": {"type": "metadata"},
        "n": {"type": "metadata"},
    }
    document = doc(elements, "m.x > f.a.list", "f.a.list > n.ok", "f.a.none.x > n.bad")

    assert problems(document) == [
        "connections[2].from_output: 'a.none.x' is not in what 'f' gives. Take a part that is there."
    ]


def test_an_output_with_a_name_that_can_not_be_referred_to_is_told():
    fields = {"my key": "string"}
    custom = {"type": "custom", "code": "1", "output_schema": fields}

    (problem,) = problems(doc({"s": START, "c": custom, "e": END}, "c.my key > e.text_input"))

    assert "'my key' can't stand in a reference" in problem


def test_what_is_no_input_is_noted_and_not_used():
    document = doc(
        {
            "s": START,
            "r": {"type": "rest_api", "url": "https://x.test"},
            "k": {"type": "constants"},
        },
        "k.data > r.parms",
        r={"parm": 1},
    )

    assert [one.place for one in load_notes(document)] == ["connections[0]", "initial_inputs.parm"]
    assert "params" not in native(document, "r")


def test_an_output_of_another_name_is_the_only_one():
    llm = {**LLM, "output_schema": {"answer": {"type": "string"}}}
    document = doc({"s": START, "l": llm, "e": END}, "s > l", "l > e.text_input", prompt="x")

    assert native(document, "e")["values"]["text_output"] == "{{steps.l.output}}"


@pytest.mark.parametrize(
    ("values", "value"),
    [
        (["{{a}}", "{{b ?? a}}"], "{{a ?? b}}"),
        (["{{a}}", {"x": 1}, "{{b}}"], "{{a}}"),
        ([[1], "{{b}}"], [1]),
        (["text {{a}}", "{{b}}"], "text {{a}}"),
    ],
)
def test_the_first_of_several_values_counts_as_far_as_can_be_said(values, value):
    assert either(values) == value


@pytest.mark.parametrize(
    ("value", "path", "found"),
    [
        ("{{a ?? b}}", ["x", "0"], "{{a.x.0 ?? b.x.0}}"),
        ({"x": ["{{a}}", 2]}, ["x", "0"], "{{a}}"),
    ],
)
def test_a_part_of_a_value_is_found(value, path, found):
    assert inside(value, path) == found


@pytest.mark.parametrize("value", [{}, [], "text", 3])
def test_a_part_of_a_value_that_is_not_there_is_refused(value):
    with pytest.raises(LookupError):
        inside(value, ["0"])


def test_selections_that_lead_to_each_other_ask_for_nothing():
    select = {"type": "flow_select"}
    document = doc({"s": START, "f": select, "g": select}, "s > f", "f > g", "g > f")

    assert inputs(document) == {}
