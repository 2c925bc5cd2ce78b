"""What runs spend and what a budget leaves: estimates, prices, sums and the words for them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import floor, log10
from typing import Any

from flow_widgets.errors import FlowError, InvalidFlow, Problem
from flow_widgets.flow.limits import Budget, Price
from flow_widgets.flow.model import Flow
from flow_widgets.run.state import RunState

Prices = Mapping[str, Price]
"""What models cost, by their name."""

CHARS_PER_TOKEN = 4
"""What English has with most tokenizers; code has fewer, Chinese about one."""
PART_TOKENS = 800
"""What an image, a file or a sound counts until the server has named its tokens."""
_PER_MILLION = 1_000_000
_VERSION = re.compile(r"-\d{4}-\d{2}-\d{2}|-\d{3,8}|-latest|:latest|@[\w.-]+")
"""What may follow the name of a model without making another one of it: a date or a version."""


def price_of(prices: Prices, model: str | None) -> Price | None:
    """Return the price of a model, found by its name, or by its name without a date or a version.

    ``gpt-4o-2024-08-06`` has the price of ``gpt-4o``; ``gpt-4o-mini`` and ``gpt-4-32k`` have their own.
    """
    if not model or not prices:
        return None
    if model in prices:
        return prices[model]
    found = [
        name
        for name in prices
        if model.startswith(name) and _VERSION.fullmatch(model, len(name)) is not None
    ]
    return prices[max(found, key=len)] if found else None


def cost_of(
    prices: Prices, model: str | None, prompt_tokens: float, completion_tokens: float
) -> float | None:
    """Return what a call costs in US dollars, None when no price is known."""
    price = price_of(prices, model)
    return None if price is None else usd_of(price, prompt_tokens, completion_tokens)


def usd_of(price: Price, prompt_tokens: float, completion_tokens: float) -> float:
    """Return what tokens cost at a price, in US dollars."""
    return (price.input * prompt_tokens + price.output * completion_tokens) / _PER_MILLION


def estimated(chars: int) -> int:
    """Return about how many tokens a text has; one at least, when there is any."""
    return -(-chars // CHARS_PER_TOKEN)


def estimated_prompt(messages: list[dict[str, Any]]) -> int:
    """Return about how many tokens messages have, in the wire form of the OpenAI API."""
    chars = others = 0
    for message in messages:
        content = message.get("content") or ""
        for part in [content] if isinstance(content, str) else content:
            text = part if isinstance(part, str) else part.get("text")
            if isinstance(text, str):
                chars += len(text)
            else:
                others += 1
    return estimated(chars) + others * PART_TOKENS


@dataclass(frozen=True, slots=True)
class Spent:
    """What something has spent so far."""

    tokens: float = 0
    """Those that servers named and those that are estimated."""
    usd: float | None = None
    """US dollars, None while no price was known for anything."""
    seconds: float = 0.0
    """Seconds of work."""
    is_estimated: bool = False
    """Whether some of the tokens are estimated."""
    is_unpriced: bool = False
    """Whether tokens were used for which no price is known."""


def spent_of(run: RunState, now: float | None = None) -> Spent:
    """Return what a run has spent; ``now`` adds the time of the work that goes on."""
    going = now is not None and run.active_at is not None
    return Spent(
        tokens=(run.tokens or 0) + run.estimated_tokens,
        usd=run.cost_usd,
        seconds=run.active_seconds + ((now or 0.0) - (run.active_at or 0.0) if going else 0.0),
        is_estimated=run.estimated_tokens > 0,
        is_unpriced=run.unpriced,
    )


def budget_reason(budget: Budget | None, spent: Spent, whose: str = "the") -> str:
    """Return which limit of a budget has been reached, in words; empty while there is something left.

    ``whose`` begins the sentence: ``the``, ``the step's``.
    """
    if budget is None:
        return ""
    if budget.tokens is not None and spent.tokens >= budget.tokens:
        used = f"{round(spent.tokens):,} used"
        return f"{whose} budget of {_tokens(budget.tokens)} is spent ({used})"
    if budget.usd is not None and (spent.usd or 0.0) >= budget.usd:
        return f"{whose} budget of {dollars(budget.usd)} is spent"
    if budget.seconds is not None and spent.seconds >= budget.seconds:
        return seconds_reason(budget.seconds, whose)
    return ""


def is_larger(budget: Budget | None, before: Budget | None) -> bool:
    """Whether a budget leaves more than another in some limit; None is no other budget than before."""
    if budget is None or before is None:
        return budget is not None
    limits = ((getattr(budget, one), getattr(before, one)) for one in ("usd", "tokens", "seconds"))
    return any(old is not None and (new is None or new > old) for new, old in limits)


def seconds_reason(seconds: float, whose: str = "the") -> str:
    """Return in words that the time of a budget is over."""
    return f"{whose} budget of {seconds:g} s is spent"


def prompt_reason(budget: Budget, spent: Spent, tokens: int, usd: float, whose: str = "the") -> str:
    """Return why a budget does not even hold the prompt of the next call; empty when it does."""
    if budget.tokens is not None and spent.tokens + tokens > budget.tokens:
        left = max(0, round(budget.tokens - spent.tokens))
        rest = f"{whose} budget of {_tokens(budget.tokens)}, {left:,} of them left"
        return f"the next prompt, about {_tokens(tokens)}, is more than {rest}"
    if budget.usd is not None and (spent.usd or 0.0) + usd > budget.usd:
        left_usd = max(0.0, budget.usd - (spent.usd or 0.0))
        rest = f"{whose} budget of {dollars(budget.usd)}, {dollars(left_usd)} of it left"
        return f"the next prompt, about {dollars(usd)}, is more than {rest}"
    return ""


def _tokens(count: int) -> str:
    return f"{count:,} token{'' if count == 1 else 's'}"


def dollars(usd: float) -> str:
    """Return ``$0.50``, and small amounts with as many digits as they need: ``$0.00012``."""
    digits = 3 if usd >= 1 or usd <= 0 else min(12, 2 - floor(log10(usd)))
    text = f"{usd:,.{digits}f}".rstrip("0")
    return "$" + text + "0" * max(0, 2 - len(text.partition(".")[2]))


def budget_problems(flow: Flow, budget: Budget | None, prices: Prices) -> list[Problem]:
    """Return the budgets of a flow that can't be kept to; ``budget`` stands instead of the flow's own."""
    if prices:
        return []
    budgets = dict(_placed(flow, ""))
    if budget is not None:
        budgets = {**budgets, "budget": budget}
    hint = 'Give the runner prices={"gpt-4o": Price(input=2.5, output=10.0)}, or limit tokens.'
    return [
        Problem(f"{where}.usd", "dollars need the prices of the models.", hint)
        for where, one in budgets.items()
        if one.usd is not None
    ]


def _placed(flow: Flow, place: str) -> Iterator[tuple[str, Budget]]:
    """Yield every budget of a flow and of the flows inside it, with its place."""
    if flow.budget is not None:
        yield f"{place}budget", flow.budget
    for s, step in enumerate(flow.steps):
        at = f"{place}steps[{s}]"
        if step.budget is not None:
            yield f"{at}.budget", step.budget
        for a, action in enumerate(step.actions):
            if action.budget is not None:
                yield f"{at}.actions[{a}].budget", action.budget
            for field, body in action.bodies.items():
                yield from _placed(body.flow, f"{at}.actions[{a}].{field}.")


def checked_prices(prices: Any) -> dict[str, Price]:
    """Return prices as a runner takes them: ``{"gpt-4o": Price(input=2.5, output=10.0)}``, or dicts.

    Raises:
        FlowError: They are no dict, or the price of a model can't be used.
    """
    hint = 'Write prices={"gpt-4o": Price(input=2.5, output=10.0)}: dollars for a million tokens.'
    if not isinstance(prices, Mapping):
        raise FlowError(f"prices is {type(prices).__name__}, not a dict.", hint=hint)
    found: dict[str, Price] = {}
    for model, price in prices.items():
        if not isinstance(model, str):
            raise FlowError(f"prices has the key {model!r}, which is no model's name.", hint=hint)
        found[model] = _price(model, price, hint)
    return found


def _price(model: str, price: Any, hint: str) -> Price:
    if isinstance(price, Price):
        return price
    if not isinstance(price, Mapping):
        raise FlowError(f"The price of {model!r} is {type(price).__name__}.", hint=hint)
    try:
        return Price(**price)
    except InvalidFlow as error:
        problem = error.problems[0]
        raise FlowError(f"The price of {model!r} can't be used: {problem}", hint=hint) from None


def checked_budget(budget: Any) -> Budget | None:
    """Return a budget as a runner takes it: a ``Budget``, a dict of its limits, or None.

    Raises:
        InvalidFlow: A limit can't be used.
        FlowError: It is something else.
    """
    if budget is None or isinstance(budget, Budget):
        return budget
    if isinstance(budget, Mapping):
        return Budget(**budget)
    hint = "Write budget=Budget(usd=0.50), Budget(tokens=20_000) or Budget(seconds=60)."
    raise FlowError(f"budget is {type(budget).__name__}, not a Budget.", hint=hint)
