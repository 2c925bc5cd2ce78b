"""Counts what calls of models use while they stream, and ends what has no budget left.

Theory of operation. Every budget in force has an ``Account``: one of the run, and one for each visit of
a step, action of a visit and flow inside an action that has a budget. A call charges all accounts
around it, first the estimate of its prompt, then each piece of text, and in the end the difference
to what the server named. So many streams share a limit exactly, and a piece costs an addition and a
comparison for each account; without one the call's own ``on_text`` is used, and nothing is counted.
When an attempt settles, its calls go into its event as tokens and dollars, and from there into the state.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from flow_widgets.engine.account import RUN, Account, Call, Place
from flow_widgets.engine.resources import Level
from flow_widgets.errors import BudgetSpent
from flow_widgets.flow.limits import Budget
from flow_widgets.providers.base import ChatRequest
from flow_widgets.run import events as ev
from flow_widgets.run.levels import inner_of
from flow_widgets.run.spending import (
    Prices,
    Spent,
    budget_reason,
    price_of,
    prompt_reason,
    seconds_reason,
    spent_of,
    usd_of,
)
from flow_widgets.run.state import AttemptState

if TYPE_CHECKING:
    from flow_widgets.engine.execution import Execution

SETTLING: frozenset[type] = frozenset({ev.ActionCompleted, ev.ActionFailed, ev.ActionCanceled})
"""Events that are told what their attempt has used."""
HINT = "Give it a larger budget and run it again."


class Meter:
    """What an execution spends, and the budgets that it has to keep to."""

    def __init__(self, run: Execution, prices: Prices) -> None:
        """Make a meter that has counted nothing; the execution tells it of its events."""
        self.prices = prices
        self._run = run
        self._accounts: dict[Place, Account] = {}
        self._calls: dict[tuple[ev.Path, int, int, int], list[Call]] = {}
        self._unpriced: set[str] = set()
        """The models of which it has been said that no price is known."""
        self.watched = OPENING
        """The events that it has to be told of now."""

    # Of calls.

    def call(
        self, level: Level, step: int, action: int, attempt: AttemptState, request: ChatRequest
    ) -> Call:
        """Return the call of a model that is about to be sent, for a ``with`` around it.

        Raises:
            BudgetSpent: The budget of a step, an action or a flow inside one does not hold the prompt.
            asyncio.CancelledError: That of the run does not, or the attempt has settled.
        """
        if attempt.status != "running":
            raise asyncio.CancelledError
        around = self._around(level, step, action, attempt.visit) if self._accounts else []
        counted = [one for one in around if one.budget.tokens or one.budget.usd]
        call = Call(self, attempt, request, counted)
        usd = usd_of(call.price, call.prompt, 0) if call.price else 0.0
        for account in around:
            why = account.reason or self._no_room(account, call.prompt, usd)
            if why:
                self.end(account, why)
                if account.is_run:
                    raise asyncio.CancelledError
                raise BudgetSpent(_sentence(why), hint=HINT)
        self._calls.setdefault((level.path, step, action, attempt.number), []).append(call)
        self._say_unpriced(call)
        return call

    @staticmethod
    def _no_room(account: Account, tokens: int, usd: float) -> str:
        budget, spent, whose = account.budget, account.spent, account.whose
        return budget_reason(budget, spent, whose) or prompt_reason(
            budget, spent, tokens, usd, whose
        )

    def _say_unpriced(self, call: Call) -> None:
        if self.prices and call.price is None and call.model not in self._unpriced:
            self._unpriced.add(call.model)
            text = f"No price is known for {call.model!r}, so only its tokens are counted."
            self._run.record((ev.LogWritten, None, None, "warn", text))

    def settle(self, level: Level, event: Any) -> None:
        """Write what an attempt has used into the event that ends it, which is about to be folded."""
        key = (level.path, event.step, event.action, event.attempt)
        calls = self._calls.pop(key, None) if self._calls else None
        if calls is not None:
            self._sum_up(level, event, calls)
        elif type(event) is ev.ActionCompleted and event.total_tokens and event.origin == "ran":
            self._price_own(level, event)

    def _sum_up(self, level: Level, event: Any, calls: list[Call]) -> None:
        used, costs = 0, []
        for call in calls:
            call.settle()
            call.is_open = False
            tokens, usd = call.used()
            used += tokens
            costs += [usd] if usd is not None and tokens else []
        more = used - (getattr(event, "total_tokens", None) or 0)
        if more > 0:
            event.estimated_tokens = more
        event.cost_usd = sum(costs) if costs else None

    def _price_own(self, level: Level, event: ev.ActionCompleted) -> None:
        """Count the tokens of an action that calls a model in a way of its own."""
        attempt = _attempt(level, event)
        if attempt.status != "running":
            return
        prompt, total = event.prompt_tokens or 0, event.total_tokens or 0
        price = price_of(self.prices, event.model or attempt.model)
        event.cost_usd = None if price is None else usd_of(price, prompt, max(0, total - prompt))
        for account in self._around(level, event.step or 0, event.action or 0, attempt.visit):
            account.tokens += total
            account.usd += event.cost_usd or 0.0

    def allows(self, level: Level, step: int, action: int, visit: int, seconds: float) -> bool:
        """Whether an action may begin another attempt so many seconds from now."""
        then = self._run.loop.time() + seconds
        for one in self._around(level, step, action, visit):
            late = not one.is_run and one.deadline is not None and then >= one.deadline
            if late or one.is_over():
                return False
        return True

    # Of budgets.

    def folded(self, level: Level, event: Any) -> None:
        """Open and close accounts by what has happened; end what an attempt has spent all of."""
        _FOLLOWS[type(event)](self, level, event)

    def _begun(self, level: Level, event: Any) -> None:
        """Open the account of a run that begins or goes on, or of a flow inside an action."""
        state = level.state
        if level.path:
            budget = state.graph.flow.budget
            self._open(budget, level, (level.path, None, None, 0), "the inner flow's", Spent())
            return
        self._close_all()
        self._open(state.budget, level, RUN, "the", spent_of(state))

    def _step_started(self, level: Level, event: Any) -> None:
        budget = level.state.graph.flow.steps[event.step].budget
        if budget is not None:
            place = (level.path, event.step, None, event.visit)
            self._open(budget, level, place, "the step's", Spent())

    def _action_started(self, level: Level, event: Any) -> None:
        budget = event.definition.budget
        if budget is not None:
            place = (level.path, event.step, event.action, event.visit)
            self._open(budget, level, place, "the action's", Spent())
        if not self._accounts:
            return
        for account in self._around(level, event.step, event.action, event.visit):
            if account.is_run:
                if account.is_over():
                    self.end(account)
            elif account.reason:
                self._fail(level, event.step, event.action, event.attempt, account.reason)
                return

    def _open(
        self, budget: Budget | None, level: Level, place: Place, whose: str, spent: Spent
    ) -> None:
        if budget is None or place in self._accounts:
            return
        account = self._accounts[place] = Account(budget, level, place, whose)
        self.watched = WATCHED
        account.tokens, account.usd = float(spent.tokens), spent.usd or 0.0
        if budget.seconds is not None:
            left = max(0.0, budget.seconds - spent.seconds)
            account.deadline = self._run.loop.time() + left
            reason = seconds_reason(budget.seconds, whose)
            account.timer = self._run.loop.call_later(left, self.end, account, reason)

    def _action_settled(self, level: Level, event: Any) -> None:
        """End what is spent, before anything that follows from the event can start."""
        if not self._accounts:
            return
        visit = _attempt(level, event).visit
        if visit not in level.state.steps[event.step].visits:
            return  # late: the attempt had settled before
        for account in self._around(level, event.step, event.action, visit):
            if account.reason or not account.is_over():
                continue
            if not (account.is_run and self._is_last(level, event, visit)):
                self.end(account, before=level)

    def _is_last(self, level: Level, event: Any, visit: int) -> bool:
        """Whether nothing else of the run goes on or is known to come: then it may complete."""
        state, place, own = level.state, (event.step, visit), 0
        path = level.path
        while True:
            begun = state.steps[place[0]].visits[place[1]]
            pending = not state.partial and any(one.status == "pending" for one in state.steps)
            if begun.open > own or state.open_visits > 1 or state.scope or pending:
                return False
            if not path:
                return True
            (step, action, number, _), path, own = path[-1], path[:-1], 1
            state = inner_of(self._run.state, path)
            place = (step, state.steps[step].actions[action].attempts[number - 1].visit)

    def _step_settled(self, level: Level, event: Any) -> None:
        if self._accounts:
            self._close((level.path, event.step), event.visit)

    def _close(self, start: tuple[ev.Path, int | None], visit: int) -> None:
        for place in [one for one in self._accounts if one[:2] == start and one[3] == visit]:
            self._accounts.pop(place).close()

    def _flow_settled(self, level: Level, event: Any) -> None:
        if not level.path:
            self._close_all()
        elif self._accounts:
            depth = len(level.path)
            for place in [one for one in self._accounts if one[0][:depth] == level.path]:
                self._accounts.pop(place).close()

    def _close_all(self) -> None:
        for account in self._accounts.values():
            account.close()
        self._accounts.clear()
        self.watched = OPENING

    def _around(self, level: Level, step: int, action: int, visit: int) -> list[Account]:
        """Return the accounts that an action of a visit spends from, the nearest first."""
        accounts = self._accounts
        if not accounts:
            return []
        return [
            accounts[one] for one in self._places(level, step, action, visit) if one in accounts
        ]

    def _places(self, level: Level, step: int, action: int, visit: int) -> Iterator[Place]:
        path, state = level.path, self._run.state
        visits: list[int] = []
        for s, a, number, key in path:
            attempt = state.steps[s].actions[a].attempts[number - 1]
            visits.append(attempt.visit)
            state = (attempt.inner or {})[key]
        while True:
            yield path, step, action, visit
            yield path, step, None, visit
            yield path, None, None, 0
            if not path:
                return
            (step, action, _, _), visit, path = path[-1], visits.pop(), path[:-1]

    # The end of a budget.

    def end(self, account: Account, reason: str = "", *, before: Level | None = None) -> None:
        """End what an account is for, once; ``before`` is the level of an event that is being folded."""
        if account.reason:
            return
        account.reason = reason or budget_reason(account.budget, account.spent, account.whose)
        if account.is_run:
            self._stop(account, before)
            return
        level, (_, step, action, visit) = account.level, account.place
        for key in list(level.tasks):
            s, a, number = key
            attempt = level.state.steps[s].actions[a].attempts[number - 1]
            is_of_visit = step is None or (s == step and attempt.visit == visit)
            if is_of_visit and action in (None, a) and attempt.status == "running":
                self._fail(level, s, a, number, account.reason)

    def _stop(self, account: Account, before: Level | None) -> None:
        run, fact = self._run, (ev.CancelRequested, None, None, "budget", account.reason)
        if before is None:
            if _is_going_on(account.level):
                run.record(fact, account.level)
            return
        level = account.level
        levels = [level]
        for depth in range(1, len(before.path) + 1):
            level = level.inner[before.path[:depth]]
            levels.append(level)
        for one in levels:
            if _is_going_on(one):
                run.work.extendleft([(one, each) for each in reversed(run.fold(one, fact))])

    def _fail(self, level: Level, step: int, action: int, attempt: int, reason: str) -> None:
        """Fail an attempt that runs; flows inside it are canceled first, so that nothing comes later."""
        run, key = self._run, (step, action, attempt)
        for child in list(level.inner.values()):
            if child.path[-1][:3] == key and _is_going_on(child):
                run.record((ev.CancelRequested, None, None, "budget", reason), child)
        failure = ev.Failure("budget", _sentence(reason), HINT)
        run.record((ev.ActionFailed, *key, failure, None, None), level)
        task = level.tasks.get(key)
        if task is not None:
            with suppress(RuntimeError):  # its loop was closed under it
                task.cancel()


def _is_going_on(level: Level) -> bool:
    return level.begun and level.state.status == "running" and not level.state.canceling


def _sentence(reason: str) -> str:
    return f"{reason[:1].upper()}{reason[1:]}."


def _attempt(level: Level, event: Any) -> AttemptState:
    found: AttemptState
    found = level.state.steps[event.step].actions[event.action].attempts[event.attempt - 1]
    return found


_FOLLOWS: dict[type, Callable[[Meter, Level, Any], None]] = {
    ev.FlowStarted: Meter._begun,
    ev.RerunStarted: Meter._begun,
    ev.FlowResumed: Meter._begun,
    ev.StepStarted: Meter._step_started,
    ev.ActionStarted: Meter._action_started,
    ev.ActionCompleted: Meter._action_settled,
    ev.ActionFailed: Meter._action_settled,
    ev.ActionCanceled: Meter._action_settled,
    ev.StepCompleted: Meter._step_settled,
    ev.StepFailed: Meter._step_settled,
    ev.StepCanceled: Meter._step_settled,
    ev.FlowCompleted: Meter._flow_settled,
    ev.FlowFailed: Meter._flow_settled,
    ev.FlowCanceled: Meter._flow_settled,
}
WATCHED = frozenset(_FOLLOWS)
"""Events that open or close accounts."""
OPENING: frozenset[type] = frozenset(
    {ev.FlowStarted, ev.RerunStarted, ev.FlowResumed, ev.StepStarted, ev.ActionStarted}
)
"""Those that matter while there is no account."""
