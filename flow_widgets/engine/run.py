"""A run as a user holds it: to await, to iterate over, to look at, to cancel."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import AsyncIterator, Callable, Generator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from flow_widgets.clock import as_datetime, now
from flow_widgets.engine.execution import Execution
from flow_widgets.engine.loop import wait, wait_async
from flow_widgets.engine.observers import Subscription
from flow_widgets.errors import NoSuchStep, RunFailed, nearest
from flow_widgets.flow.model import Action, Flow
from flow_widgets.run.asked import prompt_of
from flow_widgets.run.events import Failure
from flow_widgets.run.log import counted, seconds
from flow_widgets.run.state import ActionState, AttemptState, LogLine, RunState, StepState
from flow_widgets.run.view import ActionStatus, RunStatus

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
        return dict(self._state.used_inputs)

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
        """The output of the last step that has one, or None."""
        for step in reversed(self.steps):
            if step.output is not None:
                return step.output
        return None

    @property
    def error(self) -> Failure | None:
        """The first failure among the newest attempts, or None."""
        for step in self.steps:
            for action in step.actions:
                if action.status == "failed" and action.error is not None:
                    return action.error
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

        A reader that comes after ten thousand events, or after the next run, begins where it came.
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


class Parts(Sequence[T], Generic[T]):
    """A list whose items can also be had by id or name; items are made when they are asked for."""

    def __init__(self, make: Callable[[int], T], parts: Sequence[Any], kind: str) -> None:
        """Hold as many items as ``parts``, each of which has an id and a name."""
        self._make, self._parts, self._kind = make, parts, kind

    def __len__(self) -> int:
        return len(self._parts)

    @overload
    def __getitem__(self, key: int | str) -> T: ...
    @overload
    def __getitem__(self, key: slice) -> Sequence[T]: ...
    def __getitem__(self, key: int | str | slice) -> T | Sequence[T]:
        if isinstance(key, slice):
            return [self._make(index) for index in range(*key.indices(len(self)))]
        if isinstance(key, str):
            for names in (_ids, _labels):
                for index, part in enumerate(self._parts):
                    if key and key == names(part):
                        return self._make(index)
        elif -len(self) <= key < len(self):
            return self._make(key % len(self))
        known = [_labels(part) or _ids(part) for part in self._parts]
        verb = "is" if len(self) == 1 else "are"
        what = f"There is no {self._kind} {key!r}; there {verb} {counted(len(self), self._kind)}."
        raise NoSuchStep(what, hint=nearest(key, known) if isinstance(key, str) else "")

    def __repr__(self) -> str:
        return repr(list(self))


def _ids(part: Any) -> str:
    return str(part.id)


def _labels(part: Any) -> str:
    return str(getattr(part, "label", part.name))


class RunStep:
    """A step in a run."""

    def __init__(self, index: int, run: RunState) -> None:
        """Look at a step of a run's state."""
        self.index, self._run = index, run

    @property
    def _state(self) -> StepState:
        return self._run.steps[self.index]

    @property
    def id(self) -> str:
        """The step's id in the flow."""
        return self._state.id

    @property
    def name(self) -> str:
        """The step's name in the flow, which may be empty."""
        return self._run.graph.flow.steps[self.index].name

    @property
    def status(self) -> ActionStatus:
        """The step's status."""
        return self._state.status

    @property
    def reason(self) -> str | None:
        """Why it was skipped or failed, or None."""
        return self._state.reason

    @property
    def started_at(self) -> datetime | None:
        """When its newest visit began, UTC."""
        return as_datetime(self._state.started_at)

    @property
    def ended_at(self) -> datetime | None:
        """When its newest visit settled, UTC."""
        return as_datetime(self._state.ended_at)

    @property
    def seconds(self) -> float | None:
        """How long its newest visit took, None until it has settled."""
        return _seconds(self._state)

    @property
    def actions(self) -> Parts[RunAction]:
        """The actions, by index, id or name."""
        states = self._state.actions
        defined = self._run.graph.flow.steps[self.index].actions
        return Parts(lambda i: RunAction(states[i], defined[i].name), defined, "action")

    @property
    def output(self) -> Any:
        """The output of its only action, or the list of all outputs; None while there is none."""
        outputs = [action.output for action in self.actions]
        if len(outputs) == 1:
            return outputs[0]
        return outputs if any(output is not None for output in outputs) else None

    def __repr__(self) -> str:
        return f"<Step {self.index} {self.name or self.id!r}: {self.status}>"


class RunAction:
    """An action in a run: its newest attempt, and all attempts."""

    def __init__(self, state: ActionState, name: str) -> None:
        """Look at an action of a run's state."""
        self._state, self._name = state, name

    @property
    def id(self) -> str:
        """The action's id in its step."""
        return self._state.id

    @property
    def status(self) -> ActionStatus:
        """The status of the newest attempt; ``pending`` or ``skipped`` without one."""
        return self._state.status

    @property
    def name(self) -> str:
        """The action's name in the flow, which may be empty."""
        return self._name

    @property
    def stale(self) -> str | None:
        """Why the output is stale, or None when it is fresh."""
        return self._state.stale

    @property
    def reason(self) -> str | None:
        """Why it was skipped, or None."""
        return self._state.reason

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """All attempts, oldest first."""
        return tuple(Attempt(attempt) for attempt in self._state.attempts)

    @property
    def output(self) -> Any:
        """The newest attempt's output: text, or data for a schema; partial text until it settles."""
        return self.attempts[-1].output if self._state.attempts else None

    @property
    def text(self) -> str:
        """What the newest attempt has streamed so far."""
        return self._state.attempts[-1].text if self._state.attempts else ""

    @property
    def error(self) -> Failure | None:
        """Why the newest attempt failed, or None."""
        return self._state.attempts[-1].error if self._state.attempts else None

    @property
    def seconds(self) -> float | None:
        """How long the newest attempt took, None until it has settled."""
        return self.attempts[-1].seconds if self._state.attempts else None

    def __repr__(self) -> str:
        return (
            f"<Action {self.id!r}: {self.status}, {counted(len(self._state.attempts), 'attempt')}>"
        )


class Attempt:
    """One try of one action; a settled one never changes."""

    def __init__(self, state: AttemptState) -> None:
        """Look at an attempt's state."""
        self._state = state

    @property
    def number(self) -> int:
        """Which attempt of its action, from 1."""
        return self._state.number

    @property
    def status(self) -> ActionStatus:
        """``running``, ``completed``, ``failed`` or ``canceled``."""
        return self._state.status

    @property
    def text(self) -> str:
        """What it has streamed so far."""
        return self._state.text

    @property
    def output(self) -> Any:
        """Its output: text, or data for a schema; the partial text unless it completed."""
        if self._state.status == "completed":
            return self._state.output
        return self._state.text or None

    @property
    def error(self) -> Failure | None:
        """Why it failed, or None."""
        return self._state.error

    @property
    def note(self) -> str | None:
        """``truncated``, ``refused`` or ``empty``, or None."""
        return self._state.note

    @property
    def rendered(self) -> Action | None:
        """The action as it was run, its templates filled in; None when that failed."""
        return self._state.rendered

    @property
    def prompt(self) -> str | None:
        """The text that was asked, its templates filled in; None for an action that asks none."""
        return prompt_of(self._state.rendered)

    @property
    def model(self) -> str | None:
        """The model that was asked, as its server names it once it has answered."""
        return self._state.model

    @property
    def started_at(self) -> datetime | None:
        """When it began, UTC."""
        return as_datetime(self._state.started_at)

    @property
    def ended_at(self) -> datetime | None:
        """When it settled, UTC."""
        return as_datetime(self._state.ended_at)

    @property
    def seconds(self) -> float | None:
        """How long it took, None until it has settled."""
        return _seconds(self._state)

    @property
    def first_chunk_seconds(self) -> float | None:
        """From its start to its first piece of output, None when there was none."""
        first = self._state.first_chunk_at
        return None if first is None else first - self._state.started_at

    @property
    def prompt_tokens(self) -> int | None:
        """Tokens of the prompt, as the server counted them."""
        return self._state.prompt_tokens

    @property
    def completion_tokens(self) -> int | None:
        """Tokens of the answer, as the server counted them."""
        return self._state.completion_tokens

    @property
    def total_tokens(self) -> int | None:
        """Tokens of both, as the server counted them."""
        return self._state.total_tokens

    @property
    def finish_reason(self) -> str | None:
        """Why the model stopped, in the server's words."""
        return self._state.finish_reason

    @property
    def request_id(self) -> str | None:
        """The server's id of the request."""
        return self._state.request_id

    def __repr__(self) -> str:
        return f"<Attempt {self.number}: {self.status}, {counted(self._state.chars, 'character')}>"


def _seconds(state: StepState | AttemptState) -> float | None:
    if state.started_at is None or state.ended_at is None:
        return None
    return state.ended_at - state.started_at
