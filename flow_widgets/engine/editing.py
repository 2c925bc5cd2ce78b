"""Editing between runs: the definition, the inputs, outputs by hand, pins, and which run is current."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from flow_widgets.engine.attempts import Fact, writes_of
from flow_widgets.engine.holding import RunHolder
from flow_widgets.engine.plain import copied
from flow_widgets.engine.run import Run
from flow_widgets.errors import (
    InvalidInputs,
    InvalidValue,
    NothingToRun,
)
from flow_widgets.flow.declared import Input
from flow_widgets.flow.formats import load_flow
from flow_widgets.flow.inputs import askable_inputs, declared_inputs, run_inputs
from flow_widgets.flow.model import Flow, triggers_of
from flow_widgets.run import events as ev
from flow_widgets.run.digest import digest
from flow_widgets.run.stale import reads_of


class Editor(RunHolder):
    """What a runner does to its flow and its current run while nothing runs."""

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

    def _take(self, inputs: Mapping[str, Any]) -> None:
        if self.run is None:
            return
        values = self._taken(self.run, inputs)
        if values != self._executions[self.run.id].state.inputs:
            self._executions[self.run.id].record((ev.InputsRevised, None, None, values))

    def _taken(self, run: Run, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Return edited inputs as a run takes them.

        Raises:
            InvalidInputs: They do not fit the flow's.
        """
        known = {**self._inputs_of(run), **self.flow.state}
        kept = {name: value for name, value in run.inputs.items() if name in self.flow.state}
        others = askable_inputs(self.flow).keys() - known.keys()  # what other triggers are handed
        given = {name: value for name, value in inputs.items() if name not in others}
        return run_inputs(self.flow, {**kept, **given}, trigger=self._trigger_of(run))

    def edit_output(self, step: int | str, action: int | str, output: Any) -> Run:
        """Write the output of an action by hand, as a new attempt; what depends on it becomes stale.

        ``run_stale`` or ``resume`` then goes on from there. The output is JSON data: a text, dict, list,
        number, boolean or None.

        Raises:
            NoSuchStep: The flow has no such step or action.
            InvalidValue: The output is no JSON data.
            StateRefused, MissingReference: It can't be saved where ``save_as`` says.
            NothingToRun: There is no run yet.
            AlreadyRunning: A run has not settled yet.
            StoreError: The edit can't be kept.
        """
        run, place = self._current_place(step, action, "edit")
        state = self._executions[run.id].state
        definition = state.graph.flow.steps[place[0]].actions[place[1]]
        try:
            value = copied(output)
            mark = digest(value)
        except (TypeError, ValueError, RecursionError) as error:
            hint = "Give a text, dict, list, number, boolean or None."
            raise InvalidValue(f"The output is no JSON data: {error}.", hint=hint) from None
        writes = writes_of(definition, value, {}, state)
        reads = reads_of(state, place)
        self._keep(run, (ev.OutputEdited, *place, value, mark, definition, reads, writes))
        return run

    def pin(self, step: int | str, action: int | str, pinned: bool = True) -> Run:  # noqa: FBT001, FBT002  # reads well
        """Pin the output of an action, or let it go: pinned, it is used by reruns and the next runs.

        Raises:
            NoSuchStep: The flow has no such step or action.
            NothingToRun: There is no output to pin.
            AlreadyRunning: A run has not settled yet.
            StoreError: The pin can't be kept.
        """
        run, place = self._current_place(step, action, "pin")
        state = self._executions[run.id].state.action(place)
        if pinned and state.status != "completed":
            what = f"Action {place[0]}, {place[1]} has no output to pin; it is {state.status}."
            raise NothingToRun(what, hint="Run it first, or write its output by hand.")
        if state.pinned != pinned:
            self._keep(run, (ev.OutputPinned, *place, pinned))
        if not pinned:
            self._executions[run.id].unpin(place)
        return run

    def _current_place(
        self, step: int | str, action: int | str, verb: str
    ) -> tuple[Run, tuple[int, int]]:
        self._must_be_idle()
        index = self.flow.step_index(step)
        place = (index, self.flow.action_index(index, action))
        if self.run is None:
            raise NothingToRun(f"There is no run to {verb} outputs of.", hint="Run the flow first.")
        return self.run, place

    def _keep(self, run: Run, fact: Fact) -> None:
        """Record a fact of a settled run, and keep it at once."""
        execution = self._executions[run.id]
        self.shelf.claim(execution)
        try:
            execution.record(fact)
        finally:
            execution.keeping.release(execution.state.seq)

    def _trigger_of(self, run: Run) -> int | None:
        """Return the step that began a run, None when there is none, or no longer."""
        trigger = self._executions[run.id].state.trigger
        return trigger if trigger in triggers_of(self.flow) else None

    def _inputs_of(self, run: Run) -> dict[str, Input]:
        trigger = self._trigger_of(run)
        return askable_inputs(self.flow) if trigger is None else declared_inputs(self.flow, trigger)
