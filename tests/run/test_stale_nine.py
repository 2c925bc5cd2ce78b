"""Three steps of three actions: an edit of any of the nine makes stale, and runs, what is needed (R5, R6)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import pytest
from driver import Done, Driver, drive

from flow_widgets.actions.chat import Chat
from flow_widgets.flow.graph import Place
from flow_widgets.flow.model import Flow, Step
from flow_widgets.run import events as ev

NINE: tuple[Place, ...] = tuple((s, a) for s in range(3) for a in range(3))
LINE = {(s, a): ((s - 1, a),) for s, a in NINE if s}
EVERY = {(s, a): ((s - 1, 0), (s - 1, 1), (s - 1, 2)) for s, a in NINE if s}
MIXED = {
    (1, 0): ((0, 0), (0, 1)),
    (1, 1): ((0, 1),),
    (2, 0): ((1, 0),),
    (2, 1): ((1, 1), (0, 2)),
    (2, 2): ((1, 2), (0, 0)),
}
APART: dict[Place, tuple[Place, ...]] = {}
Reads = Mapping[Place, tuple[Place, ...]]


def written(places: tuple[Place, ...]) -> str:
    return " ".join(f"{{{{steps.s{s}.actions.a{a}.output}}}}" for s, a in places)


def whole(places: tuple[Place, ...]) -> str:
    """Return a reference to the step of the places, of which all are read."""
    return f"{{{{steps.s{places[0][0]}.output}}}}" if places else ""


def nine(
    reads: Reads,
    edits: Mapping[Place, str] | None = None,
    refer: Callable[[tuple[Place, ...]], str] = written,
) -> Flow:
    prompts = {(s, a): f"ask {s}{a} {refer(reads.get((s, a), ()))}" for s, a in NINE}
    prompts |= {place: f"{text} {prompts[place]}" for place, text in (edits or {}).items()}
    steps = [
        Step(id=f"s{s}", actions=tuple(Chat(prompt=prompts[s, a], id=f"a{a}") for a in range(3)))
        for s in range(3)
    ]
    return Flow(steps=tuple(steps))


def needed(reads: Reads, edited: Place) -> set[Place]:
    """Return an action with all that reads it, directly or not."""
    found = {edited}
    for place in NINE:
        if found.intersection(reads.get(place, ())):
            found.add(place)
    return found


def executed(run: Driver, after: int) -> list[Place]:
    """Return what was started after so many events, each time that it was."""
    facts = run.events[after:]
    return sorted((one.step, one.action) for one in facts if isinstance(one, ev.ActionStarted))


def finished(reads: Reads, refer: Callable[[tuple[Place, ...]], str] = written) -> Driver:
    run = drive(nine(reads, refer=refer)).play({place: Done(f"first {place}") for place in NINE})
    assert run.state.status == "completed"
    return run


def cases() -> Iterator[object]:
    for name, reads in {"line": LINE, "every": EVERY, "mixed": MIXED, "apart": APART}.items():
        for place in NINE:
            yield pytest.param(reads, place, written, id=f"{name}-{place[0]}{place[1]}")
    for place in NINE:
        yield pytest.param(EVERY, place, whole, id=f"whole-{place[0]}{place[1]}")


each = pytest.mark.parametrize(("reads", "edited", "refer"), list(cases()))


@each
def test_R5_an_edited_prompt_makes_exactly_its_dependents_stale(reads, edited, refer):
    run = finished(reads, refer)

    run.revise(nine(reads, {edited: "please"}, refer))

    assert set(run.stale) == needed(reads, edited)


@each
def test_R6_what_is_stale_runs_once_each_when_every_output_is_another(reads, edited, refer):
    run = finished(reads, refer)
    run.revise(nine(reads, {edited: "please"}, refer))
    before = len(run.events)

    run.rerun_stale()
    run.play({place: Done(f"second {place}") for place in NINE})

    assert executed(run, before) == sorted(needed(reads, edited))
    assert run.stale == []


@each
def test_R6_an_equal_output_ends_it_at_once(reads, edited, refer):
    run = finished(reads, refer)
    run.revise(nine(reads, {edited: "please"}, refer))
    before = len(run.events)

    run.rerun_stale()
    run.play({place: Done(f"first {place}") for place in NINE})

    assert executed(run, before) == [edited]
    assert (run.stale, run.state.status) == ([], "completed")


@each
def test_R6_equal_outputs_behind_it_end_it_there(reads, edited, refer):
    run = finished(reads, refer)
    run.revise(nine(reads, {edited: "please"}, refer))
    before = len(run.events)
    script = {place: Done(f"first {place}") for place in NINE} | {edited: Done("second")}

    run.rerun_stale()
    run.play(script)

    direct = {place for place in NINE if edited in reads.get(place, ())}
    assert executed(run, before) == sorted({edited, *direct})
    assert run.stale == []


@each
def test_R6_undoing_the_edit_makes_all_nine_fresh(reads, edited, refer):
    run = finished(reads, refer)

    run.revise(nine(reads, {edited: "please"}, refer))
    run.revise(nine(reads, refer=refer))

    assert run.stale == []
    assert len(run.told(ev.ActionFresh)) == len(needed(reads, edited))
