"""Documents of elements and connections, written briefly, and what becomes of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flow_widgets import FlowRunner
from flow_widgets.errors import InvalidFlow
from flow_widgets.flow.check import check_flow
from flow_widgets.flow.formats import executor, load_flow
from flow_widgets.providers.offline import OfflineProvider

GOLDEN = Path(__file__).parents[2] / "golden"
TEXT = {"type": "string", "required": True}
START, END = {"type": "start"}, {"type": "end"}
LLM = {"type": "llm_text", "input_schema": {"prompt": TEXT}}


def golden(name: str) -> Any:
    return json.loads((GOLDEN / name).read_text(encoding="utf-8"))


def wire(text: str, **more: Any) -> dict[str, Any]:
    """Return a connection for ``a.output > b.input``, either path left out."""
    source, target = text.split(" > ")
    (a, _, output), (b, _, taken) = source.partition("."), target.partition(".")
    paths = {"from_output": output, "to_input": taken}
    return {"from_id": a, "to_id": b, **{key: one for key, one in paths.items() if one}, **more}


def doc(elements: dict[str, Any], *connections: Any, **initial: Any) -> dict[str, Any]:
    wires = [wire(one) if isinstance(one, str) else one for one in connections]
    definition = {"flow_id": "f", "elements": elements, "connections": wires}
    return {"flow_definition": definition, "initial_inputs": initial}


def native(document: dict[str, Any], step: str) -> dict[str, Any]:
    """Return the raw action that an element became."""
    steps = {one["id"]: one for one in executor.load(document)["steps"]}
    return steps[step]["actions"][0]


def inputs(document: dict[str, Any]) -> dict[str, Any]:
    return executor.load(document)["inputs"]


def edges(document: dict[str, Any]) -> list[str]:
    return [
        f"{one['source']}.{one['source_port']} > {one['target']}"
        if "source_port" in one
        else f"{one['source']} > {one['target']}"
        for one in executor.load(document)["edges"]
    ]


def problems(document: Any) -> list[str]:
    with pytest.raises(InvalidFlow) as caught:
        load_flow(document)
    return [str(problem) for problem in caught.value.problems]


async def ran(document: Any, given: dict[str, Any] | None = None, **options: Any) -> Any:
    """Return a run in which models repeat the last message."""
    flow = load_flow(document)
    assert [one for one in check_flow(flow) if one.severity == "error"] == []
    provider = OfflineProvider(pace=0, model="offline/echo")
    return await FlowRunner(flow, provider=provider, **options).run_flow(given)


def statuses(run: Any) -> dict[str, str]:
    return {step.id: step.status for step in run.steps}


def outputs(run: Any) -> dict[str, Any]:
    return {step.id: step.output for step in run.steps}


CASE = {"type": "case", "cases": [{"yes": {"variable1": "v", "variable2": 1, "compare": "=="}}]}


def branching(*connections: Any, case: Any = CASE, **initial: Any) -> dict[str, Any]:
    """Return a document with two answers to a question, behind a case."""
    return doc(
        {"s": START, "c": case, "yes": LLM, "no": LLM, "e": END},
        "s > c.variables.v",
        wire("c > yes", when="yes"),
        wire("c > no", when="else"),
        "s.q > yes.prompt",
        "s.q > no.prompt",
        *connections,
        **{"q": "Hi", "variables": 1, **initial},
    )
