"""Runs a flow, and parts of it again: every command of the code, the notebook and the screen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from flow_widgets.clock import Clock, now
from flow_widgets.engine.attempts import Fact
from flow_widgets.engine.execution import Execution
from flow_widgets.engine.loop import is_loop_running, run_sync
from flow_widgets.engine.observers import Observer, Observers, checked
from flow_widgets.engine.run import NoRun, Run
from flow_widgets.errors import (
    AlreadyRunning,
    FlowError,
    InvalidFlow,
    InvalidInputs,
    NothingToRun,
    Problem,
)
from flow_widgets.flow.check import check_flow
from flow_widgets.flow.formats import load_flow
from flow_widgets.flow.graph import Place
from flow_widgets.flow.inputs import run_inputs
from flow_widgets.flow.model import Flow
from flow_widgets.ids import NewId, new_run_id
from flow_widgets.providers import provider_of
from flow_widgets.providers.base import Provider
from flow_widgets.run import events as ev

if TYPE_CHECKING:
    import pandas as pd


class FlowRunner:
    """Runs one flow, in the event loop of the caller.

    ``run_flow`` always starts a new run; ``run_step`` and ``run_action`` add attempts to the current
    run, or start one of only these actions when there is none. Each returns the ``Run`` at once:
    await it, iterate over its events, or do neither. Before anything is sent the flow is checked.
    """

    def __init__(
        self,
        flow: Any,
        *,
        provider: str | Provider | Any | None = None,
        inputs: Mapping[str, Any] | None = None,
        store: Observer | None = None,
        observers: Iterable[Observer] = (),
        max_parallel: int | None = None,
        clock: Clock = now,
        new_id: NewId = new_run_id,
    ) -> None:
        """Make a runner of whatever ``load_flow`` takes.

        ``provider`` is a name, a provider, or a client of the openai package; None means the flow's,
        else ``openai`` when its key is in the environment. ``inputs`` are used by runs that are given
        none. ``store`` is told every event before the ``observers`` are. ``max_parallel`` limits the
        actions in flight; None means the flow's limit.
        """
        self._flow: Flow = load_flow(flow)
        self.provider = provider if provider is None else provider_of(provider)
        self.inputs: dict[str, Any] = dict(inputs or {})
        told = [*([store] if store is not None else []), *observers]
        self.observers: list[Observer] = [checked(one) for one in told]
        if max_parallel is not None and max_parallel < 1:
            raise FlowError(f"max_parallel is {max_parallel}; it must be 1 or more, or None.")
        self.max_parallel = max_parallel
        self.runs: list[Run] = []
        self.run: Run | None = None
        """The newest run, which reruns go into; None before the first."""
        self._clock, self._new_id = clock, new_id
        self._executions: dict[str, Execution] = {}

    # Commands.

    def run_flow(self, inputs: Mapping[str, Any] | None = None) -> Run:
        """Start a new run of the whole flow.

        Raises:
            InvalidFlow: The flow has problems; all are listed, and nothing was sent.
            InvalidInputs: The inputs do not fit the flow's.
            AlreadyRunning: A run has not settled yet.
        """
        self._must_be_idle()
        self._must_be_valid(None)
        return self._start(inputs, None)

    def run_step(self, step: int | str, inputs: Mapping[str, Any] | None = None) -> Run:
        """Run a step, given by index, id or name, in the current run.

        Raises:
            NoSuchStep: The flow has no such step.
            InvalidFlow, InvalidInputs, AlreadyRunning: As for ``run_flow``.
        """
        index = self.flow.step_index(step)
        places = [(index, action) for action in range(len(self.flow.steps[index].actions))]
        return self._run_places(places, "step", inputs)

    def run_action(
        self, step: int | str, action: int | str, inputs: Mapping[str, Any] | None = None
    ) -> Run:
        """Run an action of a step, both given by index, id or name, in the current run.

        Raises:
            NoSuchStep: The flow has no such step or action.
            InvalidFlow, InvalidInputs, AlreadyRunning: As for ``run_flow``.
        """
        index = self.flow.step_index(step)
        place = (index, self.flow.action_index(index, action))
        return self._run_places([place], "action", inputs)

    def run_stale(self) -> Run:
        """Run what is stale in the current run, in order; what turns out unchanged is not run.

        Raises:
            NothingToRun: Nothing is stale, or there is no run.
            InvalidFlow, AlreadyRunning: As for ``run_flow``.
        """
        self._must_be_idle()
        stale = self.stale
        if not stale:
            raise NothingToRun("Nothing is stale.", hint="Run the flow, or edit something first.")
        return self._run_places(stale, "stale", None)

    def cancel(self) -> Run | NoRun:
        """Cancel the current run and return it; does nothing when none runs.

        Awaiting the result waits until its streams are closed.
        """
        return self.run.cancel() if self.run is not None else NoRun()

    def run_flow_sync(self, inputs: Mapping[str, Any] | None = None) -> Run:
        """Run the whole flow and return when it has settled, without ``await``."""
        return self._sync(lambda: self.run_flow(inputs))

    def run_step_sync(self, step: int | str, inputs: Mapping[str, Any] | None = None) -> Run:
        """Run a step and return when it has settled, without ``await``."""
        return self._sync(lambda: self.run_step(step, inputs))

    def run_action_sync(
        self, step: int | str, action: int | str, inputs: Mapping[str, Any] | None = None
    ) -> Run:
        """Run an action and return when it has settled, without ``await``."""
        return self._sync(lambda: self.run_action(step, action, inputs))

    def run_stale_sync(self) -> Run:
        """Run what is stale and return when it has settled, without ``await``."""
        return self._sync(self.run_stale)

    # Editing between runs.

    @property
    def flow(self) -> Flow:
        """The definition that the next command runs; assigning another is ``revise``."""
        return self._flow

    @flow.setter
    def flow(self, flow: Any) -> None:
        self.revise(load_flow(flow))

    def revise(self, flow: Flow) -> None:
        """Take an edited definition; outputs of the current run that it changes become stale.

        Raises:
            AlreadyRunning: A run has not settled yet.
        """
        self._must_be_idle()
        self._flow = flow
        if self.run is not None and self.run.flow != flow:
            self._executions[self.run.id].record((ev.FlowRevised, None, None, flow))
            with suppress(InvalidInputs):  # an input was added that is still to be filled in
                self._take({n: v for n, v in self.run.inputs.items() if n in flow.inputs})

    def revise_inputs(self, inputs: Mapping[str, Any]) -> None:
        """Take edited inputs; outputs of the current run that used them become stale.

        Raises:
            InvalidInputs: They do not fit the flow's.
            AlreadyRunning: A run has not settled yet.
        """
        self._must_be_idle()
        run_inputs(self.flow, inputs)
        self.inputs = dict(inputs)
        self._take(inputs)

    def select(self, run: Run) -> None:
        """Make one of the runs the current one, which reruns go into.

        Raises:
            AlreadyRunning: A run has not settled yet.
        """
        if run is self.run:
            return
        self._must_be_idle()
        if self.run is not None:
            self._leave(self.run)
        self.run = run
        self.inputs = {name: v for name, v in run.inputs.items() if name in self.flow.inputs}
        self.revise(self.flow)

    def _leave(self, run: Run) -> None:
        """Let a run be as it was run: edits of its inputs since then belong to the next one."""
        execution = self._executions[run.id]
        execution.backlog = None
        if execution.state.inputs != execution.state.used_inputs:
            execution.record((ev.InputsRevised, None, None, execution.state.used_inputs))

    def _take(self, inputs: Mapping[str, Any]) -> None:
        if self.run is None:
            return
        values = run_inputs(self.flow, inputs)
        if values != self._executions[self.run.id].state.inputs:
            self._executions[self.run.id].record((ev.InputsRevised, None, None, values))

    # Looking.

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

    def check(self) -> list[Problem]:
        """Return every problem of the flow, and of the providers and models that it needs."""
        return self._problems(None)

    def to_frame(self, of: str = "actions", *, expand: bool = False) -> pd.DataFrame:
        """Return all runs as one DataFrame; the columns are those of ``flow_widgets.to_frame``."""
        from flow_widgets.export.frames import to_frame

        return to_frame(self.runs, of, expand=expand)

    def execution(self, run: Run) -> Execution:
        """Return what drives one of this runner's runs."""
        return self._executions[run.id]

    # How.

    def _start(self, inputs: Mapping[str, Any] | None, targets: tuple[Place, ...] | None) -> Run:
        _must_have_loop()
        values = run_inputs(self.flow, self.inputs if inputs is None else inputs)
        execution = Execution(
            self._new_id(),
            clock=self._clock,
            observers=Observers(self.observers),
            provider_of=self.provider_named,
            max_parallel=self.max_parallel or self.flow.max_parallel,
        )
        number = len(self.runs) + 1
        if self.run is not None:
            self._leave(self.run)
        run = Run(execution)
        self._executions[execution.run_id] = execution
        self.runs.append(run)
        self.run = run
        execution.begin((ev.FlowStarted, None, None, number, self.flow, values, targets))
        return run

    def _run_places(
        self, places: list[Place], cause: ev.RerunCause, inputs: Mapping[str, Any] | None
    ) -> Run:
        self._must_be_idle()
        self._must_be_valid(places)
        if self.run is None:
            return self._start(inputs, tuple(places))
        _must_have_loop()
        if inputs is not None:
            self._take({**self.run.inputs, **inputs})
        fact: Fact = (ev.RerunStarted, None, None, tuple(places), cause)
        self._executions[self.run.id].begin(fact)
        return self.run

    def _must_be_idle(self) -> None:
        if self.is_running:
            raise AlreadyRunning("A run has not settled yet.", hint="Wait for it, or cancel it.")

    def _must_be_valid(self, places: list[Place] | None) -> None:
        errors = [one for one in self._problems(places) if one.severity == "error"]
        if errors:
            raise InvalidFlow(errors, subject=f"The flow {self.flow.name!r}")

    def _problems(self, places: list[Place] | None) -> list[Problem]:
        wanted = None if places is None else {f"steps[{s}].actions[{a}]" for s, a in places}
        found = [
            problem
            for problem in check_flow(self.flow)
            if wanted is None or any(problem.place.startswith(place) for place in wanted)
        ]
        for s, step in enumerate(self.flow.steps):
            for a, action in enumerate(step.actions):
                if (places is None or (s, a) in places) and action.streams:
                    found.extend(self._configuration(action, f"steps[{s}].actions[{a}]"))
        return found

    def _configuration(self, action: Any, place: str) -> list[Problem]:
        """Return what keeps an action from reaching its model, without sending anything."""
        try:
            provider = self.provider_named(getattr(action, "provider", None))
            provider.check()
        except FlowError as error:
            return [Problem(f"{place}.provider", error.what, error.hint)]
        if getattr(action, "model", None) or self.flow.model or provider.default_model:
            return []
        hint = "Set model=… on the action or on the Flow, or OpenAIProvider(model=…)."
        return [Problem(f"{place}.model", "no model is named.", hint)]

    def provider_named(self, name: str | None) -> Provider:
        """Return the provider an action names, else the runner's, else the flow's.

        Raises:
            FlowError: There is none of that name, or none is configured.
        """
        if name is not None and name != getattr(self.provider, "name", None):
            return provider_of(name)
        return provider_of(self.provider if self.provider is not None else self.flow.provider)

    def _sync(self, start: Callable[[], Run]) -> Run:
        async def main() -> Run:
            return await start()

        return run_sync(main)

    async def close(self) -> None:
        """Close the connections that this runner's providers opened in the running event loop."""
        names = {getattr(action, "provider", None) for s in self.flow.steps for action in s.actions}
        for name in names or {None}:
            try:
                provider = self.provider_named(name)
            except FlowError:
                continue
            await provider.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _must_have_loop() -> None:
    if not is_loop_running():
        raise FlowError(
            "There is no running event loop.",
            hint="Await inside 'async def', or call the _sync form: run_flow_sync().",
        )
