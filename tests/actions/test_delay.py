"""How long a delay waits."""

from __future__ import annotations

import pytest
from context import FakeContext, output

from flow_widgets.actions.delay import Delay
from flow_widgets.errors import InvalidFlow


@pytest.mark.parametrize("seconds", [0, 1.5, 86_400, "{{wait}}"])
async def test_it_waits_and_gives_the_seconds(seconds):
    ctx = FakeContext({"wait": "2.5"})

    waited = await output(Delay(seconds=seconds), ctx)

    assert ctx.slept == [waited] == [2.5 if seconds == "{{wait}}" else seconds]


@pytest.mark.parametrize("seconds", [-1, 86_401, float("inf"), float("nan"), "soon"])
def test_what_is_no_such_time_is_refused(seconds):
    with pytest.raises(InvalidFlow, match="seconds"):
        Delay(seconds=seconds)


@pytest.mark.parametrize(
    ("wait", "words"),
    [(-1, "greater than or equal to 0"), (1e9, "less than or equal to 86400"), ("x", "number")],
)
async def test_so_is_the_value_of_a_template(wait, words):
    with pytest.raises(
        InvalidFlow, match=f"seconds: the value of its template does not fit: .*{words}"
    ):
        await output(Delay(seconds="{{wait}}"), wait=wait)
