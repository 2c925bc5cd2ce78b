"""When a schedule is due."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from context import faults, output

from flow_widgets.actions.schedule import Schedule
from flow_widgets.errors import InvalidValue

FRIDAY = datetime(2026, 3, 27, 8, 0, tzinfo=UTC)


def day(number, hour, minute=0, second=0):
    return datetime(2026, 3, number, hour, minute, second, tzinfo=UTC)


@pytest.mark.parametrize(
    ("keys", "times"),
    [
        ({"cron": "0 9 * * MON-FRI"}, [day(27, 9), day(30, 9)]),
        ({"cron": "0 9 * * *", "timezone": "Europe/Berlin"}, [day(28, 8), day(29, 7)]),
        ({"cron": "*/15 * * * *", "timezone": "UTC+5:30"}, [day(27, 8, 15), day(27, 8, 30)]),
        ({"cron": "30 0 9 * * *"}, [day(27, 9, 0, 30), day(28, 9, 0, 30)]),
    ],
)
def test_the_next_times_are_in_utc_and_follow_the_clock_of_the_zone(keys, times):
    assert Schedule(**keys).next_times(FRIDAY, 2) == times


@pytest.mark.parametrize(
    ("cron", "words"),
    [
        ("", "the cron expression is missing."),
        ("every day", "'every day' is no cron expression: wrong number of fields."),
        ("61 * * * *", "'61 * * * *' is no cron expression: bad minute."),
        ("0 0 31 2 *", "'0 0 31 2 *' is no cron expression: bad day-of-month."),
        ("0 0 */15 2 MON#5", "'0 0 */15 2 MON#5' never comes."),
        ("9" * 5000 + " * * * *", f"'{'9' * 5000} * * * *' is no cron expression."),
    ],
)
def test_what_is_no_cron_expression_is_a_problem(cron, words):
    assert faults(Schedule(cron=cron)) == [("cron", words)]
    with pytest.raises(InvalidValue, match="cron: "):
        Schedule(cron=cron).next_times(FRIDAY)


def test_an_unknown_time_zone_is_a_problem():
    action = Schedule(cron="* * * * *", timezone="Mars")

    assert faults(action) == [("timezone", "'Mars' is no known time zone.")]


def test_an_instant_needs_a_time_zone():
    with pytest.raises(InvalidValue, match="after has no time zone."):
        Schedule(cron="* * * * *").next_times(datetime(2026, 1, 1))  # noqa: DTZ001  # that is the point


async def test_it_gives_when_it_was_due():
    given = await output(Schedule(cron="* * * * *"), scheduled_time="a", actual_time="b")

    assert given == {"scheduled_time": "a", "actual_time": "b"}
    assert Schedule.is_trigger
