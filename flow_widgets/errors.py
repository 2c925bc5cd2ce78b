"""Every error of the project, one root, each saying what is wrong, where, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from pydantic import JsonValue

FailureKind = Literal[
    "rate_limit",
    "quota",
    "server_error",
    "auth",
    "bad_request",
    "context_length",
    "timeout_connect",
    "timeout_first_byte",
    "timeout_idle",
    "timeout_total",
    "connection_lost",
    "truncated",
    "protocol",
    "content_filter",
    "refusal",
    "bad_tool_call",
    "too_large",
    "not_configured",
    "not_allowed",
]
"""What went wrong outside, in words that a program can act on."""

RETRYABLE: frozenset[str] = frozenset(
    {
        "rate_limit",
        "server_error",
        "timeout_connect",
        "timeout_first_byte",
        "timeout_idle",
        "connection_lost",
        "truncated",
    }
)
"""Kinds for which the same request may succeed when it is sent again."""

_NEVER_RETRYABLE: frozenset[str] = frozenset(
    {"quota", "auth", "context_length", "content_filter", "refusal", "too_large", "bad_tool_call"}
)
"""Kinds that stay as they are, whatever the server says."""


class FlowError(Exception):
    """Something is wrong with a flow or with how it is used; root of every error here."""

    what: str
    """What is wrong and where, one sentence."""
    hint: str
    """What to do about it, one sentence, or an empty text."""

    def __init__(self, what: str, *, hint: str = "", **fields: Any) -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint
        for name, value in fields.items():
            setattr(self, name, value)

    def __str__(self) -> str:
        return f"{self.what} {self.hint}".strip()

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    __hash__ = Exception.__hash__


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a flow, with its place and a likely fix."""

    place: str
    """Path in the flow: ``steps[1].actions[0].model``; empty for the flow itself."""
    what: str
    """What is wrong, one sentence."""
    hint: str = ""
    """What to do, one sentence, or an empty text."""
    severity: Literal["error", "warning"] = "error"
    """An error stops a run before it starts; a warning is shown and logged."""

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        return f"{where}{self.what} {self.hint}".strip()


class InvalidFlow(FlowError, ValueError):
    """A flow, or a part of one, can't be used as it is; ``problems`` lists everything found."""

    problems: tuple[Problem, ...]

    def __init__(self, problems: Sequence[Problem], *, subject: str = "The flow") -> None:
        found = tuple(problems)
        count = "1 problem" if len(found) == 1 else f"{len(found)} problems"
        lines = "".join(f"\n  {problem}" for problem in found)
        super().__init__(f"{subject} has {count}:{lines}", problems=found)


class UnknownFormat(FlowError, ValueError):
    """The document is none of the formats that can be loaded."""


class NoSuchStep(FlowError, IndexError):
    """A step or an action was asked for that the flow does not have."""


class MissingReference(FlowError, LookupError):
    """A ``{{reference}}`` names something that does not exist or has no value yet."""

    reference: str

    def __init__(self, reference: str, what: str, *, hint: str = "") -> None:
        super().__init__(what, hint=hint, reference=reference)


class TemplateTooLarge(FlowError, ValueError):
    """The text of a template became larger than the limit."""


class InvalidInputs(FlowError, ValueError):
    """The inputs given to a run do not fit what the flow declares."""


class InvalidValue(FlowError, ValueError):
    """A value that an action was given can't be used by it."""


class NothingFound(FlowError, LookupError):
    """An action was to find a value, and there is none."""


class AlreadyRunning(FlowError, RuntimeError):
    """A command came that has to wait until the running work has settled."""


class NothingToRun(FlowError, RuntimeError):
    """A command came for which there is nothing to do, such as a rerun before any run."""


class RunFailed(FlowError, RuntimeError):
    """A run ended other than completed; raised by ``Run.raise_for_status`` only."""


class OutputInvalid(FlowError, ValueError):
    """An output does not match the schema that its action declares; the raw text is kept."""


class FileRefused(FlowError, ValueError):
    """A file can't be attached: it is missing, too large, or not a file."""


class ProviderError(FlowError):
    """The outside failed: a model's server, the network, or their configuration."""

    kind: FailureKind
    status: int | None
    """HTTP status, or None when no answer arrived."""
    request_id: str | None
    retry_after_seconds: float | None
    """What the server asked to wait, in seconds, or None."""
    detail: str
    """The server's own words, cut and with secrets removed; empty when there are none."""
    should_retry: bool | None
    """What the server says about sending the request again, or None."""

    def __init__(
        self,
        kind: FailureKind,
        what: str,
        *,
        hint: str = "",
        status: int | None = None,
        request_id: str | None = None,
        retry_after_seconds: float | None = None,
        detail: str = "",
        should_retry: bool | None = None,
    ) -> None:
        super().__init__(
            what,
            hint=hint,
            kind=kind,
            status=status,
            request_id=request_id,
            retry_after_seconds=retry_after_seconds,
            detail=detail,
            should_retry=should_retry,
        )

    @property
    def retryable(self) -> bool:
        """Whether sending the same request again may succeed.

        The server knows better, except where only a person can change what it refused.
        """
        if self.should_retry is None or self.kind in _NEVER_RETRYABLE:
            return self.kind in RETRYABLE
        return self.should_retry


class BudgetSpent(FlowError, RuntimeError):
    """The budget of a step or an action is spent; the text that had come is kept."""

    kind: str = "budget"


class StoreError(FlowError, RuntimeError):
    """Runs can't be kept in, or read from, their store; what is in memory stays there."""


class StoreLocked(StoreError):
    """Another process holds the store, and did not let go of it in time."""


class StoreReadOnly(StoreError):
    """The store, or its folder, can't be written."""


class StoreFull(StoreError):
    """There is no space left where the store is."""


class StoreDamaged(StoreError):
    """The store is cut off or broken, or holds something that was not written by this project."""


class StoreTooNew(StoreError):
    """The store was written by a newer version; it is left as it is."""


class StoreUnreachable(StoreError):
    """The server of the store does not answer, or refuses the user."""


class RunInUse(StoreError):
    """Somebody else drives the run: another kernel, or another widget of this one."""


class RunChanged(StoreError):
    """The run went on elsewhere since it was read, so that what is held here is too old."""


class NoSuchRun(StoreError, LookupError):
    """The store keeps no such run."""


class InvalidAddress(FlowError, ValueError):
    """A URL is none that a request can be sent to."""


class AddressRefused(FlowError, PermissionError):
    """A request would go to an address that is not global, and the owner did not allow it."""

    host: str


class UnknownHost(FlowError, LookupError):
    """The name server knows no address for a host."""


RequestFailure = Literal[
    "http_error",
    "timeout_connect",
    "timeout_total",
    "connection_lost",
    "protocol",
    "too_large",
    "bad_request",
    "not_configured",
    "not_allowed",
]
"""How a request of a flow failed; ``http_error`` is an answer with a status of 400 or more."""


class RequestFailed(FlowError, RuntimeError):
    """A request got no answer, one that can't be used, or one that says it failed."""

    kind: RequestFailure
    status: int | None
    """HTTP status, or None when no answer arrived."""
    output: JsonValue
    """The answer as a success would give it, for an ``error`` branch to read; None without one."""
    retryable: bool
    """Whether the same request may succeed when it is sent again."""
    was_sent: bool = True
    """Whether the server may have got the request."""
    retry_after_seconds: float | None = None
    """What the server asked to wait, in seconds, or None."""

    def __init__(
        self,
        kind: RequestFailure,
        what: str,
        *,
        hint: str = "",
        status: int | None = None,
        output: JsonValue = None,
        retryable: bool = False,
        **fields: Any,
    ) -> None:
        super().__init__(
            what,
            hint=hint,
            kind=kind,
            status=status,
            output=output,
            retryable=retryable,
            **fields,
        )


class CodeFailed(FlowError, RuntimeError):
    """Code of a flow raised, came to a limit of its sandbox, or returned what can't be kept."""

    kind: Literal["code_error", "code_limit", "not_configured"]


class CodeNotAllowed(FlowError, PermissionError):
    """A flow holds code to run, and the owner did not allow code."""


def nearest(name: str, known: Sequence[str]) -> str:
    """Return ``Did you mean 'x'?`` for the closest known name, or the short list of known names."""
    close = get_close_matches(name, known, n=1, cutoff=0.6)
    if close:
        return f"Did you mean {close[0]!r}?"
    if not known:
        return ""
    shown = ", ".join(repr(item) for item in list(known)[:12])
    return f"Known: {shown}{', …' if len(known) > 12 else ''}."
