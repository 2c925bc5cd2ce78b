"""The same work as a flow, with all that a widget has: state, log, events, a view, and a store if any."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flow_widgets import Chat, Flow, FlowRunner
from flow_widgets.providers.openai import OpenAIProvider
from flow_widgets.run.delta import Projection
from flow_widgets.run.events import ActionChunk
from flow_widgets.store.memory import MemoryStore
from flow_widgets.store.sqlite import SQLiteStore

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
    """Runs prompts and keeps the runs: ``off`` is nowhere, else in ``memory`` or a ``sqlite`` file."""

    def __init__(self, base_url: str, model: str, kept: str) -> None:
        self.provider = OpenAIProvider(base_url, api_key="x", model=model)
        self.kept = kept
        self.folder = tempfile.TemporaryDirectory()
        self.file = SQLiteStore(Path(self.folder.name) / "runs.db")

    def store(self) -> Any:
        return {"off": None, "memory": MemoryStore(), "sqlite": self.file}[self.kept]

    async def run(self, prompts: list[str], seen: Callable[[str], None]) -> list[str]:
        def observe(event: Any) -> None:
            if type(event) is ActionChunk:
                seen(event.text)

        flow = Flow(steps=[[Chat(prompt=prompt) for prompt in prompts]])
        screen = Screen()
        store = self.store()
        runner = FlowRunner(
            flow, provider=self.provider, store=store, observers=[observe, screen.observe]
        )
        screen.runner = runner
        run = await runner.run_flow()
        screen.flush()
        assert run.status == "completed", run.error
        if store is not None:
            store.flush()
            assert store.committed(run.id) == runner.execution(run).state.seq
        return [action.output for action in run.steps[0].actions]

    async def close(self) -> None:
        await self.provider.close()
        self.file.close()
        self.folder.cleanup()
