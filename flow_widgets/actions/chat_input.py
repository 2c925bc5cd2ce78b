"""What a person wrote, checked before it is used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal

from pydantic import Field

from flow_widgets.actions.base import Action, Context, Outcome
from flow_widgets.errors import InvalidInputs, Problem
from flow_widgets.flow.data import JsonValue
from flow_widgets.flow.pattern import found_in, pattern_fault
from flow_widgets.flow.template import Templated, as_text


class ChatInput(Action):
    """Takes a text that a person wrote, and fails when it is not as it must be.

    Everything that is wrong with it is told at once.
    """

    is_instant: ClassVar[bool] = True

    type: Literal["chat_input"] = "chat_input"
    text: Templated[JsonValue] = ""
    """The text, such as ``{{question}}``; null is an empty one."""
    min_length: int = Field(default=0, ge=0)
    """How many characters it has at least."""
    max_length: int | None = Field(default=None, ge=0)
    """How many characters it has at most; None: any number."""
    pattern: str | None = None
    """A regular expression that its beginning must match; of a longer text, the first 10,000 characters
    are looked at."""
    required: bool = True
    """Whether an empty text is refused."""

    def problems(self) -> Sequence[Problem]:
        """Return what is wrong with the pattern and the lengths."""
        found = []
        fault = "" if self.pattern is None else pattern_fault(self.pattern)
        if fault:
            found.append(Problem("pattern", fault, "Write one, such as '[A-Z]'."))
        if self.max_length is not None and self.max_length < self.min_length:
            what = (
                f"at most {self.max_length} characters are fewer than at least {self.min_length}."
            )
            found.append(Problem("max_length", what, "Swap them."))
        return found

    async def run(self, ctx: Context) -> Outcome:
        """Return the text.

        Raises:
            InvalidInputs: The text is not as it must be; all reasons are told.
            InvalidValue: The pattern takes too long.
        """
        text = "" if self.text is None else as_text(self.text)
        faults = list(self._faults(text))
        if faults:
            raise InvalidInputs(f"text: {'; '.join(faults)}.", hint="Write another text.")
        return Outcome(output=text)

    def _faults(self, text: str) -> Iterator[str]:
        if not text.strip():
            if self.required:
                yield "it is empty, and a text is required"
            return
        if len(text) < self.min_length:
            yield f"it has {len(text)} characters, at least {self.min_length} are needed"
        if self.max_length is not None and len(text) > self.max_length:
            yield f"it has {len(text)} characters, at most {self.max_length} are allowed"
        if self.pattern is not None and not found_in(self.pattern, text, "beginning"):
            yield f"it does not begin as the pattern {self.pattern!r} says"
