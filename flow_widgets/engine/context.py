"""What a running action is given: its stream, its log, its models."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Literal, Protocol

from flow_widgets.providers.base import ChatRequest, ChatResult, Provider
from flow_widgets.run.state import AttemptState


class Recorder(Protocol):
    """What the context needs of the execution that made it."""

    run_id: str

    @property
    def shared(self) -> Mapping[str, Any]:
        """The shared state of the run."""
        ...

    def chunk(self, step: int, action: int, attempt: AttemptState, text: str) -> None:
        """Record a piece of output."""
        ...

    def log(self, step: int, action: int, level: Any, text: str) -> None:
        """Record a line of the log."""
        ...


class ActionContext:
    """The context of one attempt; implements ``actions.base.Context``."""

    def __init__(
        self,
        recorder: Recorder,
        provider_of: Callable[[str | None], Provider],
        *,
        step: int,
        action: int,
        attempt: AttemptState,
    ) -> None:
        """Bind an attempt to what records it."""
        self.run_id = recorder.run_id
        self.step, self.action, self.attempt = step, action, attempt.number
        self.result: ChatResult | None = None
        self._recorder, self._attempt, self._provider_of = recorder, attempt, provider_of

    @property
    def shared(self) -> Mapping[str, Any]:
        """The shared state of the run, to read."""
        return MappingProxyType(dict(self._recorder.shared))

    @property
    def text(self) -> str:
        """Everything that this attempt has streamed so far."""
        return self._attempt.text

    def chunk(self, text: str) -> None:
        """Stream a piece of output; an empty one is ignored."""
        if text:
            self._recorder.chunk(self.step, self.action, self._attempt, text)

    def log(self, text: str, level: Literal["debug", "info", "warn", "error"] = "info") -> None:
        """Write a line to the run's log."""
        self._recorder.log(self.step, self.action, level, text)

    def provider(self, name: str | None = None) -> Provider:
        """Return the provider of that name; None means the one of the flow or the runner."""
        return self._provider_of(name)

    async def chat(self, request: ChatRequest, provider: str | None = None) -> ChatResult:
        """Stream a completion into this action's output."""
        recorder, attempt = self._recorder, self._attempt
        step, action, chunk = self.step, self.action, recorder.chunk

        def on_text(text: str) -> None:
            chunk(step, action, attempt, text)

        self.result = await self._provider_of(provider).chat(request, on_text)
        return self.result

    async def sleep(self, seconds: float) -> None:
        """Wait; canceling the run ends the wait."""
        await asyncio.sleep(seconds)
