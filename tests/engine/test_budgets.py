"""Budgets of a run, a step and an action: what is cut, what is kept, and what is counted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Literal

import pytest

from flow_widgets import Action, Chat, Flow, FlowRunner, Step
from flow_widgets.actions.base import Outcome
from flow_widgets.actions.delay import Delay
from flow_widgets.actions.map import Map
from flow_widgets.engine.account import Call
from flow_widgets.engine.context import ActionContext
from flow_widgets.errors import FlowError, InvalidFlow, ProviderError
from flow_widgets.flow.limits import Budget, Price, Retry
from flow_widgets.providers.base import ChatRequest, ChatResult, OnText, Usage
from flow_widgets.providers.offline import OfflineProvider
from flow_widgets.run import events as ev

FOREVER = 1000
PRICES = {"m": Price(input=1.0, output=100.0)}


class Streaming:
    """Streams ``pieces`` pieces of 40 characters, about 10 tokens each, to every prompt.

    A prompt that begins with a number gets that many; ``fail …`` fails after its pieces, once.
    """

    name = "streaming"
    default_model = "m"

    def __init__(self, *, pieces: int = 5, usage: Callable[[int], Usage | None] | None = None):
        self.pieces = pieces
        self.usage = usage or (lambda pieces: None)
        self.prompts: list[str] = []
        self.failures = 0
        self.retry_after_seconds: float | None = None
        self.closed = 0
        self.model: str | None = None

    def check(self) -> None:
        """It needs no key."""

    async def chat(self, request: ChatRequest, on_text: OnText) -> ChatResult:
        prompt = str(request.messages[-1]["content"])
        self.prompts.append(prompt)
        first = prompt.split(maxsplit=1)[0]
        pieces = int(first) if first.isdigit() else self.pieces
        try:
            for _ in range(pieces):
                on_text("x" * 40)
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            self.closed += 1
            raise
        if self.failures:
            self.failures -= 1
            wait = self.retry_after_seconds
            raise ProviderError("server_error", "It failed.", status=500, retry_after_seconds=wait)
        return ChatResult("stop", self.model, None, self.usage(pieces))

    async def close(self) -> None:
        """Nothing is open."""


def exact(pieces: int) -> Usage:
    """What a server names that counts 1 token for a prompt and 10 for a piece."""
    return Usage(1, pieces * 10, pieces * 10 + 1)


def runner(flow: Flow, provider: Streaming, **options) -> FlowRunner:
    return FlowRunner(flow, provider=provider, store=None, **options)


def steps(*prompts: str | list[str], **options) -> Flow:
    """Return a flow of prompts: a text is a step, a list of texts a step of parallel actions."""
    made = [[Chat(prompt=p) for p in ([one] if isinstance(one, str) else one)] for one in prompts]
    return Flow(steps=made, **options)


def statuses(run) -> list[str]:
    return [action.status for step in run.steps for action in step.actions]


# The budget of a run.


async def test_parallel_streams_share_the_tokens_of_a_run_and_keep_their_text():
    provider = Streaming()
    flow = steps([f"{FOREVER} a", f"{FOREVER} b", f"{FOREVER} c"], "after")

    run = await runner(flow, provider, budget=Budget(tokens=300)).run_flow()

    assert run.status == "canceled"
    assert statuses(run) == ["canceled", "canceled", "canceled", "skipped"]
    texts = [len(action.text) for action in run.steps[0].actions]
    assert all(texts)
    assert 290 * 4 - 40 <= sum(texts) <= 300 * 4
    assert provider.closed == 3
    assert "after" not in provider.prompts


async def test_what_was_skipped_and_the_end_of_the_run_say_that_the_budget_is_spent():
    events = []
    flow = steps(f"{FOREVER} a", "b", "c")

    run = await runner(
        flow, Streaming(), budget=Budget(tokens=100), observers=[events.append]
    ).run_flow()

    requested = next(e for e in events if type(e) is ev.CancelRequested)
    assert requested.cause == "budget"
    assert requested.reason.startswith("the budget of 100 tokens is spent (")
    assert [step.reason for step in run.steps][1:] == [requested.reason] * 2
    assert type(events[-1]) is ev.FlowCanceled
    assert events[-1].reason == requested.reason


async def test_a_resume_with_a_larger_budget_sends_only_what_had_not_completed():
    provider = Streaming(usage=exact)
    flow = steps("2 a", "9 b", "2 c")
    made = runner(flow, provider, budget=Budget(tokens=60))

    run = await made.run_flow()
    assert statuses(run) == ["completed", "canceled", "skipped"]
    run = await made.resume(budget=Budget(tokens=1000))

    assert run.status == "completed"
    assert provider.prompts == ["2 a", "9 b", "9 b", "2 c"]


async def test_what_was_spent_before_a_resume_still_counts():
    provider = Streaming(usage=exact)
    made = runner(steps("2 a", "9 b", "9 c"), provider, budget=Budget(tokens=60))

    await made.run_flow()
    run = await made.resume(budget=Budget(tokens=170))

    assert run.status == "canceled"
    assert statuses(run) == ["completed", "completed", "canceled"]


async def test_a_resume_without_a_larger_budget_is_refused_before_anything_is_sent():
    provider = Streaming()
    made = runner(steps(f"{FOREVER} a"), provider, budget=Budget(tokens=60))
    await made.run_flow()

    with pytest.raises(FlowError, match="budget of 60 tokens is spent"):
        made.resume()

    assert len(provider.prompts) == 1


async def test_usage_replaces_the_estimate():
    provider = Streaming(usage=lambda pieces: Usage(1, 1, 2))

    run = await runner(steps("9 a", "9 b", "9 c"), provider, budget=Budget(tokens=100)).run_flow()

    assert run.status == "completed"
    assert run.tokens == 6


async def test_when_usage_tells_that_nothing_is_left_the_answer_is_kept_and_nothing_queued_starts():
    events = []
    provider = Streaming(usage=lambda pieces: Usage(50, 50, 100))
    made = runner(
        steps("1 a", ["1 b", "1 c"]),
        provider,
        budget=Budget(tokens=100),
        observers=[events.append],
    )

    run = await made.run_flow()

    assert statuses(run) == ["completed", "skipped", "skipped"]
    assert [e.step for e in events if type(e) is ev.StepStarted] == [0]
    assert not any(type(e) is ev.ActionCanceled for e in events)
    assert provider.prompts == ["1 a"]


async def test_a_prompt_that_does_not_fit_is_not_sent():
    provider = Streaming()
    flow = steps("word " * 1000)

    run = await runner(flow, provider, budget=Budget(tokens=100)).run_flow()

    assert run.status == "canceled"
    assert provider.prompts == []
    assert run.steps[0].actions[0].status == "canceled"


async def test_what_waits_for_a_place_is_not_started_when_the_budget_is_spent():
    provider = Streaming()
    flow = steps([f"{FOREVER} a", "b", "c"])

    run = await runner(flow, provider, budget=Budget(tokens=100), max_parallel=1).run_flow()

    assert provider.prompts == [f"{FOREVER} a"]
    assert statuses(run) == ["canceled", "skipped", "skipped"]
    assert run.steps[0].actions[1].reason.startswith("the budget of 100 tokens is spent")


async def test_the_budget_of_the_flow_holds_unless_the_runner_has_one():
    flow = steps("9 a", budget=Budget(tokens=20))

    own = await runner(flow, Streaming()).run_flow()
    other = await runner(flow, Streaming(), budget={"tokens": 1000}).run_flow()

    assert (own.status, other.status) == ("canceled", "completed")


async def test_a_rerun_counts_into_the_budget_of_its_run():
    made = runner(steps("3 a"), Streaming(usage=exact), budget=Budget(tokens=62))

    await made.run_flow()
    await made.run_step(0)

    with pytest.raises(FlowError, match="budget of 62 tokens is spent"):
        made.run_step(0)


async def test_a_run_whose_last_answer_takes_the_rest_has_completed():
    provider = Streaming(usage=lambda pieces: Usage(50, 50, 100))
    body = steps("1 a")

    run = await runner(steps("1 a"), provider, budget=Budget(tokens=90)).run_flow()
    other = await runner(
        Flow(steps=[Map(body=body, over=[1])]), provider, budget=Budget(tokens=90)
    ).run_flow()

    partial = await runner(steps("1 a", "1 b"), provider, budget=Budget(tokens=90)).run_step(0)

    assert (run.status, other.status, partial.status) == ("completed",) * 3


async def test_a_rerun_is_stopped_by_what_is_left():
    made = runner(steps("3 a"), Streaming(usage=exact), budget=Budget(tokens=50))

    await made.run_flow()
    run = await made.run_step(0)

    assert run.status == "canceled"
    assert [a.status for a in run.steps[0].actions[0].attempts] == ["completed", "canceled"]


async def test_the_seconds_of_a_run_end_it():
    made = runner(
        Flow(steps=[Delay(seconds=60), Chat(prompt="b")]), Streaming(), budget=Budget(seconds=0.05)
    )

    run = await made.run_flow()

    assert statuses(run) == ["canceled", "skipped"]
    assert run.steps[1].reason == "the budget of 0.05 s is spent"


# Dollars.


async def test_dollars_are_counted_by_the_prices_of_the_runner():
    provider = Streaming(usage=exact)

    run = await runner(steps("2 a", "3 b"), provider, prices=PRICES).run_flow()

    assert run.cost_usd == pytest.approx((2 * 1.0 + 50 * 100.0) / 1e6)


async def test_a_stream_is_cut_when_its_dollars_are_spent():
    made = runner(steps(f"{FOREVER} a", "b"), Streaming(), prices=PRICES, budget=Budget(usd=0.005))

    run = await made.run_flow()

    assert statuses(run) == ["canceled", "skipped"]
    assert run.steps[1].reason == "the budget of $0.005 is spent"
    assert len(run.steps[0].actions[0].text) == pytest.approx(50 * 4, abs=40)
    assert run.cost_usd == pytest.approx(0.005, abs=0.001)


async def test_a_price_is_found_by_the_model_that_answered():
    provider = Streaming(usage=exact)
    provider.model = "gpt-4o-2024-08-06"

    run = await runner(
        steps("1 a"), provider, prices={"gpt-4o": {"input": 0, "output": 1000}}
    ).run_flow()

    assert run.cost_usd == pytest.approx(0.01)


async def test_without_a_price_only_tokens_are_counted_and_the_log_says_so_once():
    events = []
    made = runner(
        steps("1 a", "1 b"),
        Streaming(usage=exact),
        prices={"other": Price(input=1, output=1)},
        budget=Budget(usd=1, tokens=1000),
        observers=[events.append],
    )

    run = await made.run_flow()

    assert run.status == "completed"
    assert (run.tokens, run.cost_usd) == (22, None)
    assert made.execution(run).state.unpriced
    lines = [e.text for e in events if type(e) is ev.LogWritten]
    assert lines == ["No price is known for 'm', so only its tokens are counted."]


def test_dollars_without_any_price_are_refused_before_the_run():
    made = runner(steps("a"), Streaming(), budget=Budget(usd=1))

    with pytest.raises(InvalidFlow, match="dollars need the prices of the models"):
        made.run_flow_sync()


async def test_an_attempt_that_was_cut_has_about_the_tokens_of_its_text():
    made = runner(steps(f"{FOREVER} a"), Streaming(), budget=Budget(tokens=100), prices=PRICES)

    run = await made.run_flow()

    attempt = made.execution(run).state.steps[0].actions[0].attempts[0]
    assert attempt.estimated_tokens == pytest.approx(100, abs=10)
    assert attempt.cost_usd == pytest.approx(0.01, abs=0.002)
    assert made.execution(run).state.estimated_tokens == attempt.estimated_tokens


async def test_a_call_that_was_refused_counts_nothing():
    provider = Streaming(pieces=0)
    provider.failures = 1
    flow = steps("a", retry=Retry(max_attempts=1))

    made = runner(flow, provider, budget=Budget(tokens=100), prices=PRICES)
    run = await made.run_flow()

    state = made.execution(run).state
    assert (run.status, state.estimated_tokens, run.cost_usd) == ("failed", 0, None)


# Budgets of steps and actions.


async def test_the_attempts_of_a_step_fail_when_its_budget_is_spent_and_keep_their_text():
    flow = Flow(
        steps=[
            Step(actions=[Chat(prompt=f"{FOREVER} a"), Chat(prompt=f"{FOREVER} b")]),
            Chat(prompt="1 c"),
        ],
        on_error="continue",
    )
    flow = flow.model_copy(
        update={
            "steps": (
                flow.steps[0].model_copy(update={"budget": Budget(tokens=100)}),
                flow.steps[1],
            )
        }
    )
    provider = Streaming()

    run = await runner(flow, provider).run_flow()

    errors = [action.error for action in run.steps[0].actions]
    assert [error.kind for error in errors] == ["budget", "budget"]
    assert str(errors[0]).startswith("The step's budget of 100 tokens is spent (")
    assert str(errors[0]).endswith("Give it a larger budget and run it again.")
    assert not errors[0].retryable
    assert all(action.text for action in run.steps[0].actions)
    assert provider.closed == 2


async def test_the_budget_of_an_action_fails_that_action_only():
    flow = Flow(
        steps=[
            Step(
                actions=[
                    Chat(prompt=f"{FOREVER} a", budget=Budget(tokens=50)),
                    Chat(prompt="9 b"),
                ]
            )
        ]
    )
    provider = Streaming()

    run = await runner(flow, provider).run_flow()

    assert run.status == "failed"
    assert statuses(run) == ["failed", "completed"]
    assert run.steps[0].actions[0].error.kind == "budget"
    assert len(run.steps[0].actions[0].attempts) == 1


async def test_an_action_that_is_run_again_has_its_whole_budget():
    flow = Flow(steps=[Chat(prompt="3 a", budget=Budget(tokens=40))])
    made = runner(flow, Streaming())

    await made.run_flow()
    run = await made.run_step(0)

    assert [a.status for a in run.steps[0].actions[0].attempts] == ["completed", "completed"]


async def test_the_seconds_of_a_step_fail_what_runs_in_it():
    flow = Flow(
        steps=[Step(actions=[Delay(seconds=60), Delay(seconds=0)], budget=Budget(seconds=0.05))]
    )

    run = await runner(flow, Streaming()).run_flow()

    assert statuses(run) == ["failed", "completed"]
    assert run.steps[0].actions[0].error.what == "The step's budget of 0.05 s is spent."


async def test_the_seconds_of_an_action_fail_it():
    flow = Flow(steps=[Delay(seconds=60, budget=Budget(seconds=0.05))])

    run = await runner(flow, Streaming()).run_flow()

    assert run.steps[0].actions[0].error.what == "The action's budget of 0.05 s is spent."


async def test_the_attempts_that_failed_count_into_the_budget_of_their_action():
    provider = Streaming()
    provider.failures = 1
    flow = Flow(
        steps=[
            Chat(
                prompt="3 a",
                budget=Budget(tokens=50),
                retry=Retry(max_attempts=3, max_wait_seconds=60),
            )
        ]
    )
    made = runner(flow, provider)

    run = await made.run_flow()

    attempts = run.steps[0].actions[0].attempts
    assert [a.error.kind for a in attempts] == ["server_error", "budget"]
    assert len(attempts[1].text) < len(attempts[0].text)


async def test_no_attempt_is_made_when_the_seconds_of_its_action_end_before():
    provider = Streaming()
    provider.failures, provider.retry_after_seconds = 9, 30.0
    flow = Flow(steps=[Chat(prompt="1 a", budget=Budget(seconds=20))])

    run = await runner(flow, provider).run_flow()

    assert [a.error.kind for a in run.steps[0].actions[0].attempts] == ["server_error"]


# Flows inside actions.


def mapped(prompt: str, **options) -> Flow:
    body = Flow(steps=[Chat(prompt=prompt), Chat(prompt="1 then")], **options)
    return Flow(steps=[Map(body=body, over=[1, 2, 3]), Chat(prompt="1 after")])


async def test_flows_inside_actions_spend_from_the_budget_of_the_run():
    provider = Streaming()
    made = runner(mapped(f"{FOREVER} a"), provider, budget=Budget(tokens=300))

    run = await made.run_flow()

    assert run.status == "canceled"
    assert statuses(run) == ["canceled", "skipped"]
    assert provider.closed == 3
    assert set(provider.prompts) == {f"{FOREVER} a"}
    inner = made.execution(run).state.steps[0].actions[0].attempts[0].inner
    assert [one.status for one in inner.values()] == ["canceled"] * 3
    state = made.execution(run).state
    assert state.estimated_tokens == sum(one.estimated_tokens for one in inner.values())


async def test_when_usage_inside_an_action_ends_the_budget_nothing_queued_starts_there():
    provider = Streaming(usage=lambda pieces: Usage(50, 50, 100))
    flow = Flow(steps=[Map(body=steps("1 a", "1 b"), over=[1, 2], concurrency=1)])

    run = await runner(flow, provider, budget=Budget(tokens=100)).run_flow()

    assert run.status == "canceled"
    assert provider.prompts == ["1 a"]


async def test_what_an_action_has_still_to_run_inside_is_not_sent_when_nothing_is_left():
    provider = Streaming(usage=lambda pieces: Usage(50, 50, 100))
    flow = Flow(steps=[Map(body=steps("1 a"), over=[1, 2, 3], concurrency=1)])

    run = await runner(flow, provider, budget=Budget(tokens=100)).run_flow()

    assert run.status == "canceled"
    assert provider.prompts == ["1 a"]


async def test_the_budget_of_an_action_holds_for_the_flows_inside_it():
    provider = Streaming()
    flow = mapped(f"{FOREVER} a")
    holder = flow.steps[0].actions[0].model_copy(update={"budget": Budget(tokens=100)})
    step = flow.steps[0].model_copy(update={"actions": (holder,)})
    made = runner(flow.model_copy(update={"steps": (step, flow.steps[1])}), provider)

    run = await made.run_flow()

    assert run.steps[0].actions[0].error.kind == "budget"
    assert provider.closed == 3
    inner = made.execution(run).state.steps[0].actions[0].attempts[0].inner
    assert [one.status for one in inner.values()] == ["canceled"] * 3


async def test_the_budget_of_a_flow_inside_an_action_is_for_each_of_its_runs():
    provider = Streaming()
    flow = mapped("4 a", budget=Budget(tokens=30))

    run = await runner(flow, provider).run_flow()

    assert run.status == "failed"
    assert provider.prompts == ["4 a"] * 3
    assert "inner flow's budget of 30 tokens is spent" in str(run.steps[0].actions[0].error)


# What costs nothing.


async def test_without_a_budget_the_text_goes_where_it_would_go_anyway(monkeypatch):
    heard = []
    original = Call.heard

    def watched(self: Call, on_text: OnText) -> OnText:
        heard.append(original(self, on_text) is on_text)
        return original(self, on_text)

    monkeypatch.setattr(Call, "heard", watched)

    await runner(steps("2 a"), Streaming(), prices=PRICES).run_flow()
    await runner(steps("2 a"), Streaming(), budget=Budget(seconds=60)).run_flow()
    await runner(steps("2 a"), Streaming(), budget=Budget(tokens=6000)).run_flow()

    assert heard == [True, True, False]


class Twice(Chat):
    """Asks twice, and says nothing of the tokens."""

    type: Literal["twice"] = "twice"  # type: ignore[assignment]

    async def run(self, ctx: ActionContext) -> str:
        request = ChatRequest(model="m", messages=[{"role": "user", "content": "2 x"}])
        await ctx.chat(request)
        await ctx.chat(request)
        return ctx.text


async def test_every_call_of_an_attempt_counts():
    made = runner(Flow(steps=[Twice(prompt="x")]), Streaming(usage=exact), prices=PRICES)

    run = await made.run_flow()

    state = made.execution(run).state
    assert state.estimated_tokens == 42
    assert run.cost_usd == pytest.approx((2 + 4000) / 1e6)


class Own(Action):
    """Calls a model in a way of its own, and says what it used."""

    type: Literal["own"] = "own"

    async def run(self, ctx: ActionContext) -> Outcome:
        return Outcome(output="x", model="m-0613", usage=Usage(10, 90, 100))


async def test_an_action_that_calls_a_model_in_its_own_way_spends_what_it_says():
    made = runner(
        Flow(steps=[Own(), Chat(prompt="1 b")]),
        Streaming(),
        prices=PRICES,
        budget=Budget(tokens=100),
    )

    run = await made.run_flow()

    assert run.cost_usd == pytest.approx((10 + 9000) / 1e6)
    assert statuses(run) == ["completed", "skipped"]


class Late(Chat):
    """Asks again after it was canceled."""

    type: Literal["late"] = "late"  # type: ignore[assignment]

    async def run(self, ctx: ActionContext) -> str:
        request = ChatRequest(model="m", messages=[{"role": "user", "content": f"{FOREVER} x"}])
        try:
            await ctx.chat(request)
        except asyncio.CancelledError:
            await ctx.chat(request)
        return ctx.text


async def test_an_attempt_that_was_cut_can_send_nothing_more():
    provider = Streaming()

    run = await runner(
        Flow(steps=[Late(prompt="x")]), provider, budget=Budget(tokens=100)
    ).run_flow()

    assert run.status == "canceled"
    assert len(provider.prompts) == 1


async def test_a_prompt_that_an_action_has_no_budget_for_fails_it():
    provider = Streaming()
    flow = Flow(steps=[Chat(prompt="word " * 100, budget=Budget(tokens=50))])

    run = await runner(flow, provider).run_flow()

    error = run.steps[0].actions[0].error
    assert error.kind == "budget"
    assert error.what == (
        "The next prompt, about 125 tokens, is more than the action's budget of 50 tokens, "
        "50 of them left."
    )
    assert provider.prompts == []


async def test_what_is_queued_in_a_step_whose_budget_is_spent_fails_without_being_sent():
    provider = Streaming()
    actions = [Chat(prompt=f"{FOREVER} a"), Chat(prompt="1 b")]
    flow = Flow(steps=[Step(actions=actions, budget=Budget(tokens=50))], max_parallel=1)

    run = await runner(flow, provider).run_flow()

    assert [action.error.kind for action in run.steps[0].actions] == ["budget", "budget"]
    assert provider.prompts == [f"{FOREVER} a"]


async def test_a_stream_over_http_is_cut_with_its_text():
    provider = OfflineProvider(pace=0, script=[{"text": "word " * 2000}])

    async with FlowRunner(
        steps("a", "b"), provider=provider, store=None, budget=Budget(tokens=200)
    ) as made:
        run = await made.run_flow()
        text = run.steps[0].actions[0].text
        assert run.status == "canceled"
        assert 700 < len(text) < 900
        run = await made.resume(budget=Budget(tokens=5000))

    assert run.status == "completed"
    assert run.steps[0].actions[0].attempts[0].text == text
    assert len(provider.requests) == 3
