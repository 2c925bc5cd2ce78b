"""Outputs that need not be made again: pinned ones, those of an attempt that was cut off, cached ones."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from flow_widgets.engine.attempts import Fact
from flow_widgets.engine.resources import Level
from flow_widgets.errors import StoreError
from flow_widgets.flow.binding import deferred_fields
from flow_widgets.flow.graph import Place
from flow_widgets.flow.model import Action
from flow_widgets.run import events as ev
from flow_widgets.run.identity import identity
from flow_widgets.run.state import AttemptState, RunState

if TYPE_CHECKING:
    from flow_widgets.engine.execution import Execution

Pins = dict[tuple[str, str], AttemptState]
"""Outputs that are used as they are, by the ids of their step and action."""


def output_for(
    run: Execution, level: Level, place: Place, ready: Action, *, code: str, mark: str
) -> Fact | None:
    """Return how an action completes whose output is there already, else None.

    ``mark`` is its identity, or empty when no output of an earlier run may be taken.
    """
    number = len(level.state.action(place).attempts) + 1
    found = None if level.path else _pinned(run, place)
    if found is not None:
        return _completed(place, number, found, "pin")
    found = _kept(run, level, place, ready, code)
    if found is not None:
        return _completed(place, number, found, "kept")
    recalled = _recalled(run, level, place, mark)
    if recalled is not None:
        return _completed(place, number, recalled, "cache", recalled.run_id)
    return None


def _pinned(run: Execution, place: Place) -> AttemptState | None:
    action = run.state.action(place)
    if action.pinned:
        done = (one for one in reversed(action.attempts) if one.status == "completed")
        return next(done, None)
    if not run.pins:
        return None
    step = run.state.steps[place[0]]
    return run.pins.get((step.id, action.id))


def _recalled(run: Execution, level: Level, place: Place, mark: str) -> ev.ActionCompleted | None:
    """Return what the store keeps of an identity; a store that can't be read is no reason to fail."""
    store = run.keeping.store
    if not mark or not run.uses_cache or store is None or _is_anew(run, level, place):
        return None
    with suppress(StoreError):
        return store.recall(mark)
    return None


def _is_anew(run: Execution, level: Level, place: Place) -> bool:
    """Whether somebody wants an output made again that is there: a rerun, not of what is stale."""
    state = run.state
    if not state.partial or state.cause == "stale":
        return False
    if level.path:
        step, action, number, _ = level.path[0]
        attempts = state.action((step, action)).attempts[: number - 1]
    else:
        attempts = state.action(place).attempts
    return any(one.status == "completed" for one in attempts)


def twins_of(level: Level, inner: ev.Inner, *, is_stale: bool = False) -> list[RunState]:
    """Return the runs of a flow inside an action in its attempts that were cut off, the newest first.

    One that was cut off soon has less to take over than one before it, so all of them count. There are
    none before an attempt that completed: who runs the action again then wants all of it anew; unless
    it runs because it is stale, and then only what is stale inside it. Attempts of other visits count
    only by a rerun: on a cycle each round is made anew.
    """
    found: list[RunState] = []
    *before, own = level.state.steps[inner.step].actions[inner.action].attempts[: inner.attempt]
    for attempt in reversed(before):
        if attempt.visit != own.visit and not (own.rerun or attempt.rerun):
            continue
        if attempt.status == "completed" and not is_stale:
            return found
        found += _inner_run(attempt, inner.key)
    for twin in level.twins:
        if _has(twin, (inner.step, inner.action)):
            for attempt in reversed(twin.action((inner.step, inner.action)).attempts):
                found += _inner_run(attempt, inner.key)
    return found


def _inner_run(attempt: AttemptState, key: int | str) -> list[RunState]:
    run = (attempt.inner or {}).get(key)
    return [] if run is None else [run]


def _has(state: RunState, place: Place) -> bool:
    return place[0] < len(state.steps) and place[1] < len(state.steps[place[0]].actions)


def _kept(
    run: Execution, level: Level, place: Place, ready: Action, code: str
) -> AttemptState | None:
    """Return the completed attempt of a cut-off run that stands where this one is to begin.

    Of what is stale it is also an earlier attempt of the action itself that has sent the same, such as
    before an edit that was undone. What an action fills in itself may be another now, so such a one
    runs; the actions of the flows inside it are found one by one.
    """
    is_stale = run.state.cause == "stale"
    if not (level.twins or is_stale) or ready.bodies or deferred_fields(type(ready)):
        return None
    mark = identity(ready, code)
    for one in reversed(level.state.action(place).attempts) if mark and is_stale else ():
        is_made = one.status == "completed" and one.origin in {"ran", "kept", "cache"}
        if is_made and one.rendered is not None and identity(one.rendered, one.code) == mark:
            return one
    turn = sum(one.status == "completed" for one in level.state.action(place).attempts)
    for twin in level.twins if mark else ():
        done = twin.action(place).attempts if _has(twin, place) else []
        done = [one for one in done if one.status == "completed"]
        found = done[turn].rendered if turn < len(done) else None
        if found is not None and identity(found, done[turn].code) == mark:
            return done[turn]
    return None


def _completed(
    place: Place,
    number: int,
    found: AttemptState | ev.ActionCompleted,
    origin: ev.Origin,
    source: str | None = None,
) -> Fact:
    """Return the fact that an attempt completes with an output that was found; it costs nothing."""
    output = (found.output, found.digest, found.ports, found.model)
    no_tokens = (None, None, None)
    end = (found.finish_reason, None, found.note, found.writes, None, origin, source)
    return (ev.ActionCompleted, *place, number, *output, *no_tokens, *end)
