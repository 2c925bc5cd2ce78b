"""What waits in a run before an attempt can begin: for a time, or at the gate of a model.

Theory of operation. An action that failed and is to be tried again has a timer of its own. Those that
a gate does not let in stand in one line per gate, first come, first served: when its time has come,
or a place is free, the line is asked from its head until somebody is refused. So however many wait,
each is asked about once, and what is told of their waits stays short. Somebody who comes while others
stand in line stands behind them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flow_widgets.engine.attempts import Fact
from flow_widgets.engine.limits import Busy, Gate, gate_of
from flow_widgets.engine.resources import Level
from flow_widgets.flow.model import Action
from flow_widgets.run import decisions as decide
from flow_widgets.run import events as ev

if TYPE_CHECKING:
    from flow_widgets.engine.execution import Execution

Key = tuple[Level, int, int, int]
"""A level, step, action and attempt."""
Visit = tuple[Level, int, int, int]
"""A level, step, action and visit of the step."""


@dataclass(slots=True)
class Retry:
    """An action that is to be tried again."""

    level: Level
    decision: decide.StartAction
    timer: asyncio.TimerHandle


@dataclass(slots=True)
class Line:
    """The actions of a run that wait at one gate."""

    gate: Gate
    waiting: deque[tuple[Level, decide.StartAction]] = field(default_factory=deque)
    asking: decide.StartAction | None = None
    """The one at the head, while it asks to be let in."""
    timer: asyncio.TimerHandle | None = None
    """None: they wait until a place is free."""
    until: float = 0.0

    def stop(self) -> None:
        """Let go of the time that was waited for."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


@dataclass(slots=True)
class Entered:
    """A call that goes on behind a gate."""

    gate: Gate
    successes: int
    """How many calls had ended well when it began."""
    anyway: bool
    """Whether a person let it in."""


class Waits:
    """The waits of one run, and the gates that its calls have entered."""

    def __init__(self, run: Execution) -> None:
        """Begin with nothing that waits."""
        self._run = run
        self._retries: dict[Visit, Retry] = {}
        self._lines: dict[Gate, Line] = {}
        self._entered: dict[Key, Entered] = {}
        self._successes: dict[Visit, int] = {}
        """How many calls of its model had ended well when an attempt of a visit failed."""
        self._by_hand: set[Visit] = set()
        """What a person wants to begin, whatever the gate says."""
        self._guard: asyncio.Task[None] | None = None
        self._on_free = self._told_of_a_place

    def hold(self, level: Level, event: ev.ActionFailed, visit: int) -> None:
        """Start an action again some time after an attempt of it has failed."""
        decision = decide.StartAction(event.step or 0, event.action or 0, visit)
        key = (level, decision.step, decision.action, visit)
        timer = self._run.loop.call_later(event.retry_seconds or 0.0, self._retry, key)
        self._retries[key] = Retry(level, decision, timer)
        self._watch()

    def try_now(self, step: int, action: int) -> bool:
        """Begin what an action waits for at once, in flows inside it too; say whether it had to wait."""
        due = [key for key in self._retries if _outermost(key) == (step, action)]
        for key in due:
            self._by_hand.add(key)
            self._retry(key)
        return self._let_in(step, action) or bool(due)

    def _let_in(self, step: int, action: int) -> bool:
        """Let those of an action in that stand in a line for a time; say whether there were any."""
        found = [
            (line, one)
            for line in self._lines.values()
            for one in line.waiting
            if line.timer is not None and _outermost(_visit(*one)) == (step, action)
        ]
        for line, one in found:
            line.waiting.remove(one)
            self._by_hand.add(_visit(*one))
            self._run.go_on(*one)
        return bool(found)

    def dropped(self, level: Level) -> list[decide.StartAction]:
        """Let go of what waits on a level, and return it."""
        found: list[decide.StartAction] = []
        for key in [key for key in self._retries if key[0] is level]:
            retry = self._retries.pop(key)
            retry.timer.cancel()
            found.append(retry.decision)
        for line in self._lines.values():
            found += [decision for where, decision in line.waiting if where is level]
            line.waiting = deque(one for one in line.waiting if one[0] is not level)
        return found

    def enter(
        self, level: Level, decision: decide.StartAction, attempt: int, action: Action
    ) -> list[Fact] | None:
        """Let a call of a model begin and return None, or let it wait and return what to tell of that."""
        name = getattr(action, "provider", None)
        gate = gate_of(self._run.provider_on(level, name), getattr(action, "model", None))
        line = self._lines.get(gate)
        now = self._run.loop.time()
        anyway = _visit(level, decision) in self._by_hand
        self._by_hand.discard(_visit(level, decision))
        if not anyway and line is not None and line.waiting and line.asking is not decision:
            line.waiting.append((level, decision))
            seconds = None if line.timer is None else max(0.0, line.until - now)
            return _told(level, decision, seconds, gate.reason)
        answer = gate.enter(now, self._on_free, anyway=anyway)
        if answer is None:
            key = (level, decision.step, decision.action, attempt)
            self._entered[key] = Entered(gate, gate.successes, anyway)
            return None
        if line is None:
            line = self._lines[gate] = Line(gate)
        line.waiting.appendleft((level, decision))
        self._wait(line, None if answer is Busy.PLACE else answer)
        return _told(level, decision, None if answer is Busy.PLACE else answer, gate.reason)

    def _wait(self, line: Line, seconds: float | None) -> None:
        line.stop()
        if seconds is not None:
            loop = self._run.loop
            line.until = loop.time() + seconds
            line.timer = loop.call_later(seconds, self._ask, line)
        self._watch()

    def refused(self, key: Key, visit: int, failure: ev.Failure) -> bool:
        """Tell the gate of a call that failed; say whether others were refused as well, or nobody called.

        Nobody was let through since its attempt before, or, for the first, since it began.
        """
        entered = self._entered.get(key)
        if entered is None:
            return True
        if failure.kind == "rate_limit":
            entered.gate.refused(self._run.loop.time(), failure.retry_after_seconds)
        place, successes = (*key[:3], visit), entered.gate.successes
        before = self._successes.get(place, entered.successes)
        self._successes[place] = successes
        return before == successes

    def left(self, key: Key, *, ok: bool) -> None:
        """Give the place of a call back that has ended."""
        entered = self._entered.pop(key, None)
        if entered is None:
            return
        entered.gate.left(ok=ok, anyway=entered.anyway)
        line = self._lines.get(entered.gate)
        if ok and entered.anyway and line is not None and line.timer is not None:
            self._run.loop.call_soon(self._ask, line)

    def close(self) -> None:
        """Wait for nothing any more."""
        for retry in self._retries.values():
            retry.timer.cancel()
        for line in self._lines.values():
            line.stop()
            line.gate.forget(self._on_free)
        self._retries.clear()
        self._lines.clear()
        self._successes.clear()
        self._by_hand.clear()
        guard, self._guard = self._guard, None
        if guard is not None:
            with suppress(RuntimeError):  # its loop was closed under it
                guard.cancel()

    def _retry(self, key: Visit) -> None:
        retry = self._retries.pop(key, None)
        if retry is not None:
            retry.timer.cancel()
            self._run.go_on(retry.level, retry.decision)

    def _told_of_a_place(self) -> None:
        """Ask again for all that wait for a place; called from any thread."""
        with suppress(RuntimeError):  # the loop of this run is closed
            self._run.loop.call_soon_threadsafe(self._ask_all)

    def _ask_all(self) -> None:
        for line in list(self._lines.values()):
            if line.timer is None:
                self._ask(line)

    def _ask(self, line: Line) -> None:
        """Let in who stands in a line, from its head, until somebody is refused."""
        line.stop()
        while line.waiting:
            level, decision = line.waiting.popleft()
            line.asking = decision
            try:
                self._run.go_on(level, decision)
            finally:
                line.asking = None
            if line.waiting and line.waiting[0][1] is decision:
                return

    def _watch(self) -> None:
        """Hear when the loop ends while nothing but waits is left of the run, and cancel it then."""
        if self._guard is None:
            guard: Any = self._run.loop.create_task(self._until_the_end())
            guard._log_destroy_pending = False  # it holds nothing that would be lost
            self._guard = guard

    async def _until_the_end(self) -> None:
        try:
            await self._run.loop.create_future()
        except asyncio.CancelledError:
            if self._guard is not None:
                self._run.cancel()


def _told(
    level: Level, decision: decide.StartAction, seconds: float | None, reason: str
) -> list[Fact]:
    """Return what is to be told of a wait; nothing when it is only asked about again."""
    held = level.state.steps[decision.step].actions[decision.action]
    known = (held.status, held.reason, held.waits_until) == ("waiting", reason, None)
    if known and seconds is None:
        return []
    return [(ev.ActionHeld, decision.step, decision.action, decision.visit, seconds, reason)]


def _visit(level: Level, decision: decide.StartAction) -> Visit:
    return level, decision.step, decision.action, decision.visit


def _outermost(key: Visit) -> tuple[int, int]:
    level, step, action, _ = key
    return (level.path[0].step, level.path[0].action) if level.path else (step, action)
