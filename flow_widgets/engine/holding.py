"""The runs that a runner holds: started here, or kept before and taken up again."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flow_widgets.clock import Clock
from flow_widgets.engine.attempts import Fact
from flow_widgets.engine.execution import Execution
from flow_widgets.engine.keeping import Keeping
from flow_widgets.engine.loop import is_loop_running
from flow_widgets.engine.observers import Observer, Observers
from flow_widgets.engine.resources import Resources
from flow_widgets.engine.reuse import Pins
from flow_widgets.engine.run import Run
from flow_widgets.engine.shelf import Shelf, is_of
from flow_widgets.errors import AlreadyRunning, FlowError, NoSuchRun
from flow_widgets.flow.graph import Place
from flow_widgets.flow.inputs import run_inputs
from flow_widgets.flow.limits import Budget
from flow_widgets.flow.model import Flow
from flow_widgets.ids import NewId
from flow_widgets.run import events as ev
from flow_widgets.run.state import RunState

if TYPE_CHECKING:
    import pandas as pd


REOPEN_LOOKS_AT = 50
"""How many of the newest kept runs are looked at for one that is of the same flow."""


class RunHolder(ABC):
    """The runs of one flow, of which one is current."""

    inputs: dict[str, Any]
    run: Run | None
    """The newest run, which reruns go into; None before the first."""
    runs: list[Run]
    shelf: Shelf
    observers: list[Observer]
    max_parallel: int | None
    budget: Budget | None
    cache: bool
    _flow: Flow
    _executions: dict[str, Execution]
    _resources: Resources
    _clock: Clock
    _new_id: NewId

    @property
    def flow(self) -> Flow:
        """The definition that the next command runs; assigning another is ``revise``."""
        return self._flow

    @property
    def is_running(self) -> bool:
        """Whether a run has not settled yet."""
        return self.run is not None and self.run.status == "running"

    @property
    def stale(self) -> list[Place]:
        """The stale actions of the current run, in order."""
        if self.run is None:
            return []
        steps = self._executions[self.run.id].state.steps
        return [
            (s, a)
            for s, step in enumerate(steps)
            for a, action in enumerate(step.actions)
            if action.stale is not None
        ]

    def to_frame(self, of: str = "actions", *, expand: bool = False) -> pd.DataFrame:
        """Return all runs as one DataFrame; the columns are those of ``flow_widgets.to_frame``."""
        from flow_widgets.export.frames import to_frame

        return to_frame(self.runs, of, expand=expand)

    def execution(self, run: Run) -> Execution:
        """Return what drives one of this runner's runs."""
        return self._executions[run.id]

    @abstractmethod
    def select(self, run: Run) -> None:
        """Make one of the runs the current one."""

    def reopen(self, run_id: str | None = None) -> Run | None:
        """Take up a kept run of this flow and make it the current one: by default the last one.

        It has the definition of the flow as it is now: what that changes is stale. The last run is the
        last that nobody else drives just now; returns None when there is none.

        Raises:
            NoSuchRun, StoreError: The run can't be read.
            RunInUse: Somebody else drives the run that was asked for.
            AlreadyRunning: A run has not settled yet.
        """
        self._must_be_idle()
        run = self._reopened(run_id)
        if run is not None:
            self.select(run)
        return run

    def _reopened(self, run_id: str | None) -> Run | None:
        if run_id is not None:
            return self._held(run_id) or self._kept_run(run_id)
        for info in self.shelf.kept(self.flow, limit=REOPEN_LOOKS_AT):
            if info.status == "running":
                continue
            held = self._held(info.id)
            if held is not None:
                return held
            if is_of(self.shelf.flow_of(info.id), self.flow):
                return self._shelved(self.shelf.state_of(info.id))
        return None

    def _held(self, run_id: str) -> Run | None:
        """Return a run that is held here, unless it went on elsewhere, so that it has to be read again."""
        held = next((run for run in self.runs if run.id == run_id), None)
        if held is None or self._executions[run_id].keeping.is_behind:
            return None
        return held

    def _kept_run(self, run_id: str) -> Run:
        if self.shelf.store is None:
            raise NoSuchRun(f"There is no run {run_id!r}; this runner keeps none.")
        state = self.shelf.state_of(run_id)
        if state.graph.flow.id != self.flow.id:
            what = f"Run {run_id!r} is one of the flow {state.graph.flow.name!r}."
            raise NoSuchRun(what, hint="Look at it with flow_widgets.runs().")
        return self._shelved(state)

    def _shelved(self, state: RunState) -> Run:
        """Hold a kept run as one of this runner's."""
        execution = self._execution(state.id, seq=state.seq)
        execution.restore(state, self.shelf.last_heard_of(state.id))
        run = Run(execution)
        self._executions[state.id] = execution
        others = [one for one in self.runs if one.id != run.id]
        self.runs = sorted([*others, run], key=lambda one: one.number)
        return run

    def _start(
        self,
        inputs: Mapping[str, Any] | None,
        targets: tuple[Place, ...] | None,
        trigger: int | None = None,
        *,
        force: bool = False,
    ) -> Run:
        must_have_loop()
        given = self.inputs if inputs is None else inputs
        values = run_inputs(self.flow, given, trigger=trigger)
        execution = self._execution(self._new_id(), pins=self._pins(), is_forced=force)
        start = (ev.FlowStarted, None, None, self._next_number(), self.flow, values, targets)
        self.shelf.claim(execution)
        if self.run is not None:
            self._leave(self.run)
        run = self.run = Run(execution)
        self._executions[execution.run_id] = execution
        self.runs.append(run)
        execution.budget = self.budget
        execution.begin((*start, trigger, False, self.budget or self.flow.budget))
        return run

    def _go_on(self, run: Run, fact: Fact, inputs: dict[str, Any] | None = None) -> Run:
        """Begin work inside a run that has settled, with these inputs where they are others."""
        execution = self._executions[run.id]
        self.shelf.claim(execution)
        execution.uses_cache = self.cache and not execution.is_forced
        execution.budget = self.budget
        if inputs is not None and inputs != execution.state.inputs:
            execution.record((ev.InputsRevised, None, None, inputs))
        execution.begin(fact)
        return run

    def _new_budget(self, run: Run) -> Budget | None:
        """Return the runner's budget if it is another one than when work on a run last began.

        If it is not, the run keeps its own, which may be a larger one that it was given since.
        """
        return self.budget if self.budget != self._executions[run.id].budget else None

    def _execution(
        self, run_id: str, *, seq: int = 0, pins: Pins | None = None, is_forced: bool = False
    ) -> Execution:
        return Execution(
            run_id,
            clock=self._clock,
            observers=Observers(self.observers),
            resources=self._resources,
            max_parallel=self.max_parallel or self.flow.max_parallel,
            keeping=Keeping(self.shelf.store, run_id, seq=seq),
            uses_cache=self.cache and not is_forced,
            is_forced=is_forced,
            pins=pins,
        )

    def _pins(self) -> Pins:
        """Return the outputs that are pinned in the current run."""
        if self.run is None:
            return {}
        state = self._executions[self.run.id].state
        pinned = {
            (step.id, action.id): attempt
            for step in state.steps
            for action in step.actions
            for attempt in action.attempts[-1:]
            if action.pinned and attempt.status == "completed"
        }
        begun = {(step.id, one.id) for step in state.steps for one in step.actions if one.attempts}
        inherited = self._executions[self.run.id].pins.items()
        return {**{key: one for key, one in inherited if key not in begun}, **pinned}

    def _next_number(self) -> int:
        held = max((run.number for run in self.runs), default=0)
        return max(self.shelf.last_number(self.flow), held) + 1

    def _leave(self, run: Run) -> None:
        """Let a run be as it was run: edits of its inputs since then belong to the next one."""
        execution = self._executions[run.id]
        execution.backlog = None
        if execution.state.inputs != execution.state.used_inputs:
            execution.record((ev.InputsRevised, None, None, execution.state.used_inputs))

    def _must_be_idle(self) -> None:
        if self.is_running:
            raise AlreadyRunning("A run has not settled yet.", hint="Wait for it, or cancel it.")


def must_have_loop() -> None:
    """Refuse to begin where nothing would drive a run.

    Raises:
        FlowError: No event loop runs in this thread.
    """
    if not is_loop_running():
        raise FlowError(
            "There is no running event loop.",
            hint="Await inside 'async def', or call the _sync form: run_flow_sync().",
        )
