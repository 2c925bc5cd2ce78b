"""Comparisons, as branches and loops make them: one left value, an operator, one right value."""

from __future__ import annotations

from collections.abc import Sequence

from flow_widgets.errors import Problem
from flow_widgets.flow.base import Model
from flow_widgets.flow.comparison import Operator, compare
from flow_widgets.flow.data import JsonValue
from flow_widgets.flow.pattern import pattern_problems
from flow_widgets.flow.template import Templated

__all__ = ["Condition", "Operator", "compare", "pattern_problems"]


class Condition(Model):
    """Whether ``left`` and ``right`` compare as ``operator`` says.

    Numbers are compared as numbers, also when they are written as text, so ``"10"`` is greater than
    ``"9"``; true and false are no numbers. Other values of different types are not equal. Lists and
    dicts are compared by what they hold. What is no number is ordered as text, and an order of
    anything else, such as a list, does not hold. A comparison fails only when its regular expression
    takes too long.
    """

    left: Templated[JsonValue]
    """What is compared."""
    operator: Operator = "equals"
    """How; ``contains`` is about a part of a text, an item of a list or a key of a dict, ``in`` is
    ``contains`` the other way round, ``matches`` searches the first 10,000 characters for a regular
    expression, and ``is_empty`` holds for null and an empty text, list or dict."""
    right: Templated[JsonValue] = None
    """What it is compared with; not looked at by ``is_empty``."""
    strict: bool = False
    """Whether a text is never read as a number, so that ``"3"`` and 3 differ."""

    def holds(self) -> bool:
        """Return whether the condition holds, once its templates are filled in.

        Raises:
            InvalidValue: Its regular expression takes too long.
        """
        return compare(self.left, self.operator, self.right, strict=self.strict)

    def problems(self) -> Sequence[Problem]:
        """Return what is wrong with a pattern; places are relative to the condition."""
        return pattern_problems(self.operator, self.right)
