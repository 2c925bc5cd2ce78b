"""Runs a flow, and parts of it again: every command of the code, the notebook and the screen."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, Self

from flow_widgets.clock import Clock, now
from flow_widgets.engine.editing import Editor
from flow_widgets.engine.execution import Execution
from flow_widgets.engine.holding import must_have_loop
from flow_widgets.engine.loop import run_sync
from flow_widgets.engine.observers import Observer, checked
from flow_widgets.engine.readiness import problems_before
from flow_widgets.engine.resources import Resources, permissions
from flow_widgets.engine.run import NoRun, Run
from flow_widgets.engine.shelf import DEFAULT, Shelf
from flow_widgets.errors import (
    BudgetSpent,
    FlowError,
    InvalidFlow,
    InvalidInputs,
    NothingToRun,
    Problem,
    StoreError,
)
from flow_widgets.flow.formats import load_flow
from flow_widgets.flow.graph import Graph, Place, compile_graph
from flow_widgets.flow.limits import Budget, Retry
from flow_widgets.flow.model import Action, Flow, Step, all_actions, trigger_of
from flow_widgets.ids import NewId, new_run_id
from flow_widgets.providers import provider_of
from flow_widgets.providers.base import Provider
from flow_widgets.run import events as ev
from flow_widgets.run.resume import chosen_left
from flow_widgets.run.spending import (
    budget_problems,
    budget_reason,
    checked_budget,
    checked_prices,
    is_larger,
    spent_of,
)
from flow_widgets.run.stale import needed_first

LARGER = "Give a larger one: resume(budget=Budget(…))."


def _sentence(reason: str) -> str:
    return f"{reason[:1].upper()}{reason[1:]}."


class FlowRunner(Editor):
    """Runs one flow, in the event loop of the caller.

    ``run_flow`` always starts a new run; ``run_step`` and ``run_action`` add attempts to the current
    run, or start one of only these actions when there is none. Each returns the ``Run`` at once:
    await it, iterate over its events, or do neither. Before anything is sent the flow is checked.
    Every run is kept in a store; ``reopen`` takes up the last one, also in another process.
    """

    def __init__(
        self,
        flow: Any,
        *,
        provider: str | Provider | Any | None = None,
        inputs: Mapping[str, Any] | None = None,
        store: Any = DEFAULT,
        observers: Iterable[Observer] = (),
        max_parallel: int | None = None,
        budget: Budget | Mapping[str, Any] | None = None,
        prices: Mapping[str, Any] | None = None,
        retry: Retry | None = None,
        cache: bool = False,
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
        none. ``max_parallel`` limits the actions in flight; None means the flow's limit.

        ``store`` is where runs are kept: a path, a ``postgresql://`` URL, a store, or None for nowhere;
        by default ``.flow_widgets/runs.db`` in the current folder, or what ``FLOW_WIDGETS_STORE`` names.
        ``budget`` is what each run may spend (None: as the flow says), and ``prices`` what models cost:
        ``{"gpt-4o": Price(input=2.5, output=10)}``, US dollars for a million tokens. ``retry`` is how
        failed attempts are repeated, unless an action says so itself; None: as the flow says. With
        ``cache``, an action takes its output from what the store keeps, if exactly the same was sent
        before; who runs an action or step again that has completed has it made anew.

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
        self.observers: list[Observer] = [checked(one) for one in observers]
        if max_parallel is not None and max_parallel < 1:
            raise FlowError(f"max_parallel is {max_parallel}; it must be 1 or more, or None.")
        self.max_parallel = max_parallel
        self.shelf = Shelf(store)
        self.cache = cache
        self.prices = checked_prices(prices or {})
        self.budget = checked_budget(budget)
        self.runs: list[Run] = []
        self.run: Run | None = None
        """The newest run, which reruns go into; None before the first."""
        self._clock, self._new_id = clock, new_id
        self._graph: Graph | None = None
        self._resources = Resources(
            self.provider_named,
            permissions(allow_custom_code, allow_private_network, allowed_hosts, allowed_secrets),
            chance or random.Random(),  # noqa: S311  # chance in a flow, not secrets
            prices=self.prices,
            retry=retry,
        )
        self._executions: dict[str, Execution] = {}

    # Commands.

    def run_flow(
        self,
        inputs: Mapping[str, Any] | None = None,
        *,
        trigger_step: int | str | Step | Action | None = None,
        force: bool = False,
    ) -> Run:
        """Start a new run of the whole flow.

        ``trigger_step`` is the trigger that begins it, when the flow has several; ``inputs`` may then
        hold what that trigger is handed, such as the ``body`` of a webhook. ``force`` makes every output
        anew, whatever is in the cache; pinned ones are used all the same.

        Raises:
            InvalidFlow: The flow has problems; all are listed, and nothing was sent.
            InvalidInputs: The inputs do not fit the flow's.
            NoSuchStep: The flow has no such trigger step.
            FlowError: The flow has several triggers, and none was chosen.
            AlreadyRunning: A run has not settled yet.
            StoreError: The run can't be kept.
        """
        self._must_be_idle()
        self._must_be_valid(None)
        return self._start(inputs, None, trigger_of(self.flow, trigger_step), force=force)

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
        if self.run is not None and self._executions[self.run.id].state.action(place).pinned:
            what = f"Action {place[0]}, {place[1]} is pinned, so its output is not made again."
            raise NothingToRun(what, hint="Let it go first: pin(step, action, False).")
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
            hint = "Edit something first." if self.run else "Run the flow, or reopen() a kept run."
            raise NothingToRun("Nothing is stale.", hint=hint)
        assert self.run is not None
        places = needed_first(self._executions[self.run.id].state, stale)
        return self._run_places(places, "stale", None)

    def resume(self, budget: Budget | Mapping[str, Any] | None = None) -> Run:
        """Go on with the current run, with all that had not completed; what has is not run again.

        For a run that failed, was canceled, was interrupted, or has spent its budget; ``budget`` is what
        it may then spend, all in all.

        Raises:
            NothingToRun: There is no such run.
            BudgetSpent: Its budget is spent, and no larger one is given.
            InvalidFlow, AlreadyRunning: As for ``run_flow``.
            StoreError: It can't be kept, or is driven elsewhere.
        """
        self._must_be_idle()
        state = self._executions[self.run.id].state if self.run is not None else None
        if state is None or state.status == "completed":
            what = "There is no run to go on with." if state is None else "The run has completed."
            raise NothingToRun(what, hint="Run the flow, or a part of it again.")
        given, left = checked_budget(budget), chosen_left(state)
        if left:
            return self._run_places(left, "resume", None, budget=given)
        if not state.whole:
            raise NothingToRun("Everything that was to run has completed.")
        assert self.run is not None
        given = given or self._new_budget(self.run)
        if state.cancel_cause == "budget" and not is_larger(given, state.budget):
            raise BudgetSpent(_sentence(state.cancel_reason), hint=LARGER)
        self._must_have_budget(given or state.budget)
        self._must_be_valid(None)
        must_have_loop()
        return self._go_on(self.run, (ev.FlowResumed, None, None, given))

    def try_now(self, step: int | str, action: int | str) -> None:
        """Try an action again at once that waits after a failure; does nothing when it does not.

        Raises:
            NoSuchStep: The flow has no such step or action.
        """
        index = self.flow.step_index(step)
        number = self.flow.action_index(index, action)
        if self.run is not None:
            self.run.try_now(index, number)

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
        force: bool = False,
    ) -> Run:
        """Run the whole flow and return when it has settled, without ``await``."""
        return self._sync(lambda: self.run_flow(inputs, trigger_step=trigger_step, force=force))

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

    def resume_sync(self, budget: Budget | Mapping[str, Any] | None = None) -> Run:
        """Go on with the current run and return when it has settled, without ``await``."""
        return self._sync(lambda: self.resume(budget))

    # Looking.

    def check(self) -> list[Problem]:
        """Return every problem of the flow, and of the providers and models that it needs."""
        return self._problems(None)

    # How.

    def _run_places(
        self,
        places: list[Place],
        cause: ev.RerunCause,
        inputs: Mapping[str, Any] | None,
        *,
        budget: Budget | None = None,
    ) -> Run:
        self._must_be_idle()
        self._must_be_valid(places)
        if self.run is None:
            return self._start(inputs, tuple(places))
        must_have_loop()
        run = self.run
        values = None if inputs is None else self._taken(run, {**run.inputs, **inputs})
        budget = budget or self._new_budget(run)
        self._must_have_budget(budget or run.budget)
        return self._go_on(run, (ev.RerunStarted, None, None, tuple(places), cause, budget), values)

    def _must_have_budget(self, budget: Budget | None) -> None:
        """Refuse to go on with a run whose budget is spent: it would be stopped at once."""
        if budget is None or self.run is None:
            return
        reason = budget_reason(budget, spent_of(self._executions[self.run.id].state))
        if reason:
            raise BudgetSpent(_sentence(reason), hint=LARGER)

    def _must_be_valid(self, places: list[Place] | None) -> None:
        errors = [one for one in self._problems(places) if one.severity == "error"]
        if errors:
            raise InvalidFlow(errors, subject=f"The flow {self.flow.name!r}")

    def _problems(self, places: list[Place] | None) -> list[Problem]:
        self._graph = compile_graph(self.flow)  # held, so that the run does not compile it again
        permissions = self._resources.permissions
        found = problems_before(self.flow, places, self.provider_named, permissions)
        return [*found, *budget_problems(self.flow, self.budget, self.prices)]

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
            run = await start()
            store = self.shelf.store
            if store is not None:
                with suppress(StoreError):  # the run says so itself
                    store.flush()  # whoever got the run back finds it kept
            return run

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
