"""Keeps runs in a SQLite file: in WAL mode, or without it where the file lies on a network.

Theory of operation. One connection, used under the writer's lock. Every write is ``BEGIN IMMEDIATE``;
urgent ones wait for the disk (``synchronous=FULL``), others don't. SQLite before 3.51.3 may corrupt a
WAL that two processes reset at the same time (sqlite.org/wal.html#walresetbug), so checkpoints are made
here only, in the form that holds the write lock (TRUNCATE), and memory is never mapped. A file is
looked at before SQLite opens it: what is cut off, newer, or not ours is refused untouched.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from flow_widgets.errors import (
    StoreDamaged,
    StoreError,
    StoreFull,
    StoreLocked,
    StoreReadOnly,
)
from flow_widgets.store import header
from flow_widgets.store.backend import Row
from flow_widgets.store.database import DatabaseStore
from flow_widgets.store.migrations import APPLICATION, MIGRATIONS, SQLITE, statements
from flow_widgets.store.mounts import is_on_network

FOLDER = ".flow_widgets"
"""The folder beside the notebook; git is told to ignore it."""
BUSY_SECONDS = 5.0
"""How long to wait for another process that writes."""
WAL_BYTES = 4_000_000
"""How large the WAL may become before it is written back."""
_LEAKED: list[sqlite3.Connection] = []
"""Connections of the parent, in a process that was forked: closing one would touch its files."""
_log = logging.getLogger("flow_widgets.store")


class SQLiteStore(DatabaseStore):
    """A store in a SQLite file; the file is opened when it is first needed, and made on first write."""

    def __init__(
        self, path: str | Path, *, wal: bool = True, busy_seconds: float = BUSY_SECONDS
    ) -> None:
        """Keep runs in the file at ``path``; ``wal=False`` is for file systems that can't share memory."""
        self.path = Path(path).expanduser().absolute()
        super().__init__(SQLiteBackend(self.path, wal=wal, busy_seconds=busy_seconds))


class SQLiteSession:
    """A transaction of a connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Use a connection on which a transaction has begun."""
        self._connection = connection

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        return self._connection.execute(sql, values).fetchall()

    def run(self, sql: str, values: Sequence[Any] = ()) -> int:
        return self._connection.execute(sql, values).rowcount

    def run_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        self._connection.executemany(sql, rows)


class SQLiteBackend:
    """A SQLite file as a backend."""

    def __init__(
        self,
        path: Path,
        *,
        wal: bool = True,
        busy_seconds: float = BUSY_SECONDS,
        migrations: Mapping[int, tuple[str, ...]] | None = None,
    ) -> None:
        """Use a file, which need not be there yet."""
        self.path, self.place, self.notice = path, str(path), ""
        self.patience = 0.0
        self._wants_wal, self._busy_seconds = wal, busy_seconds
        self._migrations = MIGRATIONS if migrations is None else migrations
        self._connection: sqlite3.Connection | None = None
        self._is_writable = False
        self._has_wal = False
        self._synchronous = ""
        self._checkpoint_at = WAL_BYTES
        self._file: tuple[int, int] | None = None

    @property
    def version(self) -> int:
        """The version that it writes."""
        return max(self._migrations)

    def now(self) -> float:
        return time.time()

    @contextlib.contextmanager
    def write(self, *, urgent: bool, alone: bool = False) -> Iterator[SQLiteSession]:
        del alone  # who writes always is
        with self._named():
            connection = self._opened(to_write=True)
            self._synchronize(connection, full=urgent or not self._has_wal)
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield SQLiteSession(connection)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        if self._has_wal:
            self._checkpoint_large(connection)

    @contextlib.contextmanager
    def read(self) -> Iterator[SQLiteSession | None]:
        with self._named():
            if not self.path.exists():
                self.close()
                yield None
                return
            connection = self._opened(to_write=False)
            connection.execute("BEGIN")
            try:
                tables = connection.execute("PRAGMA user_version").fetchone()[0]
                yield SQLiteSession(connection) if tables else None
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        with contextlib.suppress(sqlite3.Error):
            if self._is_writable and self._has_wal:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()

    def forget(self) -> None:
        if self._connection is not None:
            _LEAKED.append(self._connection)
        self._connection = None

    def _opened(self, *, to_write: bool) -> sqlite3.Connection:
        """Return the connection to the file as it is now, opening or making it."""
        if self._connection is not None and self._file != _identity(self.path):
            self.close()  # somebody deleted the file, or put another in its place
        if self._connection is not None and (self._is_writable or not to_write):
            return self._connection
        self.close()
        found = header.checked(self.path, version=self.version)
        if found is not None and not found.application:
            _inspect(self.path, self.version)
        if to_write or _may_write(self.path):
            return self._open_to_write()
        return self._open_to_read()

    def _open_to_write(self) -> sqlite3.Connection:
        try:
            _make_folder(self.path.parent)
        except OSError as error:
            raise self._read_only(error.strerror or str(error)) from None
        if not _may_write(self.path):
            raise self._read_only("permission denied")
        connection = self._connect("rwc")
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        self._connection, self._is_writable = connection, True
        self._file = _identity(self.path)
        return connection

    def _open_to_read(self) -> sqlite3.Connection:
        """Open the file where nothing may be written; a WAL that is left over is read if it can be."""
        wal = self.path.with_name(f"{self.path.name}-wal")
        has_wal = wal.exists() and wal.stat().st_size > 0
        self._connection = self._connect("ro" if has_wal else "ro&immutable=1")
        self._is_writable, self._has_wal = False, False
        self._file = _identity(self.path)
        return self._connection

    def _connect(self, mode: str) -> sqlite3.Connection:
        uri = f"{self.path.as_uri()}?mode={mode}"
        connection = sqlite3.connect(
            uri,
            uri=True,
            timeout=self._busy_seconds,
            isolation_level=None,
            check_same_thread=False,
        )
        self._synchronous = ""
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """Choose the journal, and bring the tables to the newest version."""
        connection.execute("PRAGMA trusted_schema = OFF")
        self._has_wal = self._wants_wal and not is_on_network(self.path.parent)
        self._has_wal = self._has_wal and _journal(connection, "WAL")
        if not self._has_wal:
            _journal(connection, "TRUNCATE")
            self._warn()
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        self._synchronize(connection, full=True)
        self._migrate(connection)
        self._checkpoint_at = WAL_BYTES

    def _migrate(self, connection: sqlite3.Connection) -> None:
        version, application, tables = _marks(connection)
        if version == self.version and application == APPLICATION:
            return
        if tables:
            header.check_marks(self.path, application, version, newest=self.version)
            self._back_up(connection, version)
        connection.execute("BEGIN IMMEDIATE")
        try:
            version, application, tables = _marks(connection)  # as it is under the lock
            for statement in statements(version, SQLITE, self._migrations):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION}")
            connection.execute(f"PRAGMA user_version = {self.version}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        if self._has_wal:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _back_up(self, connection: sqlite3.Connection, version: int) -> None:
        """Write a copy of a store beside it, before its tables are changed."""
        for number in range(1, 1000):
            name = f"{self.path.stem}-version-{version}-{number}{self.path.suffix}"
            copy = self.path.with_name(name)
            if not copy.exists():
                connection.execute("VACUUM INTO ?", (str(copy),))
                return

    def _warn(self) -> None:
        if not self.notice:
            what = f"The store {self.place!r} lies where SQLite's WAL mode can't be used"
            self.notice = f"{what}, such as on a network; it works, and writes more slowly."
            _log.warning("%s", self.notice)

    def _synchronize(self, connection: sqlite3.Connection, *, full: bool) -> None:
        wanted = "FULL" if full else "NORMAL"
        if wanted != self._synchronous:
            connection.execute(f"PRAGMA synchronous = {wanted}")
            self._synchronous = wanted

    def _checkpoint_large(self, connection: sqlite3.Connection) -> None:
        """Write the WAL back when it is large; while others read, it is tried again later."""
        try:
            size = os.stat(f"{self.path}-wal").st_size  # noqa: PTH116  # after every commit
        except OSError:
            return
        if size < self._checkpoint_at:
            return
        with contextlib.suppress(sqlite3.Error):
            connection.execute("PRAGMA busy_timeout = 50")
            try:
                busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            finally:
                connection.execute(f"PRAGMA busy_timeout = {int(self._busy_seconds * 1000)}")
            self._checkpoint_at = size + WAL_BYTES if busy else WAL_BYTES

    @contextlib.contextmanager
    def _named(self) -> Iterator[None]:
        """Raise what SQLite raises as an error of ours."""
        try:
            yield
        except sqlite3.DataError as error:  # of what is written, such as a text of more than 1 GB
            raise ValueError(str(error)) from None
        except sqlite3.Error as error:
            raise self._error(error) from None
        except OSError as error:
            why = error.strerror or str(error)
            raise StoreError(f"The store {self.place!r} can't be used: {why}.") from None

    def _error(self, error: sqlite3.Error) -> StoreError:
        code = getattr(error, "sqlite_errorname", "")
        where = f"The store {self.place!r}"
        if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL")):
            what = f"{where} is held by another process for more than {self._busy_seconds:g} s."
            return StoreLocked(what, hint="Close what writes it, then try again.")
        if code.startswith(("SQLITE_READONLY", "SQLITE_PERM", "SQLITE_CANTOPEN", "SQLITE_AUTH")):
            return self._read_only(str(error))
        if code in ("SQLITE_FULL", "SQLITE_IOERR_WRITE") or _is_full(self.path):
            what = f"{where} can't grow: there is no space left, or a limit is reached."
            return StoreFull(what, hint="Make room; what is in memory is written then.")
        if code.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
            self.close()
            what = f"{where} is broken: {error}."
            return StoreDamaged(what, hint="Put back a copy of it, or move it away.")
        return StoreError(f"{where} can't be used: {error} ({code or 'no code'}).")

    def _read_only(self, why: str) -> StoreReadOnly:
        what = f"The store {self.place!r} can't be written: {why}."
        return StoreReadOnly(
            what, hint="Name a file in a folder that you may write, or store=None."
        )


def _journal(connection: sqlite3.Connection, mode: str) -> bool:
    """Ask for a journal mode, and return whether it is in use now."""
    try:
        answer = connection.execute(f"PRAGMA journal_mode = {mode}").fetchone()[0]
    except sqlite3.OperationalError as error:
        name = getattr(error, "sqlite_errorname", "")
        if name.startswith(("SQLITE_IOERR_SHM", "SQLITE_IOERR_LOCK", "SQLITE_PROTOCOL")):
            return False
        raise
    return str(answer).upper() == mode


def _marks(connection: sqlite3.Connection) -> tuple[int, int, int]:
    """Return version, application and number of tables of a file that is open."""
    sql = "SELECT count(*) FROM sqlite_master"
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    return version, application, connection.execute(sql).fetchone()[0]


def _inspect(path: Path, version: int) -> None:
    """Look without writing at a file that bears no mark: it is new, or another program's."""
    with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        found, application, tables = _marks(connection)
    if tables:
        header.check_marks(path, application, found, newest=version)


def _identity(path: Path) -> tuple[int, int] | None:
    """Return what tells a file from another that has the same name."""
    try:
        found = os.stat(path)  # noqa: PTH116  # before every transaction
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _may_write(path: Path) -> bool:
    folder = path.parent
    return os.access(path if path.exists() else folder, os.W_OK) and os.access(folder, os.W_OK)


def _make_folder(folder: Path) -> None:
    if folder.exists():
        return
    # Where the folder of a notebook was moved away, it is not made anew in its old place.
    folder.mkdir(parents=folder.name != FOLDER, exist_ok=True)
    if folder.name == FOLDER:
        (folder / ".gitignore").write_text("*\n")


def _is_full(path: Path) -> bool:
    try:
        return shutil.disk_usage(path.parent).free < 100_000
    except OSError:
        return False
