"""How written data is read, and how mistakes in it are told."""

from __future__ import annotations

import pytest
from context import faults, output

from flow_widgets.actions import data_block
from flow_widgets.actions.data_block import DataBlock
from flow_widgets.errors import InvalidValue

TABLE = 'name,n,ok\n"a, b",1,true\n\n007,-2.50,no\n'
NAMES = ("x", "y", "z")


def block(data, form="csv", **keys):
    return DataBlock(data=data, format=form, **keys)


@pytest.mark.parametrize(
    ("action", "given"),
    [
        (block('{"a": [1, 2.5, null]}', "json"), {"a": [1, 2.5, None]}),
        (block({"a": 1}, "json"), {"a": 1}),
        (block([1], "csv"), [1]),
        (
            block("a: 1\nb: [x, 2020-01-02]\n3: {}\n", "yaml"),
            {"a": 1, "b": ["x", "2020-01-02"], "3": {}},
        ),
        (block("", "yaml"), None),
        (block("{{n}} as it is", "text"), "{{n}} as it is"),
        (
            block(TABLE),
            [{"name": "a, b", "n": 1, "ok": True}, {"name": "007", "n": -2.5, "ok": "no"}],
        ),
        (
            block(TABLE, typed=False),
            [{"name": "a, b", "n": "1", "ok": "true"}, {"name": "007", "n": "-2.50", "ok": "no"}],
        ),
        (block("a,b,c\n1,2,3", headers=NAMES), [{"x": 1, "y": 2, "z": 3}]),
        (
            block("1,2,3\r\n4,5,6\r\n", headers=NAMES, has_header=False),
            [{"x": 1, "y": 2, "z": 3}, {"x": 4, "y": 5, "z": 6}],
        ),
        (block("\ufeffa\n1"), [{"a": 1}]),
        (block(""), []),
        (block("a,b"), []),
        (block("", headers=NAMES), []),
    ],
)
async def test_data_is_read_in_its_format(action, given):
    assert await output(action) == given
    assert faults(action) == []


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (
            block('{"a": 1,\n "b" 2}', "json"),
            "the JSON can't be read at line 2, column 6: Expecting ':' delimiter.",
        ),
        (block("", "json"), "the JSON can't be read at line 1, column 1: Expecting value."),
        (block("[NaN]", "json"), "the JSON can't be read: NaN is no number of JSON."),
        (block("[" * 100_000, "json"), "the JSON is nested too deeply."),
        (
            block("a: 1\nb: [1, 2", "yaml"),
            "the YAML can't be read at line 2, column 9: expected ',' or ']', but got '<stream end>'.",
        ),
        (block("a: &x [1]\nb: *x", "yaml"), "the YAML holds an alias at line 2, column 4."),
        (
            block("a: .nan", "yaml"),
            "the YAML can't be read: Out of range float values are not JSON compliant.",
        ),
        (block("a: !!binary aGk=", "yaml"), "the YAML can't be read: a bytes is no data of JSON."),
        (block("a: 2020-13-01", "yaml"), "the YAML can't be read: month must be in 1..12."),
        (block("[" * 5000 + "]" * 5000, "yaml"), "the YAML is nested too deeply."),
        (
            block("a\x00", "yaml"),
            "the YAML can't be read: unacceptable character #x0000: special characters are not "
            'allowed in "<unicode string>", position 1.',
        ),
        (
            block("a: !x 1", "yaml"),
            "the YAML can't be read at line 1, column 4: could not determine a constructor for the tag '!x'.",
        ),
        (
            block("a,b\n1,2\n3"),
            "the table can't be read at line 3, column 2: the row has 1 cells, not 2.",
        ),
        (
            block("a,b\n1,2,3"),
            "the table can't be read at line 2, column 3: the row has 3 cells, not 2.",
        ),
        (block('a\n"x'), "the table can't be read at line 2, column 1: unexpected end of data."),
        (block("a,a\n1,2"), "the table can't be read at line 1, column 2: 'a' names two columns."),
        (
            block("a,,b\n1,2,3"),
            "the table can't be read at line 1, column 2: a column has no name.",
        ),
    ],
)
async def test_what_can_not_be_read_is_a_problem_with_its_place(action, words):
    assert faults(action) == [("data", words)]
    with pytest.raises(InvalidValue) as raised:
        await output(action)
    assert raised.value.what == words


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"headers": ("a", "a")}, "a name stands there twice."),
        ({"has_header": False}, "the columns have no names."),
    ],
)
def test_columns_need_their_names(keys, words):
    assert faults(block("1,2", **keys)) == [("headers", words)]


async def test_a_table_without_names_can_not_be_read():
    with pytest.raises(InvalidValue, match="the table has no names for its columns."):
        await output(block("1,2", has_header=False))


async def test_data_is_read_once_for_each_definition(monkeypatch):
    texts = []
    monkeypatch.setattr(data_block, "json_data", lambda text: texts.append(text) or [text])
    block = DataBlock(data="[1]")

    assert block.problems() == []
    assert await output(block) == await output(block) == ["[1]"]
    assert await output(block.model_copy(update={"data": "[2]"})) == ["[2]"]

    assert texts == ["[1]", "[2]"]
    assert block == DataBlock(data="[1]")


@pytest.mark.parametrize(
    ("kind", "size"), [("json", 5_000_001), ("csv", 5_000_001), ("yaml", 500_001)]
)
def test_data_that_takes_too_long_to_read_is_refused(kind, size):
    (problem,) = DataBlock(data="1" * size, format=kind).problems()

    assert problem.place == "data"
    assert f"{size:,} characters are over the limit" in problem.what
