"""What the first bytes of a SQLite file say, read without SQLite, so that nothing is changed by it."""

from __future__ import annotations

import struct
import time
from pathlib import Path
from typing import NamedTuple

from flow_widgets.errors import StoreDamaged, StoreReadOnly, StoreTooNew
from flow_widgets.store.migrations import APPLICATION, VERSION

MAGIC = b"SQLite format 3\0"
_TRIES = 20
"""How often a file that seems to be cut off is looked at again, as somebody may be writing it."""


class Header(NamedTuple):
    """The fields of the header that matter here."""

    page_size: int
    pages: int
    version: int
    application: int

    def fits(self, size: int) -> bool:
        """Whether a file of this size can hold all pages."""
        return size >= self.page_size * self.pages


def checked(path: Path, *, version: int = VERSION) -> Header | None:
    """Return the header of a store's file, None where there is no file, or an empty one.

    An application of 0 says nothing: the file may be one that is only just being made.

    Raises:
        StoreDamaged: It is no SQLite file, that of another program, or cut off.
        StoreTooNew: A newer version has written it.
        StoreReadOnly: It can't be read.
    """
    for attempt in range(_TRIES):
        header, size = _read(path)
        if header is None or header.fits(size) or _wal_holds_the_rest(path, header, size):
            break
        time.sleep(0.01 * (attempt < _TRIES - 1))
    else:
        what = f"The store {str(path)!r} is cut off: it has {size:,} of {_whole(header):,} bytes."
        raise StoreDamaged(what, hint="Put back a copy of it, or move it away.", path=str(path))
    if header is not None:
        check_marks(path, header.application or APPLICATION, header.version, newest=version)
    return header


def check_marks(path: Path, application: int, version: int, *, newest: int = VERSION) -> None:
    """Refuse the file of another program, or of a newer version.

    Raises:
        StoreDamaged: Another program has written it.
        StoreTooNew: A newer version has.
    """
    if application != APPLICATION:
        what = f"{str(path)!r} is a database of another program, not a store of runs."
        raise StoreDamaged(what, hint="Name another file.", path=str(path))
    if version > newest:
        what = f"The store {str(path)!r} has version {version}; this program reads {newest}."
        raise StoreTooNew(what, hint="Update flow_widgets; the file is left as it is.")


def _whole(header: Header | None) -> int:
    return header.page_size * header.pages if header is not None else 0


def _wal_holds_the_rest(path: Path, header: Header, size: int) -> bool:
    """Whether all pages that a file lacks are in its WAL: SQLite makes a cut checkpoint good itself."""
    wal = path.with_name(f"{path.name}-wal")
    lacking = set(range(size // header.page_size + 1, header.pages + 1))
    found: set[int] = set()
    try:
        with wal.open("rb") as file:
            begin = file.read(32)
            while len(frame := file.read(24)) == 24 and frame[8:16] == begin[16:24]:
                page, committed = struct.unpack_from(">II", frame)
                found.add(page)
                if committed:
                    lacking -= found
                file.seek(header.page_size, 1)
    except OSError:
        return False
    return not lacking


def _read(path: Path) -> tuple[Header | None, int]:
    try:
        with path.open("rb") as file:
            begin = file.read(100)
            size = file.seek(0, 2)
    except FileNotFoundError:
        return None, 0
    except OSError as error:
        what = f"The store {str(path)!r} can't be read: {error.strerror or error}."
        raise StoreReadOnly(what, hint="Name a file that you may read.") from None
    if not begin:
        return None, 0
    if len(begin) < 100 or not begin.startswith(MAGIC):
        what = f"{str(path)!r} is no SQLite database, or its beginning is broken."
        raise StoreDamaged(what, hint="Put back a copy of it, or name another file.")
    (raw,) = struct.unpack_from(">H", begin, 16)
    changes, pages = struct.unpack_from(">II", begin, 24)
    version, application = (
        struct.unpack_from(">I", begin, 60)[0],
        struct.unpack_from(">I", begin, 68)[0],
    )
    (valid_for,) = struct.unpack_from(">I", begin, 92)
    known = pages if changes == valid_for else 0
    return Header(65536 if raw == 1 else raw, known, version, application), size
