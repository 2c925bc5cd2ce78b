"""What counts for the identity of an output, and what does not."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal

import pytest
from pydantic import BaseModel

from flow_widgets.actions.chat import Chat
from flow_widgets.actions.constants import Constants
from flow_widgets.actions.loop import Loop
from flow_widgets.flow.attachment import File
from flow_widgets.flow.model import Action, Flow, Step
from flow_widgets.run.identity import differing, identity


class Point(BaseModel):
    x: int = 0


class Odd(Action):
    type: Literal["test_identity_odd"] = "test_identity_odd"
    value: Any = None


def same(one: Action, other: Action) -> bool:
    return identity(one, "") == identity(other, "")


def test_R5_ids_names_and_what_is_not_sent_do_not_count():
    patient = {"retry": {"max_attempts": 9}, "budget": {"tokens": 1}, "timeout_seconds": 1.0}

    assert same(Chat(prompt="x", id="a", name="A"), Chat(prompt="x", id="b", **patient))


@pytest.mark.parametrize(
    "changed",
    [
        {"prompt": "y"},
        {"model": "m"},
        {"temperature": 0.5},
        {"save_as": "x"},
        {"provider": "offline"},
        {"system": ""},
        {"messages": ["x"]},
    ],
)
def test_R5_every_other_field_counts(changed):
    assert not same(Chat(prompt="x"), Chat(**{"prompt": "x", **changed}))


def test_R5_the_type_the_code_the_provider_and_the_reads_count():
    chat = Chat(prompt="x")
    reads = [("a", "1"), ("b", None)]
    told = [
        identity(chat, ""),
        identity(chat, "1"),
        identity(chat, "", provider="offline"),
        identity(chat, "", reads),
        identity(chat, "", [("a", "2"), ("b", None)]),
        identity(Odd(), ""),
    ]

    assert len(set(told)) == len(told)
    assert identity(chat, "", reads) == identity(chat, "", reads[::-1])


def test_R5_the_order_of_keys_is_no_difference():
    assert same(Constants(values={"a": 1, "b": 2}), Constants(values={"b": 2, "a": 1}))


@pytest.mark.parametrize(("one", "other"), [(1, 1.0), (1, True), (0, None), ("1", 1), ([], {})])
def test_R5_values_that_are_written_differently_are_different(one, other):
    assert not same(Constants(values={"a": one}), Constants(values={"a": other}))


def test_R5_a_number_in_a_field_of_numbers_is_the_same_however_it_was_written():
    assert same(Chat(prompt="x", temperature=1), Chat(prompt="x", temperature=1.0))


def test_R5_files_count_by_name_type_and_content():
    old = File.of(b"old", name="a.txt")
    files = [old, File.of(b"new", name="a.txt"), File.of(b"old", name="b.txt")]
    files.append(File.of(b"old", name="a.txt", mime="text/html"))

    told = {identity(Chat(prompt="x", files=(file,)), "") for file in files}

    assert len(told) == 4
    assert same(Chat(files=(old,)), Chat(files=(File.of(b"old", name="a.txt"),)))


def test_R5_lone_surrogates_count_as_they_are():
    one, other = (Odd(value=["x"]).model_copy(update={"value": text}) for text in "\ud83d\udc1d")

    assert identity(one, "")
    assert not same(one, other)


def test_R5_of_flows_inside_names_count_and_retries_do_not():
    def loop(name: str = "a", **options: Any) -> Loop:
        step = Step(id=name, actions=(Chat(prompt="x", id="c", retry=options.get("retry")),))
        return Loop(over=[1], body=Flow(steps=(step,), **options))

    assert same(loop(), loop(retry={"max_attempts": 7}, max_parallel=3, description="slow"))
    assert not same(loop(), loop("b"))
    assert not same(loop(), loop(model="m"))


def test_R5_whatever_a_field_holds_counts():
    day = dt.date(2024, 1, 2)
    values: list[Any] = [Point(), Point(x=1), {"a", "b"}, frozenset({"a"}), day, str(day) + "!"]

    assert len({identity(Odd(value=value), "") for value in values}) == len(values)
    assert same(Odd(value={"a", "b", "c"}), Odd(value={"c", "b", "a"}))
    assert same(Odd(value=(1, 2)), Odd(value=[1, 2]))


def test_R5_what_is_no_data_has_no_identity():
    deep: Any = []
    for _ in range(20_000):
        deep = [deep]

    assert identity(Odd(value=object()), "") == ""
    assert identity(Odd(value={1: "a", "b": 2}), "") == ""
    assert identity(Odd().model_copy(update={"value": deep}), "") == ""


def test_fields_that_hold_no_data_are_compared_by_themselves():
    one, other = object(), object()

    assert list(differing(Odd(value=one), Odd(value=one))) == []
    assert list(differing(Odd(value=one), Odd(value=other))) == ["value"]
    assert list(differing(Odd(value=[one]), Odd(value=[one]))) == []
