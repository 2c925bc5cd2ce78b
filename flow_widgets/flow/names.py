"""Which names a reference may use at a place of a flow, and what is wrong with one that may not."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from flow_widgets.errors import Problem, nearest
from flow_widgets.flow.binding import Use
from flow_widgets.flow.graph import FACTS, Graph
from flow_widgets.flow.naming import SCOPES, is_index
from flow_widgets.flow.template import Reference


class Names:
    """The names of a flow, and of what is around it when it stands inside an action."""

    def __init__(
        self,
        graph: Graph,
        around: Names | None = None,
        *,
        home: int = 0,
        variables: tuple[str, ...] = (),
    ) -> None:
        """Take the names of a graph; ``around`` holds what ``inside`` gave."""
        self.graph, self.around, self.home, self.variables = graph, around, home, variables

    def inside(self, step: int, variables: tuple[str, ...]) -> Names:
        """Return these names as a flow inside an action of a step sees them."""
        return Names(self.graph, self.around, home=step, variables=variables)

    @cached_property
    def writers(self) -> dict[str, list[int]]:
        """For each shared value the steps that set it, or are handed it when they begin a run."""
        found: dict[str, list[int]] = {}
        for index, step in enumerate(self.graph.flow.steps):
            for action in step.actions:
                for name in (*action.writes, *action.payload):
                    found.setdefault(name, []).append(index)
        return found

    def is_declared(self, name: str) -> bool:
        """Whether a name has a value as soon as a run begins."""
        return name in self.graph.flow.inputs or name in self.graph.flow.state

    def is_known(self, name: str, step: int) -> bool:
        """Whether a name has a value when a step runs, unless the way there did not set it."""
        if self.is_declared(name):
            return True
        if any(self._comes_first(writer, step) for writer in self.writers.get(name, ())):
            return True
        around = self.around
        if around is None:
            return False
        return name in around.variables or around.is_known(name, around.home)

    def before(self, step: int) -> list[str]:
        """Return the names that a step can use, those of its own flow first."""
        flow = self.graph.flow
        found = [*flow.inputs, *flow.state]
        for name, steps in self.writers.items():
            if any(self._comes_first(one, step) for one in steps):
                found.append(name)
        if self.around is not None:
            found += [*self.around.variables, *self.around.before(self.around.home)]
        return list(dict.fromkeys(found))

    def _comes_first(self, writer: int, step: int) -> bool:
        is_handed = any(action.payload for action in self.graph.flow.steps[writer].actions)
        return self.graph.is_before(writer, step) or (writer == step and is_handed)


def reference_problems(names: Names, step: int, use: Use) -> Iterator[Problem]:
    """Yield what is wrong with a reference that stands in an action of a step."""
    reference, flow = use.reference, names.graph.flow
    root, written = reference.path[0], f"{{{{{reference}}}}}"
    if root == "flow":
        if len(reference.path) > 1 and reference.path[1] not in FACTS:
            hint = nearest(reference.path[1], FACTS)
            yield Problem(use.place, f"{written} is nothing that the flow knows of itself.", hint)
        return
    if root == "steps":
        yield from _step_problems(names, step, use)
        return
    name = reference.path[1] if root == "inputs" and len(reference.path) > 1 else root
    if root == "inputs":
        if name not in flow.inputs and not _is_input_around(names.around, name):
            yield Problem(
                use.place, f"{written} is no input of this flow.", _undeclared(names, step, name)
            )
        return
    if names.is_known(name, step):
        return
    late = names.writers.get(name)
    if late:
        what = f"{written} is set by step {late[0]}, which does not run before."
        hint = f"A step can use what steps that lead to it have set; this is step {step}."
        yield Problem(use.place, what, hint)
        return
    what = f"{written} is no input of this flow."
    if names.writers or flow.state or names.around is not None:
        what = f"{written} is neither an input of this flow nor set by a step before."
    yield Problem(use.place, what, _undeclared(names, step, name))


def _is_input_around(around: Names | None, name: str) -> bool:
    return around is not None and (
        name in around.graph.flow.inputs or _is_input_around(around.around, name)
    )


def _step_problems(names: Names, step: int, use: Use) -> Iterator[Problem]:
    reference, graph = use.reference, names.graph
    written = f"{{{{{reference}}}}}"
    source = graph.index.source_of(reference)
    if isinstance(source, str):
        key = reference.path[1] if len(reference.path) > 1 else ""
        around = names.around
        if around is not None and graph.index.step(key) is None:
            yield from _step_problems(around, around.home, use)
            return
        hint = _near_step(names, reference)
        yield Problem(use.place, f"{written} names no step of this flow.", hint)
        return
    index = source[0] if isinstance(source, tuple) else source
    if not graph.is_before(index, step):
        when = "its own step" if index == step else f"step {index}, which does not run before"
        hint = f"A step can use the outputs of steps that lead to it; this is step {step}."
        yield Problem(use.place, f"{written} refers to {when}.", hint)
        return
    yield from _member(use.place, written, reference)


def _member(place: str, written: str, reference: Reference) -> Iterator[Problem]:
    at = 4 if len(reference.path) > 3 and reference.path[2] == "actions" else 2
    member = reference.path[at] if len(reference.path) > at else ""
    if member != "output":
        base = ".".join(reference.path[:at])
        yield Problem(place, f"{written} names no output.", f"Write {{{{{base}.output}}}}.")


def _undeclared(names: Names, step: int, name: str) -> str:
    if name in SCOPES:
        return f"Name one of them: {{{{{name}.…}}}}."
    known = names.before(step)
    close = nearest(name, [*known, *SCOPES])
    if close.startswith("Did you mean"):
        return close
    available = f" Available: {', '.join(known[:12])}." if names.graph.flow.edges and known else ""
    return f"Declare it: Flow(inputs={{{name!r}: …}}).{available}"


def _near_step(names: Names, reference: Reference) -> str:
    flow = names.graph.flow
    key = reference.path[1] if len(reference.path) > 1 else ""
    if names.graph.index.step(key) is not None:
        return "The step has no such action."
    if is_index(key):
        count = len(flow.steps)
        return f"The flow has {count} step{'' if count == 1 else 's'}; indices start at 0."
    return nearest(key, [step.id for step in flow.steps])
