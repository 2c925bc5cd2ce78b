"""Which failures are sent again, after how long, and what a final one says."""

from __future__ import annotations

import random
from typing import Any

import pytest

from flow_widgets.engine.retrying import RetryBudget, retry_delay, with_reason
from flow_widgets.flow.limits import Retry
from flow_widgets.run.events import Failure


class Highest(random.Random):
    """Chance that always gives the most."""

    def uniform(self, a: float, b: float) -> float:
        return max(a, b)


def failure(kind: str = "server_error", *, retryable: bool = True, **fields: Any) -> Failure:
    return Failure(kind, "It failed.", "Retry.", retryable=retryable, **fields)


def delay(one: Failure, **options: Any) -> float | None:
    given = {
        "retry": Retry(),
        "attempts": 1,
        "waited_seconds": 0.0,
        "chars": 0,
        "random": Highest(),
        **options,
    }
    return retry_delay(one, **given)


def words(one: Failure, **options: Any) -> str:
    given = {"retry": Retry(), "attempts": 1, "waited_seconds": 0.0, "chars": 0, **options}
    return str(with_reason(one, **given))


def test_a_failure_that_stays_is_final_and_says_nothing_more() -> None:
    one = failure("auth", retryable=False)

    assert delay(one) is None
    assert words(one, attempts=3) == "It failed. Retry."


@pytest.mark.parametrize(
    ("attempts", "most"), [(1, 0.5), (2, 1.0), (3, 2.0), (4, 4.0), (5, 8.0), (6, 8.0), (99, 8.0)]
)
def test_waits_double_up_to_eight_seconds(attempts: int, most: float) -> None:
    retry = Retry(max_attempts=100)

    assert delay(failure(), attempts=attempts, retry=retry) == most


def test_the_whole_wait_is_left_to_chance() -> None:
    chance = random.Random(1)

    waits = [delay(failure(), random=chance) or 0.0 for _ in range(1000)]

    assert min(waits) < 0.01
    assert 0.49 < max(waits) <= 0.5


@pytest.mark.parametrize("asked", [0.2, 1.0, 20.0, 60.0])
def test_no_retry_comes_before_the_server_asked_for_it(asked: float) -> None:
    chance = random.Random(1)
    one = failure("rate_limit", retry_after_seconds=asked)

    waits = [delay(one, random=chance) or 0.0 for _ in range(100)]

    assert asked <= min(waits)
    assert max(waits) <= max(asked + 1, 0.5)
    assert len(set(waits)) > 90


def test_the_server_may_ask_for_no_wait_at_all() -> None:
    assert delay(failure(retry_after_seconds=0.0)) == 0.5


def test_a_server_that_asks_for_an_hour_is_not_waited_for() -> None:
    one = failure("rate_limit", retry_after_seconds=3600.0)

    assert delay(one) is None
    assert words(one) == "It failed. The server asks to wait 3,600 s. Retry."


def test_the_last_attempt_says_how_many_there_were() -> None:
    assert delay(failure(), attempts=3) is None
    assert words(failure(), attempts=3) == "It failed. 3 attempts failed. Retry."


def test_the_last_attempt_says_what_the_server_asks() -> None:
    one = failure(retry_after_seconds=1.5)

    assert words(one, attempts=3) == (
        "It failed. 3 attempts failed. The server asks to wait 1.5 s. Retry."
    )


def test_without_retries_the_failure_is_as_it_was() -> None:
    one = failure()

    assert delay(one, retry=Retry(max_attempts=1)) is None
    assert words(one, retry=Retry(max_attempts=1)) == "It failed. Retry."


def test_a_retry_that_is_granted_changes_no_words() -> None:
    assert words(failure()) == "It failed. Retry."


def test_refusals_do_not_count_while_others_get_through() -> None:
    one = failure("rate_limit")

    assert delay(one, attempts=30) is None
    assert delay(one, attempts=30, is_everyone_refused=False) == 8.0
    assert delay(failure(), attempts=30, is_everyone_refused=False) is None


def test_waiting_ends_with_its_budget_even_while_others_get_through() -> None:
    one = failure("rate_limit")
    options = {"attempts": 30, "is_everyone_refused": False}

    assert delay(one, waited_seconds=119.0, **options) == 1.0
    assert delay(one, waited_seconds=120.0, **options) is None
    assert words(one, waited_seconds=120.0, **options) == (
        "It failed. Only 120 s may be waited in all. Retry."
    )


def test_a_wait_beyond_what_is_left_is_not_begun() -> None:
    one = failure("rate_limit", retry_after_seconds=20.0)
    retry = Retry(max_wait_seconds=15)

    assert delay(one, retry=retry) is None
    assert words(one, retry=retry) == (
        "It failed. The server asks to wait 20 s, and only 15 s may be waited. Retry."
    )


def test_an_answer_that_has_begun_is_asked_for_again_only_where_that_is_wanted() -> None:
    one = failure("connection_lost")
    retry = Retry(lost_stream="fail")

    assert delay(one, chars=5) is not None
    assert delay(one, chars=0, retry=retry) is not None
    assert delay(one, chars=5, retry=retry) is None
    assert "lost_stream='fail'" in words(one, chars=5, retry=retry)


def test_a_run_has_ten_retries_or_one_for_five_calls() -> None:
    budget = RetryBudget()

    granted = sum(delay(failure(), budget=budget) is not None for _ in range(50))
    for _ in range(100):
        budget.called()
    more = sum(delay(failure(), budget=budget) is not None for _ in range(50))

    assert (granted, more) == (10, 10)
    assert budget.is_spent
    assert words(failure(), budget=budget) == (
        "It failed. The run has made 20 retries, so it makes no more. Retry."
    )


def test_refusals_for_the_rate_cost_nothing_and_take_no_retry() -> None:
    budget = RetryBudget()
    one = failure("rate_limit")

    granted = sum(delay(one, budget=budget) is not None for _ in range(50))

    assert granted == 50
    assert budget.retries == 0
    assert sum(delay(one, chars=1, budget=budget) is not None for _ in range(50)) == 10


def test_a_final_failure_takes_no_retry() -> None:
    budget = RetryBudget()

    delay(failure(), attempts=3, budget=budget)

    assert budget.retries == 0
