"""A branch by value: the port of the first case that equals it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from pydantic import model_validator

from flow_widgets.actions.base import Action, Context, Outcome
from flow_widgets.errors import Problem
from flow_widgets.flow.base import Model, Part
from flow_widgets.flow.condition import compare
from flow_widgets.flow.data import JsonValue
from flow_widgets.flow.ports import port_problems
from flow_widgets.flow.template import Templated


class SwitchCase(Model):
    """One value that a switch looks for, and the port it goes on at; a bare text is both."""

    name: str
    """The name of the port."""
    value: Templated[JsonValue] = None
    """What the switch's value must equal."""

    @classmethod
    def normal(cls, document: Any) -> Any:
        """Return a bare text as a case of that name and value."""
        return {"name": document, "value": document} if isinstance(document, str) else document

    _normal = model_validator(mode="before")(lambda cls, document: cls.normal(document))


class Switch(Action):
    """Goes on at the port of the first case whose value equals ``value``, else at ``default``.

    Numbers are equal also when one is written as text.
    """

    parts: ClassVar = {"cases": Part(lambda _: SwitchCase, many=True)}
    is_instant: ClassVar[bool] = True

    type: Literal["switch"] = "switch"
    value: Templated[JsonValue] = None
    """What the cases are compared with."""
    cases: tuple[SwitchCase, ...] = ()
    """The cases, tried in this order: a text each, or ``{"name": …, "value": …}``."""
    default: str = "default"
    """The name of the port where it goes on when no case fits."""

    @property
    def ports(self) -> tuple[str, ...]:
        """The names of the cases, then the default."""
        return tuple(dict.fromkeys((*(case.name for case in self.cases), self.default)))

    def problems(self) -> Sequence[Problem]:
        """Return what is wrong with the names."""
        found = [] if self.cases else [Problem("cases", "there is no case.", "Add one.")]
        if self.default in ("", "error"):
            what = f"{self.default!r} can't be the name of the default port."
            found.append(Problem("default", what, "Choose another name."))
        names = [case.name for case in self.cases]
        reserved = {self.default: "the port when no case fits"}
        return [*found, *port_problems(names, field="cases", reserved=reserved)]

    async def run(self, ctx: Context) -> Outcome:
        """Return the value and the name of the case that fits, and fire its port."""
        fits = (case.name for case in self.cases if compare(self.value, "equals", case.value))
        name = next(fits, self.default)
        return Outcome(output={"value": self.value, "case": name}, ports=(name,))
