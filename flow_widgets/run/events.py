"""What can happen in a run: one record per fact, past tense, numbered without gaps.

Records are slotted and not frozen, because freezing costs five times as much per chunk; nobody
changes one after it was made. ``seq`` counts from 1 in each run; ``at`` is in seconds since the epoch,
UTC. ``step`` and ``action`` are 0-based indices, None where the fact is about more than one. ``path``
leads to the flow inside an action that a fact is about; it is empty for facts of the run's own flow.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from flow_widgets.flow.graph import Place
from flow_widgets.flow.limits import Budget
from flow_widgets.flow.model import Action, Flow

Source = Place | tuple[int, int, str] | str
"""Where a value came from: an action, an action and the shared value it wrote, or an input's name."""
Read = tuple[Source, str | None]
"""What an attempt used, and the digest it had."""
RerunCause = Literal["step", "action", "stale", "resume"]
SkipCause = Literal["dead", "failed", "canceled"]
FailCause = Literal["action", "join", "limit"]
CancelCause = Literal["user", "budget", "store"]
"""Who stopped a run: somebody, a budget that is spent, or a store that can't be written."""
Origin = Literal["ran", "cache", "kept", "pin", "edit"]
"""Where an output comes from: its action ran, it was taken from an earlier run or from an attempt
that was cut off, it was pinned, or a person wrote it."""


class Inner(NamedTuple):
    """One level of a path: the attempt that runs a flow inside itself, and which run of it."""

    step: int
    action: int
    attempt: int
    key: int | str


Path = tuple[Inner, ...]


@dataclass(slots=True)
class Failure:
    """Why an attempt failed: what is wrong, what to do, and what the server said."""

    kind: str
    what: str
    hint: str = ""
    status: int | None = None
    request_id: str | None = None
    retryable: bool = False
    retry_after_seconds: float | None = None
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.what} {self.hint}".strip()


@dataclass(slots=True)
class Event:
    """A fact of a run."""

    seq: int
    run_id: str
    at: float
    step: int | None
    action: int | None
    path: Path = field(default=(), kw_only=True)


@dataclass(slots=True)
class FlowStarted(Event):
    """A run began, of the whole flow or only of some actions; or that of a flow inside an action."""

    number: int
    flow: Flow = field(repr=False)
    inputs: dict[str, Any] = field(repr=False)
    targets: tuple[Place, ...] | None
    """The actions to run, or None for the whole flow."""
    trigger: int | None = None
    """The step that something from outside began, or None."""
    is_isolated: bool = False
    """Of a flow inside an action: whether it sees nothing but its own inputs."""
    budget: Budget | None = None
    """What the run may spend; None: no limit."""

    @property
    def flow_id(self) -> str:
        """The id of the flow."""
        return self.flow.id

    @property
    def flow_name(self) -> str:
        """The name of the flow."""
        return self.flow.name


@dataclass(slots=True)
class RerunStarted(Event):
    """Some actions of a settled run are run again, inside it."""

    targets: tuple[Place, ...]
    cause: RerunCause
    budget: Budget | None = None
    """What the run may spend from now on, all in all; None: as before."""


@dataclass(slots=True)
class FlowResumed(Event):
    """A run that had failed, or was canceled or interrupted, goes on with what had not completed."""

    budget: Budget | None = None
    """What the run may spend from now on, all in all; None: as before."""


@dataclass(slots=True)
class FlowInterrupted(Event):
    """The process that drove the run ended before the run had settled."""


@dataclass(slots=True)
class FlowRevised(Event):
    """The definition of a settled run was edited; results stay with the actions of the same id."""

    flow: Flow


@dataclass(slots=True)
class InputsRevised(Event):
    """The inputs of a settled run were edited."""

    inputs: dict[str, Any]


@dataclass(slots=True)
class StepStarted(Event):
    """A visit of a step began with these of its actions."""

    visit: int
    actions: tuple[int, ...]
    rerun: bool
    resumed: bool = False
    """Whether it goes on with a visit that was cut off; its other actions count as they stand."""


@dataclass(slots=True)
class StepCompleted(Event):
    """All actions of a visit completed; its edges at these ports fire."""

    visit: int
    ports: tuple[str, ...]


@dataclass(slots=True)
class StepFailed(Event):
    """An action of a visit failed, or the join or a limit kept it from starting (``visit`` is 0)."""

    visit: int
    reason: str
    cause: FailCause = "action"


@dataclass(slots=True)
class StepCanceled(Event):
    """A visit ended because the run was canceled."""

    visit: int


@dataclass(slots=True)
class StepSkipped(Event):
    """A step will not run."""

    reason: str
    cause: SkipCause


@dataclass(slots=True)
class ActionStarted(Event):
    """An attempt of an action began."""

    attempt: int
    visit: int
    definition: Action = field(repr=False)
    reads: tuple[Read, ...] = field(repr=False)
    model: str | None
    rendered: Action | None = field(default=None, repr=False)
    """The definition with its templates filled in; None when that failed."""
    code: str = ""
    """Mark of the code of its class, for a type of the user's own; empty for a built-in type."""
    identity: str = ""
    """Digest of all that makes its output, of an action whose output may be used again; else empty."""


@dataclass(slots=True)
class ActionHeld(Event):
    """An action of a started step has to wait before it can begin, such as for a rate limit."""

    visit: int
    seconds: float | None
    """How long, as far as it is known."""
    reason: str


@dataclass(slots=True)
class ActionChunk(Event):
    """A piece of an attempt's output arrived."""

    attempt: int
    text: str


@dataclass(slots=True)
class ActionProgressed(Event):
    """An attempt told how far it is."""

    attempt: int
    done: int
    total: int | None
    text: str


@dataclass(slots=True)
class ActionCompleted(Event):
    """An attempt ended well."""

    attempt: int
    output: Any
    """The text that was streamed, or the JSON value that it held."""
    digest: str
    """Digest of the output; equal outputs have equal digests."""
    ports: tuple[str, ...]
    model: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    total_tokens: int | None
    finish_reason: str | None
    request_id: str | None
    note: str | None
    """``truncated``, ``refused`` or ``empty`` where the output is not what one would expect."""
    writes: tuple[tuple[str, Any], ...] = ()
    """What was set in the shared state: paths and values, cast to what the flow declares."""
    cost_usd: float | None = None
    """What it cost, None when no price is known."""
    origin: Origin = "ran"
    source: str | None = None
    """Id of the run that an output of origin ``cache`` comes from."""
    estimated_tokens: int | None = None
    """About how many tokens it used beyond those that the server named."""


@dataclass(slots=True)
class ActionFailed(Event):
    """An attempt ended badly; the text that had arrived is kept."""

    attempt: int
    error: Failure
    total_tokens: int | None
    output: Any = None
    """What it had to show all the same, such as the response to a request that was refused."""
    retry_seconds: float | None = None
    """How long until the next attempt; None when there is none."""
    estimated_tokens: int | None = None
    """About how many tokens it used, when the server named none."""
    cost_usd: float | None = None
    """What it cost, by these tokens; None when no price is known."""


@dataclass(slots=True)
class ActionCanceled(Event):
    """An attempt, or the wait for the next one, was stopped; the text that had arrived is kept."""

    attempt: int
    estimated_tokens: int | None = None
    """About how many tokens it used."""
    cost_usd: float | None = None
    """What it cost, by these tokens; None when no price is known."""


@dataclass(slots=True)
class ActionSkipped(Event):
    """An action of a started step never began."""

    visit: int
    reason: str


@dataclass(slots=True)
class ActionStale(Event):
    """The output of an action no longer is what its definition and its sources would give."""

    reason: str


@dataclass(slots=True)
class ActionFresh(Event):
    """The output of a stale action is again what its definition and its sources would give."""


@dataclass(slots=True)
class OutputEdited(Event):
    """Somebody wrote an action's output by hand, which adds a completed attempt."""

    output: Any
    digest: str
    definition: Action = field(repr=False)
    reads: tuple[Read, ...] = field(repr=False)
    writes: tuple[tuple[str, Any], ...] = ()


@dataclass(slots=True)
class OutputPinned(Event):
    """Somebody pinned an action's output, or let it go: while pinned it is used and not made again."""

    pinned: bool


@dataclass(slots=True)
class LogWritten(Event):
    """An action, an observer or the engine said something."""

    level: Literal["debug", "info", "warn", "error"]
    text: str


@dataclass(slots=True)
class CancelRequested(Event):
    """The run is being stopped; nothing new starts."""

    cause: CancelCause = "user"
    reason: str = "the run was canceled"


@dataclass(slots=True)
class FlowCompleted(Event):
    """Everything that was to run has completed."""


@dataclass(slots=True)
class FlowFailed(Event):
    """The run has settled, and something failed."""

    reason: str


@dataclass(slots=True)
class FlowCanceled(Event):
    """The run has settled after it was canceled."""

    reason: str = ""
    """Why, unless a person canceled it."""


FlowSettled = FlowCompleted | FlowFailed | FlowCanceled
AnyEvent = (
    FlowStarted
    | RerunStarted
    | FlowResumed
    | FlowInterrupted
    | FlowRevised
    | InputsRevised
    | StepStarted
    | StepCompleted
    | StepFailed
    | StepCanceled
    | StepSkipped
    | ActionStarted
    | ActionHeld
    | ActionChunk
    | ActionProgressed
    | ActionCompleted
    | ActionFailed
    | ActionCanceled
    | ActionSkipped
    | ActionStale
    | ActionFresh
    | OutputEdited
    | OutputPinned
    | LogWritten
    | CancelRequested
    | FlowCompleted
    | FlowFailed
    | FlowCanceled
)
