"""A branch by conditions: every case that holds goes on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from flow_widgets.actions.base import Action, Context, Outcome
from flow_widgets.errors import MissingReference, Problem
from flow_widgets.flow.base import Model, Part
from flow_widgets.flow.condition import Condition, compare
from flow_widgets.flow.data import JsonValue
from flow_widgets.flow.ports import port_problems
from flow_widgets.flow.template import Reference, Templated, descend


class CaseCondition(Condition):
    """A condition whose sides may be looked up among the variables of its ``case``."""

    left: Templated[JsonValue] = None
    """What is compared; not looked at when ``variable`` is given."""
    variable: str | None = None
    """Path of the variable that is compared, in place of ``left``; without one it doesn't hold."""
    right_variable: str | None = None
    """Path of the variable that it is compared with; ``right`` is taken when there is none."""

    def holds_among(self, variables: Mapping[str, Any]) -> bool:
        """Return whether the condition holds, given the variables."""
        left = self.left
        if self.variable is not None:
            left = _found(variables, self.variable, _MISSING)
            if left is _MISSING:
                return False
        right = self.right
        if self.right_variable is not None:
            right = _found(variables, self.right_variable, right)
        return compare(left, self.operator, right, strict=self.strict)


_MISSING: Any = object()


def _found(variables: Mapping[str, Any], path: str, default: Any) -> Any:
    if path in variables:
        return variables[path]
    try:
        return descend(variables, Reference(tuple(path.split("."))), 0)
    except MissingReference:
        return default


class CaseBranch(Model):
    """A port, and the conditions that must all hold for it; one condition may stand here itself."""

    parts: ClassVar = {"all": Part(lambda _: CaseCondition, many=True)}

    name: str
    """The name of the port."""
    all: tuple[CaseCondition, ...] = ()
    """The conditions, which must all hold."""

    @classmethod
    def normal(cls, document: Any) -> Any:
        """Return the keys of a single condition as the only one of ``all``."""
        if not isinstance(document, Mapping) or "all" in document:
            return document
        single = {key: one for key, one in document.items() if key in CaseCondition.model_fields}
        rest = {key: one for key, one in document.items() if key not in single}
        return {**rest, "all": (single,)} if single else document

    _normal = model_validator(mode="before")(lambda cls, document: cls.normal(document))


class Case(Action):
    """Tries every case and goes on at the port of each that holds, or at ``else`` when none does.

    Its output says of every case whether it held.
    """

    parts: ClassVar = {"cases": Part(lambda _: CaseBranch, many=True)}
    is_instant: ClassVar[bool] = True

    type: Literal["case"] = "case"
    cases: tuple[CaseBranch, ...] = ()
    """The cases: ``{"name": …, "left": …, "operator": …, "right": …}``, or several conditions in
    ``all``."""
    variables: Templated[dict[str, JsonValue]] = Field(default_factory=dict)
    """Values that conditions name by ``variable``; one that is missing makes a condition not hold."""

    @property
    def ports(self) -> tuple[str, ...]:
        """The names of the cases, then ``else``."""
        return tuple(dict.fromkeys((*(case.name for case in self.cases), "else")))

    def problems(self) -> Sequence[Problem]:
        """Return what is wrong with the names and the conditions."""
        return list(_problems(self))

    async def run(self, ctx: Context) -> Outcome:
        """Return which cases hold, and fire their ports.

        Raises:
            InvalidValue: A regular expression takes too long.
        """
        variables = self.variables if isinstance(self.variables, dict) else {}
        held: dict[str, Any] = {
            case.name: all(one.holds_among(variables) for one in case.all) for case in self.cases
        }
        fired = tuple(name for name, holds in held.items() if holds)
        return Outcome(output=held, ports=fired or ("else",))


def _problems(action: Case) -> Iterator[Problem]:
    if not action.cases:
        yield Problem("cases", "there is no case.", "Add one.")
    names = [case.name for case in action.cases]
    yield from port_problems(names, field="cases", reserved={"else": "the port when no case holds"})
    for index, case in enumerate(action.cases):
        if not case.all:
            hint = "Give left, operator and right."
            yield Problem(f"cases[{index}].all", "the case has no condition.", hint)
        for number, one in enumerate(case.all):
            place = f"cases[{index}].all[{number}]"
            for problem in one.problems():
                yield Problem(f"{place}.{problem.place}", problem.what, problem.hint)
