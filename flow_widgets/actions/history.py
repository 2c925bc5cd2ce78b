"""The messages of a conversation so far, picked and put into shape."""

from __future__ import annotations

from collections import Counter
from typing import Any, ClassVar, Literal

from pydantic import Field

from flow_widgets.actions.base import Action, Context, Outcome
from flow_widgets.flow.data import JsonValue
from flow_widgets.flow.template import Templated, as_text


class History(Action):
    """Picks the last messages of a conversation; where there are none, it gives none."""

    is_instant: ClassVar[bool] = True

    type: Literal["history"] = "history"
    messages: Templated[JsonValue] = None
    """The conversation: a list of ``{"role": …, "content": …}``; a text is a message of the user."""
    max_messages: int = Field(default=10, ge=1)
    """How many messages are kept: the last ones."""
    include_system: bool = False
    """Whether messages of the system are kept; ``role: system`` keeps them too."""
    role: Literal["all", "user", "assistant", "system"] = "all"
    """Whose messages are kept."""
    format: Literal["full", "text", "structured"] = "full"
    """``full`` is the list of messages, ``text`` one line ``Role: content`` for each, and ``structured``
    a dict of the messages and their counts."""

    async def run(self, ctx: Context) -> Outcome:
        """Return the messages."""
        messages = [one for one in _messages(self.messages) if self._is_kept(one["role"])]
        return Outcome(output=_formatted(messages[-self.max_messages :], self.format))

    def _is_kept(self, role: str) -> bool:
        if self.role != "all":
            return role == self.role
        return self.include_system or role != "system"


def _messages(value: Any) -> list[dict[str, Any]]:
    """Return what was given as messages, each with role and content and whatever else it has."""
    if value is None or value == "":
        return []
    if isinstance(value, dict) and isinstance(value.get("messages"), list):
        value = value["messages"]
    items = value if isinstance(value, list) else [value]
    return [_message(item) for item in items if item is not None]


def _message(item: Any) -> dict[str, Any]:
    if not isinstance(item, dict):
        return {"role": "user", "content": as_text(item)}
    if "content" not in item:
        return {"role": "user", "content": as_text(item)}
    return {**item, "role": str(item.get("role") or "user")}


def _formatted(messages: list[dict[str, Any]], form: str) -> Any:
    match form:
        case "text":
            return "\n".join(
                f"{one['role'].capitalize()}: {as_text(one['content'])}" for one in messages
            )
        case "structured":
            counts = Counter(one["role"] for one in messages)
            roles = ("user", "assistant", "system")
            statistics = {f"{role}_messages": counts[role] for role in roles}
            return {
                "messages": messages,
                "statistics": {"total_messages": len(messages), **statistics},
            }
        case _:
            return messages
