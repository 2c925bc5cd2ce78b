"""What the planner can decide; the engine turns each decision into events."""

from __future__ import annotations

from dataclasses import dataclass

from flow_widgets.run.events import FailCause, SkipCause


@dataclass(slots=True)
class StartStep:
    """Begin a visit of a step with these of its actions."""

    step: int
    actions: tuple[int, ...]
    rerun: bool = False
    resumed: bool = False
    visit: int = 0
    """The number of the visit that it goes on with; 0 where it is a new one."""


@dataclass(slots=True)
class StartAction:
    """Begin an attempt of an action in an open visit."""

    step: int
    action: int
    visit: int


@dataclass(slots=True)
class CompleteStep:
    """The visit has settled well; fire these ports."""

    step: int
    visit: int
    ports: tuple[str, ...]


@dataclass(slots=True)
class FailStep:
    """The visit has settled badly; or, with visit 0, the join can't be met or a limit is reached."""

    step: int
    visit: int
    reason: str
    cause: FailCause = "action"


@dataclass(slots=True)
class CancelStep:
    """The visit has settled because the run is being canceled."""

    step: int
    visit: int


@dataclass(slots=True)
class SkipStep:
    """The step will not run."""

    step: int
    reason: str
    cause: SkipCause


@dataclass(slots=True)
class CancelActions:
    """Stop every attempt that runs, and every wait; or only the waits."""

    reason: str
    only_waits: bool = False


@dataclass(slots=True)
class MarkStale:
    """The action's output is no longer what it would be."""

    step: int
    action: int
    reason: str


@dataclass(slots=True)
class MarkFresh:
    """The action's output is again what it would be."""

    step: int
    action: int


@dataclass(slots=True)
class Warn:
    """Something happened that is worth a line in the log."""

    step: int
    action: int
    text: str


@dataclass(slots=True)
class Settle:
    """The run is over."""

    status: str
    reason: str = ""


Decision = (
    StartStep
    | StartAction
    | CompleteStep
    | FailStep
    | CancelStep
    | SkipStep
    | CancelActions
    | MarkStale
    | MarkFresh
    | Warn
    | Settle
)
