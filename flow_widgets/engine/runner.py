"""Runs a flow, and parts of it again: every command of the code, the notebook and the screen."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from flow_widgets.clock import Clock, now
from flow_widgets.engine.attempts import Fact
from flow_widgets.engine.execution import Execution
from flow_widgets.engine.loop import is_loop_running, run_sync
from flow_widgets.engine.observers import Observer, Observers, checked
from flow_widgets.engine.readiness import problems_before
from flow_widgets.engine.resources import Resources, permissions
from flow_widgets.engine.run import NoRun, Run
from flow_widgets.errors import (
    AlreadyRunning,
    FlowError,
    InvalidFlow,
    InvalidInputs,
    NothingToRun,
    Problem,
)
from flow_widgets.flow.declared import Input
from flow_widgets.flow.formats import load_flow
from flow_widgets.flow.graph import Graph, Place, compile_graph
from flow_widgets.flow.inputs import askable_inputs, declared_inputs, run_inputs
from flow_widgets.flow.model import Action, Flow, Step, all_actions, trigger_of, triggers_of
from flow_widgets.ids import NewId, new_run_id
from flow_widgets.providers import provider_of
from flow_widgets.providers.base import Provider
from flow_widgets.run import events as ev
from flow_widgets.run.stale import needed_first

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
        allow_custom_code: bool = False,
        allow_private_network: bool = False,
        allowed_hosts: Iterable[str] = (),
        allowed_secrets: Iterable[str] = (),
        clock: Clock = now,
        new_id: NewId = new_run_id,
        chance: random.Random | None = None,
    ) -> None:
        """Make a runner of whatever ``load_flow`` takes.

        ``provider`` is a name, a provider, or a client of the openai package; None means the flow's,
        else ``openai`` when its key is in the environment. ``inputs`` are used by runs that are given
        none. ``store`` is told every event before the ``observers`` are. ``max_parallel`` limits the
        actions in flight; None means the flow's limit.

        A flow may come from elsewhere, so what could do harm is off: ``allow_custom_code`` lets code
        that stands in the flow run in its sandbox, ``allow_private_network`` lets its requests go to
        this machine and network, ``allowed_hosts`` to these hosts wherever they are, and
        ``allowed_secrets`` names the environment variables that they may send to prove who they are.
        ``chance`` is where random values come from; give ``random.Random(1)`` for the same ones each
        time.
        """
        self._flow: Flow = load_flow(flow)
        self.provider = provider if provider is None else provider_of(provider)
        given: Any = inputs or {}
        if not isinstance(given, Mapping):
            kind = type(given).__name__
            raise InvalidInputs(f"inputs is {kind}.", hint="Pass a dict: inputs={'name': …}.")
        self.inputs: dict[str, Any] = dict(given)
        told = [*([store] if store is not None else []), *observers]
        self.observers: list[Observer] = [checked(one) for one in told]
        if max_parallel is not None and max_parallel < 1:
            raise FlowError(f"max_parallel is {max_parallel}; it must be 1 or more, or None.")
        self.max_parallel = max_parallel
        self.runs: list[Run] = []
        self.run: Run | None = None
        """The newest run, which reruns go into; None before the first."""
        self._clock, self._new_id = clock, new_id
        self._graph: Graph | None = None
        self._resources = Resources(
            self.provider_named,
            permissions(allow_custom_code, allow_private_network, allowed_hosts, allowed_secrets),
            chance or random.Random(),  # noqa: S311  # chance in a flow, not secrets
        )
        self._executions: dict[str, Execution] = {}

    # Commands.

    def run_flow(
        self,
        inputs: Mapping[str, Any] | None = None,
        *,
        trigger_step: int | str | Step | Action | None = None,
    ) -> Run:
        """Start a new run of the whole flow.

        ``trigger_step`` is the trigger that begins it, when the flow has several; ``inputs`` may then
        hold what that trigger is handed, such as the ``body`` of a webhook.

        Raises:
            InvalidFlow: The flow has problems; all are listed, and nothing was sent.
            InvalidInputs: The inputs do not fit the flow's.
            NoSuchStep: The flow has no such trigger step.
            FlowError: The flow has several triggers, and none was chosen.
            AlreadyRunning: A run has not settled yet.
        """
        self._must_be_idle()
        self._must_be_valid(None)
        return self._start(inputs, None, trigger_of(self.flow, trigger_step))

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

        What a stale action needs and has never run, such as a step that was added, runs too.

        Raises:
            NothingToRun: Nothing is stale, or there is no run.
            InvalidFlow, AlreadyRunning: As for ``run_flow``.
        """
        self._must_be_idle()
        stale = self.stale
        if not stale:
            raise NothingToRun("Nothing is stale.", hint="Run the flow, or edit something first.")
        assert self.run is not None
        places = needed_first(self._executions[self.run.id].state, stale)
        return self._run_places(places, "stale", None)

    def cancel(self) -> Run | NoRun:
        """Cancel the current run and return it; does nothing when none runs.

        Awaiting the result waits until its streams are closed.
        """
        return self.run.cancel() if self.run is not None else NoRun()

    def run_flow_sync(
        self,
        inputs: Mapping[str, Any] | None = None,
        *,
        trigger_step: int | str | Step | Action | None = None,
    ) -> Run:
        """Run the whole flow and return when it has settled, without ``await``."""
        return self._sync(lambda: self.run_flow(inputs, trigger_step=trigger_step))

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
                known = {**self._inputs_of(self.run), **flow.state}
                self._take({n: v for n, v in self.run.inputs.items() if n in known})

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
        known = askable_inputs(self.flow)
        self.inputs = {name: value for name, value in run.inputs.items() if name in known}
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
        known = {**self._inputs_of(self.run), **self.flow.state}
        kept = {name: value for name, value in self.run.inputs.items() if name in self.flow.state}
        others = askable_inputs(self.flow).keys() - known.keys()  # what other triggers are handed
        given = {name: value for name, value in inputs.items() if name not in others}
        values = run_inputs(self.flow, {**kept, **given}, trigger=self._trigger_of(self.run))
        if values != self._executions[self.run.id].state.inputs:
            self._executions[self.run.id].record((ev.InputsRevised, None, None, values))

    # Looking.

    def _trigger_of(self, run: Run) -> int | None:
        """Return the step that began a run, None when there is none, or no longer."""
        trigger = self._executions[run.id].state.trigger
        return trigger if trigger in triggers_of(self.flow) else None

    def _inputs_of(self, run: Run) -> dict[str, Input]:
        trigger = self._trigger_of(run)
        return askable_inputs(self.flow) if trigger is None else declared_inputs(self.flow, trigger)

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

    def _start(
        self,
        inputs: Mapping[str, Any] | None,
        targets: tuple[Place, ...] | None,
        trigger: int | None = None,
    ) -> Run:
        _must_have_loop()
        given = self.inputs if inputs is None else inputs
        values = run_inputs(self.flow, given, trigger=trigger)
        execution = Execution(
            self._new_id(),
            clock=self._clock,
            observers=Observers(self.observers),
            resources=self._resources,
            max_parallel=self.max_parallel or self.flow.max_parallel,
        )
        number = len(self.runs) + 1
        if self.run is not None:
            self._leave(self.run)
        run = Run(execution)
        self._executions[execution.run_id] = execution
        self.runs.append(run)
        self.run = run
        execution.begin((ev.FlowStarted, None, None, number, self.flow, values, targets, trigger))
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
        self._graph = compile_graph(self.flow)  # held, so that the run does not compile it again
        return problems_before(self.flow, places, self.provider_named, self._resources.permissions)

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
        names = {getattr(action, "provider", None) for action in all_actions(self.flow)}
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
