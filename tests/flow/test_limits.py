"""Budgets, prices and retries as a flow declares them."""

from __future__ import annotations

import pytest

from flow_widgets import Chat, Flow, Step
from flow_widgets.errors import InvalidFlow
from flow_widgets.flow.formats import load_flow
from flow_widgets.flow.limits import Budget, Price, Retry


def test_a_budget_limits_dollars_tokens_or_seconds():
    budget = Budget(usd=0.5, tokens=20_000, seconds=60)

    assert (budget.usd, budget.tokens, budget.seconds) == (0.5, 20_000, 60.0)


def test_a_budget_that_limits_nothing_is_refused():
    with pytest.raises(InvalidFlow, match="limits nothing: give usd, tokens or seconds"):
        Budget()


@pytest.mark.parametrize("limit", ["usd", "tokens", "seconds"])
def test_a_limit_must_be_greater_than_0(limit):
    with pytest.raises(InvalidFlow, match=f"{limit}: must be greater than 0"):
        Budget(**{limit: 0})


@pytest.mark.parametrize("price", [{"input": -1, "output": 1}, {"input": 1, "output": -1}])
def test_a_price_may_be_0_but_not_less(price):
    assert Price(input=0, output=0) == Price(input=0.0, output=0.0)
    with pytest.raises(InvalidFlow, match="must be greater than or equal to 0"):
        Price(**price)


def test_a_retry_has_at_most_three_attempts_unless_it_says_otherwise():
    assert Retry() == Retry(max_attempts=3, max_wait_seconds=120.0, lost_stream="restart")


@pytest.mark.parametrize("wrong", [{"max_attempts": 0}, {"max_wait_seconds": -1}])
def test_a_retry_refuses_what_makes_no_sense(wrong):
    with pytest.raises(InvalidFlow):
        Retry(**wrong)


def test_budgets_of_a_flow_a_step_and_an_action_survive_a_document():
    action = Chat(prompt="a", budget=Budget(usd=0.01), retry=Retry(max_attempts=1))
    step = Step(actions=[action], budget=Budget(tokens=10))
    flow = Flow(steps=[step], budget=Budget(seconds=5))

    again = load_flow(flow.model_dump(mode="json"))

    assert again.budget == Budget(seconds=5)
    assert again.steps[0].budget == Budget(tokens=10)
    assert again.steps[0].actions[0].budget == Budget(usd=0.01)
    assert again.steps[0].actions[0].retry == Retry(max_attempts=1)


def test_a_wrong_limit_in_a_document_is_named_with_its_place():
    document = {
        "steps": [{"actions": [{"type": "chat", "prompt": "a"}], "budget": {"token": 5}}],
    }

    with pytest.raises(InvalidFlow) as caught:
        load_flow(document)

    assert [problem.place for problem in caught.value.problems] == ["steps[0].budget.token"]
    assert "Did you mean 'tokens'?" in str(caught.value)
