"""Prices, estimates and the words of a spent budget."""

from __future__ import annotations

import pytest
from driver import drive
from driver import flow as driven

from flow_widgets import Chat, Flow, Step
from flow_widgets.actions.map import Map
from flow_widgets.errors import FlowError, InvalidFlow, Problem
from flow_widgets.flow.limits import Budget, Price
from flow_widgets.run.spending import (
    PART_TOKENS,
    Spent,
    budget_problems,
    budget_reason,
    checked_budget,
    checked_prices,
    cost_of,
    dollars,
    estimated,
    estimated_prompt,
    price_of,
    prompt_reason,
    spent_of,
)

PRICES = {
    "gpt-4o": Price(input=2.5, output=10.0),
    "gpt-4o-2024-05-13": Price(input=5.0, output=15.0),
    "gpt-4": Price(input=30.0, output=60.0),
    "gpt-": Price(input=1.0, output=1.0),
    "llama3": Price(input=0.0, output=0.0),
}


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("gpt-4o", "gpt-4o"),
        ("gpt-4o-2024-08-06", "gpt-4o"),
        ("gpt-4o-2024-05-13", "gpt-4o-2024-05-13"),
        ("gpt-4o-2024-05-13@eu", "gpt-4o-2024-05-13"),
        ("gpt-4o-latest", "gpt-4o"),
        ("gpt-4-0613", "gpt-4"),
        ("llama3:latest", "llama3"),
        ("llama3@20240620", "llama3"),
    ],
)
def test_a_model_has_the_price_of_its_name_without_a_date_or_a_version(model, name):
    assert price_of(PRICES, model) is PRICES[name]


@pytest.mark.parametrize(
    "model",
    ["gpt-4o-mini", "gpt-4o-mini-2024-07-18", "gpt-4-32k", "gpt-4.1", "llama3:70b", "o1", "", None],
)
def test_another_model_does_not_get_the_price_of_one_whose_name_begins_alike(model):
    assert price_of(PRICES, model) is None
    assert cost_of(PRICES, model, 1000, 1000) is None


def test_without_prices_nothing_has_a_price():
    assert price_of({}, "gpt-4o") is None


def test_prices_are_for_a_million_tokens():
    assert cost_of(PRICES, "gpt-4o", 1_000_000, 100_000) == 3.5
    assert cost_of(PRICES, "llama3", 1_000_000, 1_000_000) == 0.0


@pytest.mark.parametrize(("chars", "tokens"), [(0, 0), (1, 1), (4, 1), (5, 2), (4000, 1000)])
def test_four_characters_are_about_a_token(chars, tokens):
    assert estimated(chars) == tokens


def test_the_estimate_of_a_prompt_counts_its_texts_and_a_flat_number_for_anything_else():
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    messages = [
        {"role": "system", "content": "abcd"},
        {"role": "user", "content": [{"type": "text", "text": "efgh"}, "ijkl", image]},
        {"role": "assistant", "content": None},
        {"role": "assistant"},
    ]

    assert estimated_prompt(messages) == 3 + PART_TOKENS


def test_a_run_has_spent_the_tokens_that_were_named_and_those_that_are_estimated():
    state = drive(driven(sequence="one")).state
    state.tokens, state.estimated_tokens, state.cost_usd, state.unpriced = 10, 5, 0.25, True
    state.active_seconds, state.active_at = 3.0, 100.0

    assert spent_of(state) == Spent(15, 0.25, 3.0, is_estimated=True, is_unpriced=True)
    assert spent_of(state, 104.0).seconds == 7.0


def test_a_run_that_has_used_nothing_has_spent_nothing():
    state = drive(driven(sequence="one")).state
    state.active_at = None

    assert spent_of(state, 104.0) == Spent()


@pytest.mark.parametrize(
    ("budget", "spent", "reason"),
    [
        (None, Spent(10), ""),
        (Budget(tokens=5000), Spent(4999), ""),
        (Budget(tokens=5000), Spent(5012), "the budget of 5,000 tokens is spent (5,012 used)"),
        (Budget(tokens=1), Spent(1), "the budget of 1 token is spent (1 used)"),
        (Budget(usd=0.05), Spent(10), ""),
        (Budget(usd=0.05), Spent(10, 0.049), ""),
        (Budget(usd=0.05), Spent(10, 0.05), "the budget of $0.05 is spent"),
        (Budget(seconds=60), Spent(seconds=59.9), ""),
        (Budget(seconds=60), Spent(seconds=60.1), "the budget of 60 s is spent"),
        (Budget(tokens=9, usd=1, seconds=60), Spent(8, 2, 90), "the budget of $1.00 is spent"),
    ],
)
def test_the_reason_names_the_limit_that_was_reached(budget, spent, reason):
    assert budget_reason(budget, spent) == reason


def test_the_reason_says_whose_budget_it_was():
    reason = budget_reason(Budget(tokens=10), Spent(12.4), "the step's")

    assert reason == "the step's budget of 10 tokens is spent (12 used)"


@pytest.mark.parametrize(
    ("budget", "spent", "reason"),
    [
        (Budget(tokens=100), Spent(90), ""),
        (
            Budget(tokens=100),
            Spent(91),
            "the next prompt, about 10 tokens, is more than the budget of 100 tokens, "
            "9 of them left",
        ),
        (Budget(usd=0.05), Spent(), ""),
        (
            Budget(usd=0.05),
            Spent(0, 0.045),
            "the next prompt, about $0.01, is more than the budget of $0.05, $0.005 of it left",
        ),
        (Budget(seconds=1), Spent(10), ""),
    ],
)
def test_a_prompt_that_does_not_fit_is_named_with_what_is_left(budget, spent, reason):
    assert prompt_reason(budget, spent, 10, 0.01) == reason


@pytest.mark.parametrize(
    ("usd", "text"),
    [
        (0, "$0.00"),
        (0.5, "$0.50"),
        (0.125, "$0.125"),
        (0.1 + 0.2, "$0.30"),
        (0.00012, "$0.00012"),
        (1234.5, "$1,234.50"),
    ],
)
def test_dollars_have_as_many_digits_as_they_need(usd, text):
    assert dollars(usd) == text


def chat(**options) -> Chat:
    return Chat(prompt="a", **options)


def test_dollars_without_any_price_are_a_problem_wherever_they_are_limited():
    inner = Flow(steps=[Step(actions=[chat(budget=Budget(usd=1))])], budget=Budget(usd=1))
    flow = Flow(
        budget=Budget(usd=1),
        steps=[
            Step(actions=[chat(), chat(budget=Budget(usd=1))], budget=Budget(usd=1)),
            Step(actions=[Map(body=inner, over=[1])]),
        ],
    )

    found = budget_problems(flow, None, {})

    assert [problem.place for problem in found] == [
        "budget.usd",
        "steps[0].budget.usd",
        "steps[0].actions[1].budget.usd",
        "steps[1].actions[0].body.budget.usd",
        "steps[1].actions[0].body.steps[0].actions[0].budget.usd",
    ]
    assert {problem.what for problem in found} == {"dollars need the prices of the models."}


def test_the_budget_of_the_runner_stands_instead_of_that_of_the_flow():
    hint = 'Give the runner prices={"gpt-4o": Price(input=2.5, output=10.0)}, or limit tokens.'
    problem = Problem("budget.usd", "dollars need the prices of the models.", hint)

    flow = Flow(steps=[chat()], budget=Budget(usd=1))

    assert budget_problems(flow, Budget(tokens=1), {}) == []
    assert budget_problems(Flow(steps=[chat()]), Budget(usd=1), {}) == [problem]


def test_with_a_price_of_any_model_dollars_can_be_limited():
    assert budget_problems(Flow(steps=[chat()]), Budget(usd=1), PRICES) == []


def test_prices_may_be_written_as_dicts():
    price = Price(input=2.5, output=10.0)

    found = checked_prices({"a": {"input": 2.5, "output": 10}, "b": price})

    assert found == {"a": price, "b": price}


@pytest.mark.parametrize(
    ("prices", "what"),
    [
        ([1], "prices is list, not a dict."),
        ({1: {}}, "prices has the key 1, which is no model's name."),
        ({"a": 3}, "The price of 'a' is int."),
        (
            {"a": {"input": 1}},
            "The price of 'a' can't be used: output: 'output' is required. Add it.",
        ),
    ],
)
def test_prices_that_make_no_sense_are_refused_with_the_model(prices, what):
    with pytest.raises(FlowError) as caught:
        checked_prices(prices)

    assert caught.value.what == what
    assert "dollars for a million tokens" in caught.value.hint


def test_a_budget_may_be_written_as_a_dict():
    assert checked_budget({"tokens": 5}) == Budget(tokens=5)
    assert checked_budget(Budget(tokens=5)) == Budget(tokens=5)
    assert checked_budget(None) is None


def test_a_budget_that_makes_no_sense_is_refused():
    with pytest.raises(FlowError, match="budget is int, not a Budget"):
        checked_budget(5)
    with pytest.raises(InvalidFlow, match="'token' is not a key of Budget"):
        checked_budget({"token": 5})
