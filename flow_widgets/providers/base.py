"""What a provider of language models is: one streamed chat completion, guarded by timers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from pydantic import JsonValue


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a call may take, in seconds; each limit that passes is a failure of its own kind."""

    connect: float = 5.0
    first_byte: float = 60.0
    """From sending the request to the first data of the answer."""
    idle: float = 30.0
    """Between two pieces of data; comments that keep a connection alive do not count."""
    total: float = 600.0


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One chat completion as it will be sent."""

    model: str
    messages: list[dict[str, Any]]
    """Messages in the wire form of the OpenAI API."""
    params: dict[str, JsonValue] = field(default_factory=dict)
    """Everything else of the body, sent as it is: ``temperature``, ``max_tokens``, …"""
    timeouts: Timeouts = Timeouts()
    max_output_chars: int = 1_000_000
    """The stream is cut, and the call fails with ``too_large``, when its text grows beyond this."""
    idempotency_key: str | None = None
    """Names the call, the same for all its attempts, so that a server may bill it once; no secret."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens that a call used, as the server counted them; None where it did not say."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class ChatResult:
    """How a stream that ended well ended; its text went to ``on_text`` piece by piece."""

    finish_reason: str
    """``stop``, ``length``, ``tool_calls``, … in the server's words."""
    model: str | None = None
    """The model that answered, as the server names it."""
    request_id: str | None = None
    usage: Usage | None = None
    refusal: str | None = None
    """What the model said instead of an answer when it refused, or None."""


OnText = Callable[[str], None]
"""Told every piece of text, in order, never an empty one."""


@runtime_checkable
class Provider(Protocol):
    """A source of chat completions; one object may serve many calls and event loops at once.

    A provider may also have ``requests_per_minute`` and ``max_parallel`` (numbers, or None), which
    are kept for each model; and a ``limit_key``, equal for providers that share these limits.
    """

    name: str
    """How actions and flows name it: ``openai``, ``offline``."""
    default_model: str | None
    """The model of an action that names none, or None when one must be named."""

    def check(self) -> None:
        """Return when a call could be sent; sends nothing.

        Raises:
            ProviderError: A key or an address is missing (``not_configured``).
        """
        ...

    async def chat(self, request: ChatRequest, on_text: OnText) -> ChatResult:
        """Stream one completion and return how it ended.

        Cancelling the awaiting task closes the HTTP stream.

        Raises:
            ProviderError: The call failed; text that had arrived was passed to ``on_text``.
        """
        ...

    async def close(self) -> None:
        """Close every connection that was opened in the running event loop."""
        ...
