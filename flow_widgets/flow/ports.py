"""Names that the author of a flow gives to ports: which ones can't be used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from flow_widgets.errors import Problem


def port_problems(
    names: Iterable[str], *, field: str, reserved: Mapping[str, str]
) -> Iterator[Problem]:
    """Yield what is wrong with the names of the items of a field, each the name of a port.

    ``reserved`` are the names that stand for something else, with what they stand for.
    """
    taken = {"error": "the port of a failure", **reserved}
    for index, name in enumerate(names):
        place = f"{field}[{index}].name"
        if not name:
            yield Problem(place, "the name is empty.", "Give one: it is the name of a port.")
        elif name in taken:
            yield Problem(place, f"{name!r} is already {taken[name]}.", "Choose another name.")
        else:
            taken[name] = f"the name of {field}[{index}]"
