"""A stored action that can't be made here can be looked at, and not run."""

from __future__ import annotations

import pytest

from flow_widgets import Flow
from flow_widgets.flow.check import check_flow
from flow_widgets.flow.stored import StoredAction
from flow_widgets.run.asked import prompt_of

DOCUMENT = {"type": "gone", "id": "a", "name": "Gone", "prompt": "Ask", "document": 1, "data": [2]}


def test_its_fields_can_be_read():
    action = StoredAction.of(DOCUMENT)

    assert (action.type, action.id, action.name) == ("gone", "a", "Gone")
    assert (action.prompt, action.data) == ("Ask", [2])
    assert prompt_of(action) == "Ask"
    with pytest.raises(AttributeError, match="'gone' has no 'model'"):
        _ = action.model
    with pytest.raises(AttributeError):
        _ = action._private


def test_it_is_written_as_it_was_stored():
    action = StoredAction.of(DOCUMENT)

    assert action.model_dump(mode="json") == DOCUMENT
    assert StoredAction.of(action.model_dump(mode="json")) == action
    assert action.with_fields({"prompt": "Other"}).prompt == "Other"


def test_it_takes_the_id_that_its_step_gives():
    flow = Flow(steps=[StoredAction.of({"type": "gone"})])

    assert flow.steps[0].actions[0].model_dump(mode="json") == {"type": "gone", "id": "a0"}
    assert StoredAction.of({"type": "gone"}).model_dump(mode="json") == {"type": "gone"}


def test_it_can_not_run():
    found = check_flow(Flow(steps=[StoredAction.of(DOCUMENT)]))

    assert [(one.place, one.severity) for one in found] == [("steps[0].actions[0].type", "error")]


def test_odd_fields_are_no_fault():
    action = StoredAction.of({"type": 5, "id": [], "name": None})

    assert (action.type, action.id, action.name) == ("", "", "")


def test_messages_are_read_as_far_as_they_can_be():
    said = [{"role": "system", "content": "Be"}, "Hello", {"odd": 1}, 7]
    action = StoredAction.of({"type": "gone", "messages": said})

    assert [message.text for message in action.messages] == ["Be", "Hello"]
    assert StoredAction.of({"type": "gone", "messages": 5}).messages == ()
