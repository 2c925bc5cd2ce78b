"""Cases and selections: which elements run."""

from __future__ import annotations

from typing import Any

import pytest
from elements import (
    CASE,
    END,
    LLM,
    START,
    branching,
    doc,
    edges,
    native,
    outputs,
    problems,
    ran,
    statuses,
    wire,
)

from flow_widgets.flow.formats import load_notes


def test_a_case_becomes_an_action_of_the_same_name():
    cases = [
        {"vip": {"variable1": "tier", "variable2": "gold", "compare": "=="}},
        {"many": {"variable1": "count", "variable2": 3, "compare": ">="}},
    ]
    case = {"type": "case", "cases": cases}
    document = doc(
        {"s": START, "c": case}, "s.tier > c.variables.tier", "s.n > c.variables.count", n=1
    )

    assert native(document, "c") == {
        "type": "case",
        "variables": {"tier": "{{inputs.tier}}", "count": "{{inputs.n}}"},
        "cases": [
            {
                "name": "vip",
                "variable": "tier",
                "operator": "==",
                "right": "gold",
                "right_variable": "gold",
                "strict": True,
            },
            {
                "name": "many",
                "variable": "count",
                "operator": ">=",
                "right": 3,
                "strict": True,
            },
        ],
    }


@pytest.mark.parametrize(
    ("given", "output"),
    [
        ({"tier": "gold", "count": 0}, "A"),
        ({"tier": "tin", "count": 5}, "B"),
        ({"tier": "tin", "count": 0}, None),
        ({"tier": "tin", "count": "5"}, None),
    ],
)
async def test_only_the_connections_of_true_cases_are_followed(given, output):
    cases = {
        "vip": {"variable1": "tier", "variable2": "gold", "compare": "=="},
        "many": {"variable1": "count", "variable2": 3, "compare": ">="},
    }
    elements = {
        "s": START,
        "m": {"type": "metadata"},
        "c": {"type": "case", "cases": [{name: one} for name, one in cases.items()]},
        "a": {"type": "constants", "data": "A"},
        "b": {"type": "constants", "data": "B"},
        "e": END,
    }
    document = doc(
        elements,
        "s > m",
        "m.tier > c.variables.tier",
        "m.count > c.variables.count",
        wire("c > a", when="vip"),
        wire("c > b", from_port="many"),
        "a.data > e.text_input",
        "b.data > e.text_input",
        **given,
    )

    run = await ran(document)

    assert run.status == "completed"
    assert (outputs(run)["e"] or {}).get("text_output") == output


async def test_data_from_elsewhere_does_not_run_what_a_case_left_out():
    join = ("yes.llm_output > e.text_input", "no.llm_output > e.text_input")

    run = await ran(branching(*join, variables=2))

    assert statuses(run) == {
        "s": "completed",
        "c": "completed",
        "yes": "skipped",
        "no": "completed",
        "e": "completed",
    }


def test_what_a_branch_needs_from_elsewhere_is_waited_for_before_it():
    ask = {"type": "chat_input"}
    document = branching("ask.chat_input > yes.context", "yes.llm_output > e.text_input", "s > e")
    document["flow_definition"]["elements"]["ask"] = ask

    assert edges(document) == [
        "s > c",
        "c.yes > yes",
        "c.else > no",
        "ask > c",
        "yes > e",
    ]


def test_a_branch_within_a_branch_is_waited_for_before_the_outer_one():
    elements = {"s": START, "a": CASE, "b": CASE, "l": LLM, "ask": {"type": "chat_input"}}
    document = doc(
        elements,
        "s.v > a.variables.v",
        "s.v > b.variables.v",
        wire("a > b", when="yes"),
        wire("b > l", when="yes"),
        "ask.chat_input > l.prompt",
        v=1,
    )

    assert edges(document) == ["s > a", "a.yes > b", "b.yes > l", "ask > a"]


def test_a_branch_that_leads_back_keeps_its_connections():
    document = branching("yes.llm_output > no.context", "no > c", e={"text_input": "x"})

    assert {"yes > no", "no > c"} <= set(edges(document))


def test_a_loop_through_a_case_keeps_its_way_in():
    elements = {"s": START, "k": {"type": "constants"}, "c": CASE, "m": {"type": "metadata"}}
    document = doc(
        elements,
        "s.x > m.x",
        "k.data > m.y",
        "m.x > c.variables.v",
        wire("c > m", when="yes"),
        x=1,
    )

    assert edges(document) == ["s > m", "k > m", "m > c", "c.yes > m"]


def test_connections_that_name_no_case_take_theirs_by_place_and_are_noted():
    document = doc(
        {"s": START, "c": CASE, "a": START, "b": START, "d": START},
        "s.v > c.variables",
        "c > a",
        "c > b",
        wire("c > d", when="default"),
        v={},
    )

    assert edges(document) == ["s > c", "c.yes > a", "c.else > b", "c.else > d"]
    assert [one.place for one in load_notes(document)] == ["connections[1]", "connections[2]"]


def test_an_unknown_case_on_a_connection_names_the_nearest():
    document = branching(wire("c > e", when="yess"), e={"text_input": "x"})

    assert problems(document)[-1] == (
        "connections[5].when: 'yess' is no case of 'c'. Did you mean 'yes'?"
    )


def test_an_unknown_comparison_is_taken_as_equal_and_noted():
    case = {"type": "case", "cases": {"yes": {"variable1": "v", "compare": "~"}, "x": 3}}
    document = branching(case=case, e={"text_input": "x"})

    assert native(document, "c")["cases"][0]["operator"] == "=="
    assert "'~' is no known comparison" in str(load_notes(document)[0])


def test_a_case_without_cases_is_told():
    assert "there are no cases" in problems(branching(case={"type": "case"}))[0]


def test_the_result_of_a_case_can_be_used():
    document = branching("c.result.yes > e.text_input")

    assert native(document, "e")["values"]["text_output"] == "{{steps.c.output.yes}}"


def test_a_connection_may_be_for_a_failure():
    document = doc({"s": START, "m": {"type": "metadata"}}, wire("s > m", when="error"))

    assert edges(document) == ["s.error > m"]


SELECT = {"type": "flow_select", "flows_to_switch": ["a", "b"]}


def selecting(*connections: Any, **initial: Any) -> dict[str, Any]:
    return doc(
        {"s": START, "f": SELECT, "a": LLM, "b": LLM, "e": END},
        "s > f",
        "f.first > a.prompt",
        "f.second > b.prompt",
        "a.llm_output > e.text_input",
        "b.llm_output > e.text_input",
        *connections,
        **initial,
    )


@pytest.mark.parametrize(
    ("given", "chosen"),
    [
        ({"first": "1", "second": "2"}, "a"),
        ({"second": "2"}, "b"),
        ({"first": "1", "second": "2", "chosen_flow": "b"}, "b"),
    ],
)
async def test_a_selection_goes_on_where_the_first_value_is(given, chosen):
    run = await ran(selecting(**given))

    assert outputs(run)["f"]["chosen_flow"] == chosen
    assert run.output["text_output"] == {"a": "1", "b": "2"}[chosen]


def test_a_selection_that_names_nothing_chooses_among_all_ways():
    elements = {"s": START, "f": {"type": "flow_select"}, "a": LLM, "m": {"type": "metadata"}}
    document = doc(elements, "s > f", "f > a", "f.chosen_flow > m.way", prompt="x")

    assert native(document, "f")["choices"] == [
        {"name": "a", "value": "{{inputs.prompt}}"},
        {"name": "m", "value": "{{steps.f.output.chosen_flow}}"},
    ]
    assert native(document, "a")["prompt"] == "{{inputs.prompt}}"
    assert edges(document) == ["s > f", "f.a > a", "f.m > m"]


def test_what_a_selection_does_not_name_has_its_own_port():
    document = doc(
        {"s": START, "f": {**SELECT, "flows_to_switch": "a"}, "a": LLM, "b": LLM, "d": LLM},
        "s > f",
        "f > a",
        "f > b",
        wire("f > d", when="a"),
        prompt="x",
    )

    assert edges(document) == ["s > f", "f.a > a", "f.else > b", "f.a > d"]


def test_a_way_that_takes_no_value_can_always_be_gone():
    elements = {"s": START, "f": {"type": "flow_select"}, "k": {"type": "constants"}}

    assert native(doc(elements, "s > f", "f > k"), "f")["choices"] == [{"name": "k", "value": True}]


def incoming(*connections: Any, **initial: Any) -> dict[str, Any]:
    document = branching(**initial)
    elements = document["flow_definition"]["elements"]
    elements["f"] = {"type": "FlowSelect", "flows_to_switch": ["yes", "no"]}
    document["flow_definition"]["connections"] += map(wire, connections)
    return document


@pytest.mark.parametrize(("variable", "chosen"), [(1, "yes"), (2, "no")])
async def test_a_selection_of_what_comes_in_passes_on_what_ran(variable, chosen):
    document = incoming(
        "yes.llm_output > f.x", "no.llm_output > f.x", "f.x > e.text_input", variables=variable
    )

    run = await ran(document)

    assert outputs(run)["f"] == {"value": "Hi", "chosen_flow": chosen}
    assert run.output["text_output"] == "Hi"


def test_a_selection_of_several_values_passes_them_on_by_name():
    document = incoming(
        "yes.llm_output > f.x", "yes.llm_output > f.y", "no.llm_output > f.x", "f.y > e.text_input"
    )

    assert native(document, "f")["choices"] == [
        {"name": "yes", "value": {"x": "{{steps.yes.output}}", "y": "{{steps.yes.output}}"}},
        {"name": "no", "value": {"x": "{{steps.no.output}}"}},
    ]
    assert native(document, "e")["values"]["text_output"] == "{{steps.f.output.value.y}}"
