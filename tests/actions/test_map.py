from __future__ import annotations

import pytest
from context import FakeContext, faults

from flow_widgets import Chat
from flow_widgets.actions.base import InnerRun
from flow_widgets.actions.map import ItemsFailed, Map
from flow_widgets.actions.set_state import SetState

BODY = [Chat(prompt="{{item}}")]


class Ends(FakeContext):
    """A context in which inner runs end as a test says."""

    def __init__(self, *ends: InnerRun) -> None:
        super().__init__()
        self.ends = ends

    async def run_flow(self, flow, key, values, *, is_isolated=False) -> InnerRun:
        return self.ends[key]


def good(output, **writes) -> InnerRun:
    return InnerRun("completed", output, "", writes)


BAD = InnerRun("failed", "half", "'s0': It broke.", {"x": "lost"})


async def test_each_item_is_an_inner_run_and_outputs_keep_the_order_of_the_items():
    ctx = FakeContext()
    ctx.outputs = {0: "one", 1: "two", 2: "three"}

    outcome = await Map(over=["a", "b", "c"], body=BODY, concurrency=2).run(ctx)

    assert outcome.output == ["one", "two", "three"]
    assert sorted(ctx.inner) == [(n, {"item": item, "index": n}) for n, item in enumerate("abc")]
    assert ctx.reported == [(0, 3, ""), (1, 3, ""), (2, 3, ""), (3, 3, "")]


async def test_nothing_to_work_on_is_an_empty_list():
    assert (await Map(over=[], body=BODY).run(FakeContext())).output == []


async def test_failures_fail_the_map_once_all_are_done():
    with pytest.raises(ItemsFailed) as caught:
        await Map(over=[1, 2, 3], body=BODY).run(Ends(good("a"), BAD, good("c")))

    assert caught.value.output == ["a", None, "c"]
    assert str(caught.value) == (
        "1 of 3 items failed; item 1: 's0': It broke. on_error='keep' or 'skip' goes on without them."
    )


@pytest.mark.parametrize(("policy", "output"), [("keep", ["a", None, None]), ("skip", ["a", None])])
async def test_failures_are_kept_as_null_or_left_out(policy, output):
    ctx = Ends(good("a"), BAD, good(None))

    outcome = await Map(over=[1, 2, 3], body=BODY, on_error=policy).run(ctx)

    assert outcome.output == output
    assert not outcome.writes
    assert ctx.logged == [("warn", "Item 1 failed: 's0': It broke.")]


async def test_what_items_set_is_put_together_in_their_order_and_told():
    ctx = Ends(good(1, x=1, y=1), good(2, x=2), good(3, x=3))

    outcome = await Map(over=[1, 2, 3], body=BODY).run(ctx)

    assert outcome.writes == {"x": 3, "y": 1}
    assert ctx.logged == [
        ("warn", "'x' was set by several items; the value of the last one stands.")
    ]


def test_what_it_sets_is_known_before_it_runs():
    assert Map(over=[1], body=[SetState(key="a.b", value=1)], save_as="c").writes == ("c", "a")


def test_nothing_to_do_is_told():
    assert faults(Map(over=[1], body=[])) == [("body", "There is nothing to run.")]
    assert faults(Map(over=[1], body=BODY)) == []
