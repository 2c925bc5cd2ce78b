from __future__ import annotations

import json

import pytest

from flow_widgets.actions.chat import Chat
from flow_widgets.errors import FileRefused, InvalidFlow, UnknownFormat
from flow_widgets.flow.formats import dump_flow, load_flow
from flow_widgets.flow.model import Flow

DOCUMENT = {"name": "Small", "steps": [{"prompt": "Hi"}]}
FLOW = Flow(name="Small", steps=[Chat(prompt="Hi")])
YAML = "name: Small\nsteps:\n  - prompt: Hi\n"


def refused(source) -> str:
    with pytest.raises(UnknownFormat) as caught:
        load_flow(source)
    return str(caught.value)


def test_a_flow_is_loaded_as_an_equal_one_that_is_not_the_same():
    loaded = load_flow(FLOW)

    assert loaded == FLOW
    assert loaded is not FLOW


@pytest.mark.parametrize(
    "source", [DOCUMENT, json.dumps(DOCUMENT), f"\n {json.dumps(DOCUMENT)}", YAML], ids=repr
)
def test_a_document_is_loaded_from_data_json_or_yaml(source):
    assert load_flow(source) == FLOW


def test_a_list_is_the_steps_of_a_flow():
    steps = Flow(steps=[Chat(prompt="Hi")])

    assert load_flow([Chat(prompt="Hi")]) == load_flow('[{"prompt": "Hi"}]') == steps
    assert load_flow("- prompt: Hi") == load_flow(({"prompt": "Hi"},)) == steps


@pytest.mark.parametrize(("name", "text"), [("a.json", json.dumps(DOCUMENT)), ("a.yaml", YAML)])
def test_a_file_is_loaded_from_its_path(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8-sig")

    assert load_flow(path) == load_flow(str(path)) == FLOW


def test_a_file_without_a_known_suffix_is_found_when_it_is_there(tmp_path):
    path = tmp_path / "flow"
    path.write_text(YAML, encoding="utf-8")

    assert load_flow(str(path)) == FLOW


def test_a_file_that_is_not_there_is_told():
    with pytest.raises(FileRefused, match=r"'none\.yaml' can't be read"):
        load_flow("none.yaml")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({}, "This is no flow in a known format; its keys are . A flow has 'steps', a list."),
        ({"a": 1}, "its keys are 'a'. A flow has 'steps', a list."),
        ({"stepz": []}, "its keys are 'stepz'. Did you mean 'steps'?"),
        (3, "A flow can't be loaded from int. Give a dict, text or path."),
        ("", "A flow can't be loaded from NoneType."),
        ("just words", "A flow can't be loaded from str."),
        ("x" * 300, "A flow can't be loaded from str."),
        ("{", "The JSON can't be read: Expecting property name"),
        ('{"a":\n}', "line 2, column 1"),
        ("[" * 100_000, "The JSON is nested too deeply."),
        ("- " * 5_000 + "x", "The YAML is nested too deeply."),
        ("a: b: c", "The YAML can't be read: "),
        ("a: 2020-13-45", "The YAML can't be read: "),
        ("a: !!bool x", "The YAML can't be read: "),
        ("x\0", "The YAML can't be read: "),
        (f"[{'1' * 5000}]", "The JSON can't be read: Exceeds the limit"),
        ("a: &x [1]\nb: *x", "The YAML holds aliases, which can grow without limit."),
    ],
    ids=range(17),
)
def test_what_is_no_flow_is_refused_and_says_why(source, words):
    assert words in refused(source)


def test_a_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "flow.json"
    path.write_bytes(b"\xff\xfe{")

    assert refused(path) == "The file is not UTF-8 text. Convert it."


def test_the_problems_of_a_document_are_all_told():
    with pytest.raises(InvalidFlow) as caught:
        load_flow({"steps": [{"prompt": 1}, {"prompt": 2}]})

    assert [problem.place for problem in caught.value.problems] == [
        "steps[0].actions[0].prompt",
        "steps[1].actions[0].prompt",
    ]


def test_a_flow_is_written_only_in_a_known_format():
    with pytest.raises(UnknownFormat) as caught:
        dump_flow(FLOW, "nativ")  # type: ignore[arg-type]

    assert str(caught.value) == "'nativ' is no known format. Did you mean 'native'?"


def test_what_is_written_is_json():
    assert json.loads(json.dumps(dump_flow(FLOW))) == dump_flow(FLOW)
    assert json.loads(json.dumps(dump_flow(FLOW, "steps"))) == dump_flow(FLOW, "steps")
