"""An action as it was stored, where its class is not known or no longer takes it: data to look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from pydantic import Field, model_serializer

from flow_widgets.errors import FlowError, Problem
from flow_widgets.flow.message import Message
from flow_widgets.flow.model import Action


class StoredAction(Action):
    """Stands in for an action that can't be made here: its fields can be read, and it can't run."""

    type: str
    document: dict[str, Any] = Field(default_factory=dict, repr=False)
    """All that was stored of it."""

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> StoredAction:
        """Return the stand-in for a stored action, whatever its fields hold."""
        words = {name: document.get(name) for name in ("type", "id", "name")}
        return cls(
            document=dict(document),
            **{name: word for name, word in words.items() if isinstance(word, str)},
            **({} if isinstance(words["type"], str) else {"type": ""}),
        )

    def with_fields(self, fields: Mapping[str, Any]) -> StoredAction:
        """Return the same with other values of some fields, as data."""
        return self.of({**self.document, **fields})

    def problems(self) -> Sequence[Problem]:
        """Return why it can't run."""
        what = f"{self.type!r} is not known here, or no longer takes these fields."
        return (Problem("type", what, "Define its class, then load the run again."),)

    def __getattr__(self, name: str) -> Any:
        document = self.__dict__.get("document", {})
        if name.startswith("_") or name not in document:
            raise AttributeError(f"{type(self).__name__} of type {self.type!r} has no {name!r}.")
        return _messages(document[name]) if name == "messages" else document[name]

    @model_serializer(mode="plain")
    def _with_type(self) -> dict[str, Any]:  # type: ignore[override]  # pydantic calls both forms
        """Write what was stored, with the id that it has now."""
        given = {"id": self.id} if self.id else {}
        return {"type": self.type, **self.document, **given}


def _messages(value: Any) -> tuple[Message, ...]:
    """Return the messages that can be read, as those of a chat."""
    found = []
    for one in value if isinstance(value, (list, tuple)) else ():
        with suppress(ValueError, FlowError):
            found.append(Message.model_validate({"content": one} if isinstance(one, str) else one))
    return tuple(found)
