"""Folds edits of a settled run: results stay with the steps and actions of the same id (R9)."""

from __future__ import annotations

from collections import Counter
from copy import deepcopy
from dataclasses import replace

from flow_widgets.flow.graph import Graph, compile_graph
from flow_widgets.flow.model import Flow
from flow_widgets.run import events as ev
from flow_widgets.run.state import ActionState, ArcState, RunState, StepState


def pending_steps(flow: Flow) -> list[StepState]:
    """Return the state of each step of a flow before anything ran."""
    return [
        StepState(step.id, [ActionState(action.id) for action in step.actions])
        for step in flow.steps
    ]


def flow_revised(state: RunState, event: ev.FlowRevised) -> None:
    """Take another definition."""
    old, before_graph = state.steps, state.graph
    before = {step.id: step for step in old}
    state.graph = compile_graph(event.flow)
    kept = dict(zip(_ends(before_graph), state.arcs, strict=True))
    state.arcs = [kept.get(ends) or ArcState(closed=True) for ends in _ends(state.graph)]
    state.steps = [
        _revised_step(step, before[step.id]) if step.id in before else step
        for step in pending_steps(event.flow)
    ]
    _move_places(state, old)
    for name, slot in event.flow.state.items():
        if name not in state.writers and name not in state.inputs:
            state.shared = {**state.shared, name: deepcopy(slot.default)}


def _ends(graph: Graph) -> list[tuple[str, str, str, int]]:
    """Return what tells each edge: the ids of its steps, its port, and which of equal ones it is."""
    steps, seen = graph.flow.steps, Counter[tuple[str, str, str]]()
    found: list[tuple[str, str, str, int]] = []
    for arc in graph.arcs:
        ends = (steps[arc.source].id, arc.port, steps[arc.target].id)
        found.append((*ends, seen[ends]))
        seen[ends] += 1
    return found


def _revised_step(fresh: StepState, before: StepState) -> StepState:
    known = {action.id: action for action in before.actions}
    actions = [known.get(action.id, action) for action in fresh.actions]
    return replace(before, actions=actions)


def _move_places(state: RunState, old: list[StepState]) -> None:
    """Let what was read, and who has set values, stand where its step and action stand now (R9)."""
    new = state.steps
    places = {
        (step.id, action.id): (s, a)
        for s, step in enumerate(new)
        for a, action in enumerate(step.actions)
    }
    moved: dict[ev.Source, ev.Source] = {
        (s, a): places.get((step.id, action.id), GONE)
        for s, step in enumerate(old)
        for a, action in enumerate(step.actions)
    }
    for name, writers in state.writers.items():
        found = (moved[writer] for writer in writers)
        state.writers[name] = [one for one in found if isinstance(one, tuple) and len(one) == 2]
    if state.targets is not None:
        chosen = (places.get((old[s].id, old[s].actions[a].id)) for s, a in state.targets)
        state.targets = tuple(place for place in chosen if place is not None)
    if state.trigger is not None:
        ids = [step.id for step in new]
        begun = old[state.trigger].id
        state.trigger = ids.index(begun) if begun in ids else None
    for step in new:
        for action in step.actions:
            for attempt in action.attempts:
                attempt.reads = tuple((_moved(one, moved), seen) for one, seen in attempt.reads)


def _moved(source: ev.Source, moved: dict[ev.Source, ev.Source]) -> ev.Source:
    if isinstance(source, tuple) and len(source) == 3:
        writer = moved.get(source[:2], GONE)
        return (*writer, source[2]) if isinstance(writer, tuple) else GONE
    return moved.get(source, source)


GONE = ""
"""Stands in an attempt's reads for an action that the flow does not have any more."""


def inputs_revised(state: RunState, event: ev.InputsRevised) -> None:
    """Take other inputs; what actions have set stays."""
    state.inputs = event.inputs
    kept = {n: v for n, v in event.inputs.items() if n not in state.writers}
    state.shared = {**state.shared, **kept}
