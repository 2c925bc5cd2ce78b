"""Runs that fail, wait, are canceled and are gone on with at random: nothing is paid for twice (R14, R16)."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

import pytest

from flow_widgets import Chat, Flow, FlowRunner
from flow_widgets.actions.loop import Loop
from flow_widgets.actions.map import Map
from flow_widgets.errors import ProviderError
from flow_widgets.providers.base import ChatRequest, ChatResult, OnText
from flow_widgets.run.reduce import reduce
from flow_widgets.store.memory import MemoryStore


class Shaky:
    """Fails and dawdles at random, and counts the calls that it answered to the end."""

    name, default_model = "shaky", "model-1"

    def __init__(self, chance: random.Random, max_parallel: int | None) -> None:
        self.chance, self.max_parallel = chance, max_parallel
        self.answered: Counter[str] = Counter()
        self.live = 0

    def check(self) -> None:
        """It needs no key."""

    async def chat(self, request: ChatRequest, on_text: OnText) -> ChatResult:
        prompt = str(request.messages[-1]["content"])
        for _ in range(self.chance.randrange(1, 6)):
            on_text("x")
            await asyncio.sleep(0)
            if self.chance.random() < 0.05:
                kind = self.chance.choice(["server_error", "bad_request"])
                raise ProviderError(kind, "It failed.")
        self.answered[prompt] += 1
        return ChatResult("stop")

    async def close(self) -> None:
        """Nothing is open."""


class AtOnce(random.Random):
    """Retries come at once."""

    def uniform(self, a: float, b: float) -> float:
        return 0.0


def flow_of(chance: random.Random) -> Flow:
    """Return a flow whose prompts all differ."""
    retry = {"max_attempts": chance.randrange(1, 4)}
    steps: list = []
    for step in range(chance.randrange(1, 4)):
        actions: list = []
        for action in range(chance.randrange(1, 4)):
            place = f"{step}.{action}"
            body = Flow(
                steps=[Chat(prompt=place + " {{item}}"), Chat(prompt=place + " + {{item}}")]
            )
            body = body.model_copy(update={"retry": Flow(steps=[], retry=retry).retry})
            made = {
                "chat": Chat(prompt=place),
                "map": Map(over=[1, 2, 3], body=body, concurrency=2),
                "loop": Loop(over=[1, 2, 3], body=body),
            }
            actions.append(made[chance.choice(list(made))])
        steps.append(actions)
    return Flow(steps=steps, retry=retry, on_error=chance.choice(["stop", "continue"]))


@pytest.mark.parametrize("seed", range(60))
async def test_R14_whatever_cuts_a_run_off_nothing_is_answered_twice(seed):
    chance = random.Random(seed)
    provider = Shaky(chance, chance.choice([None, 1, 2]))
    store = MemoryStore()
    flow, limit = flow_of(chance), chance.choice([None, 1, 3])

    def made() -> FlowRunner:
        options = {"max_parallel": limit, "chance": AtOnce(1), "store": store}
        return FlowRunner(flow, provider=provider, **options)

    runner = made()
    run = runner.run_flow()
    for _ in range(200):
        if chance.random() < 0.6:
            for _ in range(chance.randrange(60)):
                await asyncio.sleep(0)
            run.cancel()
        await asyncio.wait_for(run, 20)
        if run.status == "completed":
            break
        if chance.random() < 0.5:
            runner = made()
            assert runner.reopen().id == run.id
        run = runner.resume()

    assert run.status == "completed"
    assert set(provider.answered.values()) == {1}
    events = list(store.events(run.id))
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    state = None
    for event in events:
        state = reduce(state, event)
    assert state == run._execution.state
