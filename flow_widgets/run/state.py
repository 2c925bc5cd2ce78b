"""What the events of a run fold into: statuses, attempts, outputs, times, edges and the log.

A state has one owner, who folds events into it in place (docs/design/001-state-in-place.md); everyone
else reads. Times are seconds since the epoch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flow_widgets.flow.graph import Graph, Place
from flow_widgets.flow.limits import Budget
from flow_widgets.flow.model import Action
from flow_widgets.run.events import CancelCause, Failure, Origin, Read, RerunCause, SkipCause
from flow_widgets.run.view import ActionStatus, LogLevel, RunStatus

SETTLED = frozenset({"completed", "failed", "skipped", "canceled"})


@dataclass(slots=True)
class Progress:
    """How far long work is; ``total`` is None while nobody knows."""

    done: int
    total: int | None
    text: str


@dataclass(slots=True)
class AttemptState:
    """One try of one action; once settled it never changes."""

    number: int
    visit: int
    definition: Action
    reads: tuple[Read, ...]
    started_at: float
    model: str | None = None
    rendered: Action | None = None
    status: ActionStatus = "running"
    parts: list[str] = field(default_factory=list)
    chars: int = 0
    output: Any = None
    digest: str | None = None
    ports: tuple[str, ...] = ()
    error: Failure | None = None
    note: str | None = None
    first_chunk_at: float | None = None
    ended_at: float | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    finish_reason: str | None = None
    request_id: str | None = None
    writes: tuple[tuple[str, Any], ...] = ()
    """What it set in the shared state, by path."""
    progress: Progress | None = None
    code: str = ""
    """Mark of the code of its class, for a type of the user's own."""
    rerun: bool = False
    """Whether it is of a rerun, or a person wrote it, so that it counts in every visit."""
    origin: Origin = "ran"
    source: str | None = None
    """Id of the run that an output of origin ``cache`` comes from."""
    retry_seconds: float | None = None
    """Of a failed attempt that is followed by another: how long after it."""
    estimated_tokens: int | None = None
    """About how many tokens it used, where no server named them."""
    cost_usd: float | None = None
    """What it cost, None when no price is known; without what flows inside it cost."""
    inner_tokens: int | None = None
    """Tokens of the flows inside the action, None while no server named any."""
    inner: dict[int | str, RunState] | None = None
    """The runs of flows inside the action, by their key."""

    @property
    def tokens(self) -> int | None:
        """Its own tokens and those of the flows inside it, None when no server named any."""
        if self.total_tokens is None or self.inner_tokens is None:
            return self.total_tokens if self.inner_tokens is None else self.inner_tokens
        return self.total_tokens + self.inner_tokens

    @property
    def text(self) -> str:
        """Everything that was streamed so far; for an action that does not stream, empty."""
        return "".join(self.parts)


@dataclass(slots=True)
class ActionState:
    """An action: its newest attempt's status, and all attempts, oldest first."""

    id: str
    status: ActionStatus = "pending"
    reason: str | None = None
    """Why it was skipped, or what it waits for."""
    stale: str | None = None
    pinned: bool = False
    """Whether its output is used as it is until somebody lets it go."""
    waits_until: float | None = None
    """While it waits: when it goes on, as far as that is known."""
    attempts: list[AttemptState] = field(default_factory=list)
    had: int = 0
    """How many attempts it had when the newest work began that was to run it."""

    @property
    def newest(self) -> AttemptState | None:
        """The newest attempt, or None before the first."""
        return self.attempts[-1] if self.attempts else None


@dataclass(slots=True)
class VisitState:
    """One time a step is gone through; open while actions of it have not settled."""

    number: int
    rerun: bool
    open: int
    resumed: bool = False
    cut: bool = False
    """Whether an action of it never began, because the run was canceled."""
    waiting: set[int] = field(default_factory=set)
    """The actions that wait before they can begin, or between two attempts."""
    attempts: list[AttemptState] = field(default_factory=list)


@dataclass(slots=True)
class StepState:
    """A step: the worst of its actions once settled, and its open visits."""

    id: str
    actions: list[ActionState]
    status: ActionStatus = "pending"
    reason: str | None = None
    skip_cause: SkipCause | None = None
    """Why it was skipped, or, where its join failed, ``failed``; None otherwise."""
    failed: bool = False
    """Whether a visit failed that no later rerun has made good."""
    limited: bool = False
    """Whether it failed because it was visited too often."""
    started_at: float | None = None
    ended_at: float | None = None
    visit_count: int = 0
    reruns: int = 0
    """How many of these visits were reruns."""
    visits: dict[int, VisitState] = field(default_factory=dict)
    undone: list[int] = field(default_factory=list)
    """Numbers of visits that failed unhandled, were canceled or cut off."""
    again: list[int] = field(default_factory=list)
    """Which of these a run that goes on has not begun again yet."""

    @property
    def own_visits(self) -> int:
        """How many visits were begun by edges, or by the beginning of the run."""
        return self.visit_count - self.reruns

    @property
    def is_open(self) -> bool:
        """Whether a visit of it goes on, or will be gone on with."""
        return bool(self.visits or self.again)


@dataclass(slots=True)
class ArcState:
    """An edge in a run: how often it fired, and whether it still can."""

    fired: int = 0
    taken: int = 0
    """On a cycle: how many of these firings its target has been visited for."""
    failed: bool = False
    """Its source failed, and nothing handled that."""
    closed: bool = False
    """Its source will not fire it any more; closed without having fired, it is dead."""


@dataclass(slots=True)
class LogLine:
    """One fact in words; a line of level ``out`` stands for the output of its attempt."""

    at: float
    level: LogLevel
    text: str
    step: int | None = None
    action: int | None = None
    attempt: AttemptState | None = field(default=None, repr=False)


@dataclass(slots=True)
class RunState:
    """One run, as far as its events tell."""

    id: str
    number: int
    graph: Graph
    inputs: dict[str, Any]
    """The inputs that the next attempt gets."""
    used_inputs: dict[str, Any]
    """The inputs that the newest work began with; an edit since then is not in here."""
    started_at: float
    steps: list[StepState]
    arcs: list[ArcState]
    seq: int = 0
    status: RunStatus = "running"
    active_at: float | None = None
    """When the work that is going on began; None while nothing runs."""
    active_seconds: float = 0.0
    """How long work went on before that, without the times between reruns."""
    ended_at: float | None = None
    shared: dict[str, Any] = field(default_factory=dict)
    log: list[LogLine] = field(default_factory=list)
    open_visits: int = 0
    partial: bool = False
    """Whether the work that goes on is of some actions only, so that no edge fires."""
    scope: dict[Place, None] = field(default_factory=dict)
    """The actions that are still to be started in such work."""
    whole: bool = True
    """Whether the run was begun to run the whole flow."""
    targets: tuple[Place, ...] | None = None
    """The actions that the newest work was of; None: of the whole flow."""
    begun_at: float = 0.0
    """When the newest work began."""
    cause: RerunCause | None = None
    canceling: bool = False
    cancel_cause: CancelCause | None = None
    cancel_reason: str = ""
    stopped_by: int | None = None
    """The step whose failure stopped the run, or None."""
    tokens: int | None = None
    """Tokens of all attempts, or None while no server named any."""
    estimated_tokens: int = 0
    """About how many tokens attempts used whose server named none."""
    cost_usd: float | None = None
    """What all attempts cost, None while no price was known for any."""
    unpriced: bool = False
    """Whether tokens were used for which no price is known."""
    budget: Budget | None = None
    """What the run may spend."""
    trigger: int | None = None
    """The step that something from outside began, or None."""
    writers: dict[str, list[Place]] = field(default_factory=dict)
    """Which actions have set each shared value, by its first name, the last one last."""
    written: list[tuple[str, Any]] = field(default_factory=list)
    """In a flow inside an action: what was set in the shared state, by path, in order."""
    visiting: set[int] = field(default_factory=set)
    """The steps that have an open visit."""
    cycle_visits: int = 0
    """How often steps on cycles have been visited, all together."""
    outer: RunState | None = field(default=None, compare=False, repr=False)
    """Of a flow inside an action: the run around it, whose values it sees; None if it is isolated."""
    home: Place | None = None
    """Where in ``outer`` it runs."""

    def action(self, place: Place) -> ActionState:
        """Return the state of an action."""
        return self.steps[place[0]].actions[place[1]]
