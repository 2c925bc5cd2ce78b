"""The edges of the flow: the connections, without those that would run what a branch left out.

Theory of operation. In this format an element behind a case runs only when its case holds, even when
it also takes data from elsewhere. In a flow one edge that is fired is enough, those of branches not
taken are ignored. So where an element stands on a branch, that is, it is led to by a case or a
selection, or can't do without the output of an element on a branch, its other connections must not
start it: one from an element that has settled before anyway is left out, as data needs no edge, and
another one is moved up to where the branch begins, which then waits for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .branches import case_ports, select_port
from .document import Connection, Element
from .wiring import Wiring

Edge = dict[str, str]


def edges_of(connections: Sequence[Connection], wiring: Wiring) -> list[Edge]:
    """Return the edges of a flow, each once; problems are added to those of the wiring."""
    ports: dict[int, str] = {}
    for element in wiring.elements.values():
        ports |= _ports(element, wiring.out[element.id], wiring)
    before = _before(wiring)
    found: dict[tuple[str, str, str], None] = {}
    for one in connections:
        port = ports.get(one.index, "")
        for target in [one.target] if port else _targets(one.source, one.target, wiring, before):
            found[one.source, target, port] = None
    return [
        {"source": source, "target": target, **({"source_port": port} if port else {})}
        for source, target, port in found
    ]


def _ports(element: Element, outgoing: list[Connection], wiring: Wiring) -> dict[int, str]:
    """Return the ports of the connections out of an element, by the index of the connection."""
    if element.type == "case":
        ports = {}
        for one, (port, problems) in zip(outgoing, case_ports(element, outgoing), strict=True):
            ports[one.index] = port
            wiring.problems += problems
        return ports
    if element.type == "flow_select" and not wiring.is_incoming(element):
        return {one.index: select_port(element, one, outgoing) for one in outgoing}
    return {one.index: "error" for one in outgoing if one.port == "error"}


def _before(wiring: Wiring) -> dict[str, set[str]]:
    """Return for each element those that lead to it."""
    found: dict[str, set[str]] = {}
    for start in wiring.elements:
        reached: set[str] = set()
        waiting = [start]
        while waiting:
            new = {one.source for one in wiring.into[waiting.pop()]} - reached
            reached |= new
            waiting += new
        found[start] = reached
    return found


def _targets(
    source: str, target: str, wiring: Wiring, before: dict[str, set[str]]
) -> Iterator[str]:
    """Yield where an edge from an element leads to: its target, a step before that, or nothing."""
    while True:
        branches = wiring.needed_branches(target)
        needed = [one for one in branches if target not in before[one]]  # others lead back to it
        if not needed or source in needed or source in wiring.uncertain:
            yield target
            return
        if any(source in before[one] for one in needed):
            return
        target = needed[0]
