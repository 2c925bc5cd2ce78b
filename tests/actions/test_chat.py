"""What a chat action sends, and what is wrong with one."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, TypeAdapter

from flow_widgets import Chat, File, Flow, FlowRunner, Input, Message
from flow_widgets.actions.chat import _mismatches
from flow_widgets.errors import FileRefused, InvalidFlow, OutputInvalid
from flow_widgets.providers.offline import OfflineProvider, Reply


async def sent(chat: Chat, **inputs: object) -> dict:
    provider = OfflineProvider(pace=0)
    flow = Flow(steps=[chat], inputs=inputs)
    run = await FlowRunner(flow, provider=provider).run_flow()
    assert run.status == "completed", run.error
    return provider.requests[0]


def test_system_prompt_and_messages_stand_in_order():
    chat = Chat(system="s", messages=["m", Message(role="assistant", content="a")], prompt="p")

    assert chat.wire_messages() == [
        {"role": "system", "content": "s"},
        {"role": "user", "content": "m"},
        {"role": "assistant", "content": "a"},
        {"role": "user", "content": "p"},
    ]


async def test_context_and_data_go_with_the_prompt():
    chat = Chat(prompt="Why {{n}}?", context="{{said}}", data={"n": "{{n}}"})

    body = await sent(chat, said=[{"role": "user", "content": "Hi"}], n=1)

    text = 'Context:\nuser: Hi\n\nAdditional Data:\n{\n  "n": 1\n}\n\nUser Request:\nWhy 1?'
    assert body["messages"] == [{"role": "user", "content": text}]


async def test_the_prompt_stands_in_its_wrapper():
    chat = Chat(prompt="{{q}}", wrapper="{who}: {prompt} {{x}}", values={"who": "{{who}}"})

    body = await sent(chat, q="Why {who}?", who="Ada")

    assert body["messages"][0]["content"] == "Ada: Why {who}? {x}"


async def test_a_wrapper_that_names_what_is_not_there_is_left_out_and_told():
    flow = Flow(steps=[Chat(prompt="Why?", wrapper="{prompt} {nme}")])
    provider = OfflineProvider(pace=0)

    run = await FlowRunner(flow, provider=provider).run_flow()

    assert provider.requests[0]["messages"][0]["content"] == "Why?"
    assert any("'nme'" in line.text and line.level == "warn" for line in run.log)


def test_context_without_a_prompt_is_a_message_too():
    chat = Chat(messages=["m"], context=["a"])

    assert [one["content"] for one in chat.wire_messages()] == ["m", "Context:\na"]


def test_files_are_attached_to_the_last_message_of_the_user():
    png, txt = File.of(b"\x89PNG", name="a.png"), File.of(b"hello", name="b.txt")

    message = Chat(prompt="look", files=[png, txt]).wire_messages()[-1]

    assert message["content"] == [
        {"type": "text", "text": "look"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw=="}},
        {
            "type": "file",
            "file": {"filename": "b.txt", "file_data": "data:text/plain;base64,aGVsbG8="},
        },
    ]


def test_files_without_a_message_of_the_user_make_one():
    chat = Chat(messages=[Message(role="system", content="s")], files=[File.of(b"x", name="x.pdf")])

    assert chat.wire_messages()[-1]["role"] == "user"


async def test_an_input_that_holds_a_file_can_be_attached_or_stand_in_the_text():
    report = File.of(b"the report", name="r.txt")

    body = await sent(Chat(prompt="Read: {{report}}", files=["{{report}}"]), report=report)

    text, file = body["messages"][0]["content"]
    assert text == {"type": "text", "text": "Read: the report"}
    assert file["file"]["filename"] == "r.txt"


async def test_a_reference_to_a_text_is_no_file():
    flow = Flow(steps=[Chat(prompt="x", files=["{{topic}}"])], inputs={"topic": "bees"})

    run = await FlowRunner(flow, provider=OfflineProvider(pace=0)).run_flow()

    assert run.error.kind == "file_refused"
    assert "files[0] is str, not a file." in run.error.what


async def test_only_what_is_set_is_sent_and_zero_is_zero():
    body = await sent(Chat(prompt="x", temperature=0, seed=7, stop=["a", "b"], extra={"user": "u"}))

    extra = {
        key: value
        for key, value in body.items()
        if key not in ("model", "messages", "stream", "stream_options")
    }
    assert extra == {"temperature": 0, "seed": 7, "stop": ["a", "b"], "user": "u"}


async def test_parameters_of_reasoning_models_are_passed_through():
    body = await sent(
        Chat(prompt="x", reasoning_effort="low", verbosity="low", max_completion_tokens=9)
    )

    assert (body["reasoning_effort"], body["verbosity"], body["max_completion_tokens"]) == (
        "low",
        "low",
        9,
    )


async def test_a_templated_number_keeps_its_type():
    body = await sent(
        Chat(prompt="x", temperature="{{heat}}", max_tokens="{{most}}"), heat=0.25, most=50
    )

    assert (body["temperature"], body["max_tokens"]) == (0.25, 50)


class Person(BaseModel):
    name: str
    age: int


async def test_a_schema_is_sent_and_the_output_is_data():
    provider = OfflineProvider(pace=0)
    flow = Flow(
        steps=[Chat(prompt="Who?", output_schema=Person), Chat(prompt="{{steps.0.output.name}}")]
    )

    run = await FlowRunner(flow, provider=provider).run_flow()

    Person.model_validate(run.steps[0].output)
    assert provider.requests[0]["response_format"]["json_schema"]["name"] == "Person"
    assert provider.requests[1]["messages"][0]["content"] == run.steps[0].output["name"]


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "A", "age": 3}',
        'Sure!\n```json\n{"name": "A", "age": 3}\n```\nAnything else?',
        'The person [of interest] is {"name": "A", "age": 3}.',
    ],
)
async def test_the_data_is_found_in_a_fence_and_in_prose(text):
    flow = Flow(steps=[Chat(prompt="Who?", output_schema=Person)])

    run = await FlowRunner(
        flow, provider=OfflineProvider(pace=0, script=[Reply(text=text)])
    ).run_flow()

    assert run.output == {"name": "A", "age": 3}


@pytest.mark.parametrize(
    ("reply", "kind", "words"),
    [
        (Reply(text='{"a": {"name": "A", "age": 3} 4'), "output_invalid", "The output is no JSON"),
        (
            Reply(text='{"a": [{"name": "A", "age": 3}, {'),
            "output_invalid",
            "The output is no JSON",
        ),
        (Reply(text="no json"), "output_invalid", "The output is no JSON"),
        (
            Reply(text='{"name": "A', finish_reason="length"),
            "output_invalid",
            "cut off at the token limit",
        ),
        (Reply(text='{"name": "A"}'), "output_invalid", "'age' is a required property"),
    ],
)
async def test_an_output_that_is_not_of_the_schema_fails_clearly(reply, kind, words):
    flow = Flow(steps=[Chat(prompt="Who?", output_schema=Person)])

    run = await FlowRunner(flow, provider=OfflineProvider(pace=0, script=[reply])).run_flow()

    assert run.error.kind == kind
    assert words in run.error.what
    assert run.steps[0].actions[0].text == reply.text


async def test_a_text_cut_at_the_token_limit_completes_with_a_note():
    provider = OfflineProvider(pace=0, script=[Reply(text="half a", finish_reason="length")])

    run = await FlowRunner(Flow(steps=[Chat(prompt="x")]), provider=provider).run_flow()

    attempt = run.steps[0].actions[0].attempts[0]
    assert (attempt.status, attempt.note, attempt.finish_reason) == (
        "completed",
        "truncated",
        "length",
    )


async def test_an_empty_answer_is_noted():
    provider = OfflineProvider(pace=0, script=[Reply(text="")])

    run = await FlowRunner(Flow(steps=[Chat(prompt="x")]), provider=provider).run_flow()

    assert run.steps[0].actions[0].attempts[0].note == "empty"


def test_every_problem_of_a_chat_has_its_place():
    chat = Chat(prompt=" ", files=["report.pdf"], output_schema={"type": "objct"})

    assert [problem.place for problem in chat.problems()] == ["prompt", "files[0]", "output_schema"]
    assert [problem.place for problem in Chat().problems()] == ["prompt"]


def test_a_misspelt_key_names_the_nearest():
    with pytest.raises(InvalidFlow, match="'promt' is not a key of Chat. Did you mean 'prompt'?"):
        Chat(promt="x")


def test_a_local_file_is_one_call(tmp_path):
    (tmp_path / "report.pdf").write_bytes(b"%PDF")

    assert repr(File(tmp_path / "report.pdf")) == "File('report.pdf', application/pdf, 4 bytes)"
    with pytest.raises(FileRefused, match="No such file"):
        File(tmp_path / "other.pdf")
    with pytest.raises(FileRefused, match="the limit is 3"):
        File(tmp_path / "report.pdf", max_bytes=3)


async def test_an_optional_file_that_is_not_given_attaches_nothing():
    optional = Input(type="file", required=False)

    body = await sent(Chat(prompt="Hi", files=["{{doc}}"]), doc=optional)

    assert body["messages"] == [{"role": "user", "content": "Hi"}]


@pytest.mark.parametrize(
    "given", [list[Person], TypeAdapter(list[Person])], ids=["type", "adapter"]
)
async def test_a_schema_may_be_any_type(given):
    chat = Chat(prompt="Who?", output_schema=given)
    reply = Reply(text='[{"name": "A", "age": 1}]')

    run = await FlowRunner(
        Flow(steps=[chat]), provider=OfflineProvider(pace=0, script=[reply])
    ).run_flow()

    assert chat.output_schema == TypeAdapter(list[Person]).json_schema()
    assert run.steps[0].output == [{"name": "A", "age": 1}]


class Plain:
    pass


def test_a_type_that_has_no_schema_is_told():
    with pytest.raises(InvalidFlow, match="output_schema: has no JSON schema: Unable to generate"):
        Chat(prompt="x", output_schema=Plain)


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"$ref": "#/$defs/A"}, "its $ref '#/$defs/A' leads nowhere."),
        ({"properties": {"a": {"items": {"$ref": "https://x.test/s"}}}}, "leads nowhere."),
        ({"$schema": [1]}, "TypeError"),
    ],
)
def test_a_schema_that_can_not_be_used_is_a_problem(schema, words):
    (problem,) = Chat(prompt="x", output_schema=schema).problems()

    assert problem.place == "output_schema"
    assert words in problem.what


@pytest.mark.parametrize(
    "schema",
    [
        Person.model_json_schema(),
        {"properties": {"$ref": {"type": "string"}}, "enum": [{"$ref": "#/none"}]},
        {"$ref": "https://json-schema.org/draft/2020-12/schema"},
        {"$defs": {"a": {"$anchor": "here", "items": {"$ref": "#"}}, "b": True}, "$ref": "#here"},
        {"$defs": {"a": {"$id": "http://x.test/a", "$ref": "#/$defs/b", "$defs": {"b": {}}}}},
    ],
    ids=range(5),
)
def test_a_schema_whose_references_lead_somewhere_is_none(schema):
    assert Chat(prompt="x", output_schema=schema).problems() == []


def test_a_schema_that_shows_only_later_that_it_is_broken_makes_the_output_invalid():
    with pytest.raises(OutputInvalid, match="can't be compared with its schema"):
        _mismatches({"$ref": "#/$defs/A"}, 1)


def test_a_reference_that_is_not_filled_in_is_warned_of():
    schema = {"description": "{{topic}}"}
    chat = Chat(prompt="x", stop=["{{topic}}"], extra={"a": ["{{topic}}"]}, output_schema=schema)

    assert [(one.place, one.severity) for one in chat.problems()] == [
        ("stop", "warning"),
        ("output_schema", "warning"),
        ("extra", "warning"),
    ]
    assert "references are not filled in here" in chat.problems()[0].what


def test_a_pattern_of_a_schema_that_takes_too_long_is_stopped():
    schema = {"type": "string", "pattern": "(a|a)+$"}

    with pytest.raises(OutputInvalid, match="takes too long"):
        _mismatches(schema, "a" * 60 + "b")
    assert [one.message for one in _mismatches({"pattern": "^a"}, "b")] == [
        "'b' does not match '^a'"
    ]
    assert _mismatches({"pattern": "b$"}, "a" * 20_000 + "b") == []
