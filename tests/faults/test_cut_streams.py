"""What a server sees of a run whose budget is spent: closed streams, and then only what was missing."""

from __future__ import annotations

import asyncio

from flow_widgets import Chat, Flow, FlowRunner
from flow_widgets.flow.limits import Budget
from flow_widgets.providers.openai import OpenAIProvider

from .server import data, done, end, fault_server, finish, head, pause, repeat, text

USAGE = {"prompt_tokens": 5, "completion_tokens": 15, "total_tokens": 20}
_NAMED = data({"id": "c", "object": "chat.completion.chunk", "choices": [], "usage": USAGE})
_SHORT = [head(), text("done"), finish(), _NAMED, done, end]
# Each would stay below the limit; both together are beyond it.
_ENDLESS = [head(), repeat(6, text("x" * 40)), pause(60)]
_WHOLE = [head(), text("whole"), finish(), _NAMED, done, end]


async def test_streams_that_a_budget_cuts_are_closed_and_a_resume_sends_only_what_was_missing():
    scripts = {
        "first": [_SHORT],
        "left": [_ENDLESS, _WHOLE],
        "right": [_ENDLESS, _WHOLE],
        "last": [_SHORT],
    }
    pair = [Chat(prompt="b", model="left"), Chat(prompt="c", model="right")]
    flow = Flow(steps=[Chat(prompt="a", model="first"), pair, Chat(prompt="d", model="last")])

    async with asyncio.timeout(20), fault_server(scripts) as server:
        provider = OpenAIProvider(server.base_url, "sk-test")
        runner = FlowRunner(flow, provider=provider, store=None, budget=Budget(tokens=100))
        cut = await runner.run_flow()
        status, texts = cut.status, [action.text for action in cut.steps[1].actions]
        await server.disconnected("left")
        await server.disconnected("right")
        run = await runner.resume(budget=Budget(tokens=1000))
        await provider.close()

    assert status == "canceled"
    assert sum(map(len, texts)) >= 280
    assert [action.attempts[0].text for action in run.steps[1].actions] == texts
    assert run.status == "completed"
    assert {case: len(seen) for case, seen in server.seen.items()} == {
        "first": 1,
        "left": 2,
        "right": 2,
        "last": 1,
    }
