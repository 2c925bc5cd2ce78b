"""A run as it is looked at: its parts, outputs, log and frames, whoever drives it or did."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from flow_widgets.clock import as_datetime, now
from flow_widgets.engine.parts import Parts, RunStep
from flow_widgets.engine.plain import copied
from flow_widgets.errors import RunFailed
from flow_widgets.flow.limits import Budget
from flow_widgets.flow.model import Flow
from flow_widgets.run.events import Failure
from flow_widgets.run.log import counted, seconds
from flow_widgets.run.outcome import output_of_run, stop_reason_of
from flow_widgets.run.state import LogLine, RunState
from flow_widgets.run.view import RunStatus

if TYPE_CHECKING:
    import pandas as pd


class RunRecord(ABC):
    """What a run has to show."""

    @property
    @abstractmethod
    def _state(self) -> RunState:
        """The state that is looked at."""

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
        """``running``, ``completed``, ``failed``, ``canceled`` or ``interrupted``."""
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
    def cost_usd(self) -> float | None:
        """What all attempts cost in US dollars, None while no price was known for any."""
        return self._state.cost_usd

    @property
    def budget(self) -> Budget | None:
        """What the run may spend, None without a limit."""
        return self._state.budget

    @property
    def stop_reason(self) -> str | None:
        """Why the run was stopped, where no person did; None otherwise."""
        return stop_reason_of(self._state)

    @property
    def log(self) -> tuple[LogLine, ...]:
        """The lines of the log, oldest first."""
        return tuple(self._state.log)

    def raise_for_status(self) -> Self:
        """Return the run if it completed.

        Raises:
            RunFailed: It ended another way, or has not settled.
        """
        if self.status == "completed":
            return self
        status = "is still running" if self.status == "running" else f"was {self.status}"
        status = "failed" if self.status == "failed" else status
        what = f"Run {self.number} {status}."
        if self.stop_reason:
            hint = "Go on with runner.resume(), after what stopped it has changed."
            raise RunFailed(f"{what[:-1]}: {self.stop_reason}.", hint=hint)
        error = self.error
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

    def __repr__(self) -> str:
        steps = counted(len(self._state.steps), "step")
        time = f", {seconds(self.seconds)}" if self.status != "running" else ""
        why = f". {self.error.what}" if self.status == "failed" and self.error else ""
        return f"<Run {self.number} of {self.flow.name!r}: {self.status}, {steps}{time}{why}>"


class StoredRun(RunRecord):
    """A run that was read from a store: to look at, not to run again."""

    def __init__(self, state: RunState) -> None:
        """Hold the state that its events fold into."""
        self._stored = state

    @property
    def _state(self) -> RunState:
        return self._stored
