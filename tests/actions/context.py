"""A context for actions without an engine: it keeps what an action does, and nothing waits."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from flow_widgets.actions.base import InnerRun, Outcome, Permissions
from flow_widgets.flow.binding import bound
from flow_widgets.flow.template import Reference, descend
from flow_widgets.providers.offline import OfflineProvider


class FakeContext:
    """Fulfils ``actions.base.Context``; ``values`` are what templates find, and the shared state."""

    run_id, step, action, attempt = "r1", 0, 0, 1

    def __init__(
        self,
        values: Mapping[str, Any] | None = None,
        *,
        now: float = 1_767_225_600.0,  # 2026-01-01T00:00:00Z
        seed: int = 1,
        permissions: Permissions | None = None,
    ) -> None:
        self.values = dict(values or {})
        self.permissions = permissions or Permissions()
        self.random = random.Random(seed)
        self.text = ""
        self.slept: list[float] = []
        self.logged: list[tuple[str, str]] = []
        self.reported: list[tuple[int, int | None, str]] = []
        self.inner: list[tuple[int | str, dict[str, Any]]] = []
        self.outputs: dict[int | str, Any] = {}
        """Output of an inner run by its key, else it is what the run was given."""
        self._now = now
        self._provider = OfflineProvider(pace=0)

    @property
    def shared(self) -> Mapping[str, Any]:
        return self.values

    def now(self) -> float:
        return self._now

    def chunk(self, text: str) -> None:
        self.text += text

    def log(self, text: str, level: str = "info") -> None:
        self.logged.append((level, text))

    def progress(self, done: int, total: int | None = None, text: str = "") -> None:
        self.reported.append((done, total, text))

    def provider(self, name: str | None = None) -> OfflineProvider:
        return self._provider

    async def chat(self, request: Any, provider: str | None = None) -> Any:
        return await self._provider.chat(request, self.chunk)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def lookup(self, reference: Reference) -> Any:
        return descend(self.values, reference, 0)

    def bound(self, value: Any, variables: Mapping[str, Any] | None = None) -> Any:
        values = {**self.values, **(variables or {})}
        return bound(value, lambda reference: descend(values, reference, 0))

    async def run_flow(
        self, flow: Any, key: int | str, values: Mapping[str, Any], *, is_isolated: bool = False
    ) -> InnerRun:
        self.inner.append((key, dict(values)))
        output = self.outputs.get(key, dict(values))
        return InnerRun(status="completed", output=output, error="", writes={})


async def ran(action: Any, ctx: FakeContext | None = None, /, **values: Any) -> Outcome:
    """Fill in the action's templates and run it, as the engine does."""
    ctx = ctx or FakeContext(values)
    outcome = await bound(action, ctx.lookup).run(ctx)
    return outcome if isinstance(outcome, Outcome) else Outcome(output=outcome)


async def output(action: Any, ctx: FakeContext | None = None, /, **values: Any) -> Any:
    """Return only the output of ``ran``."""
    return (await ran(action, ctx, **values)).output


def faults(action: Any) -> list[tuple[str, str]]:
    """Return place and words of every problem of an action."""
    return [(problem.place, problem.what) for problem in action.problems()]
