"""What a start takes and gives."""

from __future__ import annotations

import pytest
from context import output

from flow_widgets import Flow, dump_flow, load_flow
from flow_widgets.actions.start import Start
from flow_widgets.errors import InvalidFlow, InvalidInputs
from flow_widgets.flow.declared import Input


@pytest.mark.parametrize(
    ("start", "handed", "given"),
    [
        (Start(), {}, {}),
        (Start(takes=["text"]), {"text": "a", "other": "b"}, {"text": "a"}),
        (Start(takes={"count": 3}), {"count": "4"}, {"count": 4}),
        (Start(takes={"count": 3, "data": {}}), {}, {"count": 3, "data": {}}),
        (
            Start(takes=["text"], values={"text": "b", "n": "{{n}}"}),
            {"text": "a", "n": 1},
            {"text": "b", "n": 1},
        ),
        (Start(takes={"text": Input(required=False)}), {}, {"text": None}),
    ],
)
async def test_it_gives_what_it_is_handed_and_its_values(start, handed, given):
    assert await output(start, **handed) == given


async def test_a_required_value_that_is_missing_is_named():
    with pytest.raises(InvalidInputs, match=r"takes.text: no value was handed over."):
        await output(Start(takes=["text"]))


def test_it_hands_over_what_it_takes():
    assert Start(takes=["text"]).payload == {"text": Input(type="text")}


def test_something_else_is_no_declaration():
    with pytest.raises(InvalidFlow, match="takes"):
        Start(takes=3)


def test_a_required_value_with_a_default_is_kept_when_dumped():
    flow = Flow(steps=[Start(takes={"a": Input(default="x", required=True), "b": 1, "c": Input()})])

    assert load_flow(dump_flow(flow)) == flow
