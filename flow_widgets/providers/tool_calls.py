"""The tool calls of a streamed answer, whose arguments come in pieces of JSON."""

from __future__ import annotations

from typing import Any

from jiter import from_json

from flow_widgets.flow.data import joined_surrogates


class ToolCalls:
    """Puts the pieces of each call together."""

    __slots__ = ("_arguments", "_names")

    def __init__(self) -> None:
        self._names: dict[int, str] = {}
        self._arguments: dict[int, list[str]] = {}

    def take(self, deltas: Any) -> int:
        """Take in the ``tool_calls`` of a delta, and return how many characters came."""
        chars = 0
        for place, delta in enumerate(deltas):
            index = delta.get("index")
            index = place if index is None else index
            function = delta.get("function") or {}
            name, arguments = function.get("name"), function.get("arguments")
            if isinstance(name, str) and name:
                self._names[index] = name
            if isinstance(arguments, str):
                self._arguments.setdefault(index, []).append(arguments)
                chars += len(arguments)
        return chars

    def first_bad(self) -> tuple[str, str] | None:
        """Return the name and the arguments of the first call whose arguments are no JSON object.

        A call without arguments is a good one.
        """
        for index, pieces in self._arguments.items():
            text = "".join(pieces)
            if text.strip() and not _is_object(text):
                return joined_surrogates(self._names.get(index, "")), text
        return None


def _is_object(text: str) -> bool:
    try:
        return isinstance(from_json(text.encode("utf-8", "surrogatepass")), dict)
    except ValueError:
        return False
