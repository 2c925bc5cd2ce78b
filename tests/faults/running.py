"""Runs flows against the server of faults, with chance that never waits for long."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from flow_widgets import Chat, Flow, FlowRunner
from flow_widgets.flow.limits import Retry
from flow_widgets.providers.openai import OpenAIProvider
from flow_widgets.run import events as ev

from .cases import CANARY
from .server import FaultServer, Script, body, chunk, data, done, end, error, finish, head, text

GOOD: Script = (
    head(x_request_id="req_ok"),
    data(chunk({"role": "assistant", "content": ""})),
    text("Hello"),
    text(", "),
    text("world"),
    finish(),
    done,
    end,
)
TWICE = Retry(max_attempts=2, max_wait_seconds=2.0)


class Quick(random.Random):
    """Chance that takes the lowest hundredth of what it may."""

    def uniform(self, a: float, b: float) -> float:
        return a + (b - a) * super().random() / 100


def refused(status: int, message: str = "no", *, code: str | None = None, **headers: str) -> Script:
    """Return the script of an answer that is an error."""
    return [body(error(message, code=code), status=status, **headers)]


def slow_down(milliseconds: int = 50) -> Script:
    """Return the script of a refusal for the rate."""
    return refused(429, "slow down", retry_after_ms=str(milliseconds))


@dataclass
class Told:
    """Hears every event, and wakes a test that waits for one."""

    events: list[ev.AnyEvent] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def __call__(self, event: ev.AnyEvent) -> None:
        self.events.append(event)
        self.news.set()

    def of(self, kind: type) -> list[Any]:
        """Return the events of a kind."""
        return [event for event in self.events if isinstance(event, kind)]

    async def until(self, is_there: Callable[[Any], bool]) -> None:
        """Wait for an event."""
        while not any(map(is_there, self.events)):
            self.news.clear()
            await self.news.wait()

    @property
    def waits(self) -> list[float]:
        """The waits before the next attempts, as they were told."""
        found = [event.retry_seconds for event in self.of(ev.ActionFailed)]
        return [seconds for seconds in found if seconds is not None]


@asynccontextmanager
async def running(
    server: FaultServer, flow: Flow | Sequence[Any], **options: Any
) -> AsyncIterator[tuple[FlowRunner, Told]]:
    """Give a runner of a flow whose provider is the server, and what hears of its events."""
    told = Told()
    provider = OpenAIProvider(server.base_url, CANARY, **options.pop("provider_options", {}))
    flow = flow if isinstance(flow, Flow) else Flow(steps=list(flow))
    given: dict[str, Any] = {"chance": Quick(1), "store": None, **options}
    runner = FlowRunner(flow, provider=provider, observers=[told], **given)
    try:
        yield runner, told
    finally:
        await provider.close()


def chat(model: str, prompt: str = "Hi", **options: Any) -> Chat:
    """Return an action that asks the case of that name."""
    return Chat(model=model, prompt=prompt, **options)


def ends(run: Any) -> list[tuple[str, str]]:
    """Return the status and the text of all attempts of the first action."""
    action = run.steps[0].actions[0]
    return [(attempt.status, attempt.text) for attempt in action.attempts]


Scripts = Mapping[str, Sequence[Script]]
