"""A flow inside a flow, with inputs of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

from pydantic import Field

from flow_widgets.actions.base import Action, Context, Outcome
from flow_widgets.errors import FlowError, InvalidInputs, Problem
from flow_widgets.flow.base import Part
from flow_widgets.flow.data import JsonValue
from flow_widgets.flow.inner import InnerFlow
from flow_widgets.flow.inputs import declared_inputs, run_inputs
from flow_widgets.flow.model import Body, Flow, trigger_of
from flow_widgets.flow.template import Templated


class SubflowFailed(FlowError):
    """The flow inside an action failed."""


class Subflow(Action):
    """Runs another flow and gives its output: that of its ``end``, else of its last step.

    The other flow sees nothing but its own inputs, and nothing that it sets is seen outside; use
    ``save_as`` to keep parts of its output.
    """

    parts: ClassVar = {"flow": Part(lambda _: Flow)}

    type: Literal["subflow"] = "subflow"
    flow: InnerFlow
    """The flow to run: a ``Flow``, its document, or its list of steps."""
    inputs: Templated[dict[str, JsonValue]] = Field(default_factory=dict)
    """Values for its inputs, by name."""

    @property
    def bodies(self) -> Mapping[str, Body]:
        """The flow that is run."""
        return {"flow": Body(self.flow, is_isolated=True)}

    def problems(self) -> Sequence[Problem]:
        """Return inputs that are missing or unknown."""
        if not isinstance(self.inputs, Mapping):
            return ()
        try:
            declared = declared_inputs(self.flow, trigger_of(self.flow, None))
        except FlowError as error:
            return [Problem("flow", error.what, "Use a flow with one trigger.")]
        given = self.inputs
        found = [
            Problem(f"inputs.{name}", f"{name!r} is no input of the flow {self.flow.name!r}.")
            for name in given
            if name not in declared and name not in self.flow.state
        ]
        for name, one in declared.items():
            if one.required and name not in given:
                what = f"{name!r} must be given to the flow {self.flow.name!r}."
                found.append(Problem("inputs", what, f"Add {name!r} to inputs."))
        return found

    async def run(self, ctx: Context) -> Outcome:
        """Run the flow once."""
        assert isinstance(self.inputs, Mapping)
        try:
            values = run_inputs(self.flow, self.inputs, trigger=trigger_of(self.flow, None))
        except InvalidInputs as error:
            raise SubflowFailed(
                f"The flow {self.flow.name!r}: {error.what}", hint=error.hint
            ) from None
        inner = await ctx.run_flow(self.flow, 0, values, is_isolated=True)
        if inner.status == "failed":
            raise SubflowFailed(f"The flow {self.flow.name!r} failed: {inner.error}")
        return Outcome(output=inner.output)
