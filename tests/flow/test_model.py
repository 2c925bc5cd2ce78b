from __future__ import annotations

from types import SimpleNamespace

import pytest

from flow_widgets.actions.chat import Chat
from flow_widgets.errors import InvalidFlow, NoSuchStep, Problem, nearest
from flow_widgets.flow import catalog
from flow_widgets.flow.attachment import File
from flow_widgets.flow.identity import slug
from flow_widgets.flow.model import Action, Edge, Flow, Input, Step, type_of


def ids(flow: Flow) -> list[tuple[str, list[str]]]:
    return [(step.id, [action.id for action in step.actions]) for step in flow.steps]


def problems(make, **fields) -> list[str]:
    with pytest.raises(InvalidFlow) as caught:
        make(**fields)
    return [str(problem) for problem in caught.value.problems]


# Short forms.


def test_a_bare_action_is_a_step_and_a_list_is_a_step_of_parallel_actions():
    one, two = Chat(prompt="1"), Chat(prompt="2")

    flow = Flow(steps=[one, [one, two], {"actions": [two]}, {"prompt": "3"}, {"name": "empty"}])

    assert [len(step.actions) for step in flow.steps] == [1, 2, 1, 1, 0]


def test_a_dict_with_a_prompt_and_no_type_is_a_chat():
    assert type_of({"prompt": "Hi"}) == type_of({"messages": []}) == "chat"
    assert type_of({}) == ""


def test_a_list_of_names_declares_required_texts():
    assert Flow(inputs=["a"]).inputs == {"a": Input(type="text")}


def test_inputs_keep_their_order():
    assert list(Flow(inputs={"b": 1, "a": 2}).inputs) == ["b", "a"]
    assert list(Flow(inputs=["b", "a"]).inputs) == ["b", "a"]


@pytest.mark.parametrize(
    ("default", "kind"),
    [
        ("x", "text"),
        (1, "integer"),
        (1.5, "number"),
        (True, "boolean"),
        ([1], "json"),
        ({"any": 1}, "json"),
        ({}, "json"),
        (None, "text"),
        (File.of(b"x", name="a.txt"), "file"),
    ],
)
def test_a_bare_default_declares_an_optional_input_of_its_type(default, kind):
    declared = Flow(inputs={"a": default}).inputs["a"]

    assert (declared.type, declared.required, declared.default) == (kind, False, default)


def test_an_input_without_a_default_is_a_required_text():
    assert (Input().type, Input().required, Input().default) == ("text", True, None)


def test_a_dict_of_the_keys_of_an_input_declares_one():
    flow = Flow(inputs={"a": {"type": "number"}, "b": Input(default={"type": "number"})})

    assert flow.inputs["a"] == Input(type="number")
    assert flow.inputs["b"].default == {"type": "number"}


def test_a_default_may_be_given_for_an_input_that_is_required_all_the_same():
    assert Input(default="x", required=True).required


def test_a_file_written_as_data_is_a_file_only_where_one_is_declared():
    data = {"name": "a.txt", "mime": "text/plain", "data": "eA=="}

    assert Input(type="file", default=data).default == File(**data)
    assert Input(type="json", default=data).default == data


# Ids.


def test_ids_are_made_from_names_or_places_and_are_unique():
    steps = [Chat(prompt="x", name="Sum up!"), [Chat(prompt="x"), Chat(prompt="x", name="2nd")]]

    flow = Flow(steps=[*steps, Step(name="Sum up"), Step(id="s4"), Step(), Step(id="sum_up_2")])

    assert ids(flow) == [
        ("sum_up", ["sum_up"]),
        ("s1", ["a0", "a1"]),
        ("sum_up_3", []),
        ("s4", []),
        ("s4_2", []),
        ("sum_up_2", []),
    ]


def test_a_given_id_stays():
    assert ids(Flow(steps=[Step(id="x", actions=[Chat(prompt="p", id="y")])])) == [("x", ["y"])]


def test_a_flow_is_named_after_its_name():
    assert (Flow(name="My Flow").id, Flow(name="漢字").id, Flow(id="x").id) == (
        "my_flow",
        "flow",
        "x",
    )


@pytest.mark.parametrize(
    ("name", "word"), [("Sum up!", "sum_up"), ("  ", ""), ("2nd", ""), ("é a", "a")]
)
def test_a_slug_can_stand_in_a_reference(name, word):
    assert slug(name) == word


# Ports.


def test_every_step_has_an_error_port():
    class Choice(Action):
        default_ports = ("yes", "no")

    assert Step(actions=[Choice(type="choice")]).ports == ("yes", "no", "error")
    assert Step(actions=[Chat(prompt="x"), Chat(prompt="x")]).ports == ("success", "error")
    assert Step().ports == ("success", "error")


# Finding.


@pytest.fixture
def flow() -> Flow:
    """Return a flow of two steps."""
    return Flow(
        steps=[Chat(prompt="x", name="Draft"), [Chat(prompt="x", name="A"), Chat(prompt="x")]]
    )


def test_a_step_is_found_by_index_id_and_name(flow):
    assert [flow.step_index(key) for key in (0, "draft", "Draft", 1, "s1")] == [0, 0, 0, 1, 1]


def test_an_action_is_found_by_index_id_and_name(flow):
    assert [flow.action_index(1, key) for key in (0, "a", "A", 1, "a1")] == [0, 0, 0, 1, 1]


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (2, "There is no step 2: the flow has 2 steps. Indices run from 0 to 1."),
        (-1, "There is no step -1: the flow has 2 steps. Indices run from 0 to 1."),
        ("drfat", "There is no step 'drfat': the flow has 2 steps. Did you mean 'draft'?"),
        ("", "There is no step '': the flow has 2 steps. Known: 'draft', 'Draft', 's1'."),
    ],
)
def test_a_step_that_is_not_there_is_told_with_those_that_are(flow, key, words):
    with pytest.raises(NoSuchStep) as caught:
        flow.step_index(key)

    assert str(caught.value) == words


def test_an_action_that_is_not_there_is_told_with_how_many_there_are(flow):
    with pytest.raises(IndexError, match="There is no action 1: step 0 has 1 action. Indices run"):
        flow.action_index(0, 1)


def test_a_flow_without_steps_has_none(flow):
    with pytest.raises(NoSuchStep) as caught:
        Flow().step_index(0)

    assert str(caught.value) == "There is no step 0: the flow has 0 steps."
    assert len(Flow()) == 0


# Values.


def test_a_flow_is_frozen(flow):
    with pytest.raises(ValueError, match="frozen"):
        flow.name = "new"


def test_a_repr_shows_what_is_not_at_its_default():
    assert repr(Edge(source="a", target="b")) == "Edge(source='a', target='b')"
    assert repr(Chat(prompt="Hi")) == "Chat(prompt='Hi')"
    assert "data" not in repr(Flow(inputs={"a": File.of(b"x", name="a.txt")}))


def test_an_action_of_an_unknown_type_names_the_nearest():
    assert problems(Flow, steps=[{"type": "caht"}]) == [
        "steps[0].actions[0]: 'caht' is not a known action type. Did you mean 'chat'?"
    ]


def test_what_is_no_action_is_told():
    assert problems(Flow, steps=[[3], {"actions": [{}]}]) == [
        "steps[0].actions[0]: is no action: an action or a dict is.",
        f"steps[1].actions[0]: It has no type and no prompt. {_known()}",
    ]


def _known() -> str:
    return nearest("", catalog.known())


def test_limits_are_checked():
    assert problems(Flow, max_parallel=0) == ["max_parallel: must be greater than or equal to 1."]


def test_an_action_has_no_problems_of_its_own_unless_it_says_so():
    assert Action(type="any").problems() == ()


def test_a_class_registers_the_type_that_is_its_own(monkeypatch):
    monkeypatch.setattr(catalog, "_classes", dict(catalog._classes))

    class Wait(Chat):
        pass

    assert catalog.find("chat") is Wait


def test_a_class_whose_type_may_be_any_text_is_refused():
    with pytest.raises(TypeError, match=r"Write: type: Literal\['pause'\] = 'pause'\."):

        class Pause(Action):
            type: str = "pause"

    assert catalog.find("pause") is None


def test_known_types_are_those_defined_and_those_offered():
    catalog.register("zz_test", Chat)

    assert {"chat", "zz_test"} <= set(catalog.known())
    assert list(catalog.known()) == sorted(catalog.known())
    del catalog._classes["zz_test"]


def test_a_type_is_loaded_from_the_package_that_offers_it(monkeypatch):
    class Point:
        name = "offered"

        def load(self) -> None:
            catalog.register("offered", Chat)

    monkeypatch.setattr(catalog, "entry_points", lambda **_: [Point()])
    monkeypatch.setattr(catalog, "_classes", {})

    assert catalog.find("offered") is Chat


def test_a_flow_runs_with_the_options_of_a_runner(monkeypatch):
    made = []

    class Runner:
        def __init__(self, flow, **options):
            made.append((flow, options))

        def run_flow(self, inputs, *, trigger_step):
            return SimpleNamespace(inputs=inputs, trigger_step=trigger_step)

    monkeypatch.setattr("flow_widgets.engine.runner.FlowRunner", Runner)
    flow = Flow()

    run = flow.run({"a": 1}, trigger_step="t", provider="offline")

    assert run == SimpleNamespace(inputs={"a": 1}, trigger_step="t", stops_with_reader=True)
    assert made == [(flow, {"provider": "offline"})]


def test_problems_are_values():
    assert Problem("a", "b.") == Problem("a", "b.")
