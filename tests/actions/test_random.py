"""Values by chance stay in their bounds, and come again with a seed."""

from __future__ import annotations

import string

import pytest
from context import FakeContext, faults, output

from flow_widgets.actions.random import Random
from flow_widgets.errors import InvalidFlow, InvalidValue


async def drawn(action, count=300):
    ctx = FakeContext({"three": [1, 2, 3]})
    return [await output(action, ctx) for _ in range(count)]


async def test_whole_numbers_come_up_to_both_ends():
    assert set(await drawn(Random(kind="integer", min=1, max=3))) == {1, 2, 3}


async def test_numbers_have_their_decimals_and_bounds():
    values = await drawn(Random(min=-1, max=1, decimals=1))

    assert all(-1 <= value <= 1 and round(value, 1) == value for value in values)
    assert await drawn(Random(min=0.4, max=0.4, decimals=0), 1) == [0.4]


async def test_texts_are_letters_and_digits():
    (text,) = await drawn(Random(kind="text", length=50), 1)

    assert len(text) == 50
    assert set(text) <= set(string.ascii_letters + string.digits)


@pytest.mark.parametrize("choices", [[1, 2, 3], "{{three}}"])
async def test_a_choice_is_one_of_several(choices):
    assert set(await drawn(Random(kind="choice", choices=choices))) == {1, 2, 3}


async def test_a_seed_gives_the_same_again():
    action = Random(kind="text", seed=7)

    assert await output(action, FakeContext(seed=1)) == await output(action, FakeContext(seed=2))


async def test_without_one_chance_comes_from_the_context():
    values = [await output(Random(), FakeContext(seed=seed)) for seed in (1, 1, 2)]

    assert values[0] == values[1] != values[2]


async def test_an_empty_list_is_told():
    with pytest.raises(InvalidValue, match="choices: the list is empty."):
        await output(Random(kind="choice", choices="{{none}}"), none=[])


@pytest.mark.parametrize(
    ("action", "found"),
    [
        (Random(), []),
        (Random(min=1, max=1, kind="integer"), []),
        (Random(kind="choice"), [("choices", "there is nothing to choose from.")]),
        (Random(min=2, max=1), [("min", "the lowest number, 2, is above the highest, 1.")]),
        (
            Random(kind="integer", min=0.2, max=0.8),
            [("min", "there is no whole number from 0.2 to 0.8.")],
        ),
    ],
)
def test_bounds_that_hold_nothing_are_a_problem(action, found):
    assert faults(action) == found


@pytest.mark.parametrize("keys", [{"length": 0}, {"decimals": -1}, {"max": float("inf")}])
def test_what_is_no_bound_is_refused(keys):
    with pytest.raises(InvalidFlow):
        Random(**keys)
