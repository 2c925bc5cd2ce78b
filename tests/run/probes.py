"""Flows of actions that the tests settle themselves, and how they are to end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from flow_widgets.flow.model import Action, Edge, Flow, Input, Step
from flow_widgets.flow.template import Templated


class Probe(Action):
    """An action that the tests settle; what its template gives is not used."""

    type: Literal["probe"] = "probe"
    text: Templated[str] = ""
    own_ports: tuple[str, ...] = ("success",)

    @property
    def ports(self) -> tuple[str, ...]:
        return self.own_ports


@dataclass(frozen=True)
class Done:
    """A scripted good end; ``value`` None means a text that names the attempt."""

    value: Any = None
    ports: tuple[str, ...] | None = None
    chunks: tuple[str, ...] = ()
    writes: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class Fail:
    """A scripted failure; with ``retry_seconds`` another attempt follows."""

    what: str = "It broke."
    retry_seconds: float | None = None


def flow(edges: str = "", **given: Any) -> Flow:
    """Return a flow of probes: ``flow("a >> b, a.error >> c", joins={"c": "no_wait"})``.

    ``steps`` names steps that no edge names, ``counts`` those with several actions, ``texts`` their
    templates, ``ports`` their ports; everything else is a field of the flow. ``sequence`` names the
    steps of a flow without edges.
    """
    sequence = given.pop("sequence", "").split()
    pairs = [tuple(map(str.strip, line.split(">>"))) for line in edges.split(",") if line.strip()]
    ends = [end.split(".")[0] for pair in pairs for end in pair]
    names = list(dict.fromkeys([*sequence, *given.pop("steps", "").split(), *ends]))
    parts = {key: given.pop(key, {}) for key in ("joins", "counts", "texts", "ports")}
    return Flow(
        steps=tuple(_step(name, **parts) for name in names),
        edges=tuple(
            Edge(source=source, source_port=port or None, target=target)
            for pair in pairs
            for (source, _, port), target in [(pair[0].partition("."), pair[1])]
        ),
        **given,
    )


def _step(
    name: str,
    joins: Mapping[str, Any],
    counts: Mapping[str, int],
    texts: Mapping[str, str],
    ports: Mapping[str, tuple[str, ...]],
) -> Step:
    actions = tuple(
        Probe(text=texts.get(name, ""), own_ports=ports.get(name, ("success",)))
        for _ in range(counts.get(name, 1))
    )
    return Step(id=name, name=name, join=joins.get(name), actions=actions)


def inputs(**defaults: Any) -> dict[str, Input]:
    """Return declared inputs with these defaults."""
    return {name: Input(default=value) for name, value in defaults.items()}
