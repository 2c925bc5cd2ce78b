"""Flows inside one another, and values, that are nested too deeply or can't be written."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from flow_widgets import Chat, Flow, FlowRunner
from flow_widgets.actions.data_block import DataBlock
from flow_widgets.actions.loop import Loop
from flow_widgets.actions.random import Random
from flow_widgets.actions.set_state import SetState
from flow_widgets.actions.subflow import Subflow
from flow_widgets.actions.transform import Transform
from flow_widgets.errors import FlowError, InvalidFlow, UnknownFormat
from flow_widgets.flow.check import check_flow
from flow_widgets.flow.data import MAX_NESTING
from flow_widgets.flow.formats import dump_flow, load_flow
from flow_widgets.flow.inner import MAX_DEPTH


def document(depth: int, value: Any = 1) -> dict[str, Any]:
    """Return the document of a flow with that many flows inside one another."""
    flow: dict[str, Any] = {"steps": [{"type": "transform", "value": value}]}
    for _ in range(depth):
        flow = {"steps": [{"type": "loop", "over": [1], "body": flow}]}
    return flow


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 43, 60, 300, 5_000])
def test_flows_inside_one_another_beyond_the_limit_are_refused_with_their_place(depth):
    with pytest.raises(InvalidFlow) as caught:
        load_flow(document(depth))

    (problem,) = caught.value.problems
    assert problem.place.startswith("steps[0]")
    assert "deeper than" in problem.what
    assert [one.what for one in check_flow(document(depth))] == [problem.what]


def test_a_flow_at_the_limit_with_a_value_at_its_limit_is_loaded_checked_and_written():
    given = document(MAX_DEPTH, nested(MAX_NESTING))

    flow = load_flow(given)

    assert [one for one in check_flow(flow) if one.severity == "error"] == []
    assert load_flow(json.loads(json.dumps(dump_flow(flow)))) == flow


async def test_a_flow_at_the_limit_runs():
    run = await FlowRunner(load_flow(document(MAX_DEPTH))).run_flow()

    assert run.output == nested(MAX_DEPTH)


def test_constructors_and_mixed_documents_keep_to_the_limit():
    flow = Flow(steps=[Transform(value=1)])
    for _ in range(MAX_DEPTH):
        flow = Flow(steps=[Subflow(flow=flow)])

    with pytest.raises(InvalidFlow, match="flow: flows stand inside one another deeper than 20"):
        Subflow(flow=flow)
    with pytest.raises(InvalidFlow, match="deeper than 20 levels"):
        load_flow({"steps": [{"type": "loop", "body": {"steps": flow.steps}}]})
    assert len(Flow(steps=[[Loop(body=[Chat(prompt="x")])] * 3] * 30)) == 30


def test_a_flow_can_not_stand_inside_itself():
    flow = Flow()
    loop = Loop(over=[1], body=flow)

    flow.add_step(loop)

    assert len(loop.body) == 0
    assert check_flow(flow)[0].what == "There is nothing to run."


@pytest.mark.parametrize(
    "make",
    [
        lambda: load_flow({"steps": [{"type": "transform", "value": nested(100_000)}]}),
        lambda: load_flow({"steps": [{"type": "transform", "value": nested(150)}]}),
        lambda: SetState(key="x", value=nested(MAX_NESTING + 1)),
        lambda: Flow(inputs={"x": nested(100_000)}),
        lambda: Chat(prompt="x", extra={"a": nested(10_000)}),
    ],
)
def test_a_value_that_is_nested_too_deeply_is_refused(make):
    with pytest.raises(InvalidFlow, match=r"nested deeper than \d+ levels"):
        make()


def test_a_text_that_is_nested_too_deeply_is_refused():
    for text in ("[" * 100_000 + "]" * 100_000, "steps: " + "[" * 5_000 + "]" * 5_000):
        with pytest.raises(UnknownFormat, match="nested too deeply"):
            load_flow(text)


def test_a_document_that_holds_itself_is_refused():
    around: dict[str, Any] = {"steps": []}
    around["steps"].append(around)

    with pytest.raises(FlowError):
        load_flow(around)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    "make",
    [
        lambda bad: Transform(value=bad),
        lambda bad: DataBlock(data={"a": [bad]}),
        lambda bad: SetState(values={"a": bad}),
        lambda bad: Random(max=bad),
        lambda bad: Chat(prompt="x", temperature=bad),
        lambda bad: Chat(prompt="x", timeout_seconds=bad),
        lambda bad: Flow(inputs={"x": {"default": bad}}),
        lambda bad: load_flow(json.dumps(document(1, {"a": bad}))),
    ],
)
def test_what_json_has_no_number_for_is_refused(make, bad):
    with pytest.raises(InvalidFlow, match="must be a finite number: JSON has no NaN"):
        make(bad)


def test_half_characters_are_joined_or_replaced():
    document = r"""{"name": "\ud83d\ude00", "description": "\ud800", "steps": [
        {"type": "transform", "value": {"\ud800": ["a\udc00"]}}, {"prompt": "\ud800"}]}"""

    flow = load_flow(document)

    assert (flow.name, flow.description) == ("😀", "\ufffd")
    assert flow.steps[0].actions[0].value == {"\ufffd": ["a\ufffd"]}
    assert flow.steps[1].actions[0].prompt == "\ufffd"
    assert load_flow(json.dumps(dump_flow(flow))) == flow
