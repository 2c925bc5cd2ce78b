"""What PostgreSQL refuses, as errors of ours: in our words, with its own where they help."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flow_widgets.errors import (
    StoreDamaged,
    StoreError,
    StoreFull,
    StoreLocked,
    StoreReadOnly,
    StoreTooNew,
    StoreUnreachable,
)

if TYPE_CHECKING:
    from psycopg import Error

    from flow_widgets.store.postgres_address import Address

UNREACHABLE = ("08", "28", "3D000", "53300", "57P", "25P03")
"""How the codes begin of errors that end a connection, or that none is made with."""
LOCKED = ("55P03", "40P01", "40001", "57014")
READ_ONLY = ("25006", "42501")
FULL = ("53100", "53400")
DAMAGED = ("XX001", "XX002")
GONE = ("42P01", "3F000")
"""The tables, or their schema, are not there."""
FOREIGN = ("42P07", "42703", "42710")
"""The schema has tables of other columns, or things of the same names."""
REFUSED = ("22", "54")
"""How the codes begin of values that no column takes, such as a number of more than 64 bits."""


def refuses_value(error: Error) -> bool:
    """Whether what was to be written is the trouble, and not the database."""
    return (error.sqlstate or "").startswith(REFUSED)


def named(error: Error, address: Address, *, is_broken: bool) -> StoreError:
    """Return the error of ours for one of the driver's."""
    code, where = error.sqlstate or "", f"The store {address.place!r}"
    why = address.cleaned(words(error))
    if is_broken or ends_connection(error):
        return unreachable(address, why)
    if code in LOCKED:
        what = f"{where} is held by somebody else for too long: {why}."
        return StoreLocked(what, hint="See who holds it in pg_stat_activity, then try again.")
    if code in READ_ONLY:
        hint = "Name a server and a user that may write, or store=None."
        return StoreReadOnly(f"{where} can't be written: {why}.", hint=hint)
    if code in FULL:
        what = f"{where} can't grow: {why}."
        return StoreFull(what, hint="Make room on the server; what is in memory is written then.")
    if code in DAMAGED:
        return StoreDamaged(f"{where} is broken: {why}.", hint="Restore the database from a copy.")
    if code in FOREIGN:
        return foreign(address)
    if code in GONE:
        what = f"The tables of the store {address.place!r} are gone: {why}."
        return StoreError(what, hint="Try again; they are made anew.")
    return StoreError(f"{where} can't be used: {why} ({code or type(error).__name__}).")


def ends_connection(error: Error) -> bool:
    """Whether the server is no longer there for this connection, whatever the driver thinks of it."""
    if error.sqlstate is None:  # said by the driver, which lost the server or never had it
        return any(kind.__name__ == "OperationalError" for kind in type(error).__mro__)
    return error.sqlstate.startswith(UNREACHABLE)


def unreachable(address: Address, why: str) -> StoreUnreachable:
    """Return the error for a server that does not answer, or lets nobody in."""
    what = f"The store {address.place!r} can't be reached: {why}."
    hint = "See that the server runs, and that address, user and password are right."
    return StoreUnreachable(what, hint=hint)


def foreign(address: Address) -> StoreDamaged:
    """Return the error for a schema that was not made by this project."""
    what = f"The schema {address.schema!r} of {address.place!r} holds tables of another program."
    return StoreDamaged(what, hint="Name another one in the URL: ?schema=my_runs.")


def too_new(address: Address, version: int, newest: int) -> StoreTooNew:
    """Return the error for a schema that a newer version has written."""
    what = f"The store {address.place!r} has version {version}; this program reads {newest}."
    return StoreTooNew(what, hint="Update flow_widgets; the store is left as it is.")


def not_installed(error: ImportError) -> StoreError:
    """Return the error for a driver that is not there, or does not work."""
    is_missing = error.name == "psycopg"
    why = "is not installed" if is_missing else f"can't be loaded: {str(error).splitlines()[0]}"
    what = f"A PostgreSQL store needs the package psycopg, which {why}."
    return StoreError(what, hint="Install it: pip install 'flow_widgets[postgres]'.")


def words(error: Error) -> str:
    """Return the driver's own words as a part of a sentence, without the data that they may quote."""
    primary = error.diag.message_primary
    text = primary or (str(error).strip().splitlines() or ["it says nothing"])[0]
    return text.rpartition("failed: ")[2].removeprefix("FATAL:").strip().rstrip(".")
