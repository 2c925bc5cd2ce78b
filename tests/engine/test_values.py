"""What goes into a run and comes out of it is plain data that nobody else can change."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

import pytest

from flow_widgets import Action, Context, Edge, Flow, FlowRunner, Outcome, Step, Templated
from flow_widgets.actions import End, Loop, Map, Select, SetState, Subflow, Transform


class Works(Action):
    """Does what a test gives by name."""

    type: Literal["test_works"] = "test_works"
    what: str
    value: Templated[Any] = None

    async def run(self, ctx: Context) -> Any:
        return await WORKS[self.what](self, ctx)


KEPT: list[Any] = []


async def _changes_shared(_: Works, ctx: Context) -> Any:
    ctx.shared["items"].append(1)
    return len(ctx.shared["items"])


async def _changes_its_field(work: Works, _: Context) -> Any:
    work.value["a"].append(9)
    return work.value


async def _keeps_its_output(_: Works, __: Context) -> Any:
    KEPT.append({"a": [1]})
    return KEPT[-1]


async def _nests(_: Works, __: Context) -> Any:
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    return deep


async def _no_usage(_: Works, __: Context) -> Any:
    return Outcome(output=1, usage=None)  # type: ignore[arg-type]  # that is the mistake


async def _odd_writes(_: Works, __: Context) -> Any:
    return Outcome(output=1, writes={5: 1})  # type: ignore[dict-item]  # that is the mistake


async def _not_a_number(_: Works, __: Context) -> Any:
    return {"x": float("nan")}


async def _chunks_bytes(_: Works, ctx: Context) -> Any:
    ctx.chunk(b"x")  # type: ignore[arg-type]  # that is the mistake
    return 1


async def _runs_no_flow(_: Works, ctx: Context) -> Any:
    return await ctx.run_flow(5, 0, {})  # type: ignore[arg-type]  # that is the mistake


async def _same_key(_: Works, ctx: Context) -> Any:
    flow = Flow(steps=[Transform(value=1)])
    await ctx.run_flow(flow, 0, {})
    return (await ctx.run_flow(flow, 0, {})).output


async def _half_characters(_: Works, __: Context) -> Any:
    return {"a": "\ud800"}


async def _fires_nothing_known(_: Works, __: Context) -> Any:
    return Outcome(output=1, ports=("nope",))


async def _runs_inside(_: Works, ctx: Context) -> Any:
    flow = Flow(steps=[Works(what="returns")])
    return (await ctx.run_flow(flow, 0, {})).output


async def _returns(_: Works, __: Context) -> Any:
    await asyncio.sleep(0)
    return "inner"


WORKS = {name.removeprefix("_"): one for name, one in globals().items() if name.startswith("_")}


def runner(*steps: Any, **fields: Any) -> FlowRunner:
    return FlowRunner(Flow(steps=list(steps), **fields))


async def test_an_action_can_not_change_the_shared_state_by_what_it_reads():
    runs = runner(Works(what="changes_shared"), state={"items": []})

    first = await runs.run_flow()
    second = await runs.run_flow()

    assert (first.output, second.output, first.state) == (0, 0, {"items": []})
    assert runs.flow.state["items"].default == []


async def test_an_action_can_not_change_the_output_of_another():
    run = await runner(
        Transform(values={"a": [1]}), Works(what="changes_its_field", value="{{steps.0.output}}")
    ).run_flow()

    assert [step.output for step in run.steps] == [{"a": [1]}, {"a": [1, 9]}]


async def test_what_is_changed_after_it_was_returned_changes_nothing():
    run = await runner(Works(what="keeps_its_output", save_as="kept")).run_flow()

    KEPT[-1]["a"].append(2)
    run.output["zz"] = 1
    run.steps[0].output["zz"] = 1
    run.state["kept"]["zz"] = 1

    assert (run.output, run.steps[0].output, run.state) == (
        {"a": [1]},
        {"a": [1]},
        {"kept": {"a": [1]}},
    )


async def test_the_inputs_of_a_run_are_a_copy():
    run = await runner(Transform(value="{{d}}"), inputs={"d": {"a": []}}).run_flow()

    run.inputs["d"]["a"].append(9)

    assert run.inputs == {"d": {"a": []}}


@pytest.mark.parametrize(
    ("what", "kind", "words"),
    [
        ("nests", "invalid_output", "nested too deeply"),
        ("no_usage", "exception", "AttributeError"),
        ("odd_writes", "state_refused", "'5' is no path"),
        ("not_a_number", "invalid_output", "no JSON data"),
        ("chunks_bytes", "exception", "A chunk is a text, not bytes."),
        ("runs_no_flow", "exception", "ctx.run_flow runs a Flow, not int."),
        ("same_key", "exception", "with the key 0 already"),
        ("fires_nothing_known", "unknown_port", "fired the port 'nope'"),
    ],
)
async def test_a_mistake_of_an_action_fails_it_with_a_reason(what, kind, words):
    run = await runner(Works(what=what)).run_flow()

    assert run.status == "failed"
    assert run.error is not None
    assert (run.error.kind, words in run.error.what) == (kind, True), run.error


async def test_half_characters_are_replaced():
    assert (await runner(Works(what="half_characters")).run_flow()).output == {"a": "\ufffd"}


async def test_an_action_that_waits_for_a_flow_inside_it_takes_no_place():
    run = await FlowRunner(Flow(steps=[Works(what="runs_inside")]), max_parallel=1).run_flow()

    assert run.output == "inner"


async def test_a_flow_inside_an_action_keeps_to_its_own_limit():
    now, most = 0, 0

    class Counts(Action):
        type: Literal["test_counts"] = "test_counts"

        async def run(self, ctx: Context) -> int:
            nonlocal now, most
            now += 1
            most = max(most, now)
            await asyncio.sleep(0)
            now -= 1
            return most

    inner = Flow(max_parallel=2, steps=[[Counts() for _ in range(6)]])

    run = await runner(Subflow(flow=inner)).run_flow()

    assert (run.status, most) == ("completed", 2)


async def test_a_body_casts_to_the_slots_of_the_flow_around_it_at_once():
    kinds = Loop(over=["5"], body=[SetState(key="n", value="{{item}}"), Transform(value="{{n}}")])
    bad = Loop(over=["x", "y"], body=[SetState(key="n", value="{{item}}")])

    good = await runner(kinds, state={"n": 0}).run_flow()
    failed = await runner(bad, state={"n": 0}).run_flow()

    assert good.steps[0].output == [5]
    assert "Iteration 0 failed" in failed.error.what


async def test_items_of_a_map_can_set_different_parts_of_one_value():
    body = [SetState(values={"u.a": "{{item}}"}), SetState(key="u.b", value=2)]

    run = await runner(Map(over=[1], body=body)).run_flow()

    assert run.state == {"u": {"a": 1, "b": 2}}


async def test_an_output_of_null_is_the_output():
    inner = [SetState(key="a", value="secret"), Select(data={"q": None}, key="q")]

    run = await runner(Subflow(flow=inner)).run_flow()

    assert run.output is None


async def test_several_ends_give_their_outputs_by_id():
    flow = Flow(
        steps=[
            Step(id="a", actions=[Transform(value=1)]),
            Step(id="b", actions=[End(values={"x": 1})]),
            Step(id="c", actions=[End(values={"y": 2})]),
        ],
        edges=[Edge(source="a", target="b"), Edge(source="a", target="c")],
    )

    assert (await flow.run()).output == {"b": {"x": 1}, "c": {"y": 2}}


async def test_leaving_the_events_of_a_flow_cancels_its_run_but_not_that_of_a_runner():
    flow = Flow(steps=[Works(what="returns"), Works(what="returns")])
    own, held = flow.run(), FlowRunner(flow).run_flow()

    for run in (own, held):
        events = aiter(run)
        await anext(events)
        await events.aclose()
        await run

    assert (own.status, held.status) == ("canceled", "completed")


async def test_what_a_stale_step_needs_and_never_ran_runs_with_it():
    first = Flow(steps=[SetState(key="m", value=1, id="p"), Transform(value="{{m}}", id="q")])
    runs = FlowRunner(first)
    await runs.run_flow()
    added = SetState(key="k", value=2, id="n")
    runs.revise(Flow(steps=[first.steps[0], added, Transform(value="{{m}}{{k}}", id="q")]))

    run = await runs.run_stale()

    assert ([step.status for step in run.steps], run.output) == (["completed"] * 3, "12")


async def test_a_step_that_was_repaired_offers_what_it_leads_to_now():
    flow = Flow(
        inputs={"n": "x"},
        state={"k": 0},
        steps=[
            Step(id="a", actions=[SetState(key="k", value="{{n}}")]),
            Step(id="b", actions=[Transform(value="went on")]),
            Step(id="c", actions=[Transform(value="mended")]),
        ],
        edges=[Edge(source="a", target="b"), Edge(source="a", target="c", source_port="error")],
    )
    runs = FlowRunner(flow)
    await runs.run_flow()
    assert [step.status for step in runs.run.steps] == ["failed", "skipped", "completed"]

    await runs.run_step("a", {"n": "3"})
    assert (1, 0) in runs.stale
    run = await runs.run_stale()

    assert run.steps["b"].output == "went on"
