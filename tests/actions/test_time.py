"""The forms of the time."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from context import FakeContext, faults, output

from flow_widgets.actions.time import Time
from flow_widgets.errors import InvalidValue

NOW = datetime(2026, 7, 4, 13, 5, 9, 250_000, UTC).timestamp()


@pytest.mark.parametrize(
    ("keys", "given"),
    [
        ({}, "2026-07-04T13:05:09.250+00:00"),
        ({"format": "unix"}, 1783170309),
        ({"format": "unix_float"}, 1783170309.25),
        ({"format": "YYYY-MM-DD HH:mm:SS"}, "2026-07-04 13:05:09"),
        ({"format": "DD.MM.YYYY, HH:mm:ss Uhr"}, "04.07.2026, 13:05:09 Uhr"),
        ({"format": "HH:mm", "timezone": "Europe/Berlin"}, "15:05"),
        ({"format": "HH:mm", "timezone": "UTC+5:30"}, "18:35"),
        ({"format": "HH:mm", "timezone": "UTC-03:00"}, "10:05"),
        ({"format": "HH:mm", "timezone": "UTC+0"}, "13:05"),
        ({"format": "HH:mm", "timezone": "GMT"}, "13:05"),
        ({"format": "HH:mm", "timezone": "EST"}, "08:05"),
        ({"format": "HH:mm", "timezone": "cst"}, "07:05"),
        ({"format": "HH:mm", "timezone": "MST"}, "06:05"),
        ({"format": "HH:mm", "timezone": "PST"}, "05:05"),
        ({"format": "HH:mm", "timezone": "CET"}, "14:05"),
        ({"format": "HH:mm", "timezone": "JST"}, "22:05"),
    ],
)
async def test_it_gives_the_time_in_its_form_and_zone(keys, given):
    assert await output(Time(**keys), FakeContext(now=NOW)) == given


async def test_it_gives_parts_of_the_time():
    parts = Time.model_fields["components"].annotation.__args__[0].__args__

    given = await output(Time(components=parts, timezone="JST"), FakeContext(now=NOW))

    assert given == {
        "timestamp": "2026-07-04T22:05:09.250+09:00",
        "unix_timestamp": 1783170309,
        "date": "2026-07-04",
        "time": "22:05:09",
        "year": 2026,
        "month": 7,
        "day": 4,
        "hour": 22,
        "minute": 5,
        "second": 9,
        "day_of_week": "Saturday",
        "timezone": "JST",
    }


@pytest.mark.parametrize("zone", ["Mars/Base", "", "UTC+15", "UTC+1:99", "../etc", "Europe"])
async def test_an_unknown_time_zone_is_a_problem_and_fails(zone):
    assert faults(Time(timezone=zone)) == [("timezone", f"{zone!r} is no known time zone.")]
    with pytest.raises(InvalidValue, match="is no known time zone. Write one such as"):
        await output(Time(timezone=zone))


def test_an_empty_format_is_a_problem():
    assert faults(Time(format="")) == [("format", "the format is empty.")]
