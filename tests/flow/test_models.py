"""Which model an action calls."""

from __future__ import annotations

from flow_widgets.actions.chat import Chat
from flow_widgets.actions.constants import Constants
from flow_widgets.actions.loop import Loop
from flow_widgets.flow.model import Flow
from flow_widgets.flow.models import calls_model, leaves_model_open, takes_model, with_model


def test_a_type_with_a_model_calls_one():
    assert calls_model(Chat)
    assert not calls_model(Constants)


def test_the_model_goes_to_actions_that_name_none():
    own, none = Chat(prompt="x", model="m1"), Constants(values={})

    assert with_model(Chat(prompt="x"), "m2").model == "m2"
    assert with_model(own, "m2") is own
    assert with_model(none, "m2") is none
    assert with_model(none, None) is none


def test_what_leaves_its_model_open_takes_that_of_its_flow():
    assert leaves_model_open(Chat(prompt="x"))
    assert not leaves_model_open(Chat(prompt="x", model="m"))


def test_a_flow_inside_takes_the_model_around_it_unless_it_has_one():
    def loop(action, **options):
        return Loop(over=[1], body=Flow(steps=[action], **options))

    assert takes_model(loop(Chat(prompt="x")))
    assert takes_model(loop(loop(Chat(prompt="x"))))
    assert not takes_model(loop(Chat(prompt="x"), model="m"))
    assert not takes_model(loop(Chat(prompt="x", model="m")))
    assert not takes_model(Chat(prompt="x"))
