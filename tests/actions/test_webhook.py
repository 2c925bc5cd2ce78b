"""What a webhook listens for and hands over."""

from __future__ import annotations

import pytest
from context import faults, output

from flow_widgets.actions.webhook import Webhook


async def test_it_gives_what_the_request_brought():
    given = await output(Webhook(path="/a"), body={"n": 1}, method="POST", other=1)

    assert given == {"body": {"n": 1}, "headers": None, "method": "POST", "query": None}


def test_it_is_a_trigger_that_requires_nothing():
    action = Webhook(path="/a")

    assert action.is_trigger
    assert not any(one.required for one in action.payload.values())


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/", []),
        ("/orders/new", []),
        ("", [("path", "the path is missing.")]),
        ("orders", [("path", "'orders' is no path.")]),
        ("/a?b=1", [("path", "'/a?b=1' is no path.")]),
    ],
)
def test_its_path_begins_with_a_slash(path, found):
    assert faults(Webhook(path=path)) == found
