"""What a running action is given: its stream, its log, its models, flows inside it."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Literal, Protocol, TypeVar

from flow_widgets.actions.base import InnerRun, Permissions
from flow_widgets.engine.metering import Meter
from flow_widgets.engine.plain import copied
from flow_widgets.engine.resources import Level, Resources
from flow_widgets.flow.base import Model
from flow_widgets.flow.binding import bound
from flow_widgets.flow.model import Flow
from flow_widgets.flow.template import Reference, descend
from flow_widgets.providers.base import ChatRequest, ChatResult, Provider
from flow_widgets.run import events as ev
from flow_widgets.run.outcome import first_failure, output_of_run, set_by
from flow_widgets.run.state import AttemptState, RunState

AnyModel = TypeVar("AnyModel", bound=Model)


class Recorder(Protocol):
    """What the context needs of the execution that made it."""

    run_id: str
    clock: Callable[[], float]
    resources: Resources
    meter: Meter

    def chunk(self, level: Level, step: int, action: int, attempt: AttemptState, text: str) -> None:
        """Record a piece of output."""
        ...

    def record(self, fact: tuple[Any, ...], level: Level | None = None) -> None:
        """Record a fact."""
        ...

    def value(self, level: Level, reference: Reference) -> Any:
        """Return the value of a reference."""
        ...

    def provider_on(self, level: Level, name: str | None) -> Provider:
        """Return the provider that an action names."""
        ...

    async def run_inner(
        self,
        level: Level,
        inner: ev.Inner,
        flow: Flow,
        values: Mapping[str, Any],
        *,
        isolated: bool,
    ) -> RunState:
        """Run a flow inside an action."""
        ...


class ActionContext:
    """The context of one attempt; implements ``actions.base.Context``."""

    __slots__ = (
        "_attempt",
        "_calls",
        "_level",
        "_recorder",
        "action",
        "attempt",
        "result",
        "run_id",
        "step",
    )

    def __init__(
        self, recorder: Recorder, level: Level, step: int, action: int, attempt: AttemptState
    ) -> None:
        """Bind an attempt to what records it."""
        self.run_id = recorder.run_id
        self.step, self.action, self.attempt = step, action, attempt.number
        self.result: ChatResult | None = None
        self._recorder, self._level, self._attempt = recorder, level, attempt
        self._calls = 0

    @property
    def state(self) -> RunState:
        """The state of the run, or of the flow inside an action, that the attempt belongs to."""
        return self._level.state

    @property
    def shared(self) -> Mapping[str, Any]:
        """The shared state of the run, to read."""
        return MappingProxyType(copied(self._level.state.shared))

    @property
    def permissions(self) -> Permissions:
        """What the owner of the runner allows."""
        return self._recorder.resources.permissions

    @property
    def random(self) -> random.Random:
        """Where chance comes from."""
        return self._recorder.resources.random

    def now(self) -> float:
        """Return the time in seconds since the epoch, UTC."""
        return self._recorder.clock()

    @property
    def text(self) -> str:
        """Everything that this attempt has streamed so far."""
        return self._attempt.text

    def chunk(self, text: str) -> None:
        """Stream a piece of output; an empty one is ignored."""
        if not isinstance(text, str):
            raise TypeError(f"A chunk is a text, not {type(text).__name__}.")
        text = copied(text)
        if text:
            self._recorder.chunk(self._level, self.step, self.action, self._attempt, text)

    def log(self, text: str, level: Literal["debug", "info", "warn", "error"] = "info") -> None:
        """Write a line to the run's log."""
        self._record(ev.LogWritten, level, text)

    def progress(self, done: int, total: int | None = None, text: str = "") -> None:
        """Show how far long work is."""
        if self._attempt.status == "running":
            self._record(ev.ActionProgressed, self.attempt, done, total, text)

    def _record(self, kind: type[ev.Event], *fields: Any) -> None:
        self._recorder.record((kind, self.step, self.action, *fields), self._level)

    def provider(self, name: str | None = None) -> Provider:
        """Return the provider of that name; None means the one of the flow or the runner."""
        return self._recorder.provider_on(self._level, name)

    async def chat(self, request: ChatRequest, provider: str | None = None) -> ChatResult:
        """Stream a completion into this action's output."""
        level, attempt, chunk = self._level, self._attempt, self._recorder.chunk
        step, action = self.step, self.action

        def on_text(text: str) -> None:
            chunk(level, step, action, attempt, text)

        meter, request = self._recorder.meter, self._named(request)
        with meter.call(level, step, action, attempt, request) as call:
            self.result = await self.provider(provider).chat(request, call.heard(on_text))
            call.answered(self.result)
        return self.result

    def _named(self, request: ChatRequest) -> ChatRequest:
        """Return a request with a name, the same one in all attempts of a visit that need nobody."""
        self._calls += 1
        if request.idempotency_key is not None:
            return request
        level, attempt = self._level, self._attempt
        place = (self.run_id, level.path, level.state.begun_at, self.step, self.action)
        name = repr((*place, attempt.visit, self._calls)).encode()
        key = hashlib.blake2b(name, digest_size=16).hexdigest()
        return replace(request, idempotency_key=key)

    async def sleep(self, seconds: float) -> None:
        """Wait; canceling the run ends the wait."""
        await asyncio.sleep(seconds)

    def bound(self, value: AnyModel, variables: Mapping[str, Any] | None = None) -> AnyModel:
        """Return a part of the action that was left as written with its templates filled in."""

        def lookup(reference: Reference) -> Any:
            if variables and reference.path[0] in variables:
                return descend(variables[reference.path[0]], reference, 1)
            return self._recorder.value(self._level, reference)

        return bound(value, lookup)

    async def run_flow(
        self, flow: Flow, key: int | str, values: Mapping[str, Any], *, is_isolated: bool = False
    ) -> InnerRun:
        """Run a flow inside this action and return how it ended."""
        if not isinstance(flow, Flow):
            raise TypeError(f"ctx.run_flow runs a Flow, not {type(flow).__name__}.")
        if key in (self._attempt.inner or {}):
            raise ValueError(f"This action has run a flow with the key {key!r} already.")
        if self._attempt.status != "running":
            raise asyncio.CancelledError
        inner = ev.Inner(self.step, self.action, self.attempt, key)
        state = await self._recorder.run_inner(
            self._level, inner, flow, values, isolated=is_isolated
        )
        if state.status == "canceled":
            raise asyncio.CancelledError
        error = first_failure(state)
        writes, shared = set_by(state)
        return InnerRun(
            status="completed" if state.status == "completed" else "failed",
            output=copied(output_of_run(state)),
            error=error,
            writes=writes,
            shared=shared,
        )
