"""What an action is given while it runs, and what it gives back."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeVar

from pydantic import JsonValue

from flow_widgets.flow.base import Model
from flow_widgets.flow.model import Action, Flow
from flow_widgets.net import Access
from flow_widgets.providers.base import ChatRequest, ChatResult, Provider, Usage

__all__ = ["Access", "Action", "Context", "InnerRun", "Outcome", "Permissions", "RunnableAction"]

AnyModel = TypeVar("AnyModel", bound=Model)


_NO_USAGE = Usage()


@dataclass(slots=True)
class Outcome:
    """How an action ended well."""

    output: JsonValue = None
    """What ``{{steps.….output}}`` gives: JSON data, or the text that was streamed."""
    ports: tuple[str, ...] | None = None
    """The ports to fire; None means the action's first port."""
    model: str | None = None
    """The model that answered, as its server names it."""
    usage: Usage = _NO_USAGE
    finish_reason: str | None = None
    request_id: str | None = None
    note: Literal["truncated", "refused", "empty"] | None = None
    """Set where the output is not what one would expect, without being a failure."""
    writes: Mapping[str, JsonValue] | None = None
    """Values for the shared state, by their path: ``{"user.name": "Ada"}``."""


@dataclass(frozen=True, slots=True)
class Permissions:
    """What the owner of the runner allows to flows, which may come from elsewhere."""

    custom_code: bool = False
    """Whether code that stands in the flow may run, in its sandbox."""
    access: Access = field(default_factory=Access)
    """Which addresses requests may go to."""
    secrets: frozenset[str] = frozenset()
    """Names of the environment variables that requests may send as secrets."""


@dataclass(frozen=True, slots=True)
class InnerRun:
    """How a flow inside an action ended."""

    status: Literal["completed", "failed", "canceled"]
    output: JsonValue
    """The output of the last step that has one, or of its ``end``."""
    error: str
    """Why it failed, naming step and action; empty otherwise."""
    writes: Mapping[str, JsonValue]
    """What it set in the shared state, by path, in the order in which it was set."""
    shared: Mapping[str, JsonValue] = field(default_factory=dict)
    """The shared values that it set as they stand at its end, whole, by first name."""


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
    def permissions(self) -> Permissions:
        """What the owner of the runner allows."""
        ...

    @property
    def random(self) -> random.Random:
        """Where chance comes from; tests and owners give it a seed."""
        ...

    def now(self) -> float:
        """Return the time in seconds since the epoch, UTC."""
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

    def progress(self, done: int, total: int | None = None, text: str = "") -> None:
        """Show how far long work is; ``total`` is None while nobody knows it."""
        ...

    def bound(self, value: AnyModel, variables: Mapping[str, Any] | None = None) -> AnyModel:
        """Return a part of the action that was left as written (``Deferred``) with its templates filled in.

        Raises:
            MissingReference, InvalidFlow: As when an action is started.
        """
        ...

    async def run_flow(
        self, flow: Flow, key: int | str, values: Mapping[str, Any], *, is_isolated: bool = False
    ) -> InnerRun:
        """Run a flow inside this action, as one of its ``bodies``, and return how it ended.

        ``key`` tells it from other inner runs of this attempt, such as the number of an iteration.
        ``values`` are its variables, or its inputs when it is isolated.
        """
        ...


class RunnableAction(Protocol):
    """An action whose templates have been filled in, ready to run."""

    async def run(self, ctx: Context) -> Outcome:
        """Do the work and return how it ended."""
        ...
