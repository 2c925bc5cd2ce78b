"""The commands of the screen, in code: each is carried out on the engine's thread."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flow_widgets.engine.loop import EngineThread, engine
from flow_widgets.engine.run import NoRun, Run
from flow_widgets.flow.inputs import declared_inputs, run_inputs
from flow_widgets.flow.limits import Budget
from flow_widgets.flow.model import Action, Step, trigger_of
from flow_widgets.widget.inputs import first_inputs

if TYPE_CHECKING:
    from flow_widgets.engine.runner import FlowRunner
    from flow_widgets.widget.sync import Sync


class Controls:
    """What the buttons of a widget do, as methods."""

    runner: FlowRunner
    sync: Sync

    @property
    def engine(self) -> EngineThread:
        """The thread that runs live on; another one after a fork."""
        return engine()

    def run_flow(
        self,
        inputs: Mapping[str, Any] | None = None,
        *,
        trigger_step: int | str | Step | Action | None = None,
        force: bool = False,
    ) -> Run:
        """Start a new run of the whole flow and return it at once; await it to wait for its end.

        ``trigger_step`` is the trigger that begins it, when the flow has several; ``inputs`` may then
        hold what that trigger is handed. ``force`` makes every output anew, whatever is in the cache.

        Raises:
            InvalidFlow: The flow has problems; all are listed, and nothing was sent.
            InvalidInputs: The inputs do not fit the flow's.
            NoSuchStep, FlowError: There is no such trigger, or none was chosen of several.
            AlreadyRunning: A run has not settled yet.
            StoreError: The run can't be kept.
        """

        def start() -> Run:
            flow = self.runner.flow
            known = {*declared_inputs(flow, trigger_of(flow, trigger_step)), *flow.state}
            given = dict(inputs or {})
            if not given.keys() <= known:
                run_inputs(flow, given, trigger=trigger_of(flow, trigger_step))
            shown = {name: value for name, value in given.items() if name not in flow.state}
            if shown:
                self.sync.inputs = first_inputs(flow, {**self.sync.inputs, **shown})
            wanted = {name: one for name, one in self.sync.inputs.items() if name in known}
            return self.runner.run_flow({**given, **wanted}, trigger_step=trigger_step, force=force)

        return self.engine.call(start)

    def run_step(self, step: int | str) -> Run:
        """Run a step, given by index, id or name, in the current run; returns at once.

        Raises:
            NoSuchStep: The flow has no such step.
            InvalidFlow, InvalidInputs, AlreadyRunning: As for ``run_flow``.
        """
        return self.engine.call(lambda: self.runner.run_step(step))

    def run_action(self, step: int | str, action: int | str) -> Run:
        """Run an action of a step in the current run; returns at once.

        Raises:
            NoSuchStep: The flow has no such step or action.
            InvalidFlow, InvalidInputs, AlreadyRunning: As for ``run_flow``.
        """
        return self.engine.call(lambda: self.runner.run_action(step, action))

    def run_stale(self) -> Run:
        """Run what is stale in the current run, in order; returns at once.

        Raises:
            NothingToRun: Nothing is stale.
            InvalidFlow, AlreadyRunning: As for ``run_flow``.
        """
        return self.engine.call(self.runner.run_stale)

    def resume(self, budget: Budget | Mapping[str, Any] | None = None) -> Run:
        """Go on with the current run, with all that had not completed; returns at once.

        For a run that failed, was canceled, was interrupted, or has spent its budget; ``budget`` is what
        it may then spend, all in all.

        Raises:
            NothingToRun: There is no such run.
            BudgetSpent: Its budget is spent, and no larger one is given.
            InvalidFlow, AlreadyRunning: As for ``run_flow``.
            StoreError: It can't be kept, or is driven elsewhere.
        """
        return self.engine.call(lambda: self.runner.resume(budget))

    def try_now(self, step: int | str, action: int | str) -> None:
        """End the wait of an action before its next attempt; does nothing when it waits for no time.

        Raises:
            NoSuchStep: The flow has no such step or action.
        """
        self.engine.call(lambda: self.runner.try_now(step, action))

    def edit_output(self, step: int | str, action: int | str, output: Any) -> Run:
        """Write the output of an action by hand, as a new attempt; what depends on it becomes stale.

        ``run_stale`` or ``resume`` then goes on from there. The output is JSON data: a text, dict, list,
        number, boolean or None.

        Raises:
            NoSuchStep: The flow has no such step or action.
            InvalidValue: The output is no JSON data, or can't be saved where ``save_as`` says.
            NothingToRun: There is no run yet.
            AlreadyRunning: A run has not settled yet.
            StoreError: The edit can't be kept.
        """
        return self.engine.call(lambda: self.runner.edit_output(step, action, output))

    def pin(self, step: int | str, action: int | str) -> Run:
        """Pin the output of an action: reruns and the next runs use it, and do not make it again.

        Raises:
            NoSuchStep: The flow has no such step or action.
            NothingToRun: There is no output to pin.
            AlreadyRunning: A run has not settled yet.
            StoreError: The pin can't be kept.
        """
        return self.engine.call(lambda: self.runner.pin(step, action))

    def unpin(self, step: int | str, action: int | str) -> Run:
        """Let a pinned output go; it is stale when its action would make another one now.

        Raises:
            NoSuchStep, NothingToRun, AlreadyRunning, StoreError: As for ``pin``.
        """
        return self.engine.call(lambda: self.runner.pin(step, action, pinned=False))

    def run_flow_sync(
        self,
        inputs: Mapping[str, Any] | None = None,
        *,
        trigger_step: int | str | Step | Action | None = None,
        force: bool = False,
    ) -> Run:
        """Run the whole flow and return when it has settled, without ``await``."""
        return self.run_flow(inputs, trigger_step=trigger_step, force=force).result()

    def run_step_sync(self, step: int | str) -> Run:
        """Run a step and return when it has settled, without ``await``."""
        return self.run_step(step).result()

    def run_action_sync(self, step: int | str, action: int | str) -> Run:
        """Run an action and return when it has settled, without ``await``."""
        return self.run_action(step, action).result()

    def resume_sync(self, budget: Budget | Mapping[str, Any] | None = None) -> Run:
        """Go on with the current run and return when it has settled, without ``await``."""
        return self.resume(budget).result()

    def cancel(self) -> Run | NoRun:
        """Stop the current run at once, keeping text that has arrived, and return it to await."""
        return self.engine.call(self.runner.cancel)
