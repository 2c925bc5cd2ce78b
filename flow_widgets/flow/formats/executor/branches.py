"""Cases and selections: which port each of their connections leaves from, and the actions they become."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, Protocol

from flow_widgets.errors import Problem, nearest

from .document import Connection, Element, literal

ELSE = "else"
"""The port, and the name on a connection, of what runs when nothing fits."""
_OPERATORS = ("==", "!=", ">", "<", ">=", "<=", "in")


def cases_of(element: Element) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the names of the cases and what each compares, in their order."""
    given = element.given("cases", default=[])
    groups = given if isinstance(given, (list, tuple)) else [given]
    return [
        (str(name), condition)
        for group in groups
        if isinstance(group, Mapping)
        for name, condition in group.items()
        if isinstance(condition, Mapping)
    ]


def case_action(
    element: Element, values: Mapping[str, Any], problems: list[Problem]
) -> dict[str, Any]:
    """Return the action of a case element."""
    variables = values.get("variables", {})
    cases = []
    for name, condition in cases_of(element):
        operator = str(condition.get("compare") or "==").strip()
        if operator not in _OPERATORS:
            what = f"{operator!r} is no known comparison; '==' is taken."
            place = f"elements.{element.id}.cases.{name}.compare"
            problems.append(Problem(place, what, nearest(operator, _OPERATORS), "warning"))
            operator = "=="
        right = condition.get("variable2")
        looked_up = {"right_variable": right} if isinstance(right, str) else {}
        cases.append(
            {
                "name": name,
                "variable": str(condition.get("variable1", "")),
                "operator": operator,
                "right": literal(right),
                **looked_up,
                "strict": True,
            }
        )
    if not cases:
        place = f"elements.{element.id}.cases"
        problems.append(Problem(place, "there are no cases.", "List them, each by its id."))
    return {"type": "case", "variables": variables, "cases": cases}


def case_ports(
    element: Element, outgoing: Sequence[Connection]
) -> Iterator[tuple[str, list[Problem]]]:
    """Yield for each connection out of a case its port, with what is worth saying about it.

    A connection that names no case belongs to the one at its own place, those left over to ``else``.
    """
    names = [name for name, _ in cases_of(element)]
    for index, connection in enumerate(outgoing):
        place = f"connections[{connection.index}]"
        if connection.port is None:
            port = names[index] if index < len(names) else ELSE
            hint = f'Write "when": {port!r} to say so.'
            yield (
                port,
                [Problem(place, f"is taken for case {port!r} by its place.", hint, "warning")],
            )
        elif connection.port in (*names, ELSE, "default"):
            yield connection.port if connection.port in names else ELSE, []
        else:
            what = f"{connection.port!r} is no case of {element.id!r}."
            hint = nearest(connection.port, [*names, ELSE])
            yield connection.port, [Problem(f"{place}.when", what, hint)]


def selection(element: Element) -> list[str]:
    """Return the names that a selection chooses from, in their order."""
    given = element.given("flows_to_switch", default=[])
    return [str(one) for one in given] if isinstance(given, (list, tuple)) else [str(given)]


def selects(element: Element, incoming: Sequence[Connection]) -> Literal["incoming", "downstream"]:
    """Return whether a selection takes one of the values that come in, or one of the ways out."""
    sources = {one.source for one in incoming}
    named = sources.intersection(selection(element))
    return "incoming" if len(sources) > 1 and named else "downstream"


def select_port(element: Element, connection: Connection, outgoing: Sequence[Connection]) -> str:
    """Return the port by which a selection leads to a target; what is in no list has ``else``."""
    names = _ways_out(element, outgoing)
    for name in (connection.port, connection.target):
        if name in names:
            return name or ELSE
    return ELSE


def _ways_out(element: Element, outgoing: Sequence[Connection]) -> list[str]:
    return selection(element) or list(dict.fromkeys(one.target for one in outgoing))


class Ways(Protocol):
    """What is known of the connections of a selection."""

    @property
    def into(self) -> Mapping[str, Sequence[Connection]]:
        """The connections to each element."""
        ...

    @property
    def out(self) -> Mapping[str, Sequence[Connection]]:
        """The connections out of each element."""
        ...

    def carried(self, connection: Connection) -> Sequence[Any]:
        """Return what a connection brings to its target: for each input a path and a value."""
        ...

    def is_incoming(self, element: Element) -> bool:
        """Whether it is a selection among values that come in."""
        ...


def select_action(element: Element, values: Mapping[str, Any], ways: Ways) -> dict[str, Any]:
    """Return the action of a selection: its choices in order, each with the value that it needs."""
    chosen = {"chosen": values["chosen_flow"]} if "chosen_flow" in values else {}
    if ways.is_incoming(element):
        choices = _choices(selection(element), ways.into[element.id], ways, lambda one: one.source)
        return {"type": "flow_select", "mode": "incoming", "choices": choices, **chosen}
    outgoing = ways.out[element.id]
    names = _ways_out(element, outgoing)
    first = next((one for name, one in values.items() if name != "chosen_flow"), True)
    choices = _choices(
        names, outgoing, ways, lambda one: select_port(element, one, outgoing), otherwise=first
    )
    return {"type": "flow_select", "mode": "downstream", "choices": choices, **chosen}


def _choices(
    names: Sequence[str],
    connections: Sequence[Connection],
    ways: Ways,
    name_of: Callable[[Connection], str],
    otherwise: Any = None,
) -> list[dict[str, Any]]:
    """Return a choice for each name that a connection has, with all that these connections carry."""
    carried = {
        name: [given for one in connections if name_of(one) == name for given in ways.carried(one)]
        for name in dict.fromkeys(names)
        if any(name_of(one) == name for one in connections)
    }
    is_single = all(len(given) <= 1 for given in carried.values())
    return [
        {
            "name": name,
            "value": otherwise
            if not given
            else given[0].value
            if is_single or otherwise is not None
            else {".".join(one.path): one.value for one in given},
        }
        for name, given in carried.items()
    ]
