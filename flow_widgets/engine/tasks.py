"""The attempts of a run that are in flight: their tasks, and how many there may be at a time."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from flow_widgets.engine.attempts import attempt_at_once, attempt_of, failed, failure_of
from flow_widgets.engine.context import ActionContext
from flow_widgets.engine.repeating import ending
from flow_widgets.engine.resources import Level
from flow_widgets.flow.model import Action
from flow_widgets.run import decisions as decide
from flow_widgets.run import events as ev
from flow_widgets.run.state import AttemptState

if TYPE_CHECKING:
    from flow_widgets.engine.execution import Execution

MAX_IN_A_ROW = 128
"""How many instant actions run before one gets a task, so that the loop has its turn."""
Key = tuple[int, int, int]
"""A step, action and attempt."""


class Tasks:
    """Begins attempts, and hears of their ends."""

    def __init__(self, run: Execution, max_parallel: int | None) -> None:
        """Begin with none; ``max_parallel`` is how many actions may be in flight."""
        self._run, self._max_parallel = run, max_parallel
        self.parked: deque[tuple[Level, decide.StartAction]] = deque()
        """What waits for a place among those in flight, in order."""
        self.count = 0
        """Tasks that have not ended."""
        self._busy = 0
        """Those that count for the limit."""
        self._in_a_row = 0
        """How many instant actions have run since the loop had its turn."""

    def is_full(self, level: Level) -> bool:
        """Whether the run, or the flow inside an action, has as many actions in flight as it may."""
        if self._max_parallel is not None and self._busy >= self._max_parallel:
            return True
        limit = level.max_parallel
        return limit is not None and len(level.busy) >= limit

    def launch(self, level: Level, ready: Action, step: int, number: int) -> None:
        """Start the task of an attempt whose start has just been recorded."""
        run = self._run
        attempt = level.state.steps[step].actions[number].attempts[-1]
        key = (step, number, attempt.number)
        if attempt.status != "running":  # an observer canceled the run as it was told of the start
            run.waits.left((level, *key), ok=False)
            return
        ctx = ActionContext(run, level, step, number, attempt)
        if ready.is_instant and self._in_a_row < MAX_IN_A_ROW:
            self._run_at_once(ready, ctx, level)
            return
        task = run.loop.create_task(self._run_to_its_end(ready, ctx, level, attempt))
        level.tasks[key] = task
        self.count += 1
        if not ready.bodies:
            level.busy.add(key)
            self._busy += 1
        task.add_done_callback(lambda ended: self._ended(level, key, attempt, ended))

    def _run_at_once(self, ready: Action, ctx: ActionContext, level: Level) -> None:
        if not self._in_a_row:
            self._run.loop.call_soon(self._had_its_turn)
        self._in_a_row += 1
        try:
            fact = attempt_at_once(ready, ctx)
        except KeyboardInterrupt:  # raised again when the facts are whole
            self._run.observers.interrupted = True
            fact = (ev.ActionCanceled, ctx.step, ctx.action, ctx.attempt)
        self._run.work.append((level, fact))

    def _had_its_turn(self) -> None:
        self._in_a_row = 0

    async def _run_to_its_end(
        self, action: Action, ctx: ActionContext, level: Level, attempt: AttemptState
    ) -> None:
        fact = await attempt_of(action, ctx)
        if attempt.status == "running" and fact[0] is not ev.ActionCanceled:
            self._run.record(ending(self._run, level, action, attempt, fact), level)

    def give_back(self, level: Level, key: Key) -> None:
        """Let others have the place of an action among those in flight."""
        if key in level.busy:
            level.busy.discard(key)
            self._busy -= 1
        for one in list(self.parked):
            if self._max_parallel is not None and self._busy >= self._max_parallel:
                return
            if not self.is_full(one[0]) and one in self.parked:
                self.parked.remove(one)
                self._run.go_on(*one)

    def _ended(
        self, level: Level, key: Key, attempt: AttemptState, task: asyncio.Task[None]
    ) -> None:
        run = self._run
        error = None if task.cancelled() else task.exception()
        if attempt.status == "running" and isinstance(error, Exception):
            run.record(failed(*key, failure_of(error)), level)
        elif attempt.status == "running":  # somebody else canceled its task: the loop is ending
            run.cancel()
        del level.tasks[key]
        self.count -= 1
        run.waits.left((level, *key), ok=attempt.status == "completed")
        self.give_back(level, key)
        if not self.count:
            run.all_ended()
