from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flow_widgets.actions.chat import Chat
from flow_widgets.errors import InvalidFlow, UnknownFormat
from flow_widgets.flow.attachment import File
from flow_widgets.flow.check import check_flow
from flow_widgets.flow.formats import dump_flow, load_flow
from flow_widgets.flow.formats.steps import is_format
from flow_widgets.flow.message import Message
from flow_widgets.flow.model import Action, Edge, Flow, Input, Step
from flow_widgets.flow.template import render

CHAT = Chat(prompt="x")
GOLDEN = Path(__file__).parents[2] / "golden"


def golden(name: str) -> Any:
    return json.loads((GOLDEN / name).read_text(encoding="utf-8"))


def document(*texts: str, **given: Any) -> dict[str, Any]:
    """Return an execution object with a step for each text."""
    steps = [{"actions": [{"messages": [{"role": "user", "content": text}]}]} for text in texts]
    return {"steps": steps, **given}


def variables(**values: Any) -> list[dict[str, Any]]:
    return [{"name": f"${name}", "value": value} for name, value in values.items()]


def loaded(*texts: str, **given: Any) -> list[str]:
    """Return the native texts of an execution object."""
    flow = load_flow(document(*texts, **given))
    return [step.actions[0].messages[0].content for step in flow.steps]


def problems(make, *given: Any) -> list[str]:
    with pytest.raises(InvalidFlow) as caught:
        make(*given)
    return [str(problem) for problem in caught.value.problems]


def dumped(flow: Flow) -> dict[str, Any]:
    return dump_flow(flow, "steps")


# Knowing the format.


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        (document("x"), True),
        (document("x", name="n", id="i", variables=[]), True),
        ({"flows": {"byId": {}}}, True),
        ({"flows": []}, False),
        (document("x", format="flow_widgets/1"), False),
        (document("x", inputs={}), False),
        ({"steps": "x"}, False),
        ({"steps": []}, False),
        ({"steps": [{"actions": []}]}, False),
        ({"steps": [{"actions": "x"}]}, False),
        ({"steps": [{"actions": [{"messages": [], "type": "chat"}]}]}, False),
        ({"steps": [{"actions": ["x"]}]}, False),
        ({"steps": [{"actions": [{"model": "m"}]}]}, False),
        ({"steps": ["x"]}, False),
        ({"steps": [{"join": "no_wait", "actions": []}]}, False),
    ],
)
def test_the_format_is_known_by_its_keys(given, answer):
    assert is_format(given) is answer


# Execution objects.


def test_an_execution_object_is_written_as_it_was_read():
    given = golden("steps.json")

    flow = load_flow(given)

    assert [len(step.actions) for step in flow.steps] == [1, 1]
    assert dumped(flow) == given
    assert check_flow(flow) == []


def test_what_is_sent_repeats_no_role():
    flow = load_flow(golden("steps.json"))

    assert flow.steps[1].actions[0].wire_messages() == [
        {"role": "user", "content": [{"type": "text", "text": "Say it again."}]}
    ]


def test_a_temperature_of_zero_stays_zero():
    given = document("x")
    given["steps"][0]["actions"][0] |= {"temperature": 0}

    flow = load_flow(given)

    assert flow.steps[0].actions[0].params() == {"temperature": 0}
    assert dumped(flow) == given


def test_names_and_ids_are_kept():
    given = document("x", name="Mine", id="f1")
    given["steps"][0] |= {"id": "first", "name": "First step"}

    flow = load_flow(given)

    assert (flow.name, flow.id, flow.steps[0].id, flow.steps[0].name) == (
        "Mine",
        "f1",
        "first",
        "First step",
    )
    assert dumped(flow) == given


# Variables.


@pytest.mark.parametrize(
    "text",
    ["{{$x}}", "{{ $x }}", "{$x}", "{ $x }", "{{$var.x}}", "{{$var.$x}}", "{{ $var.$x }}"],
)
def test_every_form_of_a_variable_becomes_a_reference(text):
    assert loaded(f"<{text}>", variables=variables(x=1)) == ["<{{x}}>"]


@pytest.mark.parametrize("text", ["{{$y}}", "{$y}", "{{ $var.y }}", "{", "$x", "{x}", "\\{$y}"])
def test_what_names_no_variable_stays_as_it_is(text):
    assert loaded(text, variables=variables(x=1)) == [text]


@pytest.mark.parametrize("text", ["{{y}}", "{{ y.z }}", "\\{{y}}", "\\\\{{y}}"])
def test_what_only_looks_like_a_native_reference_stays_text(text):
    flow = load_flow(document(text, variables=variables(x=1)))

    assert render(flow.steps[0].actions[0].messages[0].content, lambda reference: 1 / 0) == text
    assert check_flow(flow) == []
    assert dumped(flow) == document(text, variables=variables(x=1))


def test_a_backslash_before_a_variable_stays():
    text = loaded("C:\\{{$x}}", variables=variables(x=1))[0]

    assert render(text, lambda reference: "Ada") == "C:\\Ada"


@pytest.mark.parametrize("name", ["a.b", "a+b", "(", "my var", "1st", "steps", "é"])
def test_the_name_of_a_variable_may_hold_any_character(name):
    given = document(f"<{{{{${name}}}}}>", variables=variables(**{name: "v"}))

    flow = load_flow(given)

    (made,) = flow.inputs
    assert flow.steps[0].actions[0].messages[0].content == f"<{{{{{made}}}}}>"
    assert check_flow(flow) == []


def test_names_that_would_be_alike_stay_apart():
    given = document("{$a.b} {$a+b}", variables=variables(**{"a.b": 1, "a+b": 2}))

    flow = load_flow(given)

    assert {name: one.default for name, one in flow.inputs.items()} == {"a_b": 1, "a_b_": 2}
    assert flow.steps[0].actions[0].messages[0].content == "{{a_b}} {{a_b_}}"


def test_a_value_is_inserted_literally():
    flow = load_flow(document("{{$x}}!", variables=variables(x="$& {{$x}} {{steps.0.output}}")))

    text = flow.steps[0].actions[0].messages[0].content
    assert render(text, lambda reference: flow.inputs["x"].default) == (
        "$& {{$x}} {{steps.0.output}}!"
    )


def test_variables_may_be_given_as_a_mapping():
    assert load_flow(document("x", variables={"$a": 1, "b": 2})).inputs == {
        "a": Input(default=1),
        "b": Input(default=2),
    }


def test_a_variable_without_a_name_is_left_out():
    assert load_flow(document("x", variables=[{"name": "$", "value": 1}, {}])).inputs == {}


# Outputs of steps.


def test_an_output_counts_from_one_here_and_from_zero_natively():
    texts = loaded("x", "{{$step1.action1.output}} {{ $step1.action2.output }}")

    assert texts[1] == "{{steps.0.actions.0.output}} {{steps.0.actions.1.output}}"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{{$step0.action1.output}}", "{{step0.action1.output}} is no input of this flow."),
        ("{{$step1.action0.output}}", "{{step1.action0.output}} is no input of this flow."),
        ("{{$step2.action1.output}}", "{{steps.1.actions.0.output}} refers to its own step."),
        ("{{$step9.action1.output}}", "{{steps.8.actions.0.output}} names no step of this flow."),
        ("{{$step1.action9.output}}", "{{steps.0.actions.8.output}} names no step of this flow."),
    ],
)
def test_an_output_that_is_not_there_is_a_problem_of_the_check(text, words):
    found = [str(problem) for problem in check_flow(document("x", text))]

    assert len(found) == 1
    assert found[0].startswith(f"steps[1].actions[0].messages[0].content: {words}")


# Structured output.


def test_a_schema_is_read_with_variables_in_place():
    given = document("x", variables=variables(t="object", n=["a"]))
    given["steps"][0]["actions"][0]["structured_output"] = (
        '{"type": "{{$t}}", "required": {$n}, "title": "{{$u}}"}'
    )

    schema = load_flow(given).steps[0].actions[0].output_schema

    assert schema == {"type": "object", "required": ["a"], "title": "{{$u}}"}


@pytest.mark.parametrize(
    ("given", "schema"), [({"type": "object"}, {"type": "object"}), (" ", None)]
)
def test_a_schema_may_be_data_or_nothing(given, schema):
    made = document("x")
    made["steps"][0]["actions"][0]["structured_output"] = given

    assert load_flow(made).steps[0].actions[0].output_schema == schema


def test_a_schema_that_is_no_json_is_a_problem():
    made = document("x", "y")
    for step in made["steps"]:
        step["actions"][0]["structured_output"] = "{no"

    assert [one.split(":")[0] for one in problems(load_flow, made)] == [
        "steps[0].actions[0].structured_output",
        "steps[1].actions[0].structured_output",
    ]


# Editable documents.


def test_the_active_flow_of_an_editable_document_is_loaded():
    flow = load_flow(golden("editable.json"))

    picture = "data:image/png;base64,iVBORw0KGgo="
    pdf = {"file_data": "data:application/pdf;base64,eA==", "filename": "a.pdf"}
    assert (flow.id, flow.name, list(flow.inputs)) == ("f1", "Main", ["name"])
    assert flow.steps[0].id == "s1"
    assert flow.steps[0].actions == (
        Chat(
            id="a1",
            model="gpt-4o",
            temperature=0,
            output_schema={"type": "object", "title": "Ada"},
            messages=[
                Message(role="system", content="Be brief"),
                Message(
                    content=[
                        {"type": "text", "text": "Hello {{name}}"},
                        {"type": "image_url", "image_url": {"url": picture}},
                    ]
                ),
                Message(content=[{"type": "file", "file": pdf}]),
                Message(role="assistant", content="Hi"),
            ],
        ),
    )
    assert check_flow(flow) == []


def test_the_first_flow_is_loaded_when_none_is_active():
    given = golden("editable.json") | {"activeFlowId": None}

    assert load_flow(given).id == "f1"


def test_the_default_variable_is_an_input_only_when_it_has_a_value():
    given = golden("editable.json")
    given["variables"][0]["value"] = "set"

    assert list(load_flow(given).inputs) == ["default_var", "name"]


def test_what_is_switched_off_is_left_out():
    given = golden("editable.json")
    given["actions"][0] |= {"systemPromptEnabled": False, "structuredOutputEnabled": False}

    chat = load_flow(given).steps[0].actions[0]

    assert (chat.messages[0].role, chat.output_schema) == ("user", None)


def test_an_action_that_is_not_in_the_document_is_a_problem():
    given = golden("editable.json") | {"actions": []}

    assert problems(load_flow, given) == [
        "flows.byId.f1.steps[0].actionIds: 'a1' is no action of the document."
    ]


@pytest.mark.parametrize("given", [{"byId": {}}, {"byId": {"f1": {}}}])
def test_a_document_without_its_active_flow_is_no_flow(given):
    with pytest.raises(UnknownFormat, match="active flow"):
        load_flow({"flows": given, "activeFlowId": "x"})


def test_a_flow_without_steps_is_loaded_empty():
    assert load_flow({"flows": {"byId": {"f1": {}}}}).steps == ()


# Writing.


def test_a_flow_of_prompts_is_written_as_messages():
    flow = Flow(
        model="gpt-4o",
        inputs={"topic": "bees", "tone": Input()},
        steps=[
            [Chat(system="{{tone}}", prompt="{{inputs.topic}}"), Chat(prompt="x", model="m")],
            Step(
                name="Sum up", actions=[Chat(prompt="{{steps.0.actions.1.output}}", temperature=1)]
            ),
            Step(
                id="last",
                actions=[Chat(prompt="{{steps.sum_up.output}}", output_schema={"a": "é"})],
            ),
        ],
    )

    assert dumped(flow) == {
        "steps": [
            {
                "actions": [
                    {
                        "model": "gpt-4o",
                        "messages": [
                            {"role": "system", "content": "{{$tone}}"},
                            {"role": "user", "content": "{{$topic}}"},
                        ],
                    },
                    {"model": "m", "messages": [{"role": "user", "content": "x"}]},
                ]
            },
            {
                "name": "Sum up",
                "actions": [
                    {
                        "model": "gpt-4o",
                        "temperature": 1.0,
                        "messages": [{"role": "user", "content": "{{$step1.action2.output}}"}],
                    }
                ],
            },
            {
                "id": "last",
                "actions": [
                    {
                        "model": "gpt-4o",
                        "messages": [{"role": "user", "content": "{{$step2.action1.output}}"}],
                        "structured_output": '{"a": "é"}',
                    }
                ],
            },
        ],
        "variables": [{"name": "$topic", "value": "bees"}, {"name": "$tone", "value": ""}],
    }


def test_files_are_written_as_parts():
    picture = File.of(b"x", name="a.png")
    flow = Flow(
        steps=[
            Chat(prompt="See", files=[picture]),
            Chat(messages=[Message(role="assistant", content=["Hi", picture])], files=[picture]),
            Chat(messages=[Message(content=["Hi"])], files=[picture]),
        ]
    )

    part = picture.part()
    hi = {"type": "text", "text": "Hi"}
    assert [step["actions"][0]["messages"] for step in dumped(flow)["steps"]] == [
        [{"role": "user", "content": [{"type": "text", "text": "See"}, part]}],
        [{"role": "assistant", "content": [hi, part]}, {"role": "user", "content": [part]}],
        [{"role": "user", "content": [hi, part]}],
    ]


def test_everything_that_can_not_be_written_is_told():
    flow = Flow(
        inputs={"doc": File.of(b"x", name="a.txt")},
        provider="offline",
        on_error="continue",
        max_parallel=2,
        steps=[
            Chat(prompt="x", top_p=1, files=["{{doc}}"]),
            Step(id="b", actions=[Action(type="other")], join="no_wait"),
        ],
        edges=[Edge(source="s0", target="b")],
    )

    assert problems(dumped, flow) == [
        "edges: edges can't be written in this format.",
        "on_error: on_error can't be written in this format.",
        "provider: provider can't be written in this format.",
        "max_parallel: max_parallel can't be written in this format.",
        "inputs.doc: a file can't be written in this format.",
        "steps[0].actions[0].top_p: 'top_p' can't be written in this format.",
        "steps[0].actions[0].files: a reference to a file can't be written here.",
        "steps[1].join: join can't be written in this format.",
        "steps[1].actions[0].type: 'other' can't be written in this format.",
    ]


@pytest.mark.parametrize(
    "path",
    [
        "steps.s0.output.title",
        "steps.s0.actions.0.output.title",
        "steps.s0.nothing",
        "steps.s0.actions.0",
        "steps.s1.output",
        "flow.name",
        "doc.title",
        "none",
    ],
)
def test_a_reference_that_this_format_does_not_have_is_told(path):
    text = f"<{{{{{path}}}}}>"
    flow = Flow(inputs={"doc": "x"}, steps=[Chat(prompt="x"), [CHAT, CHAT], Chat(prompt=text)])

    assert problems(dumped, flow)[0] == (
        f"steps[2].actions[0]: {{{{{path}}}}} can't be written in this format."
    )


def test_a_text_that_would_be_read_as_a_reference_is_told():
    flow = Flow(inputs={"doc": "x"}, steps=[Chat(prompt="{{doc}} \\{{doc}} {$doc}")])

    assert problems(dumped, flow) == [
        "steps[0].actions[0]: '{{doc}} \\\\{{doc}} {$doc}' would be a reference in this format."
    ]


def test_what_is_no_text_is_written_as_it_was_read():
    part = {"type": "input_audio", "input_audio": {"data": "eA==", "rate": 8_000}}
    given = document([part])

    assert dumped(load_flow(given)) == given


def test_an_escaped_reference_that_names_no_input_is_written_as_the_text_it_is():
    flow = Flow(steps=[Chat(messages=[Message(content="\\{{x}}")])])

    assert dumped(flow) == document("{{x}}")
    assert load_flow(dumped(flow)) == flow
