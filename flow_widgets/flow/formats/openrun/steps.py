"""What each type of step becomes: the raw action that does its work, and what it writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

Config = Mapping[str, Any]

RESPONSE: Mapping[str, str] = {
    "response": "body",
    "status_code": "status",
    "response_headers": "headers",
}
"""Where a request writes its answer in the shared state, and where it has it in its output."""


def otherwise(names: Sequence[Any]) -> str:
    """Return the port of a switch when no case fits, which must be the name of none."""
    return next(name for name in ("default", "else", "otherwise") if name not in names)


def written(action: Mapping[str, Any]) -> Iterator[str]:
    """Yield the first names of the shared values that an action sets, or is handed."""
    saved = action.get("save_as", {})
    yield from (path.split(".")[0] for path in saved) if isinstance(saved, Mapping) else (saved,)
    yield from _HANDED.get(action["type"], ())
    yield from action.get("takes", {})
    if action["type"] == "set_state":
        yield str(action["key"]).split(".")[0]


_HANDED = {
    "webhook": ("body", "headers", "method", "query"),
    "schedule": ("scheduled_time", "actual_time"),
    "event": ("event_name", "event_data", "event_timestamp"),
}
"""What triggers are handed when they begin a run."""


def _given(config: Config, *names: str) -> dict[str, Any]:
    return {name: config[name] for name in names if config.get(name) is not None}


def _webhook(config: Config) -> dict[str, Any]:
    return {"type": "webhook", **_given(config, "path", "method")}


def _schedule(config: Config) -> dict[str, Any]:
    return {"type": "schedule", **_given(config, "cron", "timezone")}


def _event(config: Config) -> dict[str, Any]:
    name = config.get("event_name", config.get("event_type", ""))
    return {"type": "event", "event_name": name}


def _request(config: Config) -> dict[str, Any]:
    method = str(config.get("method") or "GET").upper()
    body = _given(config, "body") if method in ("POST", "PUT", "PATCH") else {}
    headers = config.get("headers") or {}
    if isinstance(body.get("body"), str) and isinstance(headers, Mapping):
        has_type = any(str(name).lower() == "content-type" for name in headers)
        headers = headers if has_type else {"Content-Type": "application/json", **headers}
    timeout = {"timeout_seconds": config["timeout"]} if config.get("timeout") is not None else {}
    url = config.get("url", "")
    request = {"type": "request", "url": url, "method": method, **body, **timeout, "retries": 0}
    return {**request, **({"headers": headers} if headers else {}), "save_as": RESPONSE}


def _set_state(config: Config) -> dict[str, Any]:
    return {"type": "set_state", "key": config.get("key", ""), "value": config.get("value")}


def _conditional(config: Config) -> dict[str, Any]:
    kept = _given(config, "left", "operator", "right")
    return {"type": "conditional", "left": "", "right": "", **kept}


def _switch(config: Config) -> dict[str, Any]:
    cases = [
        one if isinstance(one, str) else {"name": str(one["name"]), "value": one.get("value")}
        for one in config.get("cases") or ()
    ]
    default = otherwise([one if isinstance(one, str) else one["name"] for one in cases])
    return {"type": "switch", "value": config.get("value"), "cases": cases, "default": default}


def _delay(config: Config) -> dict[str, Any]:
    return {"type": "delay", "seconds": config.get("seconds", 1), "save_as": "delayed_seconds"}


def _reply(config: Config) -> dict[str, Any]:
    return {"type": "reply", "text": config.get("template", ""), "save_as": "reply"}


def _conversation(_config: Config) -> dict[str, Any]:
    return {"type": "start", "takes": {"conversation_id": _OPTIONAL_TEXT}}


def _user_message(_config: Config) -> dict[str, Any]:
    return {"type": "start", "takes": MESSAGE}


def message_within(_config: Config) -> dict[str, Any]:
    """Return the action of a message that no run begins with: it is an input of the run."""
    return {"type": "transform", "values": {name: f"{{{{{name}}}}}" for name in MESSAGE}}


_OPTIONAL_TEXT: Mapping[str, Any] = {"type": "text", "required": False, "default": ""}
MESSAGE: Mapping[str, Mapping[str, Any]] = {
    "user_message": {"type": "text"},
    "user_id": _OPTIONAL_TEXT,
}
"""What comes with a message of the user."""


def _transform(config: Config) -> dict[str, Any]:
    return {"type": "transform", **_given(config, "values", "value")}


def _sub_flow(config: Config) -> dict[str, Any]:
    return {"type": "subflow", "flow": config["flow"], "inputs": config.get("inputs") or {}}


BUILDERS: Mapping[str, Callable[[Config], dict[str, Any]]] = {
    "trigger_webhook": _webhook,
    "trigger_schedule": _schedule,
    "trigger_event": _event,
    "request": _request,
    "set_state": _set_state,
    "conditional": _conditional,
    "switch": _switch,
    "delay": _delay,
    "reply": _reply,
    "conversation_start": _conversation,
    "user_message": _user_message,
    "transform": _transform,
    "sub_flow": _sub_flow,
}
"""The raw action of each type of step, from its config."""
CONFIG_KEYS: Mapping[str, tuple[str, ...]] = {
    "trigger_webhook": ("method", "path"),
    "trigger_schedule": ("cron", "timezone"),
    "trigger_event": ("event_name", "event_type"),
    "request": ("url", "method", "headers", "body", "timeout"),
    "set_state": ("key", "value"),
    "conditional": ("left", "operator", "right"),
    "switch": ("value", "cases"),
    "delay": ("seconds",),
    "reply": ("template",),
    "conversation_start": (),
    "user_message": (),
    "transform": ("values", "value"),
    "sub_flow": ("flow", "inputs"),
}
