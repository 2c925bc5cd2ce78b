"""Looks references up in a run: shared values, outputs of steps, and facts of the flow.

Rules T5 and T10 of docs/spec.md.
"""

from __future__ import annotations

from typing import Any

from flow_widgets.errors import MissingReference, nearest
from flow_widgets.flow.template import Reference, descend
from flow_widgets.run.state import RunState


def lookup(state: RunState, reference: Reference) -> Any:
    """Return the value of a reference in a run.

    The shared state is looked at first, then ``inputs``, ``steps`` and ``flow`` (T5). In a flow inside
    an action, what it does not have itself is looked up around it.

    Raises:
        MissingReference: There is no such value, or not yet; the message says what to do.
    """
    root = reference.path[0]
    if root in state.shared:
        return descend(state.shared[root], reference, 1)
    if state.outer is not None and not _is_own(state, reference):
        return lookup(state.outer, reference)
    if root == "inputs":
        return descend(state.inputs, reference, 1)
    if root == "steps":
        return _output(state, reference)
    if root == "flow":
        facts = {"id": state.graph.flow.id, "name": state.graph.flow.name, "run_id": state.id}
        return descend(facts, reference, 1)
    what = f"{{{{{reference}}}}}: there is no value {root!r}."
    raise MissingReference(str(reference), what, hint=nearest(root, list(state.shared)))


def _is_own(state: RunState, reference: Reference) -> bool:
    """Whether a reference looks at something that a flow inside an action has itself."""
    path, flow = reference.path, state.graph.flow
    if path[0] == "steps":
        return len(path) > 1 and state.graph.index.step(path[1]) is not None
    return path[0] == "inputs" and len(path) > 1 and path[1] in flow.inputs


def _output(state: RunState, reference: Reference) -> Any:
    path, flow = reference.path, state.graph.flow
    key = path[1] if len(path) > 1 else ""
    step = state.graph.index.step(key)
    if step is None:
        what = f"{{{{{reference}}}}}: the flow has no such step."
        hint = nearest(key, [one.id for one in flow.steps])
        raise MissingReference(str(reference), what, hint=hint)
    at = 2
    actions = flow.steps[step].actions
    chosen: int | None = 0 if len(actions) == 1 else None
    if len(path) > 3 and path[2] == "actions":
        chosen = state.graph.index.action(step, path[3])
        at = 4
        if chosen is None:
            raise MissingReference(str(reference), f"{{{{{reference}}}}}: there is no such action.")
    if len(path) <= at or path[at] != "output":
        what = f"{{{{{reference}}}}} names no output."
        hint = f"Write {{{{{'.'.join(path[:at])}.output}}}}."
        raise MissingReference(str(reference), what, hint=hint)
    if chosen is not None:
        return descend(output_of(state, (step, chosen), reference), reference, at + 1)
    outputs = [output_of(state, (step, number), reference) for number in range(len(actions))]
    return descend(outputs, reference, at + 1)


def output_of(state: RunState, place: tuple[int, int], reference: Reference) -> Any:
    """Return the newest output of an action; of one that failed or was canceled, its partial text.

    Raises:
        MissingReference: The action has not run, or left nothing.
    """
    newest = state.action(place).newest
    if newest is not None and (newest.status == "completed" or newest.output is not None):
        return newest.output
    if newest is not None and newest.chars:
        return newest.text
    status = state.action(place).status
    what = f"{{{{{reference}}}}}: action {place[0]}, {place[1]} has no output; it is {status}."
    hint = f"Run step {place[0]} first."
    if status == "skipped":
        hint = f"Name what is taken in its place: {{{{{reference} ?? …}}}}."
    raise MissingReference(str(reference), what, hint=hint)
