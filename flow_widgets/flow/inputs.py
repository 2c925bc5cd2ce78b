"""The inputs of a run: defaults filled in, values cast to what the flow declares."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flow_widgets.errors import InvalidInputs, nearest
from flow_widgets.flow.attachment import File
from flow_widgets.flow.casts import cast_value
from flow_widgets.flow.declared import Input, Slot
from flow_widgets.flow.model import Body, Flow, triggers_of
from flow_widgets.flow.shared import StateRefused, cast_slot


def run_inputs(
    flow: Flow, given: Mapping[str, Any] | None, *, trigger: int | None = None
) -> dict[str, Any]:
    """Return the value of every declared input: what was given, cast, or its default.

    None counts as not given. What a trigger is handed counts as declared, and so do the slots of the
    shared state, which keep their own beginning when they are not given. The caller's mapping is not
    kept.

    Raises:
        InvalidInputs: A required input is missing, one is not declared, or a value does not fit; or
            what is given is no mapping of names.
    """
    values = _by_name(given)
    inputs = askable_inputs(flow) if trigger is None else declared_inputs(flow, trigger)
    for name in values:
        if name not in inputs and name not in flow.state:
            what = f"{name!r} is no input of this flow."
            hint = nearest(name, list(inputs)) or f"Declare it: Flow(inputs={{{name!r}: …}})."
            raise InvalidInputs(what, hint=hint)
    missing = [name for name, one in inputs.items() if one.required and values.get(name) is None]
    if missing:
        raise InvalidInputs(
            f"{', '.join(map(repr, missing))} must be given.",
            hint=f"Pass inputs={{{', '.join(f'{name!r}: …' for name in missing)}}}.",
        )
    found = {name: cast(name, one, values.get(name, one.default)) for name, one in inputs.items()}
    for name, slot in flow.state.items():
        if name in values and name not in found:
            found[name] = _slot(name, slot, values[name])
    return found


def _by_name(given: Any) -> dict[str, Any]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        what = f"Inputs are a dict of values by their names, not {type(given).__name__}."
        raise InvalidInputs(what, hint="Pass inputs={'name': …}.")
    odd = next((key for key in given if not isinstance(key, str)), None)
    if odd is not None:
        raise InvalidInputs(f"The name of an input is a text, not {type(odd).__name__}.")
    return dict(given)


def declared_inputs(flow: Flow, trigger: int | None) -> dict[str, Input]:
    """Return the inputs of a flow, and of the trigger that begins a run what that is handed."""
    if trigger is None:
        return flow.inputs
    handed = [action.payload for action in flow.steps[trigger].actions]
    return {**{name: one for names in handed for name, one in names.items()}, **flow.inputs}


def askable_inputs(flow: Flow) -> dict[str, Input]:
    """Return the inputs to ask for before a run: those of the flow and of its triggers.

    Of several triggers nothing is required, as only one of them begins a run.
    """
    triggers = triggers_of(flow)
    if len(triggers) == 1:
        return declared_inputs(flow, triggers[0])
    found: dict[str, Input] = {}
    for trigger in triggers:
        for action in flow.steps[trigger].actions:
            for name, one in action.payload.items():
                found.setdefault(name, one.model_copy(update={"required": False}))
    return {**found, **flow.inputs}


def body_inputs(body: Body, shared: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of the inputs that a flow inside an action declares, but for its variables.

    They are its defaults; a required one takes the value of that name around it.

    Raises:
        InvalidInputs: A required one has no value there, or one that does not fit.
    """
    found: dict[str, Any] = {}
    for name, one in body.flow.inputs.items():
        if name in body.variables:
            continue
        value = shared.get(name) if one.required else one.default
        value = one.default if value is None else value
        if value is None and one.required:
            what = f"{name!r} must be given to the flow {body.flow.name!r}."
            raise InvalidInputs(what, hint=f"Give it a default, or set {name!r} before.")
        found[name] = cast(name, one, value)
    return found


def _slot(name: str, slot: Slot, value: Any) -> Any:
    try:
        return cast_slot(name, slot, json.loads(json.dumps(value, allow_nan=False)))
    except StateRefused as error:
        raise InvalidInputs(f"inputs[{name!r}]: {error.what}", hint=error.hint) from None
    except (TypeError, ValueError, RecursionError):
        raise InvalidInputs(f"inputs[{name!r}] is no JSON data.") from None


def cast(name: str, declared: Input, value: Any) -> Any:
    """Return a value as the type that the input declares; None stays None.

    Casting again changes nothing, as a value may pass more than one door.

    Raises:
        InvalidInputs: The value can't be read as that type.
    """
    if isinstance(value, File) and declared.type in ("file", "text", "json"):
        return value
    try:
        return cast_value(declared.type, value)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        what = f"inputs[{name!r}] must be {declared.type}, not {type(value).__name__}."
        deep = isinstance(error, RecursionError)
        raise InvalidInputs(what, hint="It is nested too deeply." if deep else str(error)) from None
