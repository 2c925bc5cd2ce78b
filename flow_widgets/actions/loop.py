"""A loop: a flow run again and again, for each item of a list or while a condition holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field

from flow_widgets.actions.base import Action, Context, Outcome
from flow_widgets.errors import FlowError, Problem
from flow_widgets.flow.base import Part
from flow_widgets.flow.condition import Condition
from flow_widgets.flow.data import JsonValue
from flow_widgets.flow.inner import InnerFlow
from flow_widgets.flow.inputs import body_inputs
from flow_widgets.flow.model import Body, Flow
from flow_widgets.flow.naming import variable_problems
from flow_widgets.flow.template import Deferred, Templated


class IterationFailed(FlowError):
    """An iteration failed; ``output`` holds what those before it gave."""

    def __init__(self, what: str, output: list[JsonValue], hint: str = "") -> None:
        """Keep what was done before the failure."""
        super().__init__(what, hint=hint)
        self.output = output


class Loop(Action):
    """Runs a flow again and again: for each item of ``over``, or while ``condition`` holds, or both.

    The iterations follow one another, and what one sets in the shared state the next one finds; when
    the loop has completed the flow around it finds it too. ``{{item}}`` and ``{{index}}`` (from 0) are
    the current item and its number, ``{{last}}`` is the output of the iteration before, null in the
    first. Inputs that the flow declares have their defaults. The output is the list of the outputs of
    all iterations.
    """

    parts: ClassVar = {"body": Part(lambda _: Flow), "condition": Part(lambda _: Condition)}

    type: Literal["loop"] = "loop"
    body: InnerFlow
    """The flow to run: a ``Flow``, its document, or its list of steps."""
    over: Templated[list[JsonValue]] | None = None
    """The list to go through."""
    condition: Deferred[Condition] | None = None
    """Looked at before each iteration: the loop goes on while it holds."""
    item: str = Field(default="item", pattern=r"^[A-Za-z_]\w*$")
    """The name of the current item."""
    index: str = Field(default="index", pattern=r"^[A-Za-z_]\w*$")
    """The name of the iteration's number, from 0."""
    max_iterations: int = Field(default=100, ge=1)
    """A loop that would go on beyond this fails."""

    @property
    def bodies(self) -> Mapping[str, Body]:
        """The flow that is run in each iteration."""
        return {"body": Body(self.body, (self.item, self.index, "last"))}

    @property
    def writes(self) -> tuple[str, ...]:
        """What the iterations set in the shared state, and where the output goes."""
        inside = (name for step in self.body.steps for one in step.actions for name in one.writes)
        return tuple(dict.fromkeys((*super().writes, *inside)))

    def problems(self) -> Sequence[Problem]:
        """Return whether there is something to go by, and something to do."""
        found: list[Problem] = []
        if self.over is None and self.condition is None:
            what = "A loop needs a list to go through, or a condition."
            found.append(Problem("over", what, "Give over=…, condition=…, or both."))
        if not self.body.steps:
            found.append(Problem("body", "There is nothing to run.", "Give it steps."))
        variables = {"item": self.item, "index": self.index}
        return [*found, *variable_problems(variables, taken=("last",))]

    async def run(self, ctx: Context) -> Outcome:
        """Run the iterations one after the other."""
        items: list[JsonValue] | None = self.over if isinstance(self.over, list) else None
        outputs: list[JsonValue] = []
        state: dict[str, Any] = {}
        writes: dict[str, Any] = {}
        given = body_inputs(self.bodies["body"], ctx.shared)
        while items is None or len(outputs) < len(items):
            number = len(outputs)
            values = {
                **given,
                **state,
                self.item: items[number] if items is not None else None,
                self.index: number,
                "last": outputs[-1] if outputs else None,
            }
            if self.condition is not None and not ctx.bound(self.condition, values).holds():
                break
            if number >= self.max_iterations:
                what = f"The loop did not end within {self.max_iterations} iterations."
                raise IterationFailed(what, outputs, "Raise max_iterations, or see why it goes on.")
            ctx.progress(number, None if items is None else len(items))
            inner = await ctx.run_flow(self.body, number, values)
            if inner.status == "failed":
                raise IterationFailed(f"Iteration {number} failed: {inner.error}", outputs)
            outputs.append(inner.output)
            state.update(inner.shared)
            for path, value in inner.writes.items():
                writes.pop(path, None)  # what is set again comes last
                writes[path] = value
        ctx.progress(len(outputs), len(outputs))
        return Outcome(output=outputs, writes=writes)
