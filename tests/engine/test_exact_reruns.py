"""The requests that are sent after one prompt of a 3×3 flow was edited: those that are needed (R5, R6)."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from flow_widgets import Chat, Flow, FlowRunner
from flow_widgets.errors import NothingToRun
from flow_widgets.flow.model import Step
from flow_widgets.providers.offline import OfflineProvider

Place = tuple[int, int]
NINE: tuple[Place, ...] = tuple((s, a) for s in range(3) for a in range(3))
READS: dict[str, dict[Place, tuple[Place, ...]]] = {
    "line": {(s, a): ((s - 1, a),) for s, a in NINE if s},
    "every": {(s, a): ((s - 1, 0), (s - 1, 1), (s - 1, 2)) for s, a in NINE if s},
    "mixed": {
        (1, 0): ((0, 0), (0, 1)),
        (1, 1): ((0, 1),),
        (2, 0): ((1, 0),),
        (2, 1): ((1, 1), (0, 2)),
        (2, 2): ((1, 2), (0, 0)),
    },
    "apart": {},
}
Reads = Mapping[Place, tuple[Place, ...]]
each = pytest.mark.parametrize(
    ("reads", "edited"),
    [
        pytest.param(reads, place, id=f"{name}-{place[0]}{place[1]}")
        for name, reads in READS.items()
        for place in NINE
    ],
)


def nine(reads: Reads, edited: Place | None = None, **fields: str) -> Flow:
    """Return the flow, in which these fields of one action are edited; ``prompt`` is put before its own."""
    steps: list[Step] = []
    for s in range(3):
        actions: list[Chat] = []
        for a in range(3):
            sources = [f"{{{{steps.s{t}.actions.a{b}.output}}}}" for t, b in reads.get((s, a), ())]
            given = {"prompt": "", **(fields if (s, a) == edited else {})}
            given["prompt"] = " ".join((f"{given['prompt']}ask {s}{a}:", *sources))
            actions.append(Chat(id=f"a{a}", **given))
        steps.append(Step(id=f"s{s}", actions=tuple(actions)))
    return Flow(steps=tuple(steps), model="offline/echo")


def needed(reads: Reads, edited: Place) -> list[Place]:
    found = {edited}
    for place in NINE:
        if found.intersection(reads.get(place, ())):
            found.add(place)
    return sorted(found)


class Rig:
    """A runner whose run has completed, and the requests since then."""

    def __init__(self, reads: Reads) -> None:
        self.provider = OfflineProvider(pace=0)
        self.runner = FlowRunner(nine(reads), provider=self.provider, store=None)
        self._seen = 0

    async def begun(self) -> Rig:
        run = await self.runner.run_flow()
        assert run.status == "completed"
        assert self.requested() == list(NINE)
        return self

    def requested(self) -> list[Place]:
        """Return the actions that requests came from since the last time, by what they ask."""
        new = self.provider.requests[self._seen :]
        self._seen += len(new)
        asked = (re.search(r"ask (\d)(\d):", one["messages"][-1]["content"]) for one in new)
        return sorted((int(one[1]), int(one[2])) for one in asked if one)

    async def close(self) -> None:
        await self.runner.close()


@pytest.fixture
async def rig(reads):
    made = await Rig(reads).begun()
    yield made
    await made.close()


@each
async def test_R6_an_edited_prompt_sends_exactly_the_needed_requests(rig, reads, edited):
    rig.runner.revise(nine(reads, edited, prompt="please "))
    assert rig.runner.stale == needed(reads, edited)

    await rig.runner.run_stale()

    assert rig.requested() == needed(reads, edited)
    assert rig.runner.stale == []


@each
async def test_R6_an_edit_whose_output_is_equal_sends_one_request(rig, reads, edited):
    rig.runner.revise(nine(reads, edited, system="Be brief."))
    assert rig.runner.stale == needed(reads, edited)

    await rig.runner.run_stale()

    assert rig.requested() == [edited]
    assert rig.runner.stale == []


@each
async def test_R6_an_edit_that_was_undone_sends_nothing(rig, reads, edited):
    rig.runner.revise(nine(reads, edited, prompt="please "))
    rig.runner.revise(nine(reads))

    with pytest.raises(NothingToRun):
        rig.runner.run_stale()

    assert rig.requested() == []


@each
async def test_R6_going_back_after_the_rerun_takes_the_outputs_that_were_kept(rig, reads, edited):
    rig.runner.revise(nine(reads, edited, prompt="please "))
    await rig.runner.run_stale()
    rig.requested()

    rig.runner.revise(nine(reads))
    run = await rig.runner.run_stale()

    assert rig.requested() == []
    newest = [one.attempts[-1] for step in run.steps for one in step.actions]
    assert sum(one.origin == "kept" for one in newest) == len(needed(reads, edited))
    assert rig.runner.stale == []


@pytest.mark.parametrize("reads", [READS["mixed"]])
async def test_R5_renaming_what_all_refer_to_sends_nothing(rig, reads):
    renamed = nine(reads).model_dump_json().replace("steps.s0.", "steps.begin.")
    flow = Flow.model_validate_json(renamed)
    first = flow.steps[0].model_copy(update={"name": "Begin"})

    rig.runner.revise(flow.model_copy(update={"steps": (first, *flow.steps[1:])}))

    assert rig.runner.stale == []


@pytest.mark.parametrize("reads", [READS["apart"]])
async def test_R5_another_model_of_the_flow_sends_all_again(rig, reads):
    rig.runner.revise(nine(reads).model_copy(update={"model": "offline/echo-2"}))

    await rig.runner.run_stale()

    assert rig.requested() == list(NINE)
