"""Waits between attempts and before them, as a run has them (R12): told, ended early, canceled, counted."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import threading
from dataclasses import replace

import pytest

from flow_widgets import Chat, Flow, FlowRunner
from flow_widgets.actions.loop import Loop
from flow_widgets.actions.map import Map
from flow_widgets.errors import NoSuchStep, StoreFull
from flow_widgets.flow.limits import Budget, Retry
from flow_widgets.flow.model import Edge, Step
from flow_widgets.run import events as ev
from flow_widgets.run.reduce import reduce
from flow_widgets.store.memory import MemoryStore


class Rig:
    """A runner, what it was told, and a way to wait until something has happened."""

    def __init__(self, flow, provider, **options) -> None:
        self.events: list = []
        options.setdefault("store", None)
        options["observers"] = [self.events.append, *options.get("observers", ())]
        self.runner = FlowRunner(flow, provider=provider, **options)

    def of(self, *kinds) -> list:
        return [event for event in self.events if type(event) in kinds]

    async def until(self, is_so) -> None:
        async with asyncio.timeout(10):
            while not is_so():  # noqa: ASYNC110  # there is no event for it
                await asyncio.sleep(0.001)

    async def until_waiting(self, *place: int) -> None:
        run, (step, action) = self.runner.run, place or (0, 0)
        await self.until(lambda: run.steps[step].actions[action].status == "waiting")


def folds(events) -> bool:
    state = None
    for event in events:
        state = reduce(state, event)
    return [event.seq for event in events] == list(range(1, len(events) + 1)) and state is not None


async def test_R12_each_wait_is_an_event_and_the_attempts_are_of_one_visit(provider, at_once):
    provider.fails["a"] = ["server_error", "rate_limit"]
    rig = Rig(Flow(steps=[Chat(prompt="a")]), provider, chance=at_once)

    run = await rig.runner.run_flow()

    assert run.status == "completed"
    assert [one.retry_seconds for one in rig.of(ev.ActionFailed)] == [0.0, 0.0]
    assert [(one.attempt, one.visit) for one in rig.of(ev.ActionStarted)] == [
        (1, 1),
        (2, 1),
        (3, 1),
    ]
    assert len(rig.of(ev.StepStarted)) == len(rig.of(ev.StepCompleted)) == 1
    assert folds(rig.events)


async def test_an_action_that_waits_says_so_and_until_when(provider, for_ever):
    provider.fails["a"] = ["server_error"]
    rig = Rig(Flow(steps=[Chat(prompt="a")]), provider, chance=for_ever, clock=lambda: 1000.0)
    run = rig.runner.run_flow()

    await rig.until_waiting()

    state = rig.runner.execution(run).state.action((0, 0))
    assert state.waits_until == 1100.0
    await run.cancel()


@pytest.mark.parametrize("asked", ["run", "runner", "thread"])
async def test_a_wait_is_ended_by_try_now(provider, for_ever, asked):
    provider.fails["a"] = ["server_error"]
    rig = Rig(Flow(steps=[Chat(id="x", prompt="a")]), provider, chance=for_ever)
    run = rig.runner.run_flow()
    await rig.until_waiting()

    if asked == "run":
        assert run.try_now(0, 0) is run
    elif asked == "runner":
        rig.runner.try_now(0, "x")
    else:
        await asyncio.to_thread(rig.runner.try_now, 0, 0)
    await asyncio.wait_for(run, 5)

    assert run.status == "completed"


async def test_try_now_of_what_does_not_wait_does_nothing(provider, make_flow):
    runner = FlowRunner(make_flow("a"), provider=provider, store=None)
    runner.try_now(0, 0)
    run = await runner.run_flow()

    runner.try_now(0, 0)
    run.try_now(0, 0)

    assert provider.prompts == ["a"]
    with pytest.raises(NoSuchStep):
        runner.try_now(0, 1)


async def test_an_observer_of_the_failure_can_end_the_wait_or_the_run(provider, for_ever):
    provider.fails["a"] = ["server_error"]
    provider.fails["b"] = ["server_error"]
    rig = Rig(Flow(steps=[Chat(prompt="a"), Chat(prompt="b")]), provider, chance=for_ever)

    def act(event):
        if type(event) is ev.ActionFailed and event.step == 0:
            rig.runner.try_now(0, 0)
        elif type(event) is ev.ActionFailed:
            rig.runner.cancel()

    rig.runner.observers.append(act)

    run = await asyncio.wait_for(rig.runner.run_flow(), 5)

    assert run.status == "canceled"
    assert [step.actions[0].status for step in run.steps] == ["completed", "canceled"]
    assert folds(rig.events)


async def test_canceling_during_a_wait_ends_it_at_once_and_keeps_the_text(provider, for_ever):
    provider.fails["a"] = ["server_error"]
    rig = Rig(
        Flow(steps=[[Chat(prompt="a"), Chat(prompt="b")], [Chat(prompt="c")]]),
        provider,
        chance=for_ever,
    )
    run = rig.runner.run_flow()
    await rig.until_waiting()

    await asyncio.wait_for(run.cancel(), 5)

    first = run.steps[0].actions[0]
    assert (run.status, first.status, first.output) == ("canceled", "canceled", "echo: ")
    assert provider.counts["c"] == 0
    assert rig.runner.execution(run).waits._retries == {}


async def test_a_run_can_be_canceled_from_another_thread_while_it_waits(provider, for_ever):
    provider.fails["a"] = ["server_error"]
    rig = Rig(Flow(steps=[Chat(prompt="a")]), provider, chance=for_ever)
    run = rig.runner.run_flow()
    await rig.until_waiting()

    thread = threading.Thread(target=lambda: run.cancel().result())
    thread.start()
    await asyncio.wait_for(run, 5)
    await asyncio.to_thread(thread.join)

    assert run.status == "canceled"


async def test_what_waits_leaves_its_place_to_others(provider, at_once, for_ever):
    provider.fails["a"] = ["server_error"]
    flow = Flow(steps=[[Chat(prompt=one) for one in "abcd"]])
    rig = Rig(flow, provider, chance=for_ever, max_parallel=1)
    run = rig.runner.run_flow()

    await rig.until(lambda: provider.counts["d"] == 1 and provider.live == 0)

    assert (provider.most, run.status) == (1, "running")
    run.try_now(0, 0)
    await asyncio.wait_for(run, 5)
    assert (run.status, provider.most) == ("completed", 1)


async def test_a_retry_that_finds_no_place_is_canceled_as_a_retry(provider, at_once):
    provider.fails["a"] = ["server_error"]
    flow = Flow(steps=[[Chat(prompt="a"), Chat(prompt="hold")]])
    rig = Rig(flow, provider, chance=at_once, max_parallel=1)
    run = rig.runner.run_flow()
    await rig.until(lambda: bool(rig.runner.execution(run).tasks.parked) and provider.live == 1)
    await rig.until(lambda: len(rig.of(ev.ActionFailed)) == 1)
    await rig.until(lambda: not rig.runner.execution(run).waits._retries)

    await asyncio.wait_for(run.cancel(), 5)

    assert [one.status for one in run.steps[0].actions] == ["canceled", "canceled"]
    assert rig.of(ev.ActionSkipped) == []
    assert folds(rig.events)


async def test_two_visits_of_an_action_wait_side_by_side(provider, at_once):
    provider.fails["c"] = ["server_error", "server_error"]
    steps = (
        Step(id="a", actions=(Chat(prompt="a"),)),
        Step(id="b", actions=(Chat(prompt="b"),)),
        Step(id="c", actions=(Chat(prompt="c"),), join="no_wait"),
    )
    edges = (Edge(source="a", target="c"), Edge(source="b", target="c"))
    rig = Rig(Flow(steps=steps, edges=edges), provider, chance=at_once)

    run = await asyncio.wait_for(rig.runner.run_flow(), 5)

    assert run.status == "completed"
    assert provider.counts["c"] == 4
    assert folds(rig.events)


async def test_two_visits_that_wait_are_canceled_both(provider, for_ever):
    provider.fails["c"] = ["server_error", "server_error"]
    steps = (
        Step(id="a", actions=(Chat(prompt="a"),)),
        Step(id="b", actions=(Chat(prompt="b"),)),
        Step(id="c", actions=(Chat(prompt="c"),), join="no_wait"),
    )
    edges = (Edge(source="a", target="c"), Edge(source="b", target="c"))
    rig = Rig(Flow(steps=steps, edges=edges), provider, chance=for_ever)
    run = rig.runner.run_flow()
    await rig.until(lambda: len(rig.of(ev.ActionFailed)) == 2)

    await asyncio.wait_for(run.cancel(), 5)

    assert (run.status, run.steps[2].status) == ("canceled", "canceled")


@pytest.mark.parametrize("inner", ["map", "loop"])
async def test_an_action_inside_another_waits_and_is_tried_by_the_place_of_the_outer(
    provider, for_ever, inner
):
    provider.fails["p1"] = ["server_error"]
    body = [Chat(prompt="p{{item}}")]
    outer = Map(over=[1, 2], body=body) if inner == "map" else Loop(over=[1, 2], body=body)
    rig = Rig(Flow(steps=[outer]), provider, chance=for_ever, max_parallel=1)
    run = rig.runner.run_flow()
    await rig.until(lambda: len(rig.of(ev.ActionFailed)) == 1)

    run.try_now(0, 0)
    await asyncio.wait_for(run, 5)

    assert run.output in (["echo: p1 ", "echo: p2 "], "echo: p2 ")
    assert provider.counts == {"p1": 2, "p2": 1}


async def test_a_wait_inside_a_map_is_canceled_with_it(provider, for_ever):
    provider.fails["p1"] = ["server_error"]
    rig = Rig(
        Flow(steps=[Map(over=[1, 2], body=[Chat(prompt="p{{item}}")])]), provider, chance=for_ever
    )
    run = rig.runner.run_flow()
    await rig.until(lambda: len(rig.of(ev.ActionFailed)) == 1 and provider.live == 0)

    await asyncio.wait_for(run.cancel(), 5)

    assert (run.status, run.steps[0].actions[0].status) == ("canceled", "canceled")
    assert folds(rig.events)


@pytest.mark.parametrize("on_error", ["stop", "continue"])
async def test_only_the_last_failure_counts_for_the_failure_policy(provider, at_once, on_error):
    provider.fails["a"] = ["server_error"] * 3
    provider.fails["b"] = ["server_error"] * 2
    flow = Flow(steps=[Chat(prompt=one) for one in "bac"], on_error=on_error)
    rig = Rig(flow, provider, chance=at_once)

    run = await rig.runner.run_flow()

    last = "completed" if on_error == "continue" else "skipped"
    assert [step.status for step in run.steps] == ["completed", "failed", last]
    assert provider.counts["a"] == provider.counts["b"] == 3
    assert run.error.hint.startswith("3 attempts failed.")


async def test_a_budget_of_seconds_ends_a_wait(provider, for_ever):
    provider.fails["a"] = ["server_error"]
    flow = Flow(steps=[[Chat(prompt="a"), Chat(prompt="hold")]])
    rig = Rig(flow, provider, chance=for_ever, budget=Budget(seconds=0.05))

    run = await asyncio.wait_for(rig.runner.run_flow(), 5)

    assert (run.status, "budget" in run.stop_reason) == ("canceled", True)
    assert run.steps[0].actions[0].status in ("canceled", "failed")


async def test_a_store_that_fails_ends_waits_and_lets_what_runs_finish(provider, for_ever):
    provider.fails["a"] = ["server_error"]
    store = Failing()
    flow = Flow(steps=[[Chat(prompt="a"), Chat(prompt="wait b")], [Chat(prompt="c")]])
    rig = Rig(flow, provider, chance=for_ever, store=store)
    run = rig.runner.run_flow()
    await rig.until_waiting()

    await asyncio.to_thread(store.fail)
    await rig.until(lambda: rig.of(ev.CancelRequested) != [])
    provider.released.set()
    await asyncio.wait_for(run, 5)

    assert run.status == "failed"
    assert run.stop_reason == "the run can't be kept: The disk is full"
    assert [one.status for one in run.steps[0].actions] == ["canceled", "completed"]
    assert provider.counts["c"] == 0


class Failing(MemoryStore):
    """A store that can be made to fail, on the thread that says so."""

    def claim(self, run_id, seq, on_failure):
        super().claim(run_id, seq, on_failure)
        self._on_failure = on_failure

    def fail(self) -> None:
        self._on_failure(StoreFull("The disk is full."))


async def test_an_interrupt_during_a_wait_cancels_the_run(provider, for_ever):
    provider.fails["a"] = ["server_error"]
    rig = Rig(Flow(steps=[Chat(prompt="a")]), provider, chance=for_ever)
    run = rig.runner.run_flow()
    await rig.until_waiting()

    waiting = asyncio.create_task(run._settled())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    assert (await asyncio.wait_for(run, 5)).status == "canceled"


# Gates.


class Limited:
    """Adds limits to the scripted provider."""

    def __init__(self, provider, **limits) -> None:
        self.provider = provider
        self.name, self.default_model = "limited", "model-1"
        self.__dict__.update(limits)

    def __getattr__(self, name):
        return getattr(self.provider, name)


async def test_an_action_that_is_held_says_why_once_and_is_canceled(provider):
    flow = Flow(steps=[[Chat(prompt="hold") for _ in range(4)], [Chat(prompt="c")]])
    rig = Rig(flow, Limited(provider, max_parallel=1))
    run = rig.runner.run_flow()
    await rig.until(lambda: provider.live == 1)

    held = rig.of(ev.ActionHeld)
    assert [(one.action, one.seconds) for one in held] == [(1, None), (2, None), (3, None)]
    assert run.steps[0].actions[1].status == "waiting"
    await asyncio.wait_for(run.cancel(), 5)

    statuses = [one.status for one in run.steps[0].actions]
    assert statuses == ["canceled", "skipped", "skipped", "skipped"]
    assert len(provider.requests) == 1
    assert folds(rig.events)


async def test_those_who_wait_for_a_place_get_it_in_their_order(provider):
    flow = Flow(steps=[[Chat(prompt=f"p{n}") for n in range(20)]])
    rig = Rig(flow, Limited(provider, max_parallel=1))

    run = await asyncio.wait_for(rig.runner.run_flow(), 10)

    assert run.status == "completed"
    assert provider.most == 1
    assert provider.prompts == [f"p{n}" for n in range(20)]
    assert len(rig.of(ev.ActionHeld)) == 19


async def test_who_waits_for_the_rate_is_told_of_few_times_however_many_wait(provider):
    flow = Flow(steps=[[Chat(prompt=f"p{n}") for n in range(60)]])
    rig = Rig(flow, Limited(provider, requests_per_minute=60_000))

    run = await asyncio.wait_for(rig.runner.run_flow(), 10)

    assert run.status == "completed"
    assert provider.prompts == [f"p{n}" for n in range(60)]
    assert len(rig.of(ev.ActionHeld)) <= 2 * 60
    assert folds(rig.events)


async def test_a_retry_stands_behind_those_who_wait(provider, at_once):
    provider.fails["p0"] = ["server_error"]
    flow = Flow(steps=[[Chat(prompt=f"p{n}") for n in range(3)]])
    rig = Rig(flow, Limited(provider, max_parallel=1), chance=at_once)

    run = await asyncio.wait_for(rig.runner.run_flow(), 10)

    assert run.status == "completed"
    assert provider.prompts == ["p0", "p1", "p2", "p0"]


async def test_a_place_that_another_run_leaves_is_taken(provider):
    limited = Limited(provider, max_parallel=1)
    first = Rig(Flow(steps=[Chat(prompt="wait")]), limited)
    second = Rig(Flow(steps=[Chat(prompt="b")]), limited)
    one = first.runner.run_flow()
    await first.until(lambda: provider.live == 1)
    two = second.runner.run_flow()
    await second.until_waiting()

    provider.released.set()

    assert (await asyncio.wait_for(two, 5)).status == "completed"
    assert (await one).status == "completed"


async def test_an_outage_of_a_held_flow_leaves_its_level_only(provider):
    limited = Limited(provider, max_parallel=1)
    flow = Flow(
        steps=[
            [
                Chat(prompt="wait"),
                Map(over=[1], body=[Chat(prompt="in")], budget=Budget(seconds=0.05)),
            ]
        ]
    )
    rig = Rig(flow, limited, retry=Retry(max_attempts=1))
    run = rig.runner.run_flow()
    await rig.until(lambda: rig.of(ev.ActionFailed) != [])

    provider.released.set()
    await asyncio.wait_for(run, 5)

    assert [one.status for one in run.steps[0].actions] == ["completed", "failed"]
    assert provider.counts["in"] == 0


async def test_a_provider_that_is_not_found_any_more_fails_the_action(provider):
    flow = Flow(steps=[Chat(prompt="a", model="m")])
    rig = Rig(flow, provider)
    rig.runner._resources = replace(rig.runner._resources, provider_of=_nobody)

    run = await rig.runner.run_flow()

    assert (run.status, run.error.kind) == ("failed", "no_such_step")


def _nobody(name):
    raise NoSuchStep("There is no provider.")


# The end of a loop, and of the process.

_LEFT = """
import asyncio, gc, random, sys, warnings
from flow_widgets import Chat, Flow, FlowRunner
from flow_widgets.errors import ProviderError
warnings.simplefilter("error")

class Down:
    name, default_model = "down", "m"
    def check(self): pass
    async def chat(self, request, on_text):
        raise ProviderError("server_error", "Down.")
    async def close(self): pass

class Chance(random.Random):
    def uniform(self, a, b): return 100.0

async def main():
    runner = FlowRunner(Flow(steps=[Chat(prompt="a")]), provider=Down(), chance=Chance(1), store=None)
    run = runner.run_flow()
    while run.steps[0].actions[0].status != "waiting":
        await asyncio.sleep(0)
    return runner, run
"""


def _child(code: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-X", "dev", "-c", _LEFT + code]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_a_run_that_waits_is_canceled_as_its_loop_ends():
    found = _child("runner, run = asyncio.run(main())\nprint(run.result().status)")

    assert (found.stdout.split(), found.stderr, found.returncode) == (["canceled"], "", 0)


@pytest.mark.parametrize("dropped", ["", "; del runner, run; gc.collect()"])
def test_a_loop_that_is_closed_under_a_wait_leaves_no_warning_and_no_hang(dropped):
    code = "loop = asyncio.new_event_loop(); runner, run = loop.run_until_complete(main())"
    found = _child(f"{code}; loop.close(){dropped}\nprint('end')")

    assert (found.stdout.split(), found.stderr, found.returncode) == (["end"], "", 0)


def test_a_run_whose_loop_was_closed_can_be_canceled_and_another_begun(provider, for_ever):
    provider.fails["a"] = ["server_error"]
    rig = Rig(Flow(steps=[Chat(prompt="a")]), provider, chance=for_ever)

    async def begin():
        run = rig.runner.run_flow()
        await rig.until_waiting()
        return run

    loop = asyncio.new_event_loop()
    run = loop.run_until_complete(begin())
    loop.close()
    run.cancel().result()
    gc.collect()

    assert run.status == "canceled"
    assert rig.runner.run_flow_sync().status == "completed"


async def test_an_observer_that_cancels_as_it_hears_of_the_start_gives_the_place_back(provider):
    limited = Limited(provider, max_parallel=1)
    rig = Rig(Flow(steps=[Chat(prompt="a")]), limited)
    stop = [True]

    def cancel(event):
        if type(event) is ev.ActionStarted and stop:
            stop.pop()
            rig.runner.cancel()

    rig.runner.observers.append(cancel)
    run = await rig.runner.run_flow()
    again = await asyncio.wait_for(rig.runner.run_flow(), 5)

    assert (run.status, again.status) == ("canceled", "completed")
    assert provider.prompts == ["a"]


async def test_an_observer_that_asks_for_a_wait_to_end_and_then_cancels_ends_the_retry(
    provider, for_ever
):
    provider.fails["a"] = ["server_error"]
    rig = Rig(Flow(steps=[Chat(prompt="a")]), provider, chance=for_ever)

    def act(event):
        if type(event) is ev.ActionFailed:
            rig.runner.cancel()
            rig.runner.try_now(0, 0)

    rig.runner.observers.append(act)

    run = await asyncio.wait_for(rig.runner.run_flow(), 5)

    assert (run.status, run.steps[0].actions[0].status) == ("canceled", "canceled")
    assert provider.counts == {"a": 1}
    assert folds(rig.events)


async def test_the_gate_of_a_run_whose_loop_is_closed_harms_nobody(provider):
    limited = Limited(provider, max_parallel=1)
    mine = Rig(Flow(steps=[Chat(prompt="wait")]), limited)
    run = mine.runner.run_flow()
    await mine.until(lambda: provider.live == 1)
    other = Rig(Flow(steps=[Chat(prompt="b")]), limited)

    def wait_elsewhere():
        async def begin():
            other.runner.run_flow()
            await other.until_waiting()

        loop = asyncio.new_event_loop()
        loop.run_until_complete(begin())
        loop.close()

    await asyncio.to_thread(wait_elsewhere)
    provider.released.set()

    assert (await asyncio.wait_for(run, 5)).status == "completed"
    other.runner.cancel()


async def test_a_mistake_of_ours_ends_all_waits(provider, for_ever, monkeypatch):
    provider.fails["a"] = ["server_error"]
    rig = Rig(Flow(steps=[[Chat(prompt="a"), Chat(prompt="wait")]]), provider, chance=for_ever)
    run = rig.runner.run_flow()
    await rig.until(lambda: rig.of(ev.ActionFailed) != [] and provider.live == 1)

    def break_down(*_):
        raise ZeroDivisionError("a mistake")

    monkeypatch.setattr("flow_widgets.engine.execution.plan", break_down)
    with pytest.raises(ZeroDivisionError):
        run.try_now(0, 0)

    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(run, 5)
    assert run.status == "failed"
    assert rig.runner.execution(run).waits._guard is None
    provider.released.set()
    await rig.until(lambda: provider.live == 0)


async def test_what_a_person_tries_now_passes_the_gate_and_opens_it_for_others(provider, for_ever):
    provider.fails["a"] = ["rate_limit"]
    flow = Flow(steps=[Chat(prompt="a"), [Chat(prompt="b"), Chat(prompt="c")]])
    rig = Rig(flow, provider, chance=for_ever)
    run = rig.runner.run_flow()
    await rig.until_waiting()

    run.try_now(0, 0)

    async with asyncio.timeout(5):
        await run
    assert run.status == "completed"
    assert [one.messages[-1]["content"] for one in provider.requests] == ["a", "a", "b", "c"]


async def test_what_stands_in_line_for_a_time_is_let_in_by_hand(provider, for_ever):
    provider.fails["a"] = ["rate_limit"]
    flow = Flow(steps=[[Chat(prompt="a"), Chat(prompt="b")]], max_parallel=1)
    rig = Rig(flow, provider, chance=for_ever)
    run = rig.runner.run_flow()
    await rig.until_waiting(0, 1)

    rig.runner.try_now(0, 1)
    await rig.until(lambda: run.steps[0].actions[1].status == "completed")
    run.try_now(0, 0)

    async with asyncio.timeout(5):
        await run
    assert run.status == "completed"
