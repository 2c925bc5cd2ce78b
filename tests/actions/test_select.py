"""What is picked from data."""

from __future__ import annotations

import pytest
from context import faults, output

from flow_widgets.actions.select import Select
from flow_widgets.errors import InvalidValue, NothingFound

DATA = {
    "a": [[1, 2], [3]],
    "b": {"c d": 5, "0": "zero"},
    "null": None,
    "users": [{"name": "x", "age": 1}, {"name": "y"}, {"age": 3}],
}
USERS = DATA["users"]


@pytest.mark.parametrize(
    ("data", "keys", "found"),
    [
        (DATA, {"path": "a[0][1]"}, 2),
        (DATA, {"path": "a.0"}, [1, 2]),
        (DATA, {"path": "a.0.1"}, 2),
        (DATA, {"path": "a[-1][0]"}, 3),
        (DATA, {"path": "b['c d']"}, 5),
        (DATA, {"path": 'b["c d"]'}, 5),
        (DATA, {"path": "b.c d"}, 5),
        (DATA, {"path": "b.0"}, "zero"),
        (DATA, {"path": "null"}, None),
        (DATA, {"path": "$.users[0].name"}, "x"),
        (DATA, {"path": "$.users[*].name"}, ["x", "y"]),
        (DATA, {"path": "$.users[?@.age > 1].age"}, [3]),
        (DATA, {"path": "$.null"}, None),
        (DATA, {"paths": ("nope", "a[9]", "$.nope", "$..nope", "a[1][0]"), "path": "null"}, 3),
        (DATA, {"paths": ("nope",), "key": "b"}, DATA["b"]),
        (DATA, {"key": ("null", "nope")}, {"null": None}),
        (USERS, {"key": "name"}, ["x", "y"]),
        (USERS, {"key": ("name", "age")}, [{"name": "x", "age": 1}, {"name": "y"}, {"age": 3}]),
        (USERS, {"key": 1}, {"name": "y"}),
        ([4, 5], {"key": "1"}, 5),
        ({"1": "one"}, {"key": 1}, "one"),
    ],
)
async def test_what_stands_there_is_found(data, keys, found):
    action = Select(data="{{data}}", default="missing", **keys)

    assert await output(action, data=data) == found
    assert faults(action) == []


@pytest.mark.parametrize(
    ("data", "keys"),
    [
        (DATA, {"key": "nope"}),
        (DATA, {"key": ("nope",)}),
        (DATA, {"path": "a[9]"}),
        (DATA, {"path": "null.x"}),
        (DATA, {"path": "$.users[7]"}),
        (DATA, {"path": "$..nope"}),
        ([1, 2], {"key": "name"}),
        ([1, 2], {"key": 2}),
        ("text", {"key": "x"}),
        ("text", {"path": "$.x"}),
    ],
)
async def test_what_is_missing_gives_the_default_or_fails(data, keys):
    assert await output(Select(data="{{data}}", **keys), data=data) is None
    assert await output(Select(data="{{data}}", default=[0], **keys), data=data) == [0]
    with pytest.raises(NothingFound, match="is not in the data."):
        await output(Select(data="{{data}}", error_on_missing=True, **keys), data=data)


@pytest.mark.parametrize(
    ("data", "hint"),
    [
        ({"a": 1}, "Its keys: 'a'."),
        ([1, 2], "It is a list of 2 items."),
        ({}, "It is empty."),
        (5, "It is int."),
    ],
)
async def test_what_there_is_is_told(data, hint):
    with pytest.raises(NothingFound) as raised:
        await output(Select(data=data, path="x", key="y", error_on_missing=True))

    assert str(raised.value) == f"'x' or 'y' is not in the data. {hint}"


@pytest.mark.parametrize(
    ("keys", "place", "words"),
    [
        ({}, "path", "nothing says what to pick."),
        ({"path": ""}, "path", "'' is no path: it can't be read from character 1."),
        ({"path": ".a"}, "path", "'.a' is no path"),
        ({"path": "a[x"}, "path", "'a[x' is no path: it can't be read from character 2."),
        ({"paths": ("a", "$.a[")}, "paths[1]", "'$.a[' is no JSONPath: unexpected end of query."),
    ],
)
async def test_a_path_that_can_not_be_read_is_a_problem(keys, place, words):
    (found,) = faults(Select(**keys))

    assert found[0] == place
    assert words in found[1]


async def test_a_path_that_can_not_be_used_fails():
    with pytest.raises(InvalidValue, match=r"paths\[0\]: 'a\[' is no path"):
        await output(Select(data={}, paths=("a[",)))


async def test_data_that_is_nested_too_deeply_fails():
    data = []
    for _ in range(150):
        data = [data]

    with pytest.raises(InvalidValue, match="can't be used on the data: "):
        await output(Select(path="$..x").model_copy(update={"data": data}))
