"""A flow that is begun by the clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any, ClassVar, Literal

from cronsim import CronSim, CronSimError

from flow_widgets.actions.base import Action, Context, Outcome
from flow_widgets.errors import InvalidValue, Problem
from flow_widgets.flow.declared import Input
from flow_widgets.flow.zone import zone, zone_problems

_PAYLOAD = {
    "scheduled_time": Input(type="text", required=False, description="When it was due."),
    "actual_time": Input(type="text", required=False, description="When it began."),
}
_HINT = "Write minute, hour, day, month and weekday: '0 9 * * MON-FRI' is 9:00 on working days."


class Schedule(Action):
    """Begins the flow again and again, at times that a cron expression tells.

    Its output, and the shared state, hold ``scheduled_time`` and ``actual_time``.
    """

    is_trigger: ClassVar[bool] = True
    is_instant: ClassVar[bool] = True

    type: Literal["schedule"] = "schedule"
    cron: str = ""
    """Minute, hour, day of the month, month, day of the week: ``0 9 * * MON-FRI``; six fields begin
    with the second."""
    timezone: str = "UTC"
    """The zone of these times: ``Europe/Berlin``, ``UTC+5:30`` or ``EST``."""

    @property
    def payload(self) -> Mapping[str, Input]:
        """What the clock brings."""
        return _PAYLOAD

    def problems(self) -> Sequence[Problem]:
        """Return what is wrong with the expression and the time zone."""
        fault = _fault(self.cron)
        found = [Problem("cron", fault, _HINT)] if fault else []
        return [*found, *zone_problems(self.timezone)]

    def next_times(self, after: datetime, count: int = 1) -> list[datetime]:
        """Return the next times after an instant, aware and in UTC, in their order.

        There are fewer than ``count`` when the expression fits no more days of the next fifty years.

        Raises:
            InvalidValue: The expression or the time zone can't be used, or ``after`` has no time zone.
        """
        if after.tzinfo is None:
            raise InvalidValue("after has no time zone.", hint="Pass datetime.now(UTC).")
        fault = _fault(self.cron)
        if fault:
            raise InvalidValue(f"cron: {fault}", hint=_HINT)
        times = CronSim(self.cron, after.astimezone(zone(self.timezone)))
        return [time.astimezone(UTC) for time in islice(times, count)]

    async def run(self, ctx: Context) -> Outcome:
        """Return when it was due and when it began."""
        output: dict[str, Any] = {name: ctx.shared.get(name) for name in self.payload}
        return Outcome(output=output)


def _fault(cron: str) -> str:
    """Return why a cron expression can't be used, or an empty text."""
    if not cron.strip():
        return "the cron expression is missing."
    try:
        next(CronSim(cron, datetime(2024, 1, 1, tzinfo=UTC)))
    except CronSimError as error:
        return f"{cron!r} is no cron expression: {str(error).lower()}."
    except StopIteration:
        return f"{cron!r} never comes."
    except ValueError:  # a number of thousands of digits
        return f"{cron!r} is no cron expression."
    return ""
