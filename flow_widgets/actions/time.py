"""The time of the clock, as text, number or parts."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, ClassVar, Literal

from flow_widgets.actions.base import Action, Context, Outcome
from flow_widgets.errors import Problem
from flow_widgets.flow.zone import zone, zone_problems

Component = Literal[
    "timestamp",
    "unix_timestamp",
    "date",
    "time",
    "year",
    "month",
    "day",
    "hour",
    "minute",
    "second",
    "day_of_week",
    "timezone",
]
_TOKENS = {"YYYY": "%Y", "MM": "%m", "DD": "%d", "HH": "%H", "mm": "%M", "SS": "%S", "ss": "%S"}
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class Time(Action):
    """Gives the time at which it runs."""

    is_instant: ClassVar[bool] = True

    type: Literal["time"] = "time"
    format: str = "iso"
    """``iso``, ``unix`` (whole seconds), ``unix_float``, or a text in which YYYY, MM, DD (the date) and
    HH, mm, SS or ss (hours, minutes, seconds) are filled in."""
    timezone: str = "UTC"
    """``Europe/Berlin``, ``UTC+5:30``, or EST, CST, MST, PST, GMT, CET, JST: standard time, all year."""
    components: tuple[Component, ...] = ()
    """Parts of the time, which then is a dict: timestamp, unix_timestamp, date, time, year, month, day,
    hour, minute, second, day_of_week, timezone."""

    def problems(self) -> Sequence[Problem]:
        """Return what is wrong with the time zone and the format."""
        found = zone_problems(self.timezone)
        if not self.format:
            found.append(Problem("format", "the format is empty.", "Write 'iso', or YYYY-MM-DD."))
        return found

    async def run(self, ctx: Context) -> Outcome:
        """Return the time.

        Raises:
            InvalidValue: The time zone is not known.
        """
        moment = datetime.fromtimestamp(ctx.now(), zone(self.timezone))
        if self.components:
            parts: Any = {name: _PARTS[name](moment, self.timezone) for name in self.components}
            return Outcome(output=parts)
        return Outcome(output=_formatted(moment, self.format))


def _formatted(moment: datetime, form: str) -> str | float:
    match form:
        case "iso":
            return _iso(moment)
        case "unix":
            return int(moment.timestamp())
        case "unix_float":
            return moment.timestamp()
        case _:
            return re.sub("|".join(_TOKENS), lambda found: _padded(moment, found[0]), form)


def _padded(moment: datetime, part: str) -> str:
    """Return a part of the time at the width of its name."""
    return f"{moment.year:04}" if part == "YYYY" else moment.strftime(_TOKENS[part])


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")


_PARTS: dict[Component, Callable[[datetime, str], Any]] = {
    "timestamp": lambda moment, _: _iso(moment),
    "unix_timestamp": lambda moment, _: int(moment.timestamp()),
    "date": lambda moment, _: moment.date().isoformat(),
    "time": lambda moment, _: moment.time().isoformat(timespec="seconds"),
    "year": lambda moment, _: moment.year,
    "month": lambda moment, _: moment.month,
    "day": lambda moment, _: moment.day,
    "hour": lambda moment, _: moment.hour,
    "minute": lambda moment, _: moment.minute,
    "second": lambda moment, _: moment.second,
    "day_of_week": lambda moment, _: _DAYS[
        moment.weekday()
    ],  # %A would follow the machine's locale
    "timezone": lambda _, name: name,
}
