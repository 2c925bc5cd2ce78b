"""The SQL of a store, the same for every database; parameters stand as ``?``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flow_widgets.store.backend import Row, Session
from flow_widgets.store.base import RunInfo
from flow_widgets.store.codec import Batch
from flow_widgets.store.lease import Owner, owner_of
from flow_widgets.store.picking import Picking, plain, words_of
from flow_widgets.store.tally import Recalled

_SHOWN = (
    "id, flow_id, flow_name, number, status, started_at, ended_at, active_seconds, actions, "
    "completed, failed, tokens, cost_usd, seq, updated_at, label, owner"
)
_LIST = f"SELECT {_SHOWN}, heartbeat FROM runs WHERE seq > 0"  # noqa: S608  # constants
_NEWEST_FIRST = " ORDER BY started_at DESC, id DESC"


def lease_of(session: Session, run_id: str) -> Row | None:
    """Return last number, owner, heartbeat, epoch, label of a run; None when there is none."""
    found = session.rows(
        "SELECT seq, owner, heartbeat, epoch, label FROM runs WHERE id = ?", (run_id,)
    )
    return found[0] if found else None


def take(session: Session, run_id: str, owner: Owner, epoch: int, now: float) -> None:
    """Make somebody the owner of a run, which need not be there yet."""
    session.run(
        "INSERT INTO runs (id, started_at, flow_id, flow_name, number, status, active_seconds, "
        "actions, completed, failed, seq, updated_at, label, owner, heartbeat, epoch, token, words, "
        "label_words) "
        "VALUES (?, ?, '', '', 0, 'running', 0, 0, 0, 0, 0, ?, '', ?, ?, ?, ?, '', '') "
        "ON CONFLICT (id) DO UPDATE SET owner = excluded.owner, heartbeat = excluded.heartbeat, "
        "epoch = excluded.epoch, token = excluded.token",
        (run_id, now, now, owner.record, now, epoch, owner.token),
    )


def let_go(session: Session, run_id: str, token: str, epoch: int) -> None:
    """Leave a run without an owner, and forget one of which nothing was told."""
    session.run(
        "UPDATE runs SET owner = NULL, token = NULL WHERE id = ? AND token = ? AND epoch = ?",
        (run_id, token, epoch),
    )
    session.run("DELETE FROM runs WHERE id = ? AND seq = 0 AND token IS NULL", (run_id,))


def beat(session: Session, run_id: str, token: str, epoch: int, now: float) -> bool:
    """Say that the owner of a run lives; False when it is the owner no more."""
    sql = "UPDATE runs SET heartbeat = ? WHERE id = ? AND token = ? AND epoch = ?"
    return session.run(sql, (now, run_id, token, epoch)) == 1


def update_line(
    session: Session, info: RunInfo, *, after: int, token: str, epoch: int, now: float
) -> bool:
    """Write the line about a run; False, with nothing written, when its owner is another.

    ``after`` is the last number until now; where it is another, nothing is written either.
    """
    values = (
        info.started_at,
        plain(info.flow_id),
        plain(info.flow_name),
        info.number,
        info.status,
        info.ended_at,
        info.active_seconds,
        info.actions,
        info.completed,
        info.failed,
        info.tokens,
        info.cost_usd,
        info.seq,
        info.updated_at,
        words_of(info.flow_name, info.id),
        now,
    )
    sql = (
        "UPDATE runs SET started_at = ?, flow_id = ?, flow_name = ?, number = ?, status = ?, "
        "ended_at = ?, active_seconds = ?, actions = ?, completed = ?, failed = ?, tokens = ?, "
        "cost_usd = ?, seq = ?, updated_at = ?, words = ?, heartbeat = ? "
        "WHERE id = ? AND token = ? AND epoch = ? AND seq = ?"
    )
    return session.run(sql, (*values, info.id, token, epoch, after)) == 1


def has(session: Session, batch: Batch, epoch: int) -> bool:
    """Whether a batch of this claim is there: a commit whose answer was lost may have succeeded."""
    sql = "SELECT 1 FROM runs WHERE id = ? AND epoch = ? AND seq >= ?"
    return bool(session.rows(sql, (batch.run_id, epoch, batch.last)))


def add(session: Session, batch: Batch, recalled: Sequence[Recalled]) -> None:
    """Add events, and which content belongs to them."""
    session.run(
        "INSERT INTO events (run_id, seq, last_seq, body) VALUES (?, ?, ?, ?)",
        (batch.run_id, batch.first, batch.last, batch.body),
    )
    for digest in batch.blobs:
        session.run(
            "INSERT INTO run_blobs (run_id, sha256) VALUES (?, ?) ON CONFLICT DO NOTHING",
            (batch.run_id, digest),
        )
    if recalled:
        session.run_many(
            "INSERT INTO outputs (identity, at, run_id, seq) VALUES (?, ?, ?, ?) "
            "ON CONFLICT DO NOTHING",
            [(identity, at, batch.run_id, seq) for identity, seq, at in recalled],
        )


def put_aside(session: Session, content: Mapping[str, bytes]) -> None:
    """Add content that is not there yet, in an order in which nobody waits for another in a circle."""
    for digest, data in sorted(content.items()):
        session.run(
            "INSERT INTO blobs (sha256, size, data) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            (digest, len(data), data),
        )


def lines(
    session: Session, picking: Picking, *, limit: int | None = None, offset: int = 0
) -> list[Row]:
    """Return the lines about runs, newest first, each with its heartbeat at the end."""
    where, values = _where(picking)
    sql = f"{_LIST}{where}{_NEWEST_FIRST}"
    if limit is not None:
        return session.rows(f"{sql} LIMIT ? OFFSET ?", (*values, limit, offset))
    found = session.rows(sql, values)
    return found[offset:] if offset else found


def line(session: Session, run_id: str) -> Row | None:
    """Return the line about one run, None when there is none."""
    found = session.rows(f"{_LIST} AND id = ?", (run_id,))
    return found[0] if found else None


def _where(picking: Picking) -> tuple[str, list[Any]]:
    """Return the conditions of a list; whether a run is interrupted is found out later."""
    sql, values = "", list[Any]()
    if picking.flow_id is not None:
        sql, values = f"{sql} AND flow_id = ?", [*values, plain(picking.flow_id)]
    if picking.since is not None:
        sql, values = f"{sql} AND started_at >= ?", [*values, picking.since]
    if picking.until is not None:
        sql, values = f"{sql} AND started_at <= ?", [*values, picking.until]
    if picking.words:
        escaped = picking.words.replace("!", "!!").replace("%", "!%").replace("_", "!_")
        sql = f"{sql} AND (words LIKE ? ESCAPE '!' OR label_words LIKE ? ESCAPE '!')"
        values = [*values, *[f"%{escaped}%"] * 2]
    if picking.status == "interrupted":
        sql = f"{sql} AND status IN ('interrupted', 'running', 'paused')"
    elif picking.status is not None:
        sql, values = f"{sql} AND status = ?", [*values, picking.status]
    return sql, values


def info_of(row: Row, now: float) -> RunInfo:
    """Return a line as what it says; a run that works and whose owner is gone is interrupted."""
    shown: list[Any] = list(row[:16])
    owner = owner_of(row[16]) if row[16] is not None else None
    if owner is not None and owner.is_alive(now - row[17]):
        shown.append(owner.words)
        return RunInfo(*shown)
    if row[4] in ("running", "paused"):
        shown[4] = "interrupted"
    return RunInfo(*shown)


def batches(session: Session, run_id: str, after: int, limit: int) -> list[Row]:
    """Return first number, last number and body of the batches after a number."""
    sql = "SELECT seq, last_seq, body FROM events WHERE run_id = ? AND seq > ? ORDER BY seq LIMIT ?"
    return session.rows(sql, (run_id, after, limit))


def blob(session: Session, digest: str) -> bytes | None:
    """Return what is kept under a digest."""
    found = session.rows("SELECT data FROM blobs WHERE sha256 = ?", (digest,))
    return bytes(found[0][0]) if found else None


def newest_output(session: Session, identity: str) -> Row | None:
    """Return the run, the number, and the body with the newest completion of an identity."""
    sql = (
        "SELECT o.run_id, o.seq, e.body FROM outputs o JOIN events e ON e.run_id = o.run_id "
        "AND e.seq <= o.seq AND e.last_seq >= o.seq WHERE o.identity = ? "
        "ORDER BY o.at DESC, o.run_id DESC, o.seq DESC LIMIT 1"
    )
    found = session.rows(sql, (identity,))
    return found[0] if found else None


def remove(session: Session, run_id: str) -> int:
    """Delete a run and what only it has kept; return how many there were."""
    session.run(
        "DELETE FROM blobs WHERE sha256 IN (SELECT sha256 FROM run_blobs WHERE run_id = ?) "
        "AND NOT EXISTS (SELECT 1 FROM run_blobs b WHERE b.sha256 = blobs.sha256 AND b.run_id <> ?)",
        (run_id, run_id),
    )
    for table in ("run_blobs", "events", "outputs"):
        session.run(f"DELETE FROM {table} WHERE run_id = ?", (run_id,))  # noqa: S608  # constants
    return session.run("DELETE FROM runs WHERE id = ?", (run_id,))


def rename(session: Session, run_id: str, label: str) -> bool:
    """Give a run a name; False when there is none."""
    sql = "UPDATE runs SET label = ?, label_words = ? WHERE id = ? AND seq > 0"
    return session.run(sql, (plain(label), words_of(label), run_id)) == 1
