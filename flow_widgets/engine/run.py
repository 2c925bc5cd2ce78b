"""A run as a user holds it: to await, to iterate over, to look at, to cancel."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import AsyncIterator, Callable, Generator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from flow_widgets.clock import as_datetime, now
from flow_widgets.engine.execution import Execution
from flow_widgets.engine.loop import wait, wait_async
from flow_widgets.engine.observers import Subscription
from flow_widgets.engine.parts import Parts, RunStep
from flow_widgets.engine.plain import copied
from flow_widgets.errors import RunFailed
from flow_widgets.flow.model import Flow
from flow_widgets.run.events import Failure
from flow_widgets.run.log import counted, seconds
from flow_widgets.run.outcome import output_of_run
from flow_widgets.run.state import LogLine, RunState
from flow_widgets.run.view import RunStatus

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")


class Run:
    """One run of a flow.

    ``await run`` waits until it has settled and gives the run back, whatever its status; canceling
    that wait, or interrupting the notebook's cell, cancels the run. ``async for event in run`` gives
    its events until it has settled. Both work in any event loop and thread.
    """

    def __init__(self, execution: Execution) -> None:
        """Hold an execution that has begun."""
        self._execution = execution
        self.stops_with_reader = False
        """Whether leaving ``async for event in run`` before its end cancels the run."""

    @property
    def _state(self) -> RunState:
        return self._execution.state

    @property
    def id(self) -> str:
        """The run's id, unique and sortable by time."""
        return self._state.id

    @property
    def number(self) -> int:
        """Which run of its runner it is, from 1."""
        return self._state.number

    @property
    def flow(self) -> Flow:
        """The definition that the run has."""
        return self._state.graph.flow

    @property
    def inputs(self) -> dict[str, Any]:
        """The inputs that its newest work began with, defaults filled in."""
        inputs: dict[str, Any] = copied(self._state.used_inputs)
        return inputs

    @property
    def status(self) -> RunStatus:
        """``running``, ``completed``, ``failed`` or ``canceled``."""
        return self._state.status

    @property
    def started_at(self) -> datetime | None:
        """When it began, UTC."""
        return as_datetime(self._state.started_at)

    @property
    def ended_at(self) -> datetime | None:
        """When it settled, UTC; None while it runs."""
        return as_datetime(self._state.ended_at)

    @property
    def seconds(self) -> float:
        """How long it worked, without the times between reruns."""
        state = self._state
        going_on = 0.0 if state.active_at is None else now() - state.active_at
        return state.active_seconds + going_on

    @property
    def steps(self) -> Parts[RunStep]:
        """The steps, by index, id or name."""
        state = self._state
        return Parts(lambda index: RunStep(index, state), self.flow.steps, "step")

    @property
    def output(self) -> Any:
        """The output of the ``end`` that ran, else of the last step that has one, else None.

        Steps are looked at in the order of the graph. Of several ``end`` steps that ran it is a dict by
        id; while the run has not completed it can be partial text.
        """
        if self.status == "completed":
            return copied(output_of_run(self._state))
        outputs = (self.steps[index].output for index in reversed(self._state.graph.order))
        return next((output for output in outputs if output is not None), None)

    @property
    def state(self) -> dict[str, Any]:
        """The shared state as it stands now, a copy: inputs, and what actions have set."""
        shared: dict[str, Any] = copied(self._state.shared)
        return shared

    @property
    def error(self) -> Failure | None:
        """The first failure among the newest attempts, else that of a step that could not start, or None."""
        for step in self.steps:
            for action in step.actions:
                if action.status == "failed" and action.error is not None:
                    return action.error
        for step in self.steps if self.status == "failed" else ():
            if step.status == "failed" and step.reason:
                return Failure("step_failed", f"Step {step.index} failed: {step.reason}.")
        return None

    @property
    def tokens(self) -> int | None:
        """Tokens of all attempts, None while no server named any."""
        return self._state.tokens

    @property
    def log(self) -> tuple[LogLine, ...]:
        """The lines of the log, oldest first."""
        return tuple(self._state.log)

    def cancel(self) -> Run:
        """Stop the run at once, keeping text that has arrived, and return it.

        Does nothing once it has settled. Awaiting the run then waits until its streams are closed.
        """
        execution = self._execution
        if _is_here(execution):
            execution.cancel()
        else:
            execution.loop.call_soon_threadsafe(execution.cancel)
        return self

    def result(self) -> Run:
        """Block until the run has settled, and return it; an interrupt cancels it.

        Raises:
            RuntimeError: The run is driven by the calling thread's own event loop.
        """
        if _is_here(self._execution) and not self._execution.done.done():
            raise RuntimeError(
                "This thread drives the run: use 'await run' instead of run.result()."
            )
        try:
            wait(self._execution.done)
        except KeyboardInterrupt:
            self.cancel()
            raise
        return self

    def raise_for_status(self) -> Run:
        """Return the run if it completed.

        Raises:
            RunFailed: It ended another way, or has not settled.
        """
        if self.status == "completed":
            return self
        error = self.error
        what = (
            f"Run {self.number} {'is still running' if self.status == 'running' else self.status}."
        )
        raise RunFailed(f"{what} {error.what}" if error else what, hint=error.hint if error else "")

    def to_frame(self, of: str = "actions", *, expand: bool = False) -> pd.DataFrame:
        """Return the run as a DataFrame: of ``actions``, ``steps``, ``runs`` or ``log``.

        The columns are those of ``flow_widgets.to_frame``; ``expand`` puts the keys of structured
        outputs into columns of their own.
        """
        from flow_widgets.export.frames import to_frame

        return to_frame([self], of, expand=expand)

    def save(self, path: str | Path, of: str = "actions") -> Path:
        """Write the run's frame as ``.csv``, ``.parquet`` or ``.json``, by the path's ending."""
        from flow_widgets.export.frames import save

        return save(self.to_frame(of), path)

    def __await__(self) -> Generator[Any, None, Run]:
        return self._settled().__await__()

    async def _settled(self) -> Run:
        try:
            await wait_async(self._execution.done)
        except BaseException:  # a canceled wait or an interrupted cell
            if not self._execution.done.done():
                self.cancel()
            raise
        return self

    async def __aiter__(self) -> AsyncIterator[Any]:
        """Yield the events of the run from its start (or its last rerun) until it has settled.

        A reader that comes after ten thousand events, or after the next run, begins where it came. Leaving
        the loop early cancels a run that ``Flow.run()`` started, as nobody else holds it; others go on.
        """
        execution, subscription = self._execution, Subscription()

        def attach() -> Callable[[], None]:
            subscription.queue.extend(execution.backlog or ())
            return execution.observers.add(subscription)

        remove = await _there(execution, attach)
        try:
            async for event in subscription.events(lambda: self.status != "running"):
                yield event
        finally:
            if self.stops_with_reader:
                self.cancel()
            if _is_here(execution):
                remove()
            else:
                execution.loop.call_soon_threadsafe(remove)

    def __repr__(self) -> str:
        steps = counted(len(self._state.steps), "step")
        time = f", {seconds(self.seconds)}" if self.status != "running" else ""
        why = f". {self.error.what}" if self.status == "failed" and self.error else ""
        return f"<Run {self.number} of {self.flow.name!r}: {self.status}, {steps}{time}{why}>"


def _is_here(execution: Execution) -> bool:
    """Whether the calling thread may touch the execution: it runs its loop, or nobody does any more."""
    if execution.loop.is_closed():
        return True
    try:
        return asyncio.get_running_loop() is execution.loop
    except RuntimeError:
        return not execution.loop.is_running()


async def _there(execution: Execution, function: Callable[[], T]) -> T:
    """Call a function on the thread that drives an execution, and return its result."""
    if _is_here(execution):
        return function()
    result: concurrent.futures.Future[T] = concurrent.futures.Future()
    execution.loop.call_soon_threadsafe(lambda: result.set_result(function()))
    return await wait_async(result)


class NoRun:
    """Stands for the run when there is none: awaiting it gives None at once."""

    def __await__(self) -> Generator[Any, None, None]:
        yield from ()

    def __bool__(self) -> bool:
        return False
