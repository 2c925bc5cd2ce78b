"""What an execution works with: where providers and permissions come from, and the levels of a run."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from flow_widgets.actions.base import Permissions
from flow_widgets.errors import FlowError
from flow_widgets.flow.limits import Retry
from flow_widgets.flow.model import Action, Flow
from flow_widgets.flow.models import calls_model
from flow_widgets.net import Access
from flow_widgets.providers.base import Provider
from flow_widgets.run.events import CancelCause, Path
from flow_widgets.run.spending import Prices
from flow_widgets.run.state import RunState


@dataclass(frozen=True, slots=True)
class Resources:
    """What actions are given from outside, the same for a whole run."""

    provider_of: Callable[[str | None], Provider]
    """Returns the provider of a name; None means the runner's."""
    permissions: Permissions = field(default_factory=Permissions)
    random: random.Random = field(default_factory=random.Random)
    prices: Prices = field(default_factory=dict)
    """What models cost, by their names."""
    retry: Retry | None = None
    """How failed attempts are repeated; None: as actions and flows say."""


def permissions(
    custom_code: bool,  # noqa: FBT001  # in the order of the runner's options
    private_network: bool,  # noqa: FBT001  # the same
    hosts: Iterable[str],
    secrets: Iterable[str],
) -> Permissions:
    """Return what the options of a runner allow.

    Raises:
        FlowError: A list of names is a text.
    """
    access = Access(private_network=private_network, hosts=_names("allowed_hosts", hosts))
    return Permissions(custom_code, access, _names("allowed_secrets", secrets))


def _names(option: str, names: Iterable[str]) -> frozenset[str]:
    if isinstance(names, str):
        raise FlowError(f"{option} is a list of names.", hint=f"Write {option}=[{names!r}].")
    return frozenset(names)


class Level:
    """The flow of a run, or a flow inside an action of one, while it can still change."""

    __slots__ = (
        "_flow",
        "_outer",
        "begun",
        "busy",
        "inner",
        "path",
        "settled",
        "state",
        "tasks",
        "twins",
    )

    state: RunState
    """Its own state, a part of the run's; there is none before it has begun."""

    def __init__(self, path: Path, outer: Level | None = None, flow: Flow | None = None) -> None:
        """Make a level that has no state before its first event."""
        self.path, self._outer, self._flow = path, outer, flow
        self.begun = False
        self.tasks: dict[tuple[int, int, int], asyncio.Task[None]] = {}
        """By step, action and attempt."""
        self.busy: set[tuple[int, int, int]] = set()
        """Of these, what counts for the limit of parallel actions."""
        self.inner: dict[Path, Level] = {}
        self.settled: asyncio.Future[None] | None = None
        """Of a flow inside an action: set when it has settled."""
        self.twins: list[RunState] = []
        """Of a flow inside an action: its runs in attempts that were cut off, the newest first."""

    @property
    def max_parallel(self) -> int | None:
        """How many actions of a flow inside an action may be in flight; the run's own limit is elsewhere."""
        return self._flow.max_parallel if self._flow else None

    @property
    def model(self) -> str | None:
        """The model of actions that name none: that of the flow, else of the flow around it."""
        own = (self._flow or self.state.graph.flow).model
        return own or (self._outer.model if self._outer else None)

    @property
    def provider(self) -> str | None:
        """The name of the provider of actions that name none, found as the model is."""
        own = (self._flow or self.state.graph.flow).provider
        return own or (self._outer.provider if self._outer else None)

    @property
    def flow(self) -> Flow:
        """Its definition."""
        return self._flow or self.state.graph.flow

    def model_for(self, action: Action) -> str | None:
        """Return the model that an action, or else its flow, names; None for one that calls none."""
        if not calls_model(type(action)):
            return None
        return getattr(action, "model", None) or self.model


def is_to_cancel(level: Level, cause: CancelCause | None) -> bool:
    """Whether a level goes on in a way that a cancel changes."""
    state = level.state
    if not level.begun or state.status != "running":
        return False
    return not state.canceling or (state.cancel_cause == "store" and cause != "store")
