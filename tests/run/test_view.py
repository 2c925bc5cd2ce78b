from __future__ import annotations

import json
from typing import get_type_hints

import pytest
from driver import Done, Fail, drive, flow

from flow_widgets.run import view as wire
from flow_widgets.run.delta import run_view


@pytest.fixture
def shown():
    """Return the view of a run with a failure, a stream and a skipped step."""
    run = drive(flow(sequence="a b", counts={"a": 2}))
    run.play({(0, 0): Fail(), (0, 1): Done(chunks=("hi",))})
    return run_view(run.state)


def test_the_view_has_exactly_the_keys_of_the_wire(shown):
    step = shown["steps"][0]
    failed = step["actions"][0]
    pairs = [
        (wire.RunView, shown),
        (wire.StepView, step),
        (wire.ActionView, failed),
        (wire.AttemptLine, failed["attempts"][0]),
        (wire.ErrorView, failed["error"]),
        (wire.LogView, shown["log"]),
        (wire.LogLineView, shown["log"]["lines"][0]),
    ]

    assert [list(get_type_hints(kind)) for kind, _ in pairs] == [list(value) for _, value in pairs]


def test_the_view_is_json(shown):
    assert json.loads(json.dumps(shown)) == shown
