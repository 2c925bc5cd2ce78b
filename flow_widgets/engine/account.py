"""What a budget in force has left, and the call of a model that spends from it."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import TYPE_CHECKING, Self

from flow_widgets.engine.resources import Level
from flow_widgets.flow.limits import Budget
from flow_widgets.providers.base import ChatRequest, ChatResult, OnText, Usage
from flow_widgets.run import events as ev
from flow_widgets.run.spending import (
    CHARS_PER_TOKEN,
    Spent,
    estimated,
    estimated_prompt,
    price_of,
    usd_of,
)
from flow_widgets.run.state import AttemptState

if TYPE_CHECKING:
    from flow_widgets.engine.metering import Meter

_NO_LIMIT = float("inf")
_AT_WORK = frozenset({"timeout_first_byte", "timeout_idle", "timeout_total", "truncated"})
"""Failures before any text for which the server may charge; the others are refusals."""

Place = tuple[ev.Path, int | None, int | None, int]
"""Path, step, action and visit that a budget is of; of a flow inside an action only the path."""
RUN: Place = ((), None, None, 0)
"""The place of the run's own."""


class Account:
    """A budget in force, and what has been spent of it."""

    __slots__ = (
        "budget", "deadline", "level", "max_tokens", "max_usd", "place", "reason", "timer",
        "tokens", "usd", "whose",
    )  # fmt: skip

    def __init__(self, budget: Budget, level: Level, place: Place, whose: str) -> None:
        """Open an account of which nothing is spent."""
        self.budget, self.level, self.place, self.whose = budget, level, place, whose
        self.tokens = self.usd = 0.0
        self.max_tokens = _NO_LIMIT if budget.tokens is None else budget.tokens
        self.max_usd = _NO_LIMIT if budget.usd is None else budget.usd
        self.reason = ""
        """Why what it is for was ended; empty until then."""
        self.timer: asyncio.TimerHandle | None = None
        self.deadline: float | None = None
        """When its seconds are over, in the time of the loop."""

    @property
    def is_run(self) -> bool:
        """Whether it is the run's."""
        return self.place == RUN

    @property
    def spent(self) -> Spent:
        """What has been spent of it, without its seconds."""
        return Spent(self.tokens, self.usd)

    def is_over(self) -> bool:
        """Whether nothing is left, of which more can be used up."""
        return bool(self.reason) or self.tokens >= self.max_tokens or self.usd >= self.max_usd

    def close(self) -> None:
        """Let go of its timer."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


class Call:
    """One call of a model, from before it is sent until its attempt has settled."""

    __slots__ = (
        "_before", "_chars", "_meter", "accounts", "attempt", "is_open", "model", "price",
        "prompt", "tokens", "usage", "usd",
    )  # fmt: skip

    def __init__(
        self, meter: Meter, attempt: AttemptState, request: ChatRequest, accounts: list[Account]
    ) -> None:
        """Make a call of which nothing is charged yet."""
        self._meter, self.attempt, self.accounts = meter, attempt, accounts
        self.model, self.price = request.model, price_of(meter.prices, request.model)
        self.prompt = estimated_prompt(request.messages)
        self.usage: Usage | None = None
        self.tokens = self.usd = 0.0
        """What its accounts are charged."""
        self.is_open = True
        self._before, self._chars = attempt.chars, -1

    def __enter__(self) -> Self:
        self.settle()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if not self.is_open:
            return
        self._chars = self.attempt.chars - self._before
        refused = isinstance(error, Exception) and getattr(error, "kind", "") not in _AT_WORK
        if refused and not self._chars and self.usage is None:
            self.prompt = 0
        self.settle()

    def heard(self, on_text: OnText) -> OnText:
        """Return a listener that also counts; without a limit on tokens or dollars it is the same."""
        accounts = self.accounts
        if not accounts:
            return on_text
        rate = usd_of(self.price, 0, 1) if self.price else 0.0

        def counted(text: str) -> None:
            on_text(text)
            if not self.is_open:
                return
            tokens = len(text) / CHARS_PER_TOKEN
            usd = tokens * rate
            self.tokens += tokens
            self.usd += usd
            for account in accounts:
                account.tokens += tokens
                account.usd += usd
                if account.tokens >= account.max_tokens or account.usd >= account.max_usd:
                    self._meter.end(account)

        return counted

    def answered(self, result: ChatResult) -> None:
        """Take what the server has counted, and the price of the model that answered if it has one."""
        self.usage = result.usage
        if self.price is None:
            self.price = price_of(self._meter.prices, result.model)

    def used(self) -> tuple[int, float | None]:
        """Return its tokens, by the server or estimated, and its dollars, None without a price."""
        chars = self._chars if self._chars >= 0 else self.attempt.chars - self._before
        prompt, answer = self.prompt, estimated(chars)
        usage, total = self.usage, None
        if usage is not None:
            total = usage.total_tokens
            prompt = prompt if usage.prompt_tokens is None else usage.prompt_tokens
            rest = 0 if total is None else total - prompt
            named = usage.completion_tokens
            # Of some servers only the total holds the tokens of the reasoning, which cost as much.
            answer = max(answer if named is None and total is None else named or 0, rest)
        tokens = prompt + answer if total is None else total
        return tokens, None if self.price is None else usd_of(self.price, prompt, answer)

    def settle(self) -> None:
        """Charge its accounts what is missing to what it has used, or give back what is too much."""
        tokens, usd = self.used()
        more, more_usd = tokens - self.tokens, (usd or 0.0) - self.usd
        self.tokens += more
        self.usd += more_usd
        for account in self.accounts:
            account.tokens += more
            account.usd += more_usd
