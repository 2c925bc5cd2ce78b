"""What each input of each element holds, worked out from the connections before anything runs.

Theory of operation. In this format data moves along connections while the flow runs; in a flow it is
referred to. So every connection is read as a reference from the target's input to the source's
output, and an input's value is, in this order: what the last of its connections carries, what those
before it carry, what it is given at the beginning, the default of its schema. Elements that hand on
what they take, ``start`` and a ``flow_select`` that chooses a way out, are looked through. What
comes from the start, and what elements are given at the beginning, are inputs of the flow.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from flow_widgets.errors import Problem, nearest

from .asked import Asked
from .branches import selection, selects
from .document import Connection, Definition, Element, Field, literal
from .elements import KINDS
from .expression import either, inside, nested, reference

_TAKES_ALL = ("metadata", "flow_select", "custom")
"""Types that, without a schema of their inputs, take everything that an unnamed connection offers."""
_BRANCHES = ("case", "flow_select")


class Given(NamedTuple):
    """One value for an input, or for a part of it."""

    path: tuple[str, ...]
    """Where in the target's inputs it goes; the input's name comes first."""
    value: Any
    connection: Connection


class Wiring:
    """The values of a definition's inputs; problems are added to those of the definition."""

    def __init__(self, definition: Definition) -> None:
        self.elements = definition.elements
        self.problems = definition.problems
        self.asked = Asked()
        self.into: dict[str, list[Connection]] = {one: [] for one in self.elements}
        self.out: dict[str, list[Connection]] = {one: [] for one in self.elements}
        for connection in definition.connections:
            self.into[connection.target].append(connection)
            self.out[connection.source].append(connection)
        self._initial = definition.initial
        self._values: dict[str, dict[str, Any]] = {}
        self.uncertain = self._after_branches()
        """The elements that may not run, as they stand behind a branch."""
        self._started: dict[str, list[str]] = {}
        for element in self.elements.values():
            if element.type == "start":
                self._started[element.id] = list(self._start(element))

    def values(self, id: str) -> dict[str, Any]:
        """Return what the inputs of an element hold, without those that hold nothing."""
        if id not in self._values:
            self._values[id] = {}  # while it is worked out, a cycle of elements finds nothing
            self._values[id] = dict(self._worked_out(self.elements[id]))
        return self._values[id]

    def carried(self, connection: Connection) -> list[Given]:
        """Return what a connection brings to its target, by the target's inputs."""
        source, target = connection.source, connection.target
        if connection.output or connection.input:
            pairs = [self._pair(connection)]
        else:
            pairs = [((name,), (name,)) for name in self._equal_names(source, target)]
        found = [
            Given(taken, self._output(source, given, connection), connection)
            for given, taken in pairs
        ]
        return [one for one in found if one.value is not None]

    def is_incoming(self, element: Element) -> bool:
        """Whether it is a selection among values that come in."""
        if element.type != "flow_select":
            return False
        return selects(element, self.into[element.id]) == "incoming"

    def needed_branches(self, id: str) -> list[str]:
        """Return what leads to an element on a branch: cases, and what gives what it must have."""
        found: dict[str, None] = {}
        for connection in self.into[id]:
            source = self.elements[connection.source]
            is_branch = source.type in _BRANCHES and not self.is_incoming(source)
            if is_branch or (source.id in self.uncertain and self._is_needed(connection)):
                found[source.id] = None
        return list(found)

    def _is_needed(self, connection: Connection) -> bool:
        """Whether a connection carries what its target must have."""
        target = self.elements[connection.target]
        return any(self.field(target, one.path[0]).required for one in self.carried(connection))

    def field(self, element: Element, name: str) -> Field:
        """Return an input as the element declares it, else as its type does."""
        return element.inputs.get(name) or KINDS[element.type].inputs.get(name) or Field()

    # What comes from the start.

    def _start(self, element: Element) -> dict[str, list[Field]]:
        """Return the names that a start gives, added to the inputs of the flow."""
        given = self._initial.get(element.id, {})
        names: dict[str, list[Field]] = {name: [] for name in given}
        for schema in (element.inputs, element.outputs):
            for name, field in schema.items():
                names.setdefault(name, []).append(field)
        for connection in self.out[element.id]:
            for name, field in self._wanted_of_start(connection, names):
                names.setdefault(name, []).append(field)
        for name, fields in names.items():
            if not self.asked.has(name):
                self.asked.add(name, fields, given.get(name))
        return names

    def _wanted_of_start(
        self, connection: Connection, known: Mapping[str, Any]
    ) -> Iterator[tuple[str, Field]]:
        target = self.elements[connection.target]
        path = connection.output or connection.input
        if path:
            is_plain = len(connection.output) < 2 and len(connection.input) < 2
            name = (connection.input or connection.output)[0]
            yield path[0], self.field(target, name) if is_plain else Field()
            return
        for name in self._wanted(target.id, set()):
            if name in known or not self._is_supplied(target, name, connection):
                yield name, self.field(target, name)

    def _wanted(self, id: str, seen: set[str]) -> list[str]:
        """Return the names that an element looks for in what comes in unnamed."""
        if id in seen:
            return []
        element, seen = self.elements[id], seen | {id}
        required = [name for name, one in KINDS[element.type].inputs.items() if one.required]
        names = [*element.inputs, *required]
        if element.type == "flow_select":
            for connection in self.out[id]:
                taken = connection.output or connection.input
                names += [taken[0]] if taken else self._wanted(connection.target, seen)
        return [name for name in dict.fromkeys(names) if name != "chosen_flow"]

    def _is_supplied(self, target: Element, name: str, but: Connection) -> bool:
        """Whether an input has a value without what an unnamed connection from the start offers."""
        if name in self._initial.get(target.id, {}) or self.field(target, name).default is not None:
            return True
        others = [one for one in self.into[target.id] if one is not but]
        return any(
            (one.input or one.output)[0] == name
            if one.input or one.output
            else name in _names(self.elements[one.source])
            for one in others
        )

    # What other elements give.

    def _equal_names(self, source: str, target: str) -> list[str]:
        offered, element = self._offered(source), self.elements[target]
        if element.type == "flow_select":  # what another one chose is no choice of this one
            offered = [name for name in offered if name != "chosen_flow" or source in self._started]
        if element.type in _TAKES_ALL and not element.inputs:
            return offered
        wanted = {*element.inputs, *KINDS[element.type].inputs}
        return [name for name in offered if name in wanted]

    def _offered(self, id: str) -> list[str]:
        element = self.elements[id]
        if element.type == "start":
            return self._started[id]
        if element.type == "flow_select" and not self.is_incoming(element):
            return [*self.values(id), "chosen_flow"]
        return _names(element)

    def _pair(self, connection: Connection) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the paths of a connection that names at least one of them."""
        given, taken = connection.output, connection.input
        source = self.elements[connection.source]
        names = [*source.outputs] or [*KINDS[source.type].outputs]
        if not given:
            given = (names[0],) if len(names) == 1 else taken[:1]
        return given, taken or given[-1:]

    def _output(self, id: str, path: Sequence[str], connection: Connection) -> Any:
        """Return a template for an output of an element, None (and a problem) when there is none."""
        element, (name, *rest) = self.elements[id], path
        place = f"connections[{connection.index}].from_output"
        if element.type == "start":
            found = self.asked.reference(name)
        elif element.type == "flow_select" and name != "chosen_flow":
            found = self._selected(element, name)
        else:
            found = self._made(element, name, place)
        try:
            return inside(found, rest) if rest and found is not None else found
        except (LookupError, ValueError):
            what = f"{'.'.join(path)!r} is not in what {id!r} gives."
            self.problems.append(Problem(place, what, "Take a part that is there."))
            return None

    def _selected(self, element: Element, name: str) -> Any:
        if not self.is_incoming(element):
            return self.values(element.id).get(name)
        choices = Counter(one.source for one in self.into[element.id] for _ in self.carried(one))
        is_single = all(choices[one] <= 1 for one in selection(element))
        path = ("value",) if is_single else ("value", name)
        return reference("steps", self.key(element), "output", *path)

    def _made(self, element: Element, name: str, place: str) -> Any:
        kind, names = KINDS[element.type], _names(element)
        path = kind.outputs.get(name)
        if path is None and kind.any_output and (name in names or not element.outputs):
            path = name
        if path is None and name in element.outputs and len(set(kind.outputs.values())) == 1:
            path = next(iter(kind.outputs.values()))
        if path is None:
            what = f"{name!r} is no output of {element.id!r}."
            self.problems.append(Problem(place, what, nearest(name, names)))
            return None
        found = reference("steps", self.key(element), "output", *([path] if path else []))
        if found is None:
            what = f"{path!r} can't stand in a reference."
            hint = "Use letters, digits, hyphens and underscores."
            self.problems.append(Problem(place, what, hint))
        return found

    def key(self, element: Element) -> str:
        """Return what a reference calls an element: its id, or its place where that can't stand there."""
        is_usable = reference(element.id) and not element.id.isdigit()
        return element.id if is_usable else str(element.index)

    # What inputs hold.

    def _worked_out(self, element: Element) -> Iterator[tuple[str, Any]]:
        if element.type == "start":
            yield from ((one, self.asked.reference(one)) for one in self._started[element.id])
            return
        given: dict[str, list[Given]] = {}
        is_choice = self.is_incoming(element)
        for connection in self.into[element.id]:
            for one in self.carried(connection):
                if not is_choice or one.path[0] == "chosen_flow":
                    given.setdefault(one.path[0], []).append(one)
        kind, initial = KINDS[element.type], self._initial.get(element.id, {})
        for name in dict.fromkeys((*element.inputs, *kind.inputs, *given, *initial)):
            if name in (*element.inputs, *kind.inputs) or kind.any_input:
                value = self._value(element, name, given.get(name, []))
                if value is not None:
                    yield name, value
            else:
                self._ignored(element, name, given.get(name, []))

    def _value(self, element: Element, name: str, given: Sequence[Given]) -> Any:
        field = self.field(element, name)
        default = self._initial.get(element.id, {}).get(name)
        is_optional = not field.required and self._may_be_missing(element, given)
        if default is not None or is_optional:
            self.asked.add(name, [field._replace(required=False)], default, owner=element.id)
            ways = [self.asked.reference(name, element.id)]
        else:
            ways = []
        parts = [one for one in given if len(one.path) > 1]
        if given and given[-1] in parts:
            base = [((key,), inside(ways[0], [key])) for key in _keys(default)]
            return nested([*base, *((one.path[1:], one.value) for one in parts)])
        whole = [one for one in reversed(given) if one not in parts]
        if len(whole) > 1:
            self._twice(element, name, whole)
        ways = [*(one.value for one in whole), *ways]
        return either(ways) if ways else self._fallback(element, name, field)

    def _fallback(self, element: Element, name: str, field: Field) -> Any:
        """Return what an input holds that nothing is connected to, None for nothing."""
        if field.default is not None:
            return literal(field.default)
        if KINDS[element.type].asks == name:
            if self.asked.has(name):
                return self.asked.reference(name)
            self.asked.add(name, [field], owner=element.id)
            return self.asked.reference(name, element.id)
        if field.required and not self._is_broken(element):
            place = f"elements.{element.id}.input_schema.{name}"
            what = (
                f"{element.id!r} gets no {name!r}: no connection, initial input or default has it."
            )
            hint = (
                f'Connect an output to it with "to_input": "{name}", or give it in initial_inputs.'
            )
            self.problems.append(Problem(place, what, hint))
        return None

    def _is_broken(self, element: Element) -> bool:
        """Whether a connection to an element carries nothing because of a problem already told."""
        places = {f"connections[{one.index}].from_output" for one in self.into[element.id]}
        return any(one.place in places for one in self.problems if one.severity == "error")

    def _may_be_missing(self, element: Element, given: Sequence[Given]) -> bool:
        """Whether all that is connected may be on a branch that is not taken, while the element runs."""
        sources = {one.source for one in self.into[element.id]}
        branches = [one.connection.source in self.uncertain for one in given]
        return len(sources) > 1 and bool(branches) and all(branches)

    def _after_branches(self) -> set[str]:
        """Return the elements that may not run."""
        waiting = [
            one.target
            for element in self.elements.values()
            if element.type in _BRANCHES and not self.is_incoming(element)
            for one in self.out[element.id]
        ]
        found: set[str] = set()
        while waiting:
            here = waiting.pop()
            if here not in found:
                found.add(here)
                waiting += [one.target for one in self.out[here]]
        return found

    def _twice(self, element: Element, name: str, whole: Sequence[Given]) -> None:
        last = whole[0].connection
        what = f"{name!r} of {element.id!r} has {len(whole)} connections; the last that ran counts."
        self.problems.append(Problem(f"connections[{last.index}]", what, severity="warning"))

    def _ignored(self, element: Element, name: str, given: Sequence[Given]) -> None:
        what = f"{name!r} is no input of {element.id!r}; it is not used."
        hint = nearest(name, [*element.inputs, *KINDS[element.type].inputs])
        place = f"connections[{given[0].connection.index}]" if given else f"initial_inputs.{name}"
        self.problems.append(Problem(place, what, hint, "warning"))


def _names(element: Element) -> list[str]:
    """Return the outputs of an element that can be told without a look at its connections."""
    return list(dict.fromkeys((*element.outputs, *KINDS[element.type].outputs)))


def _keys(value: Any) -> list[str]:
    return [str(key) for key in value] if isinstance(value, Mapping) else []
