"""Takes the events of claimed runs and writes them in batches, on one thread, under one lock.

Theory of operation. Telling an event appends it to a queue and, at most once for each batch, wakes
the writer's thread, which waits 50 ms for more, or not at all when something urgent was told, unless
it has just written for that reason. Then all that was told is encoded, and written in one transaction,
run by run: the line about the run is updated only where the claim still holds (its token and epoch
are checked), and only then its events are added. What could not be written stays encoded in memory,
in order, and is tried again with whatever comes next. Claims, and everybody who wants to read, write
what waits themselves, under the same lock.
"""

from __future__ import annotations

import contextlib
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, cast

from flow_widgets.errors import StoreError, StoreLocked, StoreUnreachable
from flow_widgets.store import ending, statements
from flow_widgets.store.backend import Backend, Session
from flow_widgets.store.base import OnCommit, OnFailure, no_such_run
from flow_widgets.store.claims import URGENT, Claim, Job, Parked, Release, encoded
from flow_widgets.store.encoder import Encoder
from flow_widgets.store.lease import HEARTBEAT_SECONDS, LIVE, Owner, in_use, owner_of, this_process
from flow_widgets.store.memory import changed
from flow_widgets.store.tally import Tally

BATCH_SECONDS = 0.05
"""How long events may wait for others, so that they are written together."""
_REFUSED = (ValueError, TypeError, OverflowError)
"""What is raised where the database can't take a value, such as a number of more than 64 bits."""
REST_SECONDS = 0.02
"""How long after an urgent batch the next one is written; completions that come in crowds share it."""


class Writer:
    """The writing half of a store in a database."""

    def __init__(self, backend: Backend) -> None:
        """Write to a backend, which nobody else uses."""
        self._backend = backend
        self.on_commit: OnCommit | None = None
        self._begin()
        ending.WRITERS.add(self)

    def _begin(self) -> None:
        """Begin with no claims and an empty queue, as the process does, or one that was forked."""
        self._told: deque[Any] = deque()
        self._is_woken = False
        self._something, self._urgent = threading.Event(), threading.Event()
        self._lock = threading.RLock()
        self._depth = 0
        self._thread: threading.Thread | None = None
        self._claims: dict[str, Claim] = {}
        self._parked = Parked()
        self._jobs: list[Job] = []
        self._failures: list[tuple[OnFailure, StoreError]] = []
        self._beaten_at = self._rested_at = 0.0
        self._trouble_at: float | None = None

    @property
    def place(self) -> str:
        return self._backend.place

    @property
    def notice(self) -> str:
        return self._backend.notice

    def __call__(self, event: Any) -> None:
        """Take an event of a claimed run, to be written soon; never raises and never waits."""
        self._told.append(event)
        if type(event) in URGENT:
            self._urgent.set()
        if not self._is_woken:
            self._is_woken = True
            self._something.set()

    def claim(self, run_id: str, seq: int, on_failure: OnFailure) -> None:
        with self._locked():
            self._write_told()
            if run_id in self._claims:
                raise in_use(run_id, "another widget or runner of this process")
            claim = self._claimed(run_id, seq, on_failure)
            self._claims[run_id] = claim
            self._keep_thread()

    def _claimed(self, run_id: str, seq: int, on_failure: OnFailure) -> Claim:
        owner = this_process(uuid.uuid4().hex)
        LIVE.add(owner.token)  # before others of this process can read it
        try:
            return self._taken(run_id, seq, on_failure, owner)
        except BaseException:
            LIVE.discard(owner.token)
            raise

    def _taken(self, run_id: str, seq: int, on_failure: OnFailure, owner: Owner) -> Claim:
        # Not urgent: whoever claims does not outlive a power failure, so the claim need not either.
        with self._backend.write(urgent=False, alone=True) as session:
            now = self._backend.now()
            found = statements.lease_of(session, run_id)
            stored, record, heartbeat, epoch, _ = found or (0, None, 0.0, 0, "")
            if seq and not stored:
                raise no_such_run(run_id, self.place)
            holder = owner_of(record)
            if holder is not None and holder.is_alive(now - heartbeat):
                raise in_use(run_id, holder.words)
            if stored != seq:
                raise changed(run_id, seq, stored)
            known = self._parked.take(run_id, seq) or self._read(session, run_id, seq)
            statements.take(session, run_id, owner, epoch + 1, now)
        return Claim(run_id, owner, epoch + 1, on_failure, *known, committed=seq)

    def _read(self, session: Session, run_id: str, seq: int) -> tuple[Encoder, Tally]:
        """Return what one has to know of a stored run to go on with it."""
        tally = Tally()
        for event in self._decoded(session, run_id) if seq else ():
            tally.fold(event)
        tally.recalled.clear()
        return Encoder(run_id), tally

    def _decoded(self, session: Session, run_id: str) -> Iterator[Any]:
        """Yield the events of a run, inside a transaction."""
        raise NotImplementedError

    def release(self, run_id: str) -> None:
        self(Release(run_id))

    def flush(self) -> None:
        with self._locked():
            self._write_told()

    def committed(self, run_id: str) -> int:
        claim = self._claims.get(run_id)
        if claim is not None:
            return claim.committed
        with self._locked(), self._backend.read() as session:
            found = statements.lease_of(session, run_id) if session is not None else None
            return int(found[0]) if found else 0

    def close(self) -> None:
        with self._locked():
            for run_id in self._claims:
                self._told.append(Release(run_id))
            try:
                self._write_told()
            finally:
                for claim in self._claims.values():
                    LIVE.discard(claim.owner.token)
                self._claims.clear()
                self._jobs.clear()
                self._backend.close()
                self._something.set()

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the lock; tell of failures once it is let go of."""
        failures: list[tuple[OnFailure, StoreError]] = []
        try:
            with self._lock:
                self._depth += 1
                try:
                    yield
                finally:
                    self._depth -= 1
                    if not self._depth:
                        failures, self._failures = self._failures, failures
        finally:
            for on_failure, error in failures:
                with contextlib.suppress(Exception):  # a stranger's code, on a thread of ours
                    on_failure(error)

    def _write_told(self) -> None:
        """Write all that was told; what can't be written now waits, and its owners are told."""
        self._jobs += self._encode_told()
        if not self._jobs:
            return
        try:
            try:
                self._commit(self._jobs)
            except _REFUSED:
                self._commit_apart(self._jobs)
        except Exception as raised:  # noqa: BLE001  # its owners are told, whatever it is
            error = raised if isinstance(raised, StoreError) else _unforeseen(raised, self.place)
            for job in self._jobs if self._lasts(error) else ():
                self._fail(job.claim, error)
            raise error from None
        self._jobs, self._trouble_at = [], None

    def _commit(self, jobs: list[Job]) -> None:
        """Write jobs, and tell whose they are."""
        done, lost = self._write(jobs)
        for job in done:
            self._done(job)
        for claim, error in lost.items():
            claim.lost = True
            self._fail(claim, error)

    def _commit_apart(self, jobs: list[Job]) -> None:
        """Write each run by itself; one that holds what no database takes is lost, the others are not."""
        for claim in dict.fromkeys(job.claim for job in jobs):
            own = [job for job in jobs if job.claim is claim]
            try:
                self._commit(own)
            except _REFUSED as raised:
                claim.lost = True
                self._fail(claim, _unforeseen(raised, self.place))
                self._commit([job for job in own if job.batch is None])

    def _lasts(self, error: StoreError) -> bool:
        """Whether trouble is such that it will not pass by itself, as far as one can tell by now."""
        if not isinstance(error, (StoreLocked, StoreUnreachable)):
            return True
        now = time.monotonic()
        self._trouble_at = now if self._trouble_at is None else self._trouble_at
        return now - self._trouble_at >= self._backend.patience

    def _encode_told(self) -> list[Job]:
        told, jobs = self._told, []
        touched: dict[str, Claim | None] = {}
        current, append = "", cast("Callable[[Any], None]", _ignore)
        for _ in range(len(told)):
            event = told.popleft()
            run_id = event.run_id
            if run_id != current or type(event) is Release:
                claim = touched[run_id] = self._claims.get(run_id)
                current, append = run_id, claim.events.append if claim is not None else _ignore
                if type(event) is Release:
                    jobs += self._encode(claim)
                    jobs += [Job(claim, None, None)] if claim is not None else []
                    continue
            append(event)
        return [*jobs, *(job for claim in touched.values() for job in self._encode(claim))]

    def _encode(self, claim: Claim | None) -> list[Job]:
        try:
            job = encoded(claim) if claim is not None else None
        except StoreError as error:
            self._fail(claim, error) if claim is not None else None
            return []
        return [job] if job is not None else []

    def _write(self, jobs: list[Job]) -> tuple[list[Job], dict[Claim, StoreError]]:
        """Write jobs in one transaction; return those done, and claims that hold no more with why."""
        lost, done, content = dict[Claim, StoreError](), list[Job](), dict[str, bytes]()
        with self._backend.write(urgent=any(job.urgent for job in jobs)) as session:
            now = self._backend.now()
            for job in jobs:
                claim = job.claim
                if job.batch is None or job.info is None:
                    statements.let_go(session, claim.run_id, claim.owner.token, claim.epoch)
                elif claim in lost or claim.lost:
                    continue
                elif _update(session, job, now):
                    statements.add(session, job.batch, job.recalled)
                    content |= job.batch.blobs
                elif not statements.has(session, job.batch, claim.epoch):
                    lost[claim] = _loss(session, claim, job.batch.first - 1)
                    continue
                done.append(job)
            statements.put_aside(session, content)
        return done, lost

    def _done(self, job: Job) -> None:
        claim = job.claim
        if job.batch is None:
            self._forget_claim(claim)
            return
        claim.committed = job.batch.last
        if self.on_commit is not None:
            with contextlib.suppress(Exception):  # a stranger's code, on a thread of ours
                self.on_commit(claim.run_id, claim.committed)

    def _forget_claim(self, claim: Claim) -> None:
        LIVE.discard(claim.owner.token)
        if self._claims.get(claim.run_id) is claim:
            del self._claims[claim.run_id]
        if not claim.lost:
            self._parked.put(claim)

    def _fail(self, claim: Claim, error: StoreError) -> None:
        if not claim.has_failed:
            claim.has_failed = True
            self._failures.append((claim.on_failure, error))

    def _keep_thread(self) -> None:
        if self._thread is None:
            ending.close_with_child()
            self._thread = threading.Thread(target=self._work, name="flow store", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        """Write what is told until no run is claimed any more."""
        while True:
            self._something.wait(BATCH_SECONDS * 20 if self._jobs else HEARTBEAT_SECONDS)
            if self._urgent.wait(BATCH_SECONDS):
                time.sleep(max(0.0, self._rested_at - time.monotonic()))
                self._rested_at = time.monotonic() + REST_SECONDS
            self._urgent.clear()
            self._something.clear()
            self._is_woken = False
            with contextlib.suppress(Exception), self._locked():  # the thread outlives all
                self._write_told()
                self._beat()
            with self._lock:
                if not self._claims and not self._told and not self._jobs:
                    self._thread = None
                    return

    def _beat(self) -> None:
        """Say that the owner of all claimed runs lives, every ten seconds."""
        now = time.time()
        if not self._claims or abs(now - self._beaten_at) < HEARTBEAT_SECONDS:
            return
        self._beaten_at = now
        with self._backend.write(urgent=False) as session:
            now = self._backend.now()
            for claim in self._claims.values():
                if not claim.lost and not statements.beat(
                    session, claim.run_id, claim.owner.token, claim.epoch, now
                ):
                    claim.lost = True
                    self._fail(claim, _loss(session, claim))

    def hold(self) -> None:
        """Keep everybody from writing, so that the process can be forked."""
        self._lock.acquire()

    def let_go(self) -> None:
        """Let others write again."""
        self._lock.release()

    def after_fork(self) -> None:
        """In a process that was forked: all that waits, and all claims, are the parent's."""
        self._backend.forget()
        self._begin()


def _unforeseen(error: Exception, place: str) -> StoreError:
    why = f"{type(error).__name__}: {str(error)[:200]}".rstrip(".")
    return StoreError(f"The store {place!r} can't be written ({why}).")


def _ignore(event: Any) -> None:
    """Drop an event of a run that nobody claimed."""


def _update(session: Session, job: Job, now: float) -> bool:
    claim = job.claim
    assert job.info is not None
    assert job.batch is not None
    return statements.update_line(
        session,
        job.info,
        after=job.batch.first - 1,
        token=claim.owner.token,
        epoch=claim.epoch,
        now=now,
    )


def _loss(session: Session, claim: Claim, after: int = 0) -> StoreError:
    """Return why a claim holds no more: who has the run now, or that its log ends elsewhere."""
    found = statements.lease_of(session, claim.run_id)
    if found is None:
        return in_use(claim.run_id, "nobody any more: it was deleted")
    owner = owner_of(found[1])
    if owner is None:
        return in_use(claim.run_id, "nobody: somebody else had it since")
    if owner.token == claim.owner.token:  # the database went back to what it was before
        return changed(claim.run_id, after, found[0])
    return in_use(claim.run_id, owner.words)
