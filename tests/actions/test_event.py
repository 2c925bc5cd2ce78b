"""What an event hands over."""

from __future__ import annotations

from context import faults, output

from flow_widgets.actions.event import Event


async def test_it_gives_what_the_event_brought():
    given = await output(Event(event_name="a"), event_name="a", event_data=[1])

    assert given == {"event_name": "a", "event_data": [1], "event_timestamp": None}


def test_it_needs_a_name():
    assert faults(Event(event_name=" ")) == [("event_name", "the name is missing.")]
    assert faults(Event(event_name="order.paid")) == []
    assert Event.is_trigger
