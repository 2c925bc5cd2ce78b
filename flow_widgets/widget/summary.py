"""What an action will do, in a few words, for its card before it has run."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from flow_widgets.actions.case import Case, CaseCondition
from flow_widgets.actions.code import Code
from flow_widgets.actions.conditional import Conditional
from flow_widgets.actions.constants import Constants
from flow_widgets.actions.delay import Delay
from flow_widgets.actions.end import End
from flow_widgets.actions.event import Event
from flow_widgets.actions.loop import Loop
from flow_widgets.actions.map import Map
from flow_widgets.actions.merge import Merge
from flow_widgets.actions.request import Request
from flow_widgets.actions.schedule import Schedule
from flow_widgets.actions.set_state import SetState
from flow_widgets.actions.start import Start
from flow_widgets.actions.subflow import Subflow
from flow_widgets.actions.switch import Switch
from flow_widgets.actions.transform import Transform
from flow_widgets.actions.webhook import Webhook
from flow_widgets.flow.attachment import File
from flow_widgets.flow.base import Model
from flow_widgets.flow.condition import Condition
from flow_widgets.flow.model import Action, Flow
from flow_widgets.run.log import counted

MAX_LINES = 8
MAX_VALUE_CHARS = 120
MAX_CODE_LINES, MAX_CODE_CHARS = 40, 4000
HIDDEN = "•••"
_NO_FACTS = {"type", "id", "name", "headers", "auth"}
_SECRET = re.compile(
    r"auth|(^|[_-])(headers?|tokens?|secrets?|passwords?|passwd|pwd|cookies?|credentials?|signature)($|[_-])"
    r"|(api|access|private|secret)[_-]?key",
    re.IGNORECASE,
)
_IN_URL = re.compile(r"([?&])([^=&#{}]+)=((?:\{\{.*?\}\}|[^&#])*)")
_SIGNS = {
    "equals": "=",
    "not_equals": "≠",
    "not_contains": "doesn't contain",
    "greater_than": ">",
    "less_than": "<",
    "greater_or_equal": "≥",
    "less_or_equal": "≤",
    "in": "is in",
    "is_empty": "is empty",
}


def summary_of(action: Action) -> str:
    """Return in a few lines what an action will do, without headers and secrets."""
    for kind in type(action).__mro__:
        if kind in _SUMMARIES:
            return _cut(_SUMMARIES[kind](action))
    return _cut(_facts(action))


def _cut(lines: Iterable[str], most: int = MAX_LINES) -> str:
    found = list(islice(lines, most + 1))
    return "\n".join([*found[: most - 1], "…"] if len(found) > most else found)


def _facts(action: Action) -> Iterator[str]:
    """Yield the fields that were set, one a line."""
    bodies = action.bodies
    for name, field in type(action).model_fields.items():
        value = getattr(action, name)
        if name in _NO_FACTS or value == field.get_default(call_default_factory=True):
            continue
        steps = _steps(bodies[name].flow) if name in bodies else _short(_open(name, value))
        yield f"{name}: {steps}"


def _pairs(*found: Any) -> Iterator[str]:
    """Yield `name: value` for each of some dicts; a template that stands for one as it is."""
    for values in found:
        if isinstance(values, Mapping):
            yield from (f"{name}: {_short(_open(name, value))}" for name, value in values.items())
        elif isinstance(values, (list, tuple)):
            yield from map(_short, values)
        elif values is not None:
            yield _short(values)


def _short(value: Any) -> str:
    """Return a value on one short line."""
    text = value[: 2 * MAX_VALUE_CHARS] if isinstance(value, str) else _json(value)
    text = " ".join(text.split())
    return text if len(text) <= MAX_VALUE_CHARS else text[: MAX_VALUE_CHARS - 1] + "…"


def _json(value: Any) -> str:
    return json.dumps(_small(value), ensure_ascii=False, default=lambda one: type(one).__name__)


def _small(value: Any, depth: int = 4) -> Any:
    """Return as much of a value as a line can hold, without secrets and contents of files."""
    if isinstance(value, File):
        return value.name
    if isinstance(value, Model):
        value = {name: getattr(value, name) for name in value.model_fields_set}
    if isinstance(value, str):
        return value[: 2 * MAX_VALUE_CHARS]
    if isinstance(value, (Mapping, list, tuple)) and depth == 0:
        return "…"
    if isinstance(value, Mapping):
        items = islice(value.items(), MAX_VALUE_CHARS)
        return {str(key): _small(_open(str(key), one), depth - 1) for key, one in items}
    if isinstance(value, (list, tuple)):
        return [_small(one, depth - 1) for one in value[:MAX_VALUE_CHARS]]
    return value


def _open(name: str, value: Any) -> Any:
    """Return a value unless its name says that it is secret; numbers and references never are."""
    if not _SECRET.search(name) or value is None or isinstance(value, (bool, int, float)):
        return value
    is_reference = isinstance(value, str) and re.fullmatch(r"\{\{[^{}]*\}\}", value)
    return value if is_reference else HIDDEN


def _steps(flow: Flow) -> str:
    return counted(len(flow.steps), "step")


def _operand(value: Any, *, strict: bool = False) -> str:
    """Return one side of a comparison; a text in quotes, unless it is a reference or as good as a number."""
    if not isinstance(value, str) or "{{" in value:
        return _short(value)
    is_number = not strict and re.fullmatch(r"-?\d+(\.\d+)?", value)
    return value if is_number else _short(json.dumps(value[:MAX_VALUE_CHARS], ensure_ascii=False))


def _condition(one: Condition | Conditional) -> str:
    sign = _SIGNS.get(one.operator, one.operator)
    left, right = _operand(one.left, strict=one.strict), _operand(one.right, strict=one.strict)
    if isinstance(one, CaseCondition):
        left, right = one.variable or left, one.right_variable or right
    return f"{left} {sign}" if one.operator == "is_empty" else f"{left} {sign} {right}"


def _switch(action: Switch) -> Iterator[str]:
    for case in action.cases:
        yield f"{_operand(action.value)} = {_operand(case.value)} → {case.name}"
    yield f"otherwise → {action.default}"


def _case(action: Case) -> Iterator[str]:
    for case in action.cases:
        yield f"{' and '.join(map(_condition, case.all))} → {case.name}"
    yield "otherwise → else"


def _code(action: Code) -> Iterator[str]:
    yield _cut(action.code.strip()[:MAX_CODE_CHARS].split("\n"), MAX_CODE_LINES)


def _request(action: Request) -> Iterator[str]:
    url = re.sub(r"//[^/@{}]*@", f"//{HIDDEN}@", action.url, count=1)
    url = _IN_URL.sub(lambda one: f"{one[1]}{one[2]}={_open(one[2], one[3])}", url)
    yield f"{action.method} {_short(url)}"
    yield from _pairs(action.params)
    if action.body is not None:
        yield f"body: {_short(action.body)}"


def _loop(action: Loop) -> Iterator[str]:
    if action.over is not None:
        yield f"For each {action.item} in {_short(action.over)}"
    if action.condition is not None:
        yield f"While {_condition(action.condition)}"
    yield f"{_steps(action.body)} each time"


def _map(action: Map) -> Iterator[str]:
    yield f"For each {action.item} in {_short(action.over)}"
    yield f"{_steps(action.body)} each, {action.concurrency} at a time"


def _subflow(action: Subflow) -> Iterator[str]:
    yield f"{action.flow.name}: {_steps(action.flow)}"
    yield from _pairs(action.inputs)


def _start(action: Start) -> Iterator[str]:
    for name, declared in action.takes.items():
        default = "" if declared.required else f" = {_short(_open(name, declared.default))}"
        yield f"{name}: {declared.type}{default}"
    yield from _pairs(action.values)


_SUMMARIES: Mapping[type, Callable[[Any], Iterable[str]]] = {
    Case: _case,
    Code: _code,
    Conditional: lambda one: [_condition(one)],
    Constants: lambda one: _pairs(one.values),
    Delay: lambda one: [f"Waits {_short(one.seconds)} s"],
    End: lambda one: _pairs(one.values),
    Event: lambda one: [one.event_name],
    Loop: _loop,
    Map: _map,
    Merge: lambda one: _pairs(one.values, one.named),
    Request: _request,
    Schedule: lambda one: [f"{one.cron} ({one.timezone})"],
    SetState: lambda one: _pairs({one.key: one.value} if one.key else {}, one.values),
    Start: _start,
    Subflow: _subflow,
    Switch: _switch,
    Transform: lambda one: _pairs(one.value if one.values is None else one.values),
    Webhook: lambda one: [f"{one.method} {one.path}"],
}
"""How each type is summed up; of any other, and of those of a user, the fields are listed."""


# --- what can be edited -------------------------------------------------------------------------
