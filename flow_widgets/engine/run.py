"""A run as a user holds it: to await, to iterate over, to look at, to cancel."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import AsyncIterator, Callable, Generator
from typing import Any, TypeVar

from flow_widgets.engine.execution import Execution
from flow_widgets.engine.loop import wait, wait_async
from flow_widgets.engine.observers import Subscription
from flow_widgets.engine.record import RunRecord
from flow_widgets.run.state import RunState

T = TypeVar("T")


class Run(RunRecord):
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

    def try_now(self, step: int, action: int) -> Run:
        """Try an action again at once that waits after a failure, given by indices; return the run."""
        execution = self._execution
        if _is_here(execution):
            execution.waits.try_now(step, action)
        else:
            execution.loop.call_soon_threadsafe(execution.waits.try_now, step, action)
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


def _is_here(execution: Execution) -> bool:
    """Whether the calling thread may touch the execution: it runs its loop, or nobody does any more."""
    if execution.loop is None or execution.loop.is_closed():
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
