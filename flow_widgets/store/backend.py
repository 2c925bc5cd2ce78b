"""What a database has to offer so that runs can be kept in it: transactions, and SQL in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

Row = tuple[Any, ...]


class Session(Protocol):
    """A transaction that is under way; parameters stand as ``?`` in the SQL."""

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """Return what a query finds."""
        ...

    def run(self, sql: str, values: Sequence[Any] = ()) -> int:
        """Carry out a statement and return how many rows it was about."""
        ...

    def run_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Carry out a statement once for each row of values."""
        ...


class Backend(Protocol):
    """A database with the tables of ``migrations.py``; used by one thread at a time, under a lock."""

    place: str
    """Where it is, in words for messages."""
    notice: str
    """What a user should know about it; known once it was opened."""
    patience: float
    """For how many seconds it may be locked or out of reach before the owners of runs are told."""

    def now(self) -> float:
        """Return the time by the clock that all who use it share, in seconds since the epoch."""
        ...

    def write(self, *, urgent: bool, alone: bool = False) -> AbstractContextManager[Session]:
        """Open a transaction for writing; the database is made if it does not exist.

        What is urgent is on the disk when the transaction has ended, even if the power fails then.
        Nobody else writes beside one that is ``alone``; beside others, a database may let those
        write who drive other runs.

        Raises:
            StoreError: It can't be written; on leaving, it can't be committed, and nothing was.
        """
        ...

    def read(self) -> AbstractContextManager[Session | None]:
        """Open a transaction for reading; None where nothing was ever written.

        Raises:
            StoreError: It can't be read.
        """
        ...

    def close(self) -> None:
        """Let go of the connection; using it opens another."""
        ...

    def forget(self) -> None:
        """In a process that was forked: leave the connection to the parent, untouched."""
        ...
