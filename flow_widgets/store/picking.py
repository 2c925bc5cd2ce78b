"""Which runs a list is to show."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, datetime, time
from typing import Any, NamedTuple

from flow_widgets.errors import FlowError
from flow_widgets.flow.data import joined_surrogates
from flow_widgets.run.view import RunStatus
from flow_widgets.store.base import Instant, RunInfo


class Picking(NamedTuple):
    """What a run must be like; None means any."""

    flow_id: str | None
    status: RunStatus | None
    since: float | None
    until: float | None
    words: str | None
    """In lower case."""

    @classmethod
    def of(
        cls,
        flow_id: str | None,
        status: RunStatus | None,
        since: Instant | None,
        until: Instant | None,
        search: str | None,
    ) -> Picking:
        """Return a picking of what a caller gave; times without a zone are of this machine."""
        return cls(
            flow_id,
            status,
            _seconds(since, "since"),
            _seconds(until, "until"),
            search and words_of(search),
        )

    def has(self, info: RunInfo) -> bool:
        """Whether a run is like that."""
        return (
            self.flow_id in (None, info.flow_id)
            and self.status in (None, info.status)
            and (self.since is None or info.started_at >= self.since)
            and (self.until is None or info.started_at <= self.until)
            and (not self.words or self.words in words_of(info.label, info.flow_name, info.id))
        )


def words_of(*texts: str) -> str:
    """Return the text in which is searched, in one case and as every database takes it."""
    return plain("\n".join(texts)).casefold()


def plain(text: str) -> str:
    """Return a text without half characters and NUL, which databases refuse."""
    return joined_surrogates(text).replace("\0", "")


def _seconds(instant: Any, name: str) -> float | None:
    """Return an instant in seconds since the epoch; a date begins at its midnight here.

    Raises:
        FlowError: It is none; what is not understood must not pick everything.
    """
    if isinstance(instant, str):
        with suppress(ValueError):
            instant = datetime.fromisoformat(instant)
    if isinstance(instant, date) and not isinstance(instant, datetime):
        instant = datetime.combine(instant, time())
    if isinstance(instant, datetime):
        return instant.timestamp()
    if instant is None or (isinstance(instant, (int, float)) and not isinstance(instant, bool)):
        return instant
    what = f"{name} is {instant!r}, which is no time."
    raise FlowError(what, hint="Give a datetime, a date, a text such as '2026-01-31', or seconds.")
