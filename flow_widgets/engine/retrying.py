"""Decides whether a failed call is sent again and when; it neither waits nor reads a clock."""

from __future__ import annotations

import random as chance
from dataclasses import replace

from flow_widgets.flow.limits import Retry
from flow_widgets.run.events import Failure

MAX_ASKED_SECONDS = 60.0
"""The longest wait that a server may ask for; for more, a person had better come back."""
FIRST_BACKOFF_SECONDS = 0.5
MAX_BACKOFF_SECONDS = 8.0
_FREE_RETRIES = 10
_RETRIES_PER_CALL = 0.2


class RetryBudget:
    """How many retries a run has left: an outage must not multiply what the run costs.

    Refusals for a rate limit are not counted: the server has done no work for them.
    """

    __slots__ = ("calls", "retries")

    def __init__(self) -> None:
        """Begin with no calls: some retries are free."""
        self.calls = self.retries = 0

    def called(self) -> None:
        """Count a call; a retry is one too."""
        self.calls += 1

    @property
    def limit(self) -> int:
        """How many retries there may be after so many calls."""
        return max(_FREE_RETRIES, int(self.calls * _RETRIES_PER_CALL))

    @property
    def is_spent(self) -> bool:
        """Whether no retry is left."""
        return self.retries >= self.limit


def retry_delay(
    failure: Failure,
    *,
    retry: Retry,
    attempts: int,
    waited_seconds: float,
    chars: int,
    random: chance.Random,
    is_everyone_refused: bool = True,
    budget: RetryBudget | None = None,
) -> float | None:
    """Return the seconds until the next attempt, or None when the failure is final.

    A retry that is granted is taken from ``budget``.

    Args:
        failure: Why the attempt failed.
        retry: What the action or its flow allows.
        attempts: How many attempts of this visit have failed, this one included.
        waited_seconds: All the waits before them.
        chars: How much text the attempt had streamed.
        random: Where jitter comes from.
        is_everyone_refused: False when other calls of the same model have succeeded since the
            last attempt; then a refusal for a rate limit does not count against ``max_attempts``.
        budget: The retries of the run.
    """
    if not failure.retryable:
        return None
    reason = _obstacle(
        failure,
        retry=retry,
        attempts=attempts,
        waited_seconds=waited_seconds,
        chars=chars,
        is_everyone_refused=is_everyone_refused,
        budget=budget,
    )
    if reason is not None:
        return None
    if budget is not None and _costs(failure, chars):
        budget.retries += 1
    seconds = random.uniform(0, _backoff(attempts))
    asked = failure.retry_after_seconds or 0.0
    if asked:
        jitter = random.uniform(0, min(1.0, max(0.05, asked / 4)))
        seconds = max(asked + jitter, seconds)
    return min(seconds, retry.max_wait_seconds - waited_seconds)


def with_reason(
    failure: Failure,
    *,
    retry: Retry,
    attempts: int,
    waited_seconds: float,
    chars: int,
    is_everyone_refused: bool = True,
    budget: RetryBudget | None = None,
) -> Failure:
    """Return a final failure whose hint begins with why it is not sent again, if it could have been."""
    if not failure.retryable:
        return failure
    reason = _obstacle(
        failure,
        retry=retry,
        attempts=attempts,
        waited_seconds=waited_seconds,
        chars=chars,
        is_everyone_refused=is_everyone_refused,
        budget=budget,
    )
    return replace(failure, hint=f"{reason} {failure.hint}".strip()) if reason else failure


def _obstacle(
    failure: Failure,
    *,
    retry: Retry,
    attempts: int,
    waited_seconds: float,
    chars: int,
    is_everyone_refused: bool,
    budget: RetryBudget | None,
) -> str | None:
    """Return what stands against another attempt: a sentence, an empty text, or None for nothing."""
    asked = failure.retry_after_seconds or 0.0
    if asked > MAX_ASKED_SECONDS:
        return f"The server asks to wait {asked:,.0f} s."
    if chars and retry.lost_stream == "fail":
        return "An answer that has begun is not asked for again here (lost_stream='fail')."
    counts = is_everyone_refused or failure.kind != "rate_limit"
    if counts and attempts >= retry.max_attempts:
        return (
            f"{attempts} attempts failed.{_asks(asked)}" if attempts > 1 else _asks(asked).strip()
        )
    left = retry.max_wait_seconds - waited_seconds
    if left <= 0:
        return f"Only {retry.max_wait_seconds:,.3g} s may be waited in all.{_asks(asked)}"
    if asked > left:
        return f"The server asks to wait {asked:,.3g} s, and only {left:,.3g} s may be waited."
    if budget is not None and budget.is_spent and _costs(failure, chars):
        return f"The run has made {budget.retries} retries, so it makes no more."
    return None


def _asks(seconds: float) -> str:
    return f" The server asks to wait {seconds:,.3g} s." if seconds else ""


def _costs(failure: Failure, chars: int) -> bool:
    """Whether the server may have done work for the attempt."""
    return failure.kind != "rate_limit" or chars > 0


def _backoff(attempts: int) -> float:
    return min(MAX_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2.0 ** min(attempts - 1, 10))
