"""The same work as a flow, with all that a widget has: state, log, events, a store, a view."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from flow_widgets import Chat, Flow, FlowRunner
from flow_widgets.providers.openai import OpenAIProvider
from flow_widgets.run.delta import Projection
from flow_widgets.run.events import ActionChunk
from flow_widgets.store.memory import MemoryStore

FRAME_SECONDS = 0.05


class Screen:
    """Makes the deltas that a browser would be sent, at the widget's rate."""

    def __init__(self) -> None:
        self.runner: FlowRunner | None = None
        self.projection: Projection | None = None
        self.timer: asyncio.TimerHandle | None = None

    def observe(self, event: Any) -> None:
        if self.projection is None:
            self.projection = Projection(self.runner.execution(self.runner.run).state)
        self.projection.note(event)
        if self.timer is None:
            self.timer = asyncio.get_running_loop().call_later(FRAME_SECONDS, self.flush)

    def flush(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        self.projection.ops()


class Subject:
    def __init__(self, base_url: str, model: str) -> None:
        self.provider = OpenAIProvider(base_url, api_key="x", model=model)

    async def run(self, prompts: list[str], seen: Callable[[str], None]) -> list[str]:
        def observe(event: Any) -> None:
            if type(event) is ActionChunk:
                seen(event.text)

        flow = Flow(steps=[[Chat(prompt=prompt) for prompt in prompts]])
        screen = Screen()
        store = MemoryStore()
        runner = FlowRunner(
            flow, provider=self.provider, store=store, observers=[observe, screen.observe]
        )
        screen.runner = runner
        run = await runner.run_flow()
        screen.flush()
        assert run.status == "completed", run.error
        assert len(list(store.events(run.id))) == runner.execution(run).state.seq
        return [action.output for action in run.steps[0].actions]

    async def close(self) -> None:
        await self.provider.close()
