"""The tables of a store, version by version; a store goes forward only, and in one transaction."""

from __future__ import annotations

from collections.abc import Mapping

APPLICATION = 0x666C7764
"""Marks the files of this project: ``flwd``."""

TABLES = (
    """CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)""",
    """CREATE TABLE runs (
        id TEXT PRIMARY KEY,
        started_at {real} NOT NULL,
        flow_id TEXT NOT NULL,
        flow_name TEXT NOT NULL,
        number {whole} NOT NULL,
        status TEXT NOT NULL,
        ended_at {real},
        active_seconds {real} NOT NULL,
        actions {whole} NOT NULL,
        completed {whole} NOT NULL,
        failed {whole} NOT NULL,
        tokens {whole},
        cost_usd {real},
        seq {whole} NOT NULL,
        updated_at {real} NOT NULL,
        label TEXT NOT NULL,
        owner TEXT,
        heartbeat {real} NOT NULL,
        epoch {whole} NOT NULL,
        token TEXT,
        words TEXT NOT NULL,
        label_words TEXT NOT NULL
    )""",
    """CREATE INDEX runs_by_start ON runs (started_at, id)""",
    """CREATE TABLE events (
        run_id TEXT NOT NULL,
        seq {whole} NOT NULL,
        last_seq {whole} NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (run_id, seq)
    ){clustered}""",
    """CREATE TABLE blobs (sha256 TEXT PRIMARY KEY, size {whole} NOT NULL, data {bytes} NOT NULL)""",
    """CREATE TABLE run_blobs (
        run_id TEXT NOT NULL,
        sha256 TEXT NOT NULL,
        PRIMARY KEY (run_id, sha256)
    ){clustered}""",
    """CREATE INDEX run_blobs_by_content ON run_blobs (sha256)""",
    """CREATE TABLE outputs (
        identity TEXT NOT NULL,
        at {real} NOT NULL,
        run_id TEXT NOT NULL,
        seq {whole} NOT NULL,
        PRIMARY KEY (identity, at, run_id, seq)
    ){clustered}""",
    """CREATE INDEX outputs_by_run ON outputs (run_id)""",
)
"""Version 1. The words in braces are those of the database: ``{real}``, ``{whole}``, ``{bytes}``."""

MIGRATIONS: dict[int, tuple[str, ...]] = {1: TABLES}
"""The statements that lead from the version before to each version."""
VERSION = max(MIGRATIONS)
"""The version that this program writes."""

SQLITE: Mapping[str, str] = {
    "real": "REAL",
    "whole": "INTEGER",
    "bytes": "BLOB",
    "clustered": " WITHOUT ROWID",
}
POSTGRES: Mapping[str, str] = {
    "real": "DOUBLE PRECISION",
    "whole": "BIGINT",
    "bytes": "BYTEA",
    "clustered": "",
}


def statements(
    version: int, words: Mapping[str, str], migrations: Mapping[int, tuple[str, ...]] | None = None
) -> list[str]:
    """Return what leads from a version (0: nothing is there) to the newest, in order."""
    known = MIGRATIONS if migrations is None else migrations
    return [
        statement.format(**words)
        for number in sorted(known)
        if number > version
        for statement in known[number]
    ]
