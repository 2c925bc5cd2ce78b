"""A provider whose answers a test holds back, releases or fails; and chance that a test sets."""

from __future__ import annotations

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Callable

import pytest

from flow_widgets import Chat, Flow
from flow_widgets.errors import ProviderError
from flow_widgets.providers.base import ChatRequest, ChatResult, OnText, Usage


class Scripted:
    """Answers ``echo: <prompt>`` in words; ``hold`` waits for ever after the first, ``fail`` fails."""

    name = "scripted"
    default_model = "model-1"

    def __init__(self) -> None:
        self.requests: list[ChatRequest] = []
        self.live = 0
        self.most = 0
        self.closed = 0
        self.failing = True
        self.fails: dict[str, list[str]] = defaultdict(list)
        """Of a prompt: the kinds of failures that its next calls end with."""
        self.released = asyncio.Event()
        """Lets go of prompts that begin with ``wait``."""

    @property
    def prompts(self) -> list[str]:
        """What was asked, in order."""
        return [str(one.messages[-1]["content"]) for one in self.requests]

    @property
    def counts(self) -> Counter[str]:
        """How often each prompt was asked."""
        return Counter(self.prompts)

    def check(self) -> None:
        """It needs no key."""

    async def chat(self, request: ChatRequest, on_text: OnText) -> ChatResult:
        self.requests.append(request)
        self.live += 1
        self.most = max(self.most, self.live)
        try:
            return await self._answer(request, on_text)
        except asyncio.CancelledError:
            self.closed += 1
            raise
        finally:
            self.live -= 1

    async def _answer(self, request: ChatRequest, on_text: OnText) -> ChatResult:
        prompt = str(request.messages[-1]["content"])
        for word in f"echo: {prompt}".split(" "):
            on_text(f"{word} ")
            await asyncio.sleep(0)
            if self.fails[prompt]:
                kind = self.fails[prompt].pop(0)
                raise ProviderError(kind, f"It failed ({kind}).", hint="Look.")
            if prompt.startswith("hold"):
                await asyncio.Event().wait()
            if prompt.startswith("wait"):
                await self.released.wait()
            if prompt.startswith("fail") and self.failing:
                raise ProviderError(
                    "server_error",
                    "The server failed (500).",
                    hint="Retry.",
                    status=500,
                    request_id="req_1",
                )
        return ChatResult("stop", "model-1-0", "req_2", Usage(1, 2, 3))

    async def close(self) -> None:
        """Nothing is open."""


class Chance(random.Random):
    """Chance whose share of a wait a test sets."""

    def __init__(self, seconds: float) -> None:
        super().__init__(1)
        self.seconds = seconds

    def uniform(self, a: float, b: float) -> float:
        return self.seconds


@pytest.fixture
def provider() -> Scripted:
    return Scripted()


@pytest.fixture
def at_once() -> Chance:
    """Retries come at once."""
    return Chance(0.0)


@pytest.fixture
def for_ever() -> Chance:
    """Retries come when nobody waits any more."""
    return Chance(100.0)


@pytest.fixture
def make_flow() -> Callable[..., Flow]:
    """Return a flow of prompts: a text is a step, a list of texts a step of parallel actions.

    What fails fails at once: retries have tests of their own.
    """

    def make(*steps: str | list[str], **options: object) -> Flow:
        options.setdefault("retry", {"max_attempts": 1})
        made = [
            [Chat(prompt=prompt) for prompt in ([step] if isinstance(step, str) else step)]
            for step in steps
        ]
        return Flow(steps=made, **options)

    return make
