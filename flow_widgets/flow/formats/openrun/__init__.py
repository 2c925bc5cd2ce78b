"""The format of OpenRun: steps with a ``config`` each, joined by edges between their ports.

Theory of operation. Steps write to a shared state under names of their own (``response``, ``reply``),
which here is done by ``save_as``; templates look there in both systems. What a template looks up and
no step before it writes is an input of the flow. Two spellings are read: that of the original's
documentation (``event_type``, cases as texts, the port ``default`` of every step) and that of its code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeGuard

from flow_widgets.errors import InvalidFlow, Problem, UnknownFormat, nearest
from flow_widgets.flow.model import Flow
from flow_widgets.flow.naming import PATH, SCOPES
from flow_widgets.flow.shape import ListOf, Name, Record, unfit
from flow_widgets.flow.template import references

from .steps import BUILDERS, CONFIG_KEYS, MESSAGE, RESPONSE, message_within, otherwise, written

__all__ = ["dump", "is_format", "load"]

_SHAPE = Record(
    {
        "id": Name(),
        "name": Name(),
        "steps": ListOf(
            Record({"id": Name(), "type": Name(), "join_mode": Name(), "config": Record({})})
        ),
        "edges": ListOf(
            Record(
                {
                    "source_step_id": Name(),
                    "source_port": Name(),
                    "target_step_id": Name(),
                    "target_port": Name(),
                }
            )
        ),
    }
)
_FLOW_KEYS = ("id", "name", "description", "steps", "edges")
_STEP_KEYS = ("id", "type", "config", "join_mode", "position", "is_trigger", "name")
_EDGE_KEYS = ("id", "source_step_id", "source_port", "target_step_id", "target_port")
_JOINS = ("no_wait", "all_success", "all_done", "first_success")
_PARTS = {"body": "response", "status_code": "status_code", "headers": "response_headers"}
"""Parts of ``response`` in the documentation's spelling, and what they are in the code's."""
_OWN_TYPES = (
    "trigger_webhook",
    "trigger_schedule",
    "trigger_event",
    "conversation_start",
    "user_message",
    "sub_flow",
)
"""Types that no other format has."""
_REFERENCE = re.compile(rf"(\\*)\{{\{{\s*({PATH})\s*\}}\}}")


def is_format(document: Mapping[str, Any]) -> bool:
    """Whether a document has steps with a ``config``, or edges between step ids, of this format."""
    if "format" in document or not isinstance(document.get("steps"), (list, tuple)):
        return False
    edges = document.get("edges")
    ends = [one for one in edges if isinstance(one, Mapping)] if _is_list(edges) else []
    if any("source_step_id" in one or "target_step_id" in one for one in ends):
        return True
    return any(_is_step(step) for step in document["steps"])


def _is_list(value: Any) -> TypeGuard[Sequence[Any]]:
    return isinstance(value, (list, tuple))


def _is_step(step: Any) -> bool:
    if not isinstance(step, Mapping) or "actions" in step:
        return False
    own = str(step.get("type")) in BUILDERS and isinstance(step.get("config"), Mapping)
    return own or str(step.get("type")) in _OWN_TYPES


def load(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the native document of a document in this format.

    Raises:
        InvalidFlow: It has unknown keys, types or ports, a step that can't be run, or there is
            something else where a list or a dict must be.
    """
    problems = list(unfit(document, _SHAPE)) or list(_faults(document))
    if problems:
        raise InvalidFlow(problems)
    return _loaded(document)


def dump(flow: Flow) -> dict[str, Any]:
    """Raise UnknownFormat, as nothing is written in this format."""
    raise UnknownFormat("Flows are not written in the format 'openrun'.", hint="Take 'native'.")


def _faults(document: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield what must not be so for a document to be read."""
    yield from _unknown_keys("", document, _FLOW_KEYS)
    steps = document["steps"]
    ids = _ids(document)
    for index, step in enumerate(steps):
        if ids[index] in ids[:index]:
            yield Problem(
                f"steps[{index}].id", f"{ids[index]!r} is used by two steps.", "Rename one."
            )
        yield from _step_faults(f"steps[{index}]", step)
    by_id = dict(zip(ids, steps, strict=True))
    for index, edge in enumerate(document.get("edges") or ()):
        place = f"edges[{index}]"
        yield from _unknown_keys(place, edge, _EDGE_KEYS)
        for key in ("source_step_id", "target_step_id"):
            if str(edge.get(key)) not in by_id:
                what = f"{edge.get(key)!r} is no step of this flow."
                yield Problem(f"{place}.{key}", what, nearest(str(edge.get(key)), ids))
        yield from _port_faults(place, edge, by_id)


def _unknown_keys(place: str, given: Mapping[str, Any], known: Sequence[str]) -> Iterator[Problem]:
    for key in given:
        if key not in known:
            here = f"{place}.{key}" if place else str(key)
            yield Problem(here, f"{key!r} is not known here.", nearest(str(key), known))


def _step_faults(place: str, step: Mapping[str, Any]) -> Iterator[Problem]:
    yield from _unknown_keys(place, step, _STEP_KEYS)
    kind, config = _kind(step), step.get("config") or {}
    if kind not in BUILDERS:
        what = f"{kind!r} is no known type of step."
        yield Problem(f"{place}.type", what, nearest(kind, [*BUILDERS]))
        return
    yield from _unknown_keys(f"{place}.config", config, CONFIG_KEYS[kind])
    if _join(step) not in _JOINS:
        what = f"{step['join_mode']!r} is no join mode."
        yield Problem(f"{place}.join_mode", what, nearest(_join(step), _JOINS))
    cases = config.get("cases")
    if kind == "switch" and cases is not None:
        whole = (isinstance(one, str) or _is_case(one) for one in cases) if _is_list(cases) else ()
        if not _is_list(cases) or not all(whole):
            what = "must be a list of texts, or of dicts with name and value."
            yield Problem(f"{place}.config.cases", what)
    if kind == "sub_flow" and not isinstance(config.get("flow"), Mapping):
        what = "a sub_flow needs the flow that it runs."
        yield Problem(f"{place}.config.flow", what, "Write the whole flow there.")


def _is_case(value: Any) -> bool:
    return isinstance(value, Mapping) and isinstance(value.get("name"), (str, int))


def _port_faults(
    place: str, edge: Mapping[str, Any], steps: Mapping[str, Mapping[str, Any]]
) -> Iterator[Problem]:
    step = steps.get(str(edge.get("source_step_id")))
    if step is None or _kind(step) not in BUILDERS or not _is_list(_case_list(step)):
        return
    ports, port = _ports(step), str(edge.get("source_port") or "default")
    if port not in (*ports, *_aliases(step), "error"):
        what = f"a step of type {_kind(step)!r} has no port {port!r}."
        known = ports or ("default",)
        yield Problem(f"{place}.source_port", what, f"Its ports: {', '.join((*known, 'error'))}.")


def _kind(step: Mapping[str, Any]) -> str:
    return str(step.get("type") or "").lower()


def _join(step: Mapping[str, Any]) -> str:
    return str(step.get("join_mode") or "no_wait").lower()


def _case_list(step: Mapping[str, Any]) -> Any:
    return (step.get("config") or {}).get("cases") or []


def _ports(step: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of a step's own ports; a step with one port has none to name."""
    if _kind(step) == "switch":
        return tuple(str(one["name"]) if _is_case(one) else str(one) for one in _case_list(step))
    return {"conditional": ("true", "false"), "request": ("success",)}.get(_kind(step), ())


def _aliases(step: Mapping[str, Any]) -> tuple[str, ...]:
    """Return other names of the first port; of a switch, of the last one."""
    kind = _kind(step)
    return {"conditional": (), "switch": ("default", "else")}.get(kind, ("default", "success"))


def _ids(document: Mapping[str, Any]) -> list[str]:
    return [str(step.get("id") or f"s{index}") for index, step in enumerate(document["steps"])]


def _loaded(document: Mapping[str, Any]) -> dict[str, Any]:
    steps = dict(zip(_ids(document), document["steps"], strict=True))
    edges = [_edge(edge, steps) for edge in document.get("edges") or ()]
    before = {one: _before(one, edges) for one in steps}
    actions = {one: _action(one, steps, before, edges) for one in steps}
    body = {key: str(document[key]) for key in ("id", "name", "description") if document.get(key)}
    native = [
        {
            "id": one,
            **({"name": str(step["name"])} if step.get("name") else {}),
            "join": _join(step),
            "actions": [actions[one]],
        }
        for one, step in steps.items()
    ]
    return {**body, "inputs": _inputs(actions, before), "steps": native, "edges": edges}


def _inputs(
    actions: Mapping[str, Mapping[str, Any]], before: Mapping[str, set[str]]
) -> dict[str, Any]:
    """Return an input for each shared value that is looked up where nothing before has written it."""
    wrote = {one: set(written(action)) for one, action in actions.items()}
    inputs: dict[str, Any] = {}
    for one, action in actions.items():
        known = set().union(*(wrote[other] for other in before[one] if other != one))
        for reference in references({key: action[key] for key in action if key != "flow"}):
            name = reference.path[0]
            if name not in known and name not in SCOPES:
                inputs[name] = MESSAGE.get(name, {"type": "json"})
    return inputs


def _edge(edge: Mapping[str, Any], steps: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    source = str(edge["source_step_id"])
    step, port = steps[source], str(edge.get("source_port") or "default")
    native = {"source": source, "target": str(edge["target_step_id"])}
    if port in _ports(step) or port == "error":
        return {**native, "source_port": port}
    return {**native, "source_port": otherwise(_ports(step))} if _kind(step) == "switch" else native


def _before(step: str, edges: Sequence[Mapping[str, str]]) -> set[str]:
    """Return the steps that lead to a step; itself too where it stands on a cycle."""
    into: dict[str, list[str]] = {}
    for edge in edges:
        into.setdefault(edge["target"], []).append(edge["source"])
    found: set[str] = set()
    waiting = [step]
    while waiting:
        new = set(into.get(waiting.pop(), ())) - found
        found |= new
        waiting += new
    return found


def _action(
    id: str,
    steps: Mapping[str, Mapping[str, Any]],
    before: Mapping[str, set[str]],
    edges: Sequence[Mapping[str, str]],
) -> dict[str, Any]:
    step, kind = steps[id], _kind(steps[id])
    requests = [one for one in steps if one in before[id] and _kind(steps[one]) == "request"]
    failed = [one for one in requests if id in _after_failure(one, before, edges)]
    config = _translated(step.get("config") or {}, requests, failed)
    if kind == "user_message" and before[id]:
        return message_within(config)
    if kind == "sub_flow":
        flow = step["config"]["flow"]
        config = {**config, "flow": load(flow) if is_format(flow) else flow}
    return BUILDERS[kind](config)


def _after_failure(
    source: str, before: Mapping[str, set[str]], edges: Sequence[Mapping[str, str]]
) -> set[str]:
    """Return the steps that are reached from the ``error`` port of a step."""
    first = {
        one["target"]
        for one in edges
        if one["source"] == source and one.get("source_port") == "error"
    }
    return first.union(one for one, earlier in before.items() if first & earlier)


def _translated(value: Any, requests: Sequence[str], failed: Sequence[str]) -> Any:
    """Return a value whose references find what a request wrote, in either spelling.

    After a request that failed, nothing was written; its output is looked at in place of that.
    """
    if isinstance(value, str):
        return _REFERENCE.sub(lambda match: _native(match, requests, failed), value)
    if isinstance(value, Mapping):
        return {str(key): _translated(one, requests, failed) for key, one in value.items()}
    if _is_list(value):
        return [_translated(one, requests, failed) for one in value]
    return value


def _native(match: re.Match[str], requests: Sequence[str], failed: Sequence[str]) -> str:
    ways = [match[2]]
    name, *rest = match[2].split(".")
    if requests and name == "response" and rest and rest[0] in _PARTS:
        ways.append(".".join((_PARTS[rest[0]], *rest[1:])))
    for way in tuple(ways):
        first, *path = way.split(".")
        if first in RESPONSE:
            ways += [".".join(("steps", one, "output", RESPONSE[first], *path)) for one in failed]
    return f"{match[1] * 2}{{{{{' ?? '.join(ways)}}}}}"
