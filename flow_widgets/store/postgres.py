"""Keeps runs in a PostgreSQL database, for many machines: in tables of a schema of their own.

Theory of operation. One connection, used under the writer's lock, and nothing set that outlives a
transaction, so that a pool of connections may stand between. Each transaction begins with one round
trip, which also takes an advisory lock: shared by those that write runs they hold, and alone for those
that claim or delete any, or make the tables. So a claim sees a log that does not grow, and content is
never deleted while somebody adds a run that names it. The lock is let go of with the transaction,
which the server ends when its client is silent. A connection that broke while it lay idle is made
anew; what fails later fails as a whole, and the writer tries it again, seeing by the numbers whether a
commit without an answer had been one.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from flow_widgets.errors import StoreError, StoreReadOnly
from flow_widgets.store import postgres_errors as errors
from flow_widgets.store.backend import Row
from flow_widgets.store.database import DatabaseStore
from flow_widgets.store.migrations import MIGRATIONS, POSTGRES, statements
from flow_widgets.store.postgres_address import Address

if TYPE_CHECKING:
    from psycopg import Connection, Error

LOCK_SECONDS = 5.0
"""How long to wait for somebody else who writes."""
PATIENCE_SECONDS = 30.0
"""For how long a server may be away before the owners of runs are told."""
AGAIN_SECONDS = 0.5
"""How long a server that could not be reached is left alone."""
SILENT_SECONDS = 60
"""After how long the server ends a transaction in which nothing is said."""
APPLICATION = "flow_widgets"
"""Marks the tables of this project, in ``meta``."""
_MARKS = "SELECT key, value FROM meta WHERE key IN ('application', 'version')"
_LEAKED: list[Any] = []
"""Connections of the parent, in a process that was forked: closing one would end the parent's."""


class PostgresStore(DatabaseStore):
    """A store in a PostgreSQL database; it is reached when it is first needed, its tables made then."""

    def __init__(
        self,
        url: str,
        *,
        lock_seconds: float = LOCK_SECONDS,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        """Keep runs where ``postgresql://user:password@host:5432/database?schema=name`` says.

        Raises:
            FlowError: It is no such URL.
            StoreError: psycopg is not installed.
        """
        super().__init__(
            PostgresBackend(url, lock_seconds=lock_seconds, patience_seconds=patience_seconds)
        )

    def __repr__(self) -> str:
        return f"PostgresStore({self.place!r})"


class PostgresSession:
    """A transaction of a connection."""

    def __init__(self, connection: Connection[Row]) -> None:
        """Use a connection on which a transaction has begun."""
        self._connection = connection

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        return self._connection.execute(_sql(sql), values, binary=True).fetchall()

    def run(self, sql: str, values: Sequence[Any] = ()) -> int:
        return self._connection.execute(_sql(sql), values).rowcount

    def run_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        with self._connection.cursor() as cursor:
            cursor.executemany(_sql(sql), rows)


class PostgresBackend:
    """A schema of a PostgreSQL database as a backend."""

    notice = ""

    def __init__(
        self,
        url: str,
        *,
        lock_seconds: float = LOCK_SECONDS,
        patience_seconds: float = PATIENCE_SECONDS,
        migrations: Mapping[int, tuple[str, ...]] | None = None,
    ) -> None:
        """Use a database, in which the schema need not be there yet."""
        try:
            import psycopg
        except ImportError as error:
            raise errors.not_installed(error) from None
        self._driver = psycopg
        self._address = Address(url)
        self.place, self.patience = self._address.place, patience_seconds
        self._migrations = MIGRATIONS if migrations is None else migrations
        self._connection: Connection[Row] | None = None
        self._has_tables = False
        self._ahead = 0.0
        self._refused: tuple[float, StoreError] | None = None
        self._settings = (
            f"SET LOCAL search_path = {self._address.quoted_schema}; "
            f"SET LOCAL lock_timeout = {int(lock_seconds * 1000)}; "
            f"SET LOCAL idle_in_transaction_session_timeout = '{SILENT_SECONDS}s'; "
        )

    @property
    def version(self) -> int:
        """The version that it writes."""
        return max(self._migrations)

    def now(self) -> float:
        """Return the server's time, by which all machines judge who is silent for how long."""
        return time.time() + self._ahead

    @contextlib.contextmanager
    def write(self, *, urgent: bool, alone: bool = False) -> Iterator[PostgresSession]:
        del urgent  # everything is
        with self._named():
            connection = self._begin(self._opening(alone=alone), to_write=True)
            assert connection is not None
            try:
                yield PostgresSession(connection)
                self._commit(connection)
            except BaseException as error:
                self._roll_back(connection)
                if isinstance(error, self._driver.Error) and errors.refuses_value(error):
                    raise ValueError(errors.words(error)) from None
                raise

    @contextlib.contextmanager
    def read(self) -> Iterator[PostgresSession | None]:
        with self._named():
            opening = f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {self._settings}"
            connection = self._begin(opening, to_write=False)
            try:
                yield PostgresSession(connection) if connection is not None else None
            finally:
                if connection is not None:
                    self._roll_back(connection)

    def close(self) -> None:
        connection, self._connection = self._connection, None
        self._has_tables, self._refused = False, None
        if connection is not None:
            with contextlib.suppress(self._driver.Error):
                connection.close()

    def forget(self) -> None:
        if self._connection is not None:
            _LEAKED.append(self._connection)
        self._connection, self._has_tables = None, False

    def _opening(self, *, alone: bool) -> str:
        """Return what begins a transaction for writing; each is on the disk when it has ended.

        What is committed without that is lost when the server crashes, and the run with it: nobody
        has its events any more, and later ones can't follow. A commit every 50 ms costs little.
        """
        lock = "pg_advisory_xact_lock" if alone else "pg_advisory_xact_lock_shared"
        return (
            f"BEGIN ISOLATION LEVEL READ COMMITTED; {self._settings}"
            "SET LOCAL synchronous_commit = on; "
            f"SELECT {lock}({_lock_number(self._address.schema)}); "
        )

    def _begin(self, opening: str, *, to_write: bool) -> Connection[Row] | None:
        """Begin a transaction on tables of this version; None where there are none to read."""
        for _ in range(3):  # the connection may be broken, and the tables may be gone
            was_open = self._connection is not None
            connection = self._opened()
            if not self._has_tables and not self._find_tables(connection, to_write=to_write):
                return None
            try:
                marks = self._ask(connection, f"{opening}{_CLOCK}; {_MARKS}")
            except self._driver.Error as error:
                if not self._may_try_again(error, connection, was_open=was_open):
                    raise
                continue
            self._has_tables = self._fits(marks)
            if self._has_tables or not to_write:
                return connection
            self._roll_back(connection)
        raise StoreError(f"The tables of the store {self.place!r} come and go.")

    def _may_try_again(self, error: Error, connection: Connection[Row], *, was_open: bool) -> bool:
        if errors.ends_connection(error):
            connection.close()
        self._roll_back(connection)
        if connection.closed:
            return was_open
        self._has_tables = False
        return error.sqlstate in errors.GONE

    def _opened(self) -> Connection[Row]:
        if self._connection is not None and not self._connection.closed:
            return self._connection
        if self._refused is not None and time.monotonic() - self._refused[0] < AGAIN_SECONDS:
            raise self._refused[1]
        self.close()
        try:
            self._connection = self._driver.connect(
                **self._address.options(), autocommit=True, prepare_threshold=None
            )
        except (self._driver.Error, OSError) as error:
            found = self._unreachable(error)
            self._refused = time.monotonic(), found
            raise found from None
        return self._connection

    def _unreachable(self, error: Exception) -> StoreError:
        if isinstance(error, self._driver.Error):
            return errors.named(error, self._address, is_broken=True)
        return errors.unreachable(self._address, self._address.cleaned(str(error)))

    def _find_tables(self, connection: Connection[Row], *, to_write: bool) -> bool:
        """See whether the tables are there; make them, or bring them to this version, to write."""
        version = self._version(connection)
        if version == self.version:
            self._has_tables = True
        elif version or to_write:
            try:
                self._migrate(connection)
            except StoreReadOnly:
                if to_write:
                    raise
            self._has_tables = True
        return self._has_tables

    def _version(self, connection: Connection[Row]) -> int:
        """Return the version of the tables, 0 where there are none.

        Raises:
            StoreTooNew: A newer version has written them.
            StoreDamaged: They are another program's.
        """
        table = f"{self._address.quoted_schema}.meta"
        found = connection.execute("SELECT to_regclass(%s) IS NOT NULL", (table,)).fetchone()
        if not found or not found[0]:
            return 0
        sql = _MARKS.replace("meta", table)
        return self._checked(connection.execute(sql.encode()).fetchall())

    def _checked(self, marks: list[Row]) -> int:
        found = {str(key): str(value) for key, value in marks}
        if found.get("application") != APPLICATION or not found.get("version", "").isdecimal():
            raise errors.foreign(self._address)
        version = int(found["version"])
        if version > self.version:
            raise errors.too_new(self._address, version, self.version)
        return version

    def _fits(self, marks: list[Row]) -> bool:
        connection = self._connection
        try:
            return self._checked(marks) == self.version
        except StoreError:
            self._has_tables = False
            if connection is not None:
                self._roll_back(connection)
            raise

    def _migrate(self, connection: Connection[Row]) -> None:
        """Bring the tables to this version, in one transaction in which nobody else writes."""
        with self._named():
            try:
                self._ask(connection, self._opening(alone=True) + _CLOCK)
                version = self._version(connection)
                if not version:
                    self._make_schema(connection)
                for statement in statements(version, POSTGRES, self._migrations):
                    connection.execute(_table(statement))
                self._mark(connection)
                self._commit(connection)
            except BaseException:
                self._roll_back(connection)
                raise

    def _make_schema(self, connection: Connection[Row]) -> None:
        encoding = connection.info.parameter_status("server_encoding")
        if encoding not in ("UTF8", "SQL_ASCII"):
            what = f"The store {self.place!r} can't hold every text: its encoding is {encoding}."
            raise StoreError(what, hint="Make a database with ENCODING 'UTF8'.")
        sql = "SELECT 1 FROM pg_namespace WHERE nspname = %s"
        if connection.execute(sql, (self._address.schema,)).fetchone() is None:
            connection.execute(f"CREATE SCHEMA {self._address.quoted_schema}".encode())

    def _mark(self, connection: Connection[Row]) -> None:
        sql = (
            "INSERT INTO meta (key, value) VALUES ('application', %s), ('version', %s) "
            "ON CONFLICT (key) DO UPDATE SET value = excluded.value"
        )
        connection.execute(sql, (APPLICATION, str(self.version)))

    def _ask(self, connection: Connection[Row], sql: str) -> list[Row]:
        """Say several things at once; take the server's time, and return what the last one answers."""
        said = time.time()
        rows: list[Row] = []
        with connection.cursor() as cursor:
            cursor.execute(sql.encode())
            while True:
                names = [column.name for column in cursor.description or ()]
                rows = cursor.fetchall() if names else []
                if names == ["clock"]:
                    self._ahead = float(rows[0][0]) - (said + time.time()) / 2
                if not cursor.nextset():
                    return rows

    def _commit(self, connection: Connection[Row]) -> None:
        if connection.execute("COMMIT").statusmessage != "COMMIT":
            raise StoreError(f"The store {self.place!r} has not kept what was written.")

    def _roll_back(self, connection: Connection[Row]) -> None:
        """End a transaction; a connection that can't even do that is closed."""
        idle = self._driver.pq.TransactionStatus.IDLE
        try:
            if connection.info.transaction_status != idle:
                connection.execute("ROLLBACK")
        except self._driver.Error:
            connection.close()

    @contextlib.contextmanager
    def _named(self) -> Iterator[None]:
        """Raise what the driver raises as an error of ours."""
        try:
            yield
        except self._driver.Error as error:
            connection = self._connection
            if connection is not None and errors.ends_connection(error):
                connection.close()
            if error.sqlstate in errors.GONE:
                self._has_tables = False
            is_broken = connection is not None and connection.closed
            raise errors.named(error, self._address, is_broken=is_broken) from None


_CLOCK = "SELECT extract(epoch FROM clock_timestamp())::float8 AS clock"


@cache
def _sql(sql: str) -> bytes:
    """Return a statement with its parameters as the driver wants them."""
    return sql.replace("%", "%%").replace("?", "%s").encode()


def _table(statement: str) -> bytes:
    """Return a statement about tables, with texts sorted as everywhere: by their characters."""
    return statement.replace(" TEXT", ' TEXT COLLATE "C"').encode()


def _lock_number(schema: str) -> int:
    digest = hashlib.sha256(f"{APPLICATION} {schema}".encode()).digest()
    return int.from_bytes(digest[:8], signed=True)
