from __future__ import annotations

import pytest
from context import FakeContext, faults

from flow_widgets import Chat
from flow_widgets.actions.loop import IterationFailed, Loop
from flow_widgets.actions.set_state import SetState
from flow_widgets.actions.transform import Transform
from flow_widgets.errors import InvalidFlow
from flow_widgets.flow.binding import bound, own_uses, uses

BODY = [Chat(prompt="{{item}}")]
LESS = {"left": "{{index}}", "operator": "less_than", "right": "{{most}}"}


async def test_each_item_is_an_inner_run_with_its_variables():
    ctx = FakeContext()
    ctx.outputs = {0: "one", 1: "two"}

    outcome = await Loop(over=["a", "b"], body=BODY).run(ctx)

    assert outcome.output == ["one", "two"]
    assert ctx.inner == [
        (0, {"item": "a", "index": 0, "last": None}),
        (1, {"item": "b", "index": 1, "last": "one"}),
    ]
    assert ctx.reported == [(0, 2, ""), (1, 2, ""), (2, 2, "")]


async def test_variables_can_have_other_names():
    ctx = FakeContext()

    await Loop(over=["a"], item="row", index="n", body=BODY).run(ctx)

    assert ctx.inner == [(0, {"row": "a", "n": 0, "last": None})]


@pytest.mark.parametrize(("most", "count"), [(0, 0), (2, 2)])
async def test_a_condition_is_looked_at_before_each_iteration(most, count):
    ctx = FakeContext({"most": most})

    outcome = await Loop(condition=LESS, body=BODY).run(ctx)

    assert len(ctx.inner) == len(outcome.output) == count


async def test_a_list_ends_before_its_condition_and_the_other_way_round():
    for items, count in ((["a"], 1), (["a"] * 5, 3)):
        ctx = FakeContext({"most": 3})
        await Loop(over=items, condition=LESS, body=BODY).run(ctx)
        assert len(ctx.inner) == count


async def test_nothing_to_go_through_is_an_empty_list():
    assert (await Loop(over=[], body=BODY).run(FakeContext())).output == []


async def test_a_loop_beyond_its_limit_fails_and_keeps_what_it_had():
    with pytest.raises(IterationFailed, match="did not end within 2 iterations") as caught:
        await Loop(over=[1, 2, 3], body=BODY, max_iterations=2).run(FakeContext())

    assert len(caught.value.output) == 2
    assert (
        len((await Loop(over=[1, 2], body=BODY, max_iterations=2).run(FakeContext())).output) == 2
    )


def test_what_it_sets_is_known_before_it_runs():
    loop = Loop(
        over=[1], body=[SetState(key="a.b", value=1), Transform(value=1, save_as="c")], save_as="d"
    )

    assert loop.writes == ("d", "a", "c")


def test_the_condition_is_left_as_it_is_written_and_the_body_too():
    loop = Loop(over="{{list}}", condition=LESS, body=BODY)

    ready = bound(loop, lambda reference: [1])

    assert ready.over == [1]
    assert (ready.condition, ready.body) == (loop.condition, loop.body)


def test_its_variables_are_no_references_and_what_the_body_looks_for_outside_is_one():
    loop = Loop(
        condition=LESS,
        body=[Chat(prompt="{{item}} {{topic}} {{steps.s0.output}} {{steps.x.output}}")],
    )

    assert [use.reference.path[0] for use in own_uses(loop)] == ["most"]
    assert [(use.place, str(use.reference)) for use in uses(loop)] == [
        ("condition.right", "most"),
        ("body.steps[0].actions[0].prompt", "topic"),
        ("body.steps[0].actions[0].prompt", "steps.x.output"),
    ]


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"over": [1], "body": BODY}, []),
        ({"over": [1], "body": []}, [("body", "There is nothing to run.")]),
        ({"body": BODY}, [("over", "A loop needs a list to go through, or a condition.")]),
    ],
)
def test_what_is_missing_is_told(fields, found):
    assert faults(Loop(**fields)) == found


@pytest.mark.parametrize("fields", [{"item": "a b"}, {"index": "1"}, {"max_iterations": 0}])
def test_names_and_limits_are_checked(fields):
    with pytest.raises(InvalidFlow):
        Loop(over=[1], body=BODY, **fields)
