"""The format of elements and connections: whole documents, and those that can't be read."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from elements import START, doc, golden, problems, ran, statuses

from flow_widgets import FlowRunner
from flow_widgets.errors import InvalidFlow, UnknownFormat
from flow_widgets.flow.formats import dump_flow, executor, load_flow, load_notes
from flow_widgets.flow.model import Flow
from flow_widgets.providers.offline import OfflineProvider, Reply


async def test_the_request_of_the_original_runs_from_end_to_end():
    provider = OfflineProvider(pace=0, script=[Reply(text="Very well.")])
    flow = load_flow(golden("executor.json"))

    run = await FlowRunner(flow, provider=provider).run_flow()

    assert run.output == {"text_output": "Very well.", "proposed_transaction": None}
    sent = provider.requests[0]
    assert sent["messages"][0]["content"] == "Generate a response to: Hello, how are you today?"
    assert (sent["temperature"], sent["max_tokens"]) == (0.7, 1000)


def test_names_and_ids_are_kept_and_what_is_given_becomes_inputs():
    flow = load_flow(golden("executor.json"))

    assert (flow.id, flow.name) == ("flow-123", "flow-123")
    assert [(step.id, step.name) for step in flow.steps] == [
        ("start-1", "Start Block"),
        ("llm-1", "Text Generator"),
        ("end-1", "End Block"),
    ]
    assert {name: (one.type, one.default) for name, one in flow.inputs.items()} == {
        "prompt": ("text", "Hello, how are you today?")
    }


@pytest.mark.parametrize("key", ["flow_definition", "flow-definition"])
def test_the_definition_alone_asks_for_its_inputs(key):
    definition = golden("executor.json")["flow_definition"]

    flow = load_flow(definition)

    assert flow.inputs["prompt"].required
    assert flow.steps == load_flow({key: definition}).steps


def test_a_document_may_be_yaml_with_hyphens():
    desk = golden("executor-desk.json")

    assert load_flow(yaml.safe_dump(desk, sort_keys=False)) == load_flow(desk)


@pytest.mark.parametrize(
    ("tier", "answer", "skipped"),
    [
        ("gold", "Dear customer, Where is my honey?", "standard"),
        ("basic", "user: Hello", "vip"),
    ],
)
async def test_a_desk_answers_on_the_branch_that_fits(tier, answer, skipped):
    run = await ran(golden("executor-desk.json"), {"tier": tier})

    assert run.status == "completed", run.error
    assert answer in run.output["text_output"]
    assert statuses(run)[skipped] == "skipped"


def test_the_desk_is_named_and_described():
    flow = load_flow(golden("executor-desk.json"))

    assert (flow.id, flow.name) == ("help-desk", "Help desk")
    assert flow.description == "Answers questions about orders."
    assert flow.inputs["question"].description == "What the customer asks."


def test_what_a_request_asks_of_its_run_is_returned_and_not_granted():
    desk = golden("executor-desk.json")

    assert executor.execution_options(desk) == {
        "max_execution_time": 60,
        "allow_custom_code": True,
    }
    assert executor.execution_options({"elements": {}}) == {}


def test_a_definition_of_a_later_generation_is_told():
    with pytest.raises(UnknownFormat, match="'nodes' is of a later generation"):
        load_flow({"nodes": {"a": {"type": "start"}}, "connections": [], "start_element": "a"})


def test_nothing_is_written_in_this_format():
    with pytest.raises(UnknownFormat, match="not written in the format 'executor'"):
        dump_flow(Flow(), "executor")


@pytest.mark.parametrize("document", [Flow(), {"steps": []}], ids=["flow", "native"])
def test_other_documents_have_no_notes(document):
    assert load_notes(document) == []


# Documents that can't be read.


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"elements": []}, "elements: must be a dict, not list."),
        ({"flow_definition": 3}, "elements: must be a dict of elements by id."),
        ({"elements": {"a": 3}}, "elements.a: must be a dict, not int."),
        ({"elements": {"a": {"type": []}}}, "elements.a.type: must be a text, not list."),
        ({"elements": {"a": {"type": "start", "input_schema": {"x": 3}}}}, "input_schema.x: must"),
        ({"elements": {}, "connections": 3}, "connections: must be a list, not int."),
        ({"elements": {}, "connections": [3]}, "connections[0]: must be a dict, not int."),
        ({"elements": {}, "initial_inputs": [3]}, "initial_inputs: must be a dict, not list."),
        ({"elements": {}}, "start_element_id: no element is named to start with. Name one."),
        (
            {"elements": {"a": START}, "start_element_id": "b"},
            "start_element_id: 'b' is no element of this flow. Known: 'a'.",
        ),
        (
            {"elements": {"st": START}, "connections": [{"from_id": "st", "to_id": "sd"}]},
            "connections[0].to_id: 'sd' is no element of this flow. Known: 'st'.",
        ),
    ],
)
def test_what_can_not_be_read_is_told_with_its_place(document, words):
    assert words in problems(document)[0]


def test_a_document_that_is_nested_too_deeply_is_refused():
    deep: Any = "x"
    for _ in range(5_000):
        deep = [deep]
    document = doc({"s": START, "m": {"type": "metadata", "data": {"x": deep}}})

    with pytest.raises(InvalidFlow, match=r"\[0\]…: it is nested deeper than 220 levels"):
        load_flow(document)
