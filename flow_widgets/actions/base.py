"""What an action is given while it runs, and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from pydantic import JsonValue

from flow_widgets.flow.model import Action
from flow_widgets.providers.base import ChatRequest, ChatResult, Provider, Usage

__all__ = ["Action", "Context", "Outcome", "RunnableAction"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an action ended well."""

    output: JsonValue = None
    """What ``{{steps.….output}}`` gives: JSON data, or the text that was streamed."""
    ports: tuple[str, ...] | None = None
    """The ports to fire; None means the action's first port."""
    model: str | None = None
    """The model that answered, as its server names it."""
    usage: Usage = field(default_factory=Usage)
    finish_reason: str | None = None
    request_id: str | None = None
    note: Literal["truncated", "refused", "empty"] | None = None
    """Set where the output is not what one would expect, without being a failure."""


class Context(Protocol):
    """What a running action may do to the world; the engine gives it to ``run``."""

    run_id: str
    step: int
    action: int
    attempt: int

    @property
    def shared(self) -> Mapping[str, Any]:
        """The shared state of the run, to read."""
        ...

    @property
    def text(self) -> str:
        """Everything that this attempt has streamed so far."""
        ...

    def chunk(self, text: str) -> None:
        """Stream a piece of output; an empty one is ignored."""
        ...

    def log(self, text: str, level: Literal["debug", "info", "warn", "error"] = "info") -> None:
        """Write a line to the run's log."""
        ...

    def provider(self, name: str | None = None) -> Provider:
        """Return the provider of that name; None means the one of the flow or the runner."""
        ...

    async def chat(self, request: ChatRequest, provider: str | None = None) -> ChatResult:
        """Stream a completion into this action's output.

        Raises:
            ProviderError: The call failed.
        """
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait; canceling the run ends the wait."""
        ...


class RunnableAction(Protocol):
    """An action whose templates have been filled in, ready to run."""

    async def run(self, ctx: Context) -> Outcome:
        """Do the work and return how it ended."""
        ...
