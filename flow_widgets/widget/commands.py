"""What the browser can ask for: each op checked, carried out on the engine's thread, and answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from flow_widgets.engine.attempts import failure_of
from flow_widgets.engine.run import Run
from flow_widgets.errors import (
    BudgetSpent,
    FlowError,
    InvalidFlow,
    InvalidInputs,
    NoSuchStep,
    RunChanged,
    RunInUse,
    StoreError,
    nearest,
)
from flow_widgets.flow.inputs import askable_inputs, cast, declared_inputs
from flow_widgets.flow.model import trigger_of
from flow_widgets.run.asked import prompt_of
from flow_widgets.run.events import Failure
from flow_widgets.run.shown import attempt_line, error_view, is_json, line_view
from flow_widgets.run.spending import checked_budget
from flow_widgets.widget.definition import edited, with_action
from flow_widgets.widget.kept import going_on
from flow_widgets.widget.written import value_of

if TYPE_CHECKING:
    from flow_widgets.flow.limits import Budget
    from flow_widgets.flow.model import Action
    from flow_widgets.run.state import AttemptState
    from flow_widgets.widget.flow_widget import FlowWidget

MAX_LOG_PAGE = 5_000
LIMITS = ("usd", "tokens", "seconds")
"""The fields of a budget."""
Message = Mapping[str, Any]
Command = Callable[["FlowWidget", Message], Any]


def answer(widget: FlowWidget, message: Message) -> None:
    """Carry out a command of the browser and acknowledge it, errors included."""
    number = message.get("c")
    try:
        data = _command(message.get("op"))(widget, message)
    except Exception as error:  # noqa: BLE001  # whatever it is, the screen must hear of it
        view = error_view(_refusal(widget, error))
        widget.post({"k": "ack", "c": number, "ok": False, "error": view})
        return
    buffers: Sequence[bytes] = ()
    if isinstance(data, tuple):
        data, buffers = data
    widget.post({"k": "ack", "c": number, "ok": True, "data": data}, buffers)


def _command(op: Any) -> Command:
    if op not in _COMMANDS:
        raise FlowError(f"{op!r} is no command.", hint=nearest(str(op), list(_COMMANDS)))
    return _COMMANDS[op]


def _refusal(widget: FlowWidget, error: Exception) -> Failure:
    if isinstance(error, StoreError):  # somebody else has been at work: the list shows it
        widget.sync.kept.expire()
        widget.sync.mark()
    if isinstance(error, RunChanged):
        return _renewed(widget, error)
    if isinstance(error, RunInUse) and _number(widget, error) is not None:
        what = going_on(_number(widget, error) or 0, getattr(error, "owner", None))
        return Failure("run_in_use", what, error.hint)
    if isinstance(error, BudgetSpent):
        return Failure(error.kind, error.what, "Give a larger limit, then resume.")
    if isinstance(error, InvalidFlow):
        first, rest = error.problems[0], len(error.problems) - 1
        more = f" ({rest} more)" if rest else ""
        where = f"{first.place}: " if first.place else ""
        return Failure("invalid_flow", f"{where}{first.what}{more}", first.hint, detail=str(error))
    return failure_of(error)


def _number(widget: FlowWidget, error: StoreError) -> int | None:
    """Return the number of the run that an error of the store is about, if it is held here."""
    run_id = getattr(error, "run_id", None)
    return next((run.number for run in widget.runner.runs if run.id == run_id), None)


def _renewed(widget: FlowWidget, error: RunChanged) -> Failure:
    """Read a run again that went on elsewhere, and return what to say of it."""
    number = _number(widget, error)
    if number is not None and not widget.runner.is_running:
        with suppress(StoreError):
            widget.renew(getattr(error, "run_id", ""))
            what = f"Run {number} went on elsewhere since it was read here."
            return Failure("run_changed", what, "It is shown as it is now: look, then try again.")
    return failure_of(error)


def _started(run: Run) -> dict[str, Any]:
    return {"run": run.id}


def _run_flow(widget: FlowWidget, message: Message) -> Any:
    if message.get("inputs"):
        widget.sync.inputs = _edited_inputs(widget, message["inputs"])
    flow, wanted = widget.runner.flow, message.get("trigger")
    trigger = trigger_of(flow, None if wanted is None else _index(message, "trigger"))
    known = {*declared_inputs(flow, trigger), *flow.state}
    inputs = {name: value for name, value in widget.inputs.items() if name in known}
    force = _flag(message, "force") if "force" in message else False
    return _started(widget.runner.run_flow(inputs, trigger_step=trigger, force=force))


def _run_step(widget: FlowWidget, message: Message) -> Any:
    _show_is_current(widget)
    return _started(widget.runner.run_step(_index(message, "step"), _inputs_for_rerun(widget)))


def _run_action(widget: FlowWidget, message: Message) -> Any:
    step, action = _index(message, "step"), _index(message, "action")
    _show_is_current(widget)
    return _started(widget.runner.run_action(step, action, _inputs_for_rerun(widget)))


def _inputs_for_rerun(widget: FlowWidget) -> dict[str, Any] | None:
    return widget.inputs if widget.runner.run is None else None


def _run_stale(widget: FlowWidget, message: Message) -> Any:
    _show_is_current(widget)
    return _started(widget.runner.run_stale())


def _resume(widget: FlowWidget, message: Message) -> Any:
    given = message.get("budget")
    budget = None if given is None else _limits(given)
    if given is not None and budget is None:
        raise FlowError("No limit was given.", hint="Give a larger limit than what is spent.")
    _show_is_current(widget)
    return _started(widget.runner.resume(budget))


def _try_now(widget: FlowWidget, message: Message) -> None:
    widget.runner.try_now(*_place(widget, message))


def _pin(widget: FlowWidget, message: Message) -> None:
    step, action = _place(widget, message)
    pinned = _flag(message, "pinned")
    _show_is_current(widget)
    widget.runner.pin(step, action, pinned=pinned)


def _edit_output(widget: FlowWidget, message: Message) -> None:
    step, action = _place(widget, message)
    text = message.get("text")
    if not isinstance(text, str):
        raise FlowError(f"'text' must be a text, not {text!r}.")
    _show_is_current(widget)
    widget.runner.edit_output(step, action, value_of(text, *_written(widget, step, action)))


def _written(widget: FlowWidget, step: int, action: int) -> tuple[Action, AttemptState | None]:
    """Return an action and its newest attempt, whose form a text written by hand takes."""
    definition, run = widget.runner.flow.steps[step].actions[action], widget.runner.run
    if run is None:
        return definition, None
    return definition, widget.runner.execution(run).state.action((step, action)).newest


def _budget(widget: FlowWidget, message: Message) -> None:
    widget.take_budget(_limits({name: message.get(name) for name in LIMITS}))


def _limits(given: Any) -> Budget | None:
    """Return a budget; a limit of None is none, and None stands for no limit at all."""
    if not isinstance(given, Mapping):
        raise FlowError(f"'budget' must hold limits, not {given!r}.")
    limits = {name: one for name, one in given.items() if one is not None}
    return checked_budget(limits) if limits else None


def _show_is_current(widget: FlowWidget) -> None:
    """Make the run that is shown the one to act on: it was picked while another one went on."""
    shown = widget.sync.shown
    if shown is not None and shown is not widget.runner.run and not widget.runner.is_running:
        widget.take_run(shown)


def _cancel(widget: FlowWidget, message: Message) -> None:
    widget.runner.cancel()


def _pick(widget: FlowWidget, message: Message) -> None:
    run_id = message.get("run")
    known = {line["id"] for line in widget.sync.kept.lines()}
    if not isinstance(run_id, str) or run_id not in known:
        raise FlowError(f"There is no run {run_id!r}.")
    run = widget.sync.kept.opened(run_id)
    if widget.runner.is_running:
        widget.look_at(run)
    else:
        widget.take_run(run)
    widget.sync.show(run)


def _inputs(widget: FlowWidget, message: Message) -> None:
    widget.take_inputs(_edited_inputs(widget, message.get("values") or {}))


def _edited_inputs(widget: FlowWidget, values: Mapping[str, Any]) -> dict[str, Any]:
    declared = askable_inputs(widget.runner.flow)
    inputs = dict(widget.sync.inputs)
    for name, value in values.items():
        if name not in declared:
            raise InvalidInputs(f"{name!r} is no input of this flow.")
        if isinstance(value, Mapping) and "size_bytes" in value:
            continue  # a file that the browser only names: it is here already
        inputs[name] = cast(name, declared[name], value)
    return inputs


def _edit(widget: FlowWidget, message: Message) -> None:
    step, action = _place(widget, message)
    _show_is_current(widget)
    flow = widget.runner.flow
    new = edited(flow.steps[step].actions[action], message.get("fields") or {})
    widget.take_flow(with_action(flow, step, action, new))


def _reset(widget: FlowWidget, message: Message) -> None:
    step, action = _place(widget, message)
    _show_is_current(widget)
    flow = widget.runner.flow
    wanted = (flow.steps[step].id, flow.steps[step].actions[action].id)
    for one in widget.original.steps:
        for before in one.actions:
            if (one.id, before.id) == wanted:
                widget.take_flow(with_action(flow, step, action, before))
                return
    raise FlowError("This action is not in the flow that the widget was made with.")


def _attempt(widget: FlowWidget, message: Message) -> Any:
    run = widget.sync.shown or widget.runner.run
    if run is None:
        raise FlowError("There is no run yet.")
    step, action = _index(message, "step"), _index(message, "action")
    state = widget.runner.execution(run).state
    attempts = state.action((step, action)).attempts
    number = _index(message, "attempt")
    if not 1 <= number <= len(attempts):
        raise FlowError(f"There is no attempt {number}; there are {len(attempts)}.")
    attempt = attempts[number - 1]
    return {
        "text": attempt.text,
        "error": attempt_line(attempt)["error"],
        "is_json": is_json(attempt),
        "finish_reason": attempt.finish_reason,
        "prompt": prompt_of(attempt.rendered),
        "model": attempt.model,
    }


def _log(widget: FlowWidget, message: Message) -> Any:
    run = widget.sync.shown or widget.runner.run
    lines = widget.runner.execution(run).state.log if run else []
    before = min(_index(message, "before"), len(lines))
    first = max(0, before - min(_index(message, "count"), MAX_LOG_PAGE))
    page = [line_view(first + n, line) for n, line in enumerate(lines[first:before])]
    return {"first": first, "lines": page}


def _asset(widget: FlowWidget, message: Message) -> Any:
    name = str(message.get("name"))
    return {"name": name}, [widget.asset(name)]


def _sync(widget: FlowWidget, message: Message) -> None:
    widget.sync.kept.expire()
    widget.post({"k": "snap", "view": widget.sync.snapshot()})


def _index(message: Message, key: str) -> int:
    value = message.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise FlowError(f"{key!r} must be an index, not {value!r}.")
    return value


def _flag(message: Message, key: str) -> bool:
    value = message.get(key)
    if not isinstance(value, bool):
        raise FlowError(f"{key!r} must be true or false, not {value!r}.")
    return value


def _place(widget: FlowWidget, message: Message) -> tuple[int, int]:
    step, action = _index(message, "step"), _index(message, "action")
    steps = widget.runner.flow.steps
    if step >= len(steps) or action >= len(steps[step].actions):
        raise NoSuchStep(f"There is no action {step}, {action}.")
    return step, action


_COMMANDS: dict[str, Command] = {
    "run_flow": _run_flow,
    "run_step": _run_step,
    "run_action": _run_action,
    "run_stale": _run_stale,
    "resume": _resume,
    "try_now": _try_now,
    "pin": _pin,
    "edit_output": _edit_output,
    "budget": _budget,
    "cancel": _cancel,
    "pick": _pick,
    "inputs": _inputs,
    "edit": _edit,
    "reset": _reset,
    "attempt": _attempt,
    "log": _log,
    "asset": _asset,
    "sync": _sync,
}
