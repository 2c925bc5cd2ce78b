"""Every event comes back as it was told, and what can't be read is named."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any, Literal, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from logs import FLOW, Log, letter, whole

from flow_widgets import Chat, Flow
from flow_widgets.actions.loop import Loop
from flow_widgets.errors import StoreDamaged
from flow_widgets.flow import catalog
from flow_widgets.flow.limits import Budget
from flow_widgets.flow.model import Action
from flow_widgets.flow.stored import StoredAction
from flow_widgets.run import events as ev
from flow_widgets.store import content, exact
from flow_widgets.store.codec import FIELDS, KINDS
from flow_widgets.store.content import LATELY
from flow_widgets.store.decoder import Decoder
from flow_widgets.store.encoder import Encoder
from flow_widgets.store.forms import BY_CODEC, FORMS, PLAIN

SETTINGS = settings(max_examples=150, deadline=None, derandomize=True)
TEXTS = st.text(st.characters(codec=None), max_size=6)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
NUMBERS, PLACES = st.integers(0, 9), st.tuples(st.integers(0, 1), st.integers(0, 1))
FILES = st.sampled_from([letter(0), letter(5)])
BY_FORM = {
    "int": NUMBERS,
    "str": TEXTS,
    "bool": st.booleans(),
    "int | None": st.none() | NUMBERS,
    "float | None": st.none() | st.floats(allow_nan=False),
    "str | None": st.none() | TEXTS,
    "Any": VALUES,
    "dict[str, Any]": st.dictionaries(TEXTS, VALUES | FILES | st.lists(FILES), max_size=3),
    "tuple[tuple[str, Any], ...]": st.lists(st.tuples(TEXTS, VALUES), max_size=2).map(tuple),
    "tuple[int, ...]": st.lists(NUMBERS).map(tuple),
    "tuple[str, ...]": st.lists(TEXTS).map(tuple),
    "tuple[Place, ...]": st.lists(PLACES, max_size=3).map(tuple),
    "tuple[Place, ...] | None": st.none() | st.lists(PLACES, max_size=3).map(tuple),
    "tuple[Read, ...]": st.lists(
        st.tuples(PLACES | st.tuples(NUMBERS, NUMBERS, TEXTS) | TEXTS, st.none() | TEXTS)
    ).map(tuple),
    "Budget | None": st.sampled_from([None, Budget(usd=0.5), Budget(tokens=3, seconds=1.5)]),
    "Failure": st.builds(
        ev.Failure, kind=TEXTS, what=TEXTS, status=st.none() | NUMBERS, detail=TEXTS
    ),
    "Flow": st.sampled_from([FLOW, Flow(name="Other", steps=[Chat(prompt="x")])]),
    "Action": st.sampled_from([FLOW.steps[0].actions[0], Chat(prompt="by hand", id="q")]),
    "Action | None": st.sampled_from([None, FLOW.steps[0].actions[0], FLOW.steps[0].actions[1]]),
    "RerunCause": st.sampled_from(get_args(ev.RerunCause)),
    "SkipCause": st.sampled_from(get_args(ev.SkipCause)),
    "FailCause": st.sampled_from(get_args(ev.FailCause)),
    "CancelCause": st.sampled_from(get_args(ev.CancelCause)),
    "Origin": st.sampled_from(get_args(ev.Origin)),
    "Literal['debug', 'info', 'warn', 'error']": st.sampled_from(["info", "warn"]),
}


def back(events, *, size=1000):
    """Return events that went through batches of a size."""
    encoder, blobs, found = Encoder("r1"), {}, []
    decoder = Decoder("r1", blobs.__getitem__)
    for at in range(0, len(events), size):
        batch = encoder.batch(events[at : at + size])
        blobs.update(batch.blobs)
        assert batch.body.isascii()
        found += decoder.batch(batch.body, batch.first, batch.last)
    return found


@st.composite
def logs(draw):
    log = Log().begin()
    for kind in draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=8)):
        event_fields = {one.name: draw(BY_FORM[one.form]) for one in FIELDS[KINDS[kind]]}
        path = draw(st.sampled_from([(), ((0, 0, 1, 2),), ((0, 0, 1, "k"), (1, 0, 1, 0))]))
        where = draw(st.sampled_from([(0, 0), (0, 1), (1, 0)]))
        at = draw(st.floats(0, 1e10)) if kind != "ActionChunk" else 7.5
        made = log.add(
            KINDS[kind], *where, path=tuple(ev.Inner(*one) for one in path), **event_fields
        )
        made.at = at
    return log.events


@SETTINGS
@given(logs(), st.integers(1, 9))
def test_every_event_comes_back_equal(events, size):
    assert back(events, size=size) == events


def test_every_field_of_every_event_is_covered():
    """A new event, or a field of a new type, needs a form here and in the codec."""
    assert set(KINDS.values()) == set(get_args(ev.AnyEvent))
    forms = {one.form for own in FIELDS.values() for one in own}
    assert forms <= set(PLAIN) | set(FORMS) | BY_CODEC
    assert forms <= set(BY_FORM)
    common = [one.name for one in fields(ev.Event)]
    assert common == ["seq", "run_id", "at", "step", "action", "path"]


@SETTINGS
@given(VALUES)
def test_json_gives_back_what_it_was_made_of(value):
    text = exact.dumps(value)

    assert text.isascii()
    assert exact.loads(text) == value


@pytest.mark.parametrize(
    "value", [{"~~": 1}, ["~~"], {"~~": "\ud800"}, "\ud83c\udf0d", 1e308, -0.0]
)
def test_odd_values_come_back(value):
    assert repr(exact.loads(exact.dumps(value))) == repr(value)


@pytest.mark.parametrize("text", ['{"~~":["x",1]}', '{"~~":["d","a"]}', '{"~~":{}}', '{"~~":[]}'])
def test_what_exact_never_writes_is_refused(text):
    with pytest.raises((ValueError, TypeError)):
        exact.loads(text)


def test_chunks_of_streams_that_interleave_come_back_with_their_numbers():
    log = Log().begin().start(0, actions=(0, 1))
    for number in range(20):
        log.chunk(0, f"{number} ", action=number % 2)
    log.complete(0, "x").complete(0, "y", action=1)

    found = back(log.events)

    texts = [(one.seq, one.action, one.text) for one in log.events if type(one) is ev.ActionChunk]
    assert [(one.seq, one.action, one.text) for one in found if hasattr(one, "text")] == texts
    assert [one.at for one in found if type(one) is not ev.ActionChunk] == [
        one.at for one in log.events if type(one) is not ev.ActionChunk
    ]


def test_a_definition_of_the_flow_is_the_one_in_the_flow():
    found = back(whole().begin().start(0).events, size=2)

    assert found[2].definition is found[0].flow.steps[0].actions[0]
    assert found[2].rendered.prompt == "Write to Ada."


def test_a_flow_inside_an_action_is_the_one_in_its_action():
    flow = Flow(steps=[Loop(body=Flow(steps=[Chat(prompt="x")]), over=[1, 2])])
    body, path = flow.steps[0].actions[0].body, (ev.Inner(0, 0, 1, 0),)
    log = Log(flow=flow).begin()
    log.add(ev.FlowStarted, None, None, 1, body, {}, None, path=path)
    inner = body.steps[0].actions[0]
    log.add(ev.ActionStarted, 0, 0, 1, 1, inner, (), "m", path=path)
    log.add(ev.FlowCompleted, None, None, path=path)
    encoder = Encoder("r1")
    batch = encoder.batch(log.events)

    found = Decoder("r1", batch.blobs.__getitem__).batch(batch.body, 1, 4)

    assert found == log.events
    assert found[1].flow is found[0].flow.steps[0].actions[0].body
    assert found[2].definition is found[1].flow.steps[0].actions[0]
    assert len(batch.blobs) == 1


def test_content_that_stands_in_many_events_is_written_once():
    log = Log().begin({"file": letter(60_000)}).start(0)
    for number in range(5):
        log.add(ev.ActionFailed, 0, 0, number, ev.Failure("x", "y"), None, "long " * 10_000)
    batch = Encoder("r1").batch(log.events)

    assert len(batch.blobs) == 3  # the flow, the file and the text
    assert len(batch.body) < 5_000


def test_an_action_of_an_unknown_type_is_data_to_look_at(monkeypatch):
    class Passing(Action):
        type: Literal["passing"] = "passing"
        prompt: str = ""

    flow = Flow(steps=[Passing(prompt="Look"), Chat(prompt="{{steps.0.output}}")])
    log = Log(flow=flow).begin()
    log.add(ev.ActionStarted, 0, 0, 1, 1, flow.steps[0].actions[0], (), None)
    batch = Encoder("r1").batch(log.events)
    monkeypatch.delitem(catalog._classes, "passing")

    found = Decoder("r1", batch.blobs.__getitem__).batch(batch.body, 1, 2)

    action = found[0].flow.steps[0].actions[0]
    assert isinstance(action, StoredAction)
    assert (action.type, action.prompt, found[1].definition) == ("passing", "Look", action)
    again = Encoder("r1").batch(found)
    assert Decoder("r1", again.blobs.__getitem__).batch(again.body, 1, 2) == found


def test_an_action_that_no_longer_validates_is_data_to_look_at():
    class Growing(Action):
        type: Literal["growing"] = "growing"
        text: str = ""

    flow = Flow(steps=[Growing(text="old")])
    log = Log(flow=flow).begin()
    own = flow.steps[0].actions[0]
    log.add(ev.ActionStarted, 0, 0, 1, 1, own, (), None, own.model_copy(update={"text": "filled"}))
    batch = Encoder("r1").batch(log.events)

    class Grown(Action):
        type: Literal["growing"] = "growing"
        size: int

    found = Decoder("r1", batch.blobs.__getitem__).batch(batch.body, 1, 2)

    assert found[0].flow.steps[0].actions[0].document == {
        "type": "growing",
        "id": "a0",
        "text": "old",
    }
    assert found[1].rendered.text == "filled"


def broken(text):
    return Decoder("r1", {}.__getitem__).batch(text, 3, 3)


CANCEL = ["CancelRequested", 3, 1.0, None, None, [], {}]
FAILED = ["ActionFailed", 3, 1.0, 0, 0, []]
STARTED = ["ActionStarted", 3, 1.0, 0, 0, []]


@pytest.mark.parametrize(
    "record",
    [
        7,
        [],
        {"a": 1},
        ["os.system", *CANCEL[1:]],
        [*CANCEL, 1],
        ["CancelRequested", 4, *CANCEL[2:]],
        ["CancelRequested", "3", *CANCEL[2:]],
        ["CancelRequested", 3, None, *CANCEL[3:]],
        ["CancelRequested", 3, 1e300, *CANCEL[3:]],
        ["CancelRequested", 3, float("nan"), *CANCEL[3:]],
        ["CancelRequested", 3, -(10**400), *CANCEL[3:]],
        [*FAILED, {"attempt": 1, "error": {"kind": 5, "what": ""}, "total_tokens": None}],
        [
            *STARTED,
            {"attempt": 1, "visit": 1, "definition": {}, "model": None, "reads": [[{}, ""]]},
        ],
        [
            *STARTED,
            {"attempt": 1, "visit": 1, "definition": {}, "model": None, "reads": [["a", 5]]},
        ],
        ["+", 1e300, 0, 0, [], 1, "abc", [3], 3],
        [*CANCEL[:5], [[1, 2]], {}],
        [*CANCEL[:5], [["a", 2, 3, 4]], {}],
        [*CANCEL[:5], [[1, 2, 3, None]], {}],
        [*CANCEL[:6], {"cause": 5}],
        [*CANCEL[:6], {"color": "red"}],
        ["FlowFailed", *CANCEL[1:]],
        ["FlowStarted", *CANCEL[1:6], {"number": 1, "flow": {"~flow": "x"}, "inputs": {}}],
        [
            "ActionStarted",
            3,
            1.0,
            0,
            0,
            [],
            {"attempt": 1, "visit": 1, "definition": 0, "reads": []},
        ],
        ["+", 1.0, 0, 0, [], 1, "abc", [1, 1], 3],
        ["+", 1.0, 0, 0, [], 1, "abc", [3], [3, 4]],
        ["+", 1.0, 0, 0, [], 1, "abc", [4, -1], 3],
        ["+", "1", 0, 0, [], 1, "abc", [3], 3],
        ["+", 1.0],
    ],
)
def test_a_record_that_was_never_written_is_named(record):
    with pytest.raises(StoreDamaged, match="'r1' can't be read") as caught:
        broken(json.dumps([record]))
    assert caught.value.run_id == "r1"
    assert isinstance(caught.value.seq, (int, str))


@pytest.mark.parametrize("text", ["", "{", "[[", "7", "[" * 100_000])
def test_a_batch_that_is_no_json_is_named(text):
    with pytest.raises(StoreDamaged, match="Event 3 of the run 'r1'"):
        broken(text)


def test_what_is_no_data_is_refused_by_the_encoder():
    log = Log().begin({"odd": object()})

    with pytest.raises(TypeError, match="object is no JSON data"):
        Encoder("r1").batch(log.events)


def test_a_value_that_can_not_be_written_leaves_the_rest_of_its_action():
    deep = json.loads("[" * 300 + "]" * 300)
    log = Log().begin().start(0)
    log.events[2] = replace(
        log.events[2],
        rendered=FLOW.steps[0].actions[0].model_copy(update={"data": deep, "prompt": "p"}),
    )

    found = back(log.events)

    assert found[2].rendered.prompt == "p"


class Apply(Action):
    type: Literal["apply"] = "apply"
    function: Any = None
    text: str = ""


def test_a_flow_with_a_field_that_can_not_be_written_comes_back_with_the_others():
    odd = Apply(function=len, text="kept")
    body = Flow(steps=[odd, Chat(prompt="inside")])
    flow = Flow(name="Odd", steps=[odd, [Chat(prompt="x"), Loop(body=body, over=[1])]])

    found = back(Log(flow=flow).begin().events)[0].flow

    assert (found.name, found.id) == ("Odd", flow.id)
    assert [len(step.actions) for step in found.steps] == [1, 2]
    assert found.steps[0].actions[0].text == "kept"
    assert found.steps[1].actions[0] == flow.steps[1].actions[0]
    assert [step.actions[0].type for step in found.steps[1].actions[1].body.steps] == [
        "apply",
        "chat",
    ]


def test_a_file_that_many_attempts_were_sent_is_held_once():
    given = {"file": letter(5), "again": [letter(5)], "text": "long " * 10_000}
    log = Log().begin(given)
    log.add(ev.InputsRevised, None, None, dict(given))

    first, second = (one.inputs for one in back(log.events) if hasattr(one, "inputs"))

    assert first == second == given
    assert first["file"].data is second["file"].data is second["again"][0].data
    assert first["text"] is second["text"]


def test_only_few_contents_are_held_at_a_time():
    texts = {str(number): f"{number} " * 20_000 for number in range(LATELY + 2)}

    assert (
        back(Log().begin({**texts, "first again": texts["0"]}).events)[0].inputs["0"] == texts["0"]
    )


def test_an_event_that_names_too_much_is_refused(monkeypatch):
    log = Log().begin({"text": "long " * 10_000})
    log.add(ev.InputsRevised, None, None, {"text": "long " * 10_000})
    monkeypatch.setattr(content, "MAX_GROWN", 60_000)

    assert back(log.events)[-1].inputs["text"] == "long " * 10_000

    log.add(ev.InputsRevised, None, None, {"a": "long " * 10_000, "b": "long " * 10_000})
    with pytest.raises(StoreDamaged, match="what it names is too large"):
        back(log.events)
