"""Time zones by name: of the IANA database, as an offset from UTC, or by a short name."""

from __future__ import annotations

import re
from datetime import UTC, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from flow_widgets.errors import InvalidValue, Problem

_OFFSET = re.compile(r"(?:UTC|GMT)\s*([+-])(\d{1,2})(?::?(\d{2}))?", re.IGNORECASE)
_HOURS = {
    "UTC": 0,
    "GMT": 0,
    "Z": 0,
    "EST": -5,
    "CST": -6,
    "MST": -7,
    "PST": -8,
    "CET": 1,
    "JST": 9,
}
"""Short names are the standard time that they say, without daylight saving."""


def zone(name: str) -> tzinfo:
    """Return the time zone ``Europe/Berlin``, ``UTC+5:30`` or ``EST``.

    Raises:
        InvalidValue: There is no such time zone.
    """
    text = name.strip()
    if text.upper() in _HOURS:
        hours = _HOURS[text.upper()]
        return timezone(timedelta(hours=hours), text.upper()) if hours else UTC
    offset = _OFFSET.fullmatch(text)
    if offset:
        minutes = int(offset[2]) * 60 + int(offset[3] or 0)
        if minutes <= 14 * 60 and int(offset[3] or 0) < 60:
            return timezone(timedelta(minutes=-minutes if offset[1] == "-" else minutes))
    try:
        return ZoneInfo(text)
    except (LookupError, ValueError, OSError):  # not there; no name; the name of a directory
        hint = "Write one such as 'Europe/Berlin', 'UTC+5:30' or 'EST'."
        raise InvalidValue(f"{name!r} is no known time zone.", hint=hint) from None


def zone_problems(name: str) -> list[Problem]:
    """Return what is wrong with the field ``timezone``."""
    try:
        zone(name)
    except InvalidValue as error:
        return [Problem("timezone", error.what, error.hint)]
    return []
