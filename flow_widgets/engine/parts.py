"""The parts of a run as a user looks at them: steps, actions, attempts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar, overload

from flow_widgets.clock import as_datetime
from flow_widgets.engine.plain import copied
from flow_widgets.errors import NoSuchStep, nearest
from flow_widgets.flow.model import Action
from flow_widgets.run.asked import prompt_of
from flow_widgets.run.events import Failure, Origin
from flow_widgets.run.log import counted
from flow_widgets.run.state import ActionState, AttemptState, RunState, StepState
from flow_widgets.run.view import ActionStatus

T = TypeVar("T")


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


class _Timed(ABC):
    """What began and may have settled."""

    @property
    @abstractmethod
    def _state(self) -> StepState | AttemptState:
        """The state that is looked at."""

    @property
    def started_at(self) -> datetime | None:
        """When it began (a step: its newest visit), UTC."""
        return as_datetime(self._state.started_at)

    @property
    def ended_at(self) -> datetime | None:
        """When it settled, UTC; None until then."""
        return as_datetime(self._state.ended_at)

    @property
    def seconds(self) -> float | None:
        """How long it took, None until it has settled."""
        state = self._state
        if state.started_at is None or state.ended_at is None:
            return None
        return state.ended_at - state.started_at


class RunStep(_Timed):
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
    def pinned(self) -> bool:
        """Whether its output is used as it is until it is let go."""
        return self._state.pinned

    @property
    def reason(self) -> str | None:
        """Why it was skipped, what it waits for, or None."""
        return self._state.reason

    @property
    def waits_until(self) -> datetime | None:
        """While it waits: when its next attempt begins, UTC, as far as that is known."""
        return as_datetime(self._state.waits_until)

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


class Attempt(_Timed):
    """One try of one action; a settled one never changes."""

    def __init__(self, state: AttemptState) -> None:
        """Look at an attempt's state."""
        self._attempt = state

    @property
    def _state(self) -> AttemptState:
        return self._attempt

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
        """Its output, also what a failure had to show; else the partial text, None without any."""
        if self._state.status == "completed" or self._state.output is not None:
            return copied(self._state.output)
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
    def estimated_tokens(self) -> int | None:
        """About how many tokens it used, where the server named none."""
        return self._state.estimated_tokens

    @property
    def cost_usd(self) -> float | None:
        """What it cost in US dollars, None when no price is known."""
        return self._state.cost_usd

    @property
    def origin(self) -> Origin:
        """``ran``; ``cache``, ``kept`` or ``pin``: taken from another attempt; ``edit``: by hand."""
        return self._state.origin

    @property
    def source(self) -> str | None:
        """Id of the run that an output of origin ``cache`` comes from."""
        return self._state.source

    @property
    def retry_seconds(self) -> float | None:
        """Of a failed attempt that was to be followed by another: how long after it."""
        return self._state.retry_seconds

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
