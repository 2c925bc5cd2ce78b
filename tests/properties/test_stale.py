"""What is stale, found step by step, is what filling in everything anew finds (R5)."""

from __future__ import annotations

from typing import Any

from driver import Done, Driver, Fail, Probe, inputs
from hypothesis import given
from hypothesis import strategies as st

from flow_widgets.errors import FlowError
from flow_widgets.flow.binding import bound
from flow_widgets.flow.graph import Place
from flow_widgets.flow.model import Flow, Step
from flow_widgets.run.scope import lookup

NAMES = ("one", "two", "three")
values = st.sampled_from(("x", "y", 1, {"k": "x", "l": "y"}, ["x", "y"], None))
outcomes = st.one_of(st.builds(Done, values), st.builds(Done, values), st.builds(Fail))


@st.composite
def flows(draw: st.DrawFn, names: tuple[str, ...]) -> Flow:
    """Draw a sequence of steps, in which actions refer to any of what stands before them."""
    steps: list[Step] = []
    for name in names:
        count = draw(st.integers(1, 2))
        texts = [draw(_texts([*steps])) for _ in range(count)]
        actions = tuple(Probe(text=text, id=f"a{a}") for a, text in enumerate(texts))
        steps.append(Step(id=name, actions=actions))
    return Flow(id="flow", steps=tuple(steps), inputs=inputs(v="x", w="y"), on_error="continue")


@st.composite
def _texts(draw: st.DrawFn, before: list[Step]) -> str:
    paths = ["v", "inputs.w", "flow.name"]
    for index, step in enumerate(before):
        end = "output" if len(step.actions) == 1 else "actions.a0.output"
        paths += [f"steps.{step.id}.{end}", f"steps.{index}.{end}", f"steps.{step.id}.output"]
        paths.append(f"steps.{step.id}.{end}.k ?? v")
    chosen = draw(st.lists(st.sampled_from(paths), max_size=2))
    literal = draw(st.sampled_from(("", "x", "Say: ")))
    return literal + "".join(f"{{{{{path}}}}}" for path in chosen)


def oracle(run: Driver) -> set[Place]:
    """Return the stale actions by filling in every definition with what there is now."""
    state, found = run.state, set[Place]()
    for s, step in enumerate(state.graph.flow.steps):
        for a, definition in enumerate(step.actions):
            action = state.steps[s].actions[a]
            if action.status != "completed":
                continue
            try:
                now = bound(definition, lambda reference: lookup(state, reference)).text
            except FlowError:
                now = None
            is_other = now is None or type_and(now) != type_and(action.attempts[-1].rendered.text)
            if is_other or found & sources(run, (s, a)):
                found.add((s, a))
    return found


def type_and(value: Any) -> tuple[type, Any]:
    return type(value), value


def sources(run: Driver, place: Place) -> set[Place]:
    found: set[Place] = set()
    for need in run.state.graph.needs[place]:
        if isinstance(need.source, tuple):
            found.add(need.source)
        elif isinstance(need.source, int):
            found |= {(need.source, a) for a in range(len(run.state.steps[need.source].actions))}
    return found


def places(run: Driver) -> list[Place]:
    return [(s, a) for s, step in enumerate(run.state.steps) for a in range(len(step.actions))]


@given(st.data())
def test_R5_staleness_is_what_filling_in_everything_anew_finds(data: Any) -> None:
    draw = data.draw
    source = draw(flows(NAMES))
    run = Driver(source).start()
    while run.live:
        run.settle(draw(st.sampled_from(run.live)), draw(outcomes))

    for _ in range(draw(st.integers(1, 4))):
        match draw(st.sampled_from(("edit", "order", "inputs", "name", "undo", "rerun", "stale"))):
            case "edit":
                run.revise(draw(flows(NAMES)))
            case "order":
                run.revise(draw(flows(tuple(draw(st.permutations((*NAMES, "four")))))))
            case "inputs":
                run.revise_inputs(v=draw(values))
            case "name":
                run.revise(run.state.graph.flow.model_copy(update={"name": draw(values)}))
            case "undo":
                run.revise(source)
            case "rerun":
                run.rerun(draw(st.sampled_from(places(run))))
            case _:
                if run.stale:
                    run.rerun_stale()
        while run.live:
            run.settle(draw(st.sampled_from(run.live)), draw(outcomes))
        completed = {one for one in run.stale if run.state.action(one).status == "completed"}
        assert completed == oracle(run)


@given(st.data())
def test_R6_running_what_is_stale_leaves_nothing_stale_unless_it_fails(data: Any) -> None:
    draw = data.draw
    run = Driver(draw(flows(NAMES))).start().play()
    run.revise(draw(flows(NAMES)))

    if run.stale:
        run.rerun_stale()
    while run.live:
        run.settle(draw(st.sampled_from(run.live)), Done(draw(values)))

    left = set(run.stale)
    waiting = {one for one in places(run) if run.state.action(one).status != "completed"}
    assert not left or waiting
    assert run.folded() == run.state
