"""Where a flow begins: takes what it is handed and gives it on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from flow_widgets.actions.base import Action, Context, Outcome
from flow_widgets.errors import InvalidInputs, Problem
from flow_widgets.flow.base import Part
from flow_widgets.flow.data import JsonValue
from flow_widgets.flow.declared import Input
from flow_widgets.flow.inputs import cast
from flow_widgets.flow.naming import declared_problems
from flow_widgets.flow.template import Templated


class Start(Action):
    """Begins a flow: its output is what the run is handed here, together with ``values``.

    ``takes`` declares what it is handed, in the short forms of a flow's inputs. Several starts make
    several ways into one flow: ``flow.run(trigger_step="intake", inputs={"text": "…"})``.
    """

    parts: ClassVar = {"takes": Part(lambda _: Input, many=True)}
    is_trigger: ClassVar[bool] = True
    is_instant: ClassVar[bool] = True

    type: Literal["start"] = "start"
    takes: dict[str, Input] = Field(default_factory=dict)
    """What it is handed: a default value each, or an ``Input``; a list of names means required texts."""
    values: Templated[dict[str, JsonValue]] = Field(default_factory=dict)
    """More values of the output; they win over what is handed."""

    @field_validator("takes", mode="before")
    @classmethod
    def _declared(cls, takes: Any) -> Any:
        """Take a list of names, and an empty dict as a default."""
        if isinstance(takes, (list, tuple)) and all(isinstance(name, str) for name in takes):
            return {name: {"type": "text"} for name in takes}
        if isinstance(takes, Mapping):
            return {
                name: {"default": one} if isinstance(one, Mapping) and not one else one
                for name, one in takes.items()
            }
        return takes

    @property
    def payload(self) -> Mapping[str, Input]:
        """What ``takes`` declares."""
        return self.takes

    def problems(self) -> Sequence[Problem]:
        """Return what is wrong with the names of what it takes."""
        return [*declared_problems(self.takes, "takes")]

    async def run(self, ctx: Context) -> Outcome:
        """Return the values handed over, cast to their types, and ``values``.

        Raises:
            InvalidInputs: A required value is missing, or one does not fit.
        """
        handed: dict[str, Any] = {}
        for name, declared in self.takes.items():
            value = ctx.shared.get(name)
            value = declared.default if value is None else value
            if value is None and declared.required:
                hint = f"Pass inputs={{{name!r}: …}}, or declare a default in takes."
                raise InvalidInputs(f"takes.{name}: no value was handed over.", hint=hint)
            handed[name] = cast(name, declared, value)
        values = self.values if isinstance(self.values, dict) else {}
        return Outcome(output={**handed, **values})
