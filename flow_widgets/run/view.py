"""The wire: what the browser is shown of a flow and of a run, as plain JSON.

These types are the one description of what crosses the comm. ``js/src/model/wire.ts`` is generated
from them (``python scripts/wire_types.py``), so a change here is a change there. All times are
seconds since the epoch (UTC), all durations seconds.
"""

from __future__ import annotations

from typing import Literal, TypedDict

from pydantic import JsonValue

ActionStatus = Literal[
    "pending", "running", "waiting", "completed", "failed", "skipped", "canceled"
]
RunStatus = Literal["running", "paused", "completed", "failed", "canceled", "interrupted"]
LogLevel = Literal["debug", "info", "out", "warn", "error"]
EdgeStatus = Literal["waiting", "fired", "failed", "dead"]
"""An edge in a run: nothing came along it yet, it was taken, its source failed, it will not be taken."""


class InputView(TypedDict):
    """A declared input of the flow."""

    name: str
    type: Literal["text", "number", "integer", "boolean", "json", "file"]
    description: str
    required: bool
    default: JsonValue


class FileValue(TypedDict):
    """The value of an input of type ``file`` as the browser sees it: never its bytes."""

    name: str
    mime: str
    size_bytes: int


class FieldsView(TypedDict):
    """What can be edited in place; None where the action does not set it."""

    system: str | None
    prompt: str | None
    model: str | None
    temperature: float | str | None
    max_tokens: int | str | None


class ActionDef(TypedDict):
    """One action of the flow's definition."""

    id: str
    name: str
    type: str
    model: str | None
    prompt: str
    """The text to show before a run, templates unrendered: the last user message, or what it will do."""
    fields: FieldsView | None
    """None when this action has nothing that the editor can edit."""
    edited: bool
    has_schema: bool


class StepDef(TypedDict):
    """One step of the flow's definition."""

    id: str
    name: str
    kind: str
    """The type of its only action, else ``parallel``."""
    join: str | None
    """How it joins the edges that lead to it; None where fewer than two do, or its author left it open."""
    ports: list[str]
    """What its edges can leave from, ``error`` last."""
    actions: list[ActionDef]


class EdgeDef(TypedDict):
    """One edge, by step indices."""

    source: int
    target: int
    port: str


class TriggerDef(TypedDict):
    """One of several steps that a run can begin with."""

    step: int
    name: str
    inputs: list[str]
    """Names of the inputs that a run takes which it begins."""


class ProblemView(TypedDict):
    """One finding of ``check_flow``."""

    place: str
    what: str
    hint: str
    severity: Literal["error", "warning"]


class FlowView(TypedDict):
    """The definition, trait ``flow``."""

    id: str
    name: str
    description: str
    steps: list[StepDef]
    edges: list[EdgeDef]
    sequence: bool
    """True when the steps follow one another, so that a graph would say nothing new."""
    inputs: list[InputView]
    triggers: list[TriggerDef]
    """What to choose from before a run; empty unless there are at least two."""
    models: list[str]
    """Model names to suggest in the editor."""
    references: list[str]
    """Paths that may stand in ``{{…}}`` somewhere in this flow, to tint unknown ones."""
    budget: BudgetView | None
    """What the flow itself says that a run may spend."""
    problems: list[ProblemView]


class ErrorView(TypedDict):
    """A failure, in two sentences and with what is behind *Details*."""

    kind: str
    what: str
    hint: str
    status: int | None
    request_id: str | None
    retryable: bool
    detail: str


class AttemptLine(TypedDict):
    """One attempt in the list of attempts; its text is fetched with the op ``attempt``."""

    number: int
    status: ActionStatus
    started_at: float
    ended_at: float | None
    tokens: int | None
    chars: int
    error: ErrorView | None


class WaitView(TypedDict):
    """What an action waits for before its next attempt begins."""

    until: float | None
    """When it goes on, as far as that is known."""
    reason: str
    """Such as ``rate limit of gpt-4.1``; the failure that led here is in ``error``."""


class BudgetView(TypedDict):
    """Limits of what is spent; None where there is none."""

    usd: float | None
    tokens: int | None
    seconds: float | None


class SpentView(TypedDict):
    """What a run has spent, beside its seconds, which the browser counts itself."""

    tokens: int
    """Those that servers named and those that are estimated."""
    estimated: bool
    """Whether some of them are estimated."""
    usd: float | None
    """None while no price was known for anything."""
    unpriced: bool
    """Whether tokens were used for which no price is known."""


class StopView(TypedDict):
    """Why a run ended before its end, for the banner."""

    cause: Literal["budget", "store", "interrupted"]
    text: str
    """One sentence."""


class NoticeView(TypedDict):
    """What a viewer should know beside the run, such as a store that can't be written."""

    kind: Literal["changed", "store"]
    """``changed``: the flow differs from the one that the shown run was made with."""
    text: str
    """One sentence."""
    details: list[str]
    """One line each, such as ``1, 0 Root cause: prompt changed``."""


class ProgressView(TypedDict):
    """How far a long action has come: ``3 of 10``, or ``3`` where nobody knows the end."""

    done: int
    total: int | None
    text: str


class ActionView(TypedDict):
    """The newest attempt of an action, and the lines of all."""

    status: ActionStatus
    stale: str | None
    """Why the output no longer matches what produced it, such as ``inputs changed``; None when fresh."""
    reason: str | None
    """Why it was skipped or canceled, or None."""
    waits: WaitView | None
    """While its status is ``waiting``."""
    pinned: bool
    origin: Literal["ran", "cache", "kept", "pin", "edit"]
    """Where the shown output comes from: ``cache`` an earlier run, ``kept`` an attempt that was cut off,
    ``edit`` a person."""
    attempt: int
    """Number of the newest attempt, from 1; 0 before the first."""
    attempts: list[AttemptLine]
    model: str | None
    started_at: float | None
    first_chunk_at: float | None
    ended_at: float | None
    tokens: int | None
    cost_usd: float | None
    finish_reason: str | None
    truncated: bool
    is_json: bool
    """True when the settled text is a JSON document (or the action has a schema and it parsed)."""
    error: ErrorView | None
    progress: ProgressView | None
    """Of loops, maps and other long work; None where there is nothing to count."""
    text: str


class StepView(TypedDict):
    """The state of a step; its status is the worst of its actions."""

    status: ActionStatus
    stale: bool
    reason: str | None
    started_at: float | None
    ended_at: float | None
    tokens: int | None
    settled: int
    visits: int
    """How often it was gone through, reruns and rounds of a cycle included."""
    actions: list[ActionView]


class LogLineView(TypedDict):
    """One line of the log; ``out`` lines stand for an output that grows in place.

    While attempt ``attempt`` of that action runs, the browser draws the line from the action's own
    text; when it has settled, ``chars`` and ``text`` (its last 200 characters) arrive.
    """

    n: int
    at: float
    level: LogLevel
    step: int | None
    action: int | None
    attempt: int | None
    text: str
    chars: int | None


class LogView(TypedDict):
    """The newest lines; older ones are fetched with the op ``log``."""

    first: int
    """The ``n`` of ``lines[0]``; lines below it are in Python."""
    lines: list[LogLineView]


class RunView(TypedDict):
    """The run that is shown."""

    id: str
    number: int
    status: RunStatus
    started_at: float
    active_at: float | None
    """When the work that is going on began; None while nothing runs."""
    active_seconds: float
    """How long it worked before that; elapsed time is this plus now minus ``active_at``."""
    ended_at: float | None
    settled: int
    total: int
    tokens: int | None
    cost_usd: float | None
    stale: int
    resumable: int
    """How many actions a resume would run, at least; 0 when there is nothing to resume."""
    failed: int
    """How many actions failed."""
    cached: int
    """How many outputs come from earlier runs."""
    budget: BudgetView | None
    spent: SpentView
    stop: StopView | None
    steps: list[StepView]
    edges: list[EdgeStatus]
    """One for each of ``FlowView.edges``, in the same order."""
    log: LogView


class RunLine(TypedDict):
    """One run in the picker, oldest first."""

    id: str
    number: int
    status: RunStatus
    started_at: float
    ended_at: float | None


class View(TypedDict):
    """The trait ``run``: all that the browser shows besides the definition."""

    seq: int
    now: float
    """Python's clock when this was made, so that the browser can tick without sharing its clock."""
    inputs: dict[str, JsonValue]
    """The values the next run gets; a ``FileValue`` for files."""
    inputs_edited: bool
    """True when they differ from what the shown run got."""
    runs: list[RunLine]
    running: str | None
    """Id of the run that is running now, or None."""
    notices: list[NoticeView]
    budget: BudgetView | None
    """What each of the next runs may spend: what was set, else what the flow says."""
    cache: bool
    """Whether outputs of earlier runs are used."""
    run: RunView | None


Path = list[str | int]


class Delta(TypedDict):
    """What changed: first ``set`` values, then ``add`` text at an offset, then ``push`` list items.

    Offsets of texts count UTF-16 units. ``add`` and ``push`` name the length the target must have,
    so a delta applied twice changes nothing and a lost one is noticed.
    """

    seq: int
    now: float
    set: list[tuple[Path, JsonValue]]
    add: list[tuple[int, int, int, str]]
    """Step, action, offset, text: what streams takes as few bytes as it can."""
    push: list[tuple[Path, int, list[JsonValue]]]
