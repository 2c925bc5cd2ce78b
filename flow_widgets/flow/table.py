"""Tables written as CSV, read as a list of records."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from typing import Any

from flow_widgets.errors import InvalidValue

_INTEGER = re.compile(r"-?(0|[1-9]\d{0,300})")
_NUMBER = re.compile(r"-?(0|[1-9]\d{0,300})\.\d{1,300}([eE][+-]?\d{1,3})?")
_BOOLEANS = {"true": True, "false": False}


def records(
    text: str, *, headers: Sequence[str] | None, has_header: bool, typed: bool
) -> list[dict[str, Any]]:
    """Return the rows of a table as dicts; empty lines are left out.

    Raises:
        InvalidValue: It can't be read; the message names line and column.
    """
    rows = list(_rows(text))
    first = rows.pop(0) if has_header and rows else None
    names = list(headers) if headers is not None else _names(first, has_header=has_header)
    if headers is None and first is not None:
        _check_names(names, line=first[0])
    found = []
    for line, row in rows:
        if len(row) != len(names):
            where = f"line {line}, column {min(len(row), len(names)) + 1}"
            what = f"the table can't be read at {where}: the row has {len(row)} cells, not {len(names)}."
            raise InvalidValue(what, hint='Put a cell that holds a comma in "quotes".')
        cells = [_typed(cell) for cell in row] if typed else row
        found.append(dict(zip(names, cells, strict=True)))
    return found


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each row that is not empty with the number of the line on which it ends."""
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    try:
        yield from ((reader.line_num, row) for row in reader if row)
    except csv.Error as error:
        where = f"line {reader.line_num}, column 1"
        raise InvalidValue(f"the table can't be read at {where}: {error}.") from None


def _names(first: tuple[int, list[str]] | None, *, has_header: bool) -> list[str]:
    if first is not None:
        return [name.strip() for name in first[1]]
    if has_header:
        return []
    raise InvalidValue("the table has no names for its columns.", hint="Give headers.")


def _check_names(names: list[str], *, line: int) -> None:
    for column, name in enumerate(names, start=1):
        if not name or name in names[: column - 1]:
            fault = f"{name!r} names two columns" if name else "a column has no name"
            what = f"the table can't be read at line {line}, column {column}: {fault}."
            raise InvalidValue(what, hint="Name each column, or give headers.")


def _typed(cell: str) -> Any:
    """Return a cell as number or boolean if it is written as JSON would; ``007`` stays a text."""
    if cell.lower() in _BOOLEANS:
        return _BOOLEANS[cell.lower()]
    if _INTEGER.fullmatch(cell):
        return int(cell)
    return float(cell) if _NUMBER.fullmatch(cell) else cell
