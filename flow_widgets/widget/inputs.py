"""The values that a widget's next run gets: given, kept from before, or the defaults."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from flow_widgets.errors import InvalidInputs
from flow_widgets.flow.declared import Input
from flow_widgets.flow.inputs import askable_inputs, cast, run_inputs
from flow_widgets.flow.model import Flow


def first_inputs(flow: Flow, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the value of every declared input; None for a required one that is not given yet.

    Raises:
        InvalidInputs: One is not declared, or does not fit.
    """
    inputs = askable_inputs(flow)
    for name in given:
        if name not in inputs:
            run_inputs(flow, given)
    return {name: cast(name, one, given.get(name, one.default)) for name, one in inputs.items()}


def kept_inputs(flow: Flow, before: Flow, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the inputs of a flow with values that they had under an earlier definition.

    What no longer fits is left out, and what was the default gives way to another default.
    """
    asked, had = askable_inputs(flow), askable_inputs(before)
    found = first_inputs(flow, {})
    for name, value in values.items():
        if name in asked and not _was_default(name, had.get(name), value):
            with suppress(InvalidInputs):  # the flow wants another type now
                found[name] = cast(name, asked[name], value)
    return found


def _was_default(name: str, declared: Input | None, value: Any) -> bool:
    if declared is None or declared.default is None:
        return False
    return bool(cast(name, declared, declared.default) == value)
