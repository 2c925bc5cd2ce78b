"""Chooses one of several flows: the way that goes on, or the value that came in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from pydantic import model_validator

from flow_widgets.actions.base import Action, Context, Outcome
from flow_widgets.errors import InvalidValue, MissingReference, NothingFound, Problem, nearest
from flow_widgets.flow.base import Model, Part
from flow_widgets.flow.data import JsonValue
from flow_widgets.flow.ports import port_problems
from flow_widgets.flow.template import Deferred, Templated


class Choice(Model):
    """A flow that may be chosen, and the value that makes it so; a bare text is its name."""

    name: str
    """The name of the flow; of its port too, where the way that goes on is chosen."""
    value: Templated[JsonValue] = None
    """What it gives; the choice can be taken when this exists and isn't null."""

    @classmethod
    def normal(cls, document: Any) -> Any:
        """Return a bare text as a choice of that name."""
        return {"name": document} if isinstance(document, str) else document

    _normal = model_validator(mode="before")(lambda cls, document: cls.normal(document))


class FlowSelect(Action):
    """Chooses the first of several flows that has a value, in the order in which they stand.

    ``downstream`` goes on at the port of the chosen one, or at ``else`` when there is none;
    ``incoming`` passes on the value of the first branch that ran.
    """

    parts: ClassVar = {"choices": Part(lambda _: Choice, many=True)}
    is_instant: ClassVar[bool] = True

    type: Literal["flow_select"] = "flow_select"
    choices: Deferred[tuple[Choice, ...]] = ()
    """The choices in their order: ``{"name": …, "value": …}``, or a name."""
    chosen: Templated[str] | None = None
    """The name of a choice that is taken whatever the values are; empty: the first with a value."""
    mode: Literal["downstream", "incoming"] = "downstream"
    """Whether the way that goes on is chosen, or one of the values that came in."""

    @property
    def ports(self) -> tuple[str, ...]:
        """The names of the choices and ``else`` where the way is chosen, else ``success``."""
        if self.mode == "incoming":
            return self.default_ports
        return tuple(dict.fromkeys((*(one.name for one in self.choices), "else")))

    def problems(self) -> Sequence[Problem]:
        """Return what is wrong with the names."""
        found = [] if self.choices else [Problem("choices", "there is no choice.", "Add one.")]
        names = [one.name for one in self.choices]
        reserved = {"else": "the port when none is chosen"}
        return [*found, *port_problems(names, field="choices", reserved=reserved)]

    async def run(self, ctx: Context) -> Outcome:
        """Return the value and the name of the chosen flow, and fire its port.

        Raises:
            InvalidValue: ``chosen`` is the name of no choice.
            NothingFound: No incoming value exists.
        """
        name, value = self._named(ctx) if self.chosen else self._first(ctx)
        if self.mode == "incoming":
            if name is None:
                names = ", ".join(repr(one.name) for one in self.choices)
                hint = f"Let one of {names} run before it and give a value."
                raise NothingFound("choices: none of the incoming flows has a value.", hint=hint)
            return Outcome(output={"value": value, "chosen_flow": name})
        ports = ("else",) if name is None else (name,)
        return Outcome(output={"value": value, "chosen_flow": name}, ports=ports)

    def _named(self, ctx: Context) -> tuple[str, JsonValue]:
        for one in self.choices:
            if one.name == self.chosen:
                return one.name, _value(one, ctx)
        hint = nearest(str(self.chosen), [one.name for one in self.choices])
        raise InvalidValue(f"chosen: {self.chosen!r} is no choice.", hint=hint)

    def _first(self, ctx: Context) -> tuple[str | None, JsonValue]:
        for one in self.choices:
            value = _value(one, ctx)
            if value is not None:
                return one.name, value
        return None, None


def _value(choice: Choice, ctx: Context) -> JsonValue:
    """Return the value of a choice, or None when it does not exist."""
    try:
        return ctx.bound(choice).value
    except MissingReference:
        return None
