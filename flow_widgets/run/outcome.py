"""What a settled run, or that of a flow inside an action, has to show."""

from __future__ import annotations

from typing import Any

from flow_widgets.flow.declared import Slot
from flow_widgets.run.state import RunState


def output_of_run(state: RunState) -> Any:
    """Return the output of the ``end`` that ran last, else of the last step that completed, else None.

    Of a step with several actions it is the list of their outputs; of several ``end`` steps that ran,
    a dict by id.
    """
    steps = state.graph.flow.steps
    completed = [index for index in state.graph.order if state.steps[index].status == "completed"]
    ends = [index for index in completed if [one.type for one in steps[index].actions] == ["end"]]
    if len(ends) > 1:
        return {steps[index].id: output_of_step(state, index) for index in ends}
    chosen = ends or [index for index in completed if steps[index].actions]
    return output_of_step(state, chosen[-1]) if chosen else None


def output_of_step(state: RunState, step: int) -> Any:
    """Return the newest output of a step: of its only action, else the list of those of all."""
    outputs = [
        action.newest.output if action.newest and action.newest.status == "completed" else None
        for action in state.steps[step].actions
    ]
    return outputs[0] if len(outputs) == 1 else outputs


def slots_of(state: RunState) -> dict[str, Slot]:
    """Return the declared values of the shared state, with those of the flows around this one."""
    around = slots_of(state.outer) if state.outer is not None else {}
    return {**around, **state.graph.flow.state}


def stop_reason_of(state: RunState) -> str | None:
    """Return why a settled run was stopped, where no person did it, such as for its budget; else None."""
    is_ours = state.status != "running" and state.cancel_cause in {"budget", "store"}
    return state.cancel_reason if is_ours else None


def first_failure(state: RunState) -> str:
    """Return why a run failed, with the step and the words of its action; empty when nothing did."""
    for index, step in enumerate(state.steps):
        for action in step.actions:
            newest = action.newest
            if action.status == "failed" and newest is not None and newest.error is not None:
                name = state.graph.flow.steps[index].label or state.graph.flow.steps[index].id
                return f"{name!r}: {newest.error}"
    reasons = (step.reason for step in state.steps if step.status == "failed" and step.reason)
    return next(reasons, "")


def set_by(state: RunState) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what the actions of a run have set in the shared state: by path, and whole by first name."""
    writes: dict[str, Any] = {}
    for path, value in state.written:
        writes.pop(path, None)  # what is set again comes last
        writes[path] = value
    return writes, {name: state.shared[name] for name in state.writers}
