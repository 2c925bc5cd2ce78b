"""A branch: one comparison, and a port for each answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from flow_widgets.actions.base import Action, Context, Outcome
from flow_widgets.errors import Problem
from flow_widgets.flow.condition import Operator, compare, pattern_problems
from flow_widgets.flow.data import JsonValue
from flow_widgets.flow.template import Templated


class Conditional(Action):
    """Compares two values and goes on at ``true`` or at ``false``.

    Numbers are compared as numbers, also when they are written as text.
    """

    default_ports: ClassVar[tuple[str, ...]] = ("true", "false")
    is_instant: ClassVar[bool] = True

    type: Literal["conditional"] = "conditional"
    left: Templated[JsonValue]
    """What is compared."""
    operator: Operator = "equals"
    """How: ``equals``, ``not_equals``, ``contains``, ``not_contains``, ``greater_than``, ``less_than``,
    ``greater_or_equal``, ``less_or_equal``, ``in``, ``is_empty``, ``matches`` (a regular expression)."""
    right: Templated[JsonValue] = None
    """What it is compared with; not looked at by ``is_empty``."""
    strict: bool = False
    """Whether a text is never read as a number, so that ``"3"`` and 3 differ."""

    def problems(self) -> Sequence[Problem]:
        """Return what is wrong with a pattern."""
        return pattern_problems(self.operator, self.right)

    async def run(self, ctx: Context) -> Outcome:
        """Return whether the condition holds, and fire its port.

        Raises:
            InvalidValue: The regular expression takes too long.
        """
        holds = compare(self.left, self.operator, self.right, strict=self.strict)
        return Outcome(output=holds, ports=("true",) if holds else ("false",))
