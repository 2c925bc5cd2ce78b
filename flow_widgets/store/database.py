"""A store in a database: what the writer keeps can be listed, read, named and deleted."""

from __future__ import annotations

import builtins
import contextlib
import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

from flow_widgets.errors import StoreDamaged, StoreError
from flow_widgets.run.events import ActionCompleted
from flow_widgets.run.view import RunStatus
from flow_widgets.store import statements
from flow_widgets.store.backend import Row, Session
from flow_widgets.store.base import Instant, RunInfo, no_such_run
from flow_widgets.store.decoder import Decoder, damaged
from flow_widgets.store.lease import in_use, owner_of
from flow_widgets.store.picking import Picking
from flow_widgets.store.writer import Writer

PAGE = 64
"""How many batches are read at a time."""


class DatabaseStore(Writer):
    """Keeps runs in a database; the backend says in which."""

    def list(
        self,
        *,
        flow_id: str | None = None,
        status: RunStatus | None = None,
        since: Instant | None = None,
        until: Instant | None = None,
        search: str | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> builtins.list[RunInfo]:
        picking = Picking.of(flow_id, status, since, until, search)
        whole = status in ("running", "paused", "interrupted")
        with self._reading() as session:
            rows = []
            if session is not None and whole:
                rows = statements.lines(session, picking)
            elif session is not None:
                rows = statements.lines(session, picking, limit=limit, offset=offset)
        now = self._backend.now()
        found = [statements.info_of(row, now) for row in rows]
        if not whole:
            return found
        found = [info for info in found if info.status == status]
        return found[offset:] if limit is None else found[offset : offset + limit]

    def info(self, run_id: str) -> RunInfo:
        with self._reading() as session:
            row = statements.line(session, run_id) if session is not None else None
        if row is None:
            raise no_such_run(run_id, self.place)
        return statements.info_of(row, self._backend.now())

    def events(self, run_id: str) -> Iterator[Any]:
        self.info(run_id)
        return self._events(run_id)

    def _events(self, run_id: str) -> Iterator[Any]:
        """Yield the events of a run, a page of batches at a time, with the lock let go of between."""
        decoder, seq = Decoder(run_id, self._fetch), 0
        while True:
            with self._reading() as session:
                rows = statements.batches(session, run_id, seq, PAGE) if session else []
            for row in rows:
                yield from _batch(decoder, run_id, seq, row)
                seq = row[1]
            if len(rows) < PAGE:
                break
        if seq < self.info(run_id).seq:
            raise damaged(run_id, seq + 1, ValueError("it is missing"))

    def _decoded(self, session: Session, run_id: str) -> Iterator[Any]:
        decoder, seq = Decoder(run_id, lambda digest: _blob(session, digest)), 0
        while rows := statements.batches(session, run_id, seq, PAGE):
            for row in rows:
                yield from _batch(decoder, run_id, seq, row)
                seq = row[1]

    def _fetch(self, digest: str) -> bytes:
        with self._reading() as session:
            if session is None:
                raise LookupError(f"content {digest!r} is missing")
            return _blob(session, digest)

    def delete(self, run_ids: Iterable[str]) -> int:
        wanted = builtins.list(dict.fromkeys(run_ids))
        with self._locked():
            self._write_told()
            with self._backend.read() as session:
                if session is None or not wanted:
                    return 0
            with self._backend.write(urgent=True, alone=True) as session:
                for run_id in wanted:
                    _check_free(session, run_id, self._backend.now())
                return sum(statements.remove(session, run_id) for run_id in wanted)

    def rename(self, run_id: str, label: str) -> None:
        self.info(run_id)
        with self._locked(), self._backend.write(urgent=True) as session:
            if not statements.rename(session, run_id, label):
                raise no_such_run(run_id, self.place)

    def recall(self, identity: str) -> ActionCompleted | None:
        with self._reading() as session:
            row = statements.newest_output(session, identity) if session is not None else None
        if row is None:
            return None
        with contextlib.suppress(StoreDamaged):  # what can't be read is made again
            return Decoder(row[0], self._fetch).completion(row[2], row[1])
        return None

    @contextlib.contextmanager
    def _reading(self) -> Iterator[Session | None]:
        """Read under the lock, once all that was told is written as far as it can be."""
        with self._locked():
            with contextlib.suppress(StoreError):  # what can't be written can't be read either
                self._write_told()
            with self._backend.read() as session:
                yield session


def _batch(decoder: Decoder, run_id: str, seq: int, row: Row) -> builtins.list[Any]:
    if row[0] != seq + 1:
        raise damaged(run_id, seq + 1, ValueError("it is missing"))
    return decoder.batch(row[2], row[0], row[1])


def _blob(session: Session, digest: str) -> bytes:
    """Return what is kept under a digest.

    Raises:
        LookupError, ValueError: Nothing is, or something else.
    """
    data = statements.blob(session, digest)
    if data is None:
        raise LookupError(f"content {digest!r} is missing")
    if hashlib.sha256(data).hexdigest() != digest:
        raise ValueError(f"content {digest!r} is broken")
    return data


def _check_free(session: Session, run_id: str, now: float) -> None:
    found = statements.lease_of(session, run_id)
    owner = owner_of(found[1]) if found else None
    if found and owner is not None and owner.is_alive(now - found[2]):
        raise in_use(run_id, owner.words)
