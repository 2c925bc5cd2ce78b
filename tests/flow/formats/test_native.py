from __future__ import annotations

import pytest

from flow_widgets.actions.chat import Chat
from flow_widgets.errors import UnknownFormat
from flow_widgets.flow.attachment import File
from flow_widgets.flow.formats import dump_flow, load_flow
from flow_widgets.flow.formats.native import dump_action
from flow_widgets.flow.model import Edge, Flow, Input, Step


def test_only_what_is_not_at_its_default_is_written():
    flow = Flow(steps=[Chat(prompt="Hi", name="Greet")])

    assert dump_flow(flow) == {
        "format": "flow_widgets/1",
        "id": "flow",
        "steps": [
            {
                "id": "greet",
                "actions": [{"type": "chat", "id": "greet", "name": "Greet", "prompt": "Hi"}],
            }
        ],
    }


@pytest.mark.parametrize(
    ("declared", "written"),
    [
        (Input(), {"type": "text"}),
        (Input(default=1), {"type": "integer", "required": False, "default": 1}),
        (Input(default=None), {"type": "text", "required": False, "default": None}),
        (Input(default="x", required=True), {"type": "text", "default": "x", "required": True}),
        (
            Input(default=File.of(b"x", name="a.txt")),
            {
                "type": "file",
                "required": False,
                "default": {"name": "a.txt", "mime": "text/plain", "data": "eA=="},
            },
        ),
    ],
)
def test_an_input_is_read_as_it_was_written(declared, written):
    document = dump_flow(Flow(inputs={"a": declared}))

    assert document["inputs"] == {"a": written}
    assert load_flow(document).inputs == {"a": declared}


def test_a_whole_flow_is_read_as_it_was_written():
    flow = Flow(
        name="All",
        id="all",
        description="Everything at once.",
        inputs={"a": 1, "b": Input(type="file", description="A file.")},
        model="m",
        provider="offline",
        on_error="continue",
        max_parallel=3,
        steps=[
            Step(id="x", actions=[Chat(prompt="{{a}}", stop=("a", "b"), temperature="{{a}}")]),
            Step(id="y", join="no_wait", name="Y", actions=[Chat(prompt="1"), Chat(prompt="2")]),
        ],
        edges=[Edge(source="x", target="y", source_port="error")],
    )

    assert load_flow(dump_flow(flow)) == flow


def test_an_action_is_written_with_its_type():
    assert dump_action(Chat(prompt="Hi")) == {"type": "chat", "prompt": "Hi"}


def test_a_document_of_another_version_is_refused():
    with pytest.raises(UnknownFormat) as caught:
        load_flow({"format": "flow_widgets/2", "steps": []})

    assert str(caught.value) == (
        "The flow has the format 'flow_widgets/2'; this version reads 'flow_widgets/1'. "
        "Update flow_widgets."
    )


def test_slots_keep_their_types():
    flow = Flow(state={"n": 0, "any": {"type": "any"}, "user": {}})

    assert load_flow(dump_flow(flow)) == flow
    assert dump_flow(flow)["state"]["any"] == {"type": "any"}
