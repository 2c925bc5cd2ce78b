"""What each type of element becomes."""

from __future__ import annotations

from typing import Any

import pytest
from elements import END, START, TEXT, doc, native, problems, ran

from flow_widgets import FlowRunner
from flow_widgets.flow.check import check_flow
from flow_widgets.flow.formats import load_flow, load_notes
from flow_widgets.providers.offline import OfflineProvider, Reply


@pytest.mark.parametrize("spelling", ["random_generator", "RandomGenerator", "randomgenerator"])
def test_every_spelling_of_a_type_is_known(spelling):
    document = doc({"s": START, "r": {"type": spelling, "data-type": "int"}}, "s > r")

    assert native(document, "r") == {"type": "random", "kind": "integer"}


@pytest.mark.parametrize(
    ("spelling", "type"),
    [
        ("Datablocks", "data_block"),
        ("ContextHistory", "history"),
        ("TimeBlock", "time"),
        ("constant", "constants"),
        ("RestAPI", "request"),
        ("LLMText", "chat"),
        ("llmstructured", "chat"),
        ("Custom", "code"),
        ("Selector", "select"),
        ("Merger", "merge"),
        ("Metadata", "transform"),
        ("ChatInput", "chat_input"),
    ],
)
def test_an_alias_of_a_type_is_known(spelling, type):
    given = {"prompt": "p", "data": 1}
    document = doc({"s": START, "x": {"type": spelling}}, "s > x", x=given)

    assert native(document, "x")["type"] == type


def test_an_unknown_type_names_the_nearest():
    assert problems(doc({"s": START, "l": {"type": "llm_txt"}})) == [
        "elements.l.type: 'llm_txt' is no known type of element. Did you mean 'llm_text'?"
    ]


@pytest.mark.parametrize("type", ["read_blockchain_data", "BuildTransaction"])
def test_what_can_not_be_run_yet_is_told(type):
    (problem,) = problems(doc({"s": START, "b": {"type": type}}))

    assert "elements.b.type" in problem
    assert "can't be run yet" in problem


ELEMENTS: list[tuple[str, dict[str, Any], dict[str, Any], str, dict[str, Any]]] = [
    (
        "end",
        {},
        {"text_input": "x"},
        "text_output",
        {
            "type": "end",
            "values": {"text_output": "{{inputs.text_input}}", "proposed_transaction": None},
        },
    ),
    (
        "chat_input",
        {"max_length": 9, "validation_pattern": "a", "required": True},
        {"chat_input": "x"},
        "chat_input",
        {
            "type": "chat_input",
            "text": "{{inputs.chat_input}}",
            "required": True,
            "max_length": 9,
            "pattern": "a",
        },
    ),
    (
        "context_history",
        {"format": "text_only", "max_messages": 3},
        {"context_history": ["x"]},
        "context_history",
        {
            "type": "history",
            "messages": "{{inputs.context_history}}",
            "max_messages": 3,
            "include_system": True,
            "role": "all",
            "format": "text",
        },
    ),
    (
        "datablock",
        {"data_type": "csv", "data": "a\n1", "csv_headers": ["b"]},
        {},
        "data",
        {"type": "data_block", "data": "a\n1", "format": "csv", "headers": ["b"]},
    ),
    (
        "rest_api",
        {"url": "https://x.test", "timeout": 5, "retry_count": 1, "headers": {"A": "{{b}}"}},
        {"params": {"q": 1}},
        "data",
        {
            "type": "request",
            "url": "https://x.test",
            "method": "GET",
            "raise_errors": False,
            "headers": {"A": "\\{{b}}"},
            "params": "{{inputs.params}}",
            "timeout_seconds": 5,
            "retries": 1,
        },
    ),
    (
        "rest_api",
        {"url": "https://x.test", "method": "post", "api_key": "${API_TOKEN}"},
        {"params": {"q": 1}},
        "status_code",
        {
            "type": "request",
            "url": "https://x.test",
            "method": "POST",
            "raise_errors": False,
            "auth": {"bearer": "API_TOKEN"},
            "body": "{{inputs.params}}",
        },
    ),
    (
        "metadata",
        {
            "data": {"a": 1, "b": 2},
            "output_schema": {
                "command": {"type": "string", "option": ["go", "stop"]},
                "need": {"required": True, "default": 5},
            },
        },
        {"b": 3},
        "command",
        {"type": "transform", "values": {"a": 1, "b": "{{inputs.b}}", "command": "go", "need": 5}},
    ),
    ("constants", {"data_type": "int", "data": "7"}, {}, "data", {"values": {"data": 7}}),
    ("constants", {"data_type": "int", "data": "x"}, {}, "data", {"values": {"data": "x"}}),
    ("constants", {"data_type": "bool", "data": "Yes"}, {}, "data", {"values": {"data": True}}),
    ("constants", {"data_type": "bool", "data": 0}, {}, "data", {"values": {"data": False}}),
    ("constants", {"data_type": "list"}, {}, "data", {"values": {"data": []}}),
    ("constants", {"data": [1]}, {}, "data", {"values": {"data": [1]}}),
    ("constants", {"parameters": {"a": 1}}, {}, "a", {"type": "constants", "values": {"a": 1}}),
    (
        "selector",
        {"key": ["a", "b"], "default_value": 0},
        {"data": {}},
        "value",
        {"type": "select", "data": "{{inputs.data}}", "key": ["a", "b"], "default": 0},
    ),
    (
        "merger",
        {},
        {"data1": 1},
        "merged_data",
        {"type": "merge", "values": ["{{inputs.data1}}", None]},
    ),
    (
        "merger",
        {},
        {"data1": 1, "more": 2},
        "merged_data",
        {"type": "merge", "named": {"data1": "{{inputs.data1}}", "more": "{{inputs.more}}"}},
    ),
    (
        "random_generator",
        {"parameters": {"type": "string"}, "length": 4},
        {},
        "random_data",
        {"type": "random", "kind": "text", "length": 4},
    ),
    (
        "random_generator",
        {"floating-point": False, "min": 1, "max": 6, "decimal": 1},
        {},
        "random_data",
        {"type": "random", "kind": "integer", "min": 1, "max": 6, "decimals": 1},
    ),
    ("float", {"min": 1}, {}, "random_data", {"type": "random", "kind": "number", "min": 1}),
    (
        "string",
        {"timezone": "UTC+0"},
        {},
        "time_data",
        {"type": "time", "format": "YYYY-MM-DD HH:mm:ss", "timezone": "UTC+0"},
    ),
    ("time", {"data_type": "int"}, {}, "time_data", {"format": "unix", "timezone": "UTC"}),
    (
        "time",
        {"format": "custom", "custom_format": "YYYY", "include_components": ["year"]},
        {},
        "year",
        {"type": "time", "format": "YYYY", "timezone": "UTC", "components": ["year"]},
    ),
    (
        "llm_text",
        {"model": "m", "temperature": 0, "max_tokens": 5, "wrapper_prompt": "{prompt} {tone}"},
        {"prompt": "p", "context": [], "additional_data": {}, "tone": "dry"},
        "llm_output",
        {
            "type": "chat",
            "prompt": "{{inputs.prompt}}",
            "temperature": 0,
            "max_tokens": 5,
            "model": "m",
            "context": "{{inputs.context}}",
            "data": "{{inputs.additional_data}}",
            "wrapper": "{prompt} {tone}",
            "values": {"tone": "{{inputs.tone}}"},
        },
    ),
    (
        "llm_structured",
        {
            "llm_hidden_prompt": "Be {{exact}}.",
            "output_schema": {
                "topic": {"type": "string", "required": True, "description": "What it is."},
                "mood": {"type": "string", "enum": ["good", "bad"]},
                "score": {"type": "float|int"},
                "more": {"type": "json", "schema": {"x": {"type": "bool", "required": True}}},
                "any": "any",
                "structured_output": "string",
            },
        },
        {"prompt": "p"},
        "topic",
        {
            "type": "chat",
            "prompt": "{{inputs.prompt}}",
            "temperature": 0.3,
            "max_tokens": 1000,
            "system": "Be \\{{exact}}.",
            "output_schema": {
                "type": "object",
                "properties": {
                    "topic": {"type": "string", "description": "What it is."},
                    "mood": {"type": "string", "enum": ["good", "bad"]},
                    "score": {"type": ["number", "integer"]},
                    "more": {
                        "type": "object",
                        "properties": {"x": {"type": "boolean"}},
                        "required": ["x"],
                    },
                    "any": {},
                },
                "required": ["topic"],
            },
        },
    ),
    (
        "custom",
        {"code": "output['y'] = inputs['x'] + constants['c']", "constants": {"c": "{{c}}"}},
        {"x": 1},
        "y",
        {
            "type": "code",
            "code": "output['y'] = inputs['x'] + constants['c']",
            "inputs": {"x": "{{inputs.x}}", "constants": {"c": "\\{{c}}"}},
        },
    ),
]


@pytest.mark.parametrize(
    ("type", "keys", "given", "output", "action"),
    ELEMENTS,
    ids=[f"{one[0]}-{index}" for index, one in enumerate(ELEMENTS)],
)
def test_each_element_becomes_an_action(type, keys, given, output, action):
    sink = {"type": "metadata"}
    document = doc({"s": START, "x": {"type": type, **keys}, "m": sink}, f"x.{output} > m", x=given)

    assert native(document, "x").items() >= action.items()
    assert check_flow(load_flow(document)) == []


async def test_elements_work_together():
    elements = {
        "s": START,
        "table": {"type": "datablock", "data_type": "csv", "data": "a,b\n1,x\n2,y"},
        "pick": {"type": "selector", "key": "a"},
        "seven": {"type": "constants", "data_type": "int", "data": 7},
        "die": {"type": "random_generator", "data_type": "int", "min": 3, "max": 3},
        "both": {"type": "merger"},
        "double": {
            "type": "custom",
            "code": "output['y'] = inputs['x'] * 2 + constants.get('z', 1)",
            "input_schema": {"x": {"type": "int", "required": True}},
            "output_schema": {"y": {"type": "int"}},
        },
        "e": END,
    }
    document = doc(
        elements,
        "s > e",
        "table.data > pick.data",
        "seven.data > double.x",
        "double.y > both.data1",
        "die.random_data > both.data2",
        "pick.value > e.column",
        "both.merged_data > e.sum",
        text_input="fine",
    )

    run = await ran(document, allow_custom_code=True)

    assert run.output == {
        "text_output": "fine",
        "proposed_transaction": None,
        "column": [1, 2],
        "sum": 18,
    }


async def test_structured_output_can_be_taken_apart():
    schema = {"topic": {"type": "json", "schema": {"name": TEXT}, "required": True}}
    kind = {"type": "llm_structured", "output_schema": schema}
    document = doc(
        {"s": START, "k": kind, "e": END}, "s > k", "k.topic.name > e.text_input", prompt="?"
    )
    reply = Reply(text='{"topic": {"name": "bees"}}')

    provider = OfflineProvider(pace=0, script=[reply])
    run = await FlowRunner(load_flow(document), provider=provider).run_flow()

    assert run.output["text_output"] == "bees"


def test_a_key_that_stands_in_the_document_is_sent_and_told():
    rest = {"type": "rest_api", "url": "https://x.test", "api_key": "abc", "auth_type": "bearer"}
    document = doc({"s": START, "r": rest}, "s > r")

    assert native(document, "r")["headers"] == {"Authorization": "Bearer abc"}
    assert [one.place for one in load_notes(document)] == [
        "elements.r.auth_type",
        "elements.r.api_key",
    ]


def test_headers_that_are_no_dict_are_a_problem():
    rest = {"type": "rest_api", "url": "https://x.test", "headers": [1]}

    assert "headers" in problems(doc({"s": START, "r": rest}))[0]
