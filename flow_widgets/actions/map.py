"""A map: a flow run for every item of a list, several at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field

from flow_widgets.actions.base import Action, Context, InnerRun, Outcome
from flow_widgets.errors import FlowError, Problem
from flow_widgets.flow.base import Part
from flow_widgets.flow.data import JsonValue
from flow_widgets.flow.inner import InnerFlow
from flow_widgets.flow.inputs import body_inputs
from flow_widgets.flow.model import Body, Flow
from flow_widgets.flow.naming import variable_problems
from flow_widgets.flow.template import Templated


class ItemsFailed(FlowError):
    """Some items of a map failed; ``output`` holds what the others gave, null for those that failed."""

    def __init__(self, what: str, output: list[JsonValue], hint: str) -> None:
        """Keep what the other items gave."""
        super().__init__(what, hint=hint)
        self.output = output


class Map(Action):
    """Runs a flow for every item of a list, ``concurrency`` of them at a time.

    ``{{item}}`` and ``{{index}}`` (from 0) are the item and its number. Inputs that the flow declares
    have their defaults. The output is the list of what the items gave, in the order of the items. A
    failing item never stops the others. What the items set in the shared state is put together in
    their order when all have completed.
    """

    parts: ClassVar = {"body": Part(lambda _: Flow)}

    type: Literal["map"] = "map"
    body: InnerFlow
    """The flow to run: a ``Flow``, its document, or its list of steps."""
    over: Templated[list[JsonValue]]
    """The list of items."""
    item: str = Field(default="item", pattern=r"^[A-Za-z_]\w*$")
    """The name of the item."""
    index: str = Field(default="index", pattern=r"^[A-Za-z_]\w*$")
    """The name of the item's number, from 0."""
    concurrency: int = Field(default=8, ge=1)
    """How many items are worked on at the same time."""
    on_error: Literal["fail", "keep", "skip"] = "fail"
    """When items failed: fail once all are done, keep null in their place, or leave them out."""

    @property
    def bodies(self) -> Mapping[str, Body]:
        """The flow that is run for each item."""
        return {"body": Body(self.body, (self.item, self.index))}

    @property
    def writes(self) -> tuple[str, ...]:
        """What the items set in the shared state, and where the output goes."""
        inside = (name for step in self.body.steps for one in step.actions for name in one.writes)
        return tuple(dict.fromkeys((*super().writes, *inside)))

    def problems(self) -> Sequence[Problem]:
        """Return whether there is something to do."""
        found = [*variable_problems({"item": self.item, "index": self.index})]
        if not self.body.steps:
            found.append(Problem("body", "There is nothing to run.", "Give it steps."))
        return found

    async def run(self, ctx: Context) -> Outcome:
        """Work on the items, each worker taking the next one."""
        assert isinstance(self.over, list)
        results: list[InnerRun | None] = [None] * len(self.over)
        work = iter(enumerate(self.over))
        done = 0
        given = body_inputs(self.bodies["body"], ctx.shared)

        async def worker() -> None:
            nonlocal done
            for number, item in work:
                values = {**given, self.item: item, self.index: number}
                results[number] = await ctx.run_flow(self.body, number, values)
                done += 1
                ctx.progress(done, len(results))

        ctx.progress(0, len(results))
        workers = min(self.concurrency, len(results))
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(worker())
        return self._outcome(ctx, [one for one in results if one is not None])

    def _outcome(self, ctx: Context, results: list[InnerRun]) -> Outcome:
        failed = [number for number, one in enumerate(results) if one.status == "failed"]
        outputs = [None if one.status == "failed" else one.output for one in results]
        if failed and self.on_error == "fail":
            what = f"{len(failed)} of {len(results)} items failed; item {failed[0]}: "
            raise ItemsFailed(
                what + results[failed[0]].error,
                outputs,
                "on_error='keep' or 'skip' goes on without them.",
            )
        for number in failed:
            ctx.log(f"Item {number} failed: {results[number].error}", "warn")
        if self.on_error == "skip":
            outputs = [one.output for one in results if one.status == "completed"]
        writes = dict(_put_together(results))
        for name in _conflicts(results):
            ctx.log(f"{name!r} was set by several items; the value of the last one stands.", "warn")
        return Outcome(output=outputs, writes=writes)


def _put_together(results: list[InnerRun]) -> Iterator[tuple[str, Any]]:
    for one in results:
        if one.status == "completed":
            yield from one.writes.items()


def _conflicts(results: list[InnerRun]) -> Iterator[str]:
    seen: set[str] = set()
    told: set[str] = set()
    for one in results:
        for name in one.writes if one.status == "completed" else ():
            if name in seen and name not in told:
                told.add(name)
                yield name
            seen.add(name)
