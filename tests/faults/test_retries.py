"""How a run waits: as long as it is asked to, no longer than it may, together, and cancelably."""

from __future__ import annotations

import asyncio
import random
import socket
from itertools import pairwise

import pytest

from flow_widgets import Chat, Flow
from flow_widgets.flow.limits import Retry
from flow_widgets.run import events as ev

from .running import GOOD, chat, ends, refused, running, slow_down
from .server import chunk, close, data, done, end, fault_server, finish, head, pause, reset, text

_SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}


def _cut(*pieces: str) -> list:
    return [head(), *map(text, pieces), close]


async def test_three_attempts_are_made_and_the_waits_between_them_told() -> None:
    scripts = {"m": [refused(500, "boom")]}

    async with fault_server(scripts) as server, running(server, [chat("m")]) as (runner, told):
        run = await runner.run_flow()

    assert run.status == "failed"
    assert [event.retry_seconds is None for event in told.of(ev.ActionFailed)] == [
        False,
        False,
        True,
    ]
    assert run.error.what == "The model's server failed (500)."
    assert run.error.hint.startswith("3 attempts failed.")
    assert len(server.seen["m"]) == 3


async def test_every_lost_text_is_kept_in_its_attempt() -> None:
    scripts = {"m": [_cut("one"), refused(503), _cut("two", "three"), GOOD]}
    retry = Retry(max_attempts=4)

    async with (
        fault_server(scripts) as server,
        running(server, [chat("m")], retry=retry) as (runner, _),
    ):
        run = await runner.run_flow()

    assert run.output == "Hello, world"
    assert ends(run) == [
        ("failed", "one"),
        ("failed", ""),
        ("failed", "twothree"),
        ("completed", "Hello, world"),
    ]


async def test_an_action_has_a_retry_of_its_own() -> None:
    scripts = {"m": [refused(500), GOOD], "n": [refused(500), GOOD]}
    flow = Flow(
        steps=[[chat("m", retry=Retry(max_attempts=1)), chat("n")]], retry=Retry(max_attempts=2)
    )

    async with fault_server(scripts) as server, running(server, flow) as (runner, _):
        run = await runner.run_flow()

    statuses = [action.status for action in run.steps[0].actions]
    assert statuses == ["failed", "completed"]
    assert len(server.seen["m"]) == 1


@pytest.mark.parametrize(
    "headers", [{"retry_after": "0.3"}, {"retry_after_ms": "300"}, {"Retry_After": " 0.3 "}]
)
async def test_no_request_comes_before_the_server_allowed_it(headers: dict[str, str]) -> None:
    scripts = {"m": [refused(503, **headers), GOOD]}

    async with fault_server(scripts) as server, running(server, [chat("m")]) as (runner, told):
        run = await runner.run_flow()

    first, second = server.seen["m"]
    assert run.status == "completed"
    assert 0.3 <= second.at - first.at < 1.0
    assert 0.3 <= told.waits[0] < 0.4


async def test_a_server_that_asks_for_an_hour_fails_the_run_at_once_and_says_so() -> None:
    scripts = {"m": [refused(429, retry_after="3600")]}

    async with fault_server(scripts) as server, running(server, [chat("m")]) as (runner, told):
        async with asyncio.timeout(2):
            run = await runner.run_flow()

    assert run.status == "failed"
    assert run.error.retry_after_seconds == 3600
    assert "The server asks to wait 3,600 s." in str(run.error)
    assert told.waits == []
    assert len(server.seen["m"]) == 1


async def test_a_date_in_the_far_future_is_not_waited_for() -> None:
    scripts = {"m": [refused(503, retry_after="Fri, 31 Dec 2199 23:59:59 GMT")]}

    async with fault_server(scripts) as server, running(server, [chat("m")]) as (runner, _):
        run = await runner.run_flow()

    assert run.status == "failed"
    assert "The server asks to wait " in run.error.hint
    assert len(server.seen["m"]) == 1


async def test_all_waits_together_have_a_limit() -> None:
    scripts = {"m": [refused(503, retry_after_ms="200")]}
    retry = Retry(max_attempts=50, max_wait_seconds=0.5)

    async with (
        fault_server(scripts) as server,
        running(server, [chat("m")], retry=retry) as (runner, told),
    ):
        run = await runner.run_flow()

    assert run.status == "failed"
    assert len(server.seen["m"]) == 3
    assert sum(told.waits) <= 0.5
    assert "The server asks to wait 0.2 s, and only 0.0" in run.error.hint


async def test_a_stream_that_was_lost_fails_where_that_is_wanted() -> None:
    scripts = {"m": [_cut("Hel"), GOOD], "n": [refused(500), GOOD]}
    retry = Retry(lost_stream="fail")
    steps = [[chat("m"), chat("n")]]

    async with (
        fault_server(scripts) as server,
        running(server, steps, retry=retry) as (runner, _),
    ):
        run = await runner.run_flow()

    lost, refused_first = run.steps[0].actions
    assert (lost.status, lost.text) == ("failed", "Hel")
    assert lost.error.kind == "connection_lost"
    assert refused_first.status == "completed"
    assert len(server.seen["m"]) == 1


async def test_an_outage_does_not_multiply_what_a_run_costs() -> None:
    scripts = {"m": [refused(500)]}
    steps = [[chat("m", f"Hi {number}") for number in range(20)]]

    async with fault_server(scripts) as server, running(server, steps) as (runner, told):
        run = await runner.run_flow()

    errors = [action.error for action in run.steps[0].actions]
    assert run.status == "failed"
    assert len(told.waits) == 10
    assert len(server.seen["m"]) == 30
    assert any("The run has made 10 retries" in error.hint for error in errors)


async def test_quota_is_never_tried_again() -> None:
    scripts = {"m": [refused(429, code="insufficient_quota", retry_after_ms="10"), GOOD]}

    async with fault_server(scripts) as server, running(server, [chat("m")]) as (runner, _):
        run = await runner.run_flow()

    assert run.error.kind == "quota"
    assert len(server.seen["m"]) == 1


async def test_a_wait_can_be_canceled() -> None:
    scripts = {"m": [refused(429, retry_after="20")]}

    async with fault_server(scripts) as server, running(server, [chat("m")]) as (runner, told):
        run = runner.run_flow()
        await told.until(lambda event: isinstance(event, ev.ActionFailed))
        assert run.steps[0].actions[0].status == "waiting"
        async with asyncio.timeout(1):
            await run.cancel()

    assert run.status == "canceled"
    assert run.steps[0].actions[0].status == "canceled"
    assert ends(run)[0][0] == "failed"
    assert len(server.seen["m"]) == 1


async def test_a_wait_can_be_ended_by_hand() -> None:
    scripts = {"m": [refused(503, retry_after="20"), GOOD]}

    async with fault_server(scripts) as server, running(server, [chat("m")]) as (runner, told):
        run = runner.run_flow()
        await told.until(lambda event: isinstance(event, ev.ActionFailed))
        run.try_now(0, 0)
        async with asyncio.timeout(2):
            await run

    assert run.output == "Hello, world"


async def test_others_go_on_while_an_action_waits() -> None:
    scripts = {"m": [refused(503, retry_after="20")], "n": [GOOD]}
    steps = [[chat("m"), chat("n")]]

    async with fault_server(scripts) as server, running(server, steps) as (runner, told):
        run = runner.run_flow()
        await told.until(lambda event: isinstance(event, ev.ActionCompleted))
        statuses = [action.status for action in run.steps[0].actions]
        await run.cancel()

    assert statuses[1] == "completed"


async def test_no_server_at_all_is_a_failure_that_may_pass() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        async with fault_server({}) as server:
            server.port = taken.getsockname()[1]
            async with running(server, [chat("m")]) as (runner, told):
                run = await runner.run_flow()

    assert run.error.kind == "connection_lost"
    assert f"127.0.0.1:{server.port}" in run.error.what
    assert len(told.waits) == 2


async def test_a_herd_that_is_refused_gets_through_one_after_the_other() -> None:
    scripts = {"m": [*[slow_down(300)] * 10, GOOD]}
    steps = [[chat("m", f"Hi {number}") for number in range(20)]]

    async with (
        fault_server(scripts) as server,
        running(server, steps, chance=random.Random(1)) as (runner, told),
    ):
        async with asyncio.timeout(10):
            run = await runner.run_flow()

    requests = server.seen["m"]
    late = sorted(one.at - requests[0].at for one in requests[20:])
    assert run.status == "completed"
    assert [action.output for action in run.steps[0].actions] == ["Hello, world"] * 20
    assert len(requests) == 30
    assert len(told.waits) == len(set(told.waits)) == 10
    assert min(late) >= 0.3
    assert late[-1] - late[0] > 0.05


async def test_a_refusal_holds_back_those_that_have_not_begun() -> None:
    scripts = {"m": [slow_down(300), GOOD]}
    flow = Flow(steps=[[chat("m", "first"), chat("m", "second")]], max_parallel=1)

    async with fault_server(scripts) as server, running(server, flow) as (runner, told):
        run = await runner.run_flow()

    first, *others = server.seen["m"]
    held = told.of(ev.ActionHeld)
    assert run.status == "completed"
    assert all(one.at - first.at >= 0.3 for one in others)
    assert {event.reason for event in held} == {"rate limit of m"}


async def test_a_refusal_of_one_run_holds_back_another() -> None:
    scripts = {"m": [slow_down(300), GOOD]}

    async with (
        fault_server(scripts) as server,
        running(server, [chat("m")]) as (first, told),
        running(server, [chat("m")]) as (second, _),
    ):
        one = first.run_flow()
        await told.until(lambda event: isinstance(event, ev.ActionFailed))
        two = second.run_flow()
        await asyncio.gather(one, two)

    requests = server.seen["m"]
    assert one.status == two.status == "completed"
    assert all(later.at - requests[0].at >= 0.3 for later in requests[1:])


async def test_a_refusal_for_one_model_is_none_for_another() -> None:
    scripts = {"m": [refused(429, retry_after="20")], "n": [GOOD]}
    flow = Flow(steps=[[chat("m"), chat("n")]], max_parallel=1)

    async with fault_server(scripts) as server, running(server, flow) as (runner, told):
        run = runner.run_flow()
        async with asyncio.timeout(2):
            await told.until(lambda event: isinstance(event, ev.ActionCompleted))
        await run.cancel()

    assert len(server.seen["n"]) == 1


async def test_refusals_do_not_use_attempts_up_while_others_get_through() -> None:
    scripts = {"m": [GOOD, slow_down(20), GOOD, slow_down(20), GOOD, slow_down(20), GOOD]}
    flow = Flow(
        steps=[[chat("m", f"Hi {number}") for number in range(6)]], retry=Retry(max_attempts=2)
    )

    async with (
        fault_server(scripts) as server,
        running(server, flow, provider_options={"max_parallel": 1}) as (runner, _),
    ):
        run = await runner.run_flow()

    assert run.status == "completed"
    assert len(server.seen["m"]) == 9


async def test_a_server_that_refuses_every_second_call_gets_all_of_them_done() -> None:
    scripts = {"m": [script for _ in range(20) for script in (slow_down(20), GOOD)]}
    steps = [[chat("m", f"Hi {number}") for number in range(12)]]

    async with fault_server(scripts) as server, running(server, steps) as (runner, told):
        run = await runner.run_flow()

    assert run.status == "completed"
    assert len(server.seen["m"]) == 24
    assert len(told.waits) == 12


async def test_a_provider_has_so_many_calls_in_flight_and_no_more() -> None:
    live = most = 0

    async def in_flight(_: object) -> None:
        nonlocal live, most
        live += 1
        most = max(most, live)
        await asyncio.sleep(0.02)
        live -= 1

    scripts = {"m": [[in_flight, *GOOD]]}
    steps = [[chat("m", f"Hi {number}") for number in range(8)]]

    async with (
        fault_server(scripts) as server,
        running(server, steps, provider_options={"max_parallel": 2}) as (runner, told),
    ):
        run = await runner.run_flow()

    assert run.status == "completed"
    assert most == 2
    assert len(told.of(ev.ActionHeld)) == 6


async def test_calls_of_a_provider_keep_to_its_rate() -> None:
    steps = [[chat("m", f"Hi {number}") for number in range(5)]]
    options = {"requests_per_minute": 1200}  # twenty a second, the first ten at once

    async with (
        fault_server({"m": [GOOD]}) as server,
        running(server, [*steps, *steps, *steps], provider_options=options) as (runner, told),
    ):
        run = await runner.run_flow()

    times = [event.at for event in told.of(ev.ActionStarted)]
    assert run.status == "completed"
    assert len(server.seen["m"]) == 15
    assert times[-1] - times[0] >= 5 / 20 - 0.01


async def test_what_is_held_for_a_place_can_be_canceled() -> None:
    scripts = {"m": [[head(), text("Hi"), pause(30)]]}
    steps = [[chat("m", "first"), chat("m", "second")]]

    async with (
        fault_server(scripts) as server,
        running(server, steps, provider_options={"max_parallel": 1}) as (runner, told),
    ):
        run = runner.run_flow()
        await told.until(lambda event: isinstance(event, ev.ActionChunk))
        held = run.steps[0].actions[1].status
        async with asyncio.timeout(1):
            await run.cancel()

    assert held == "waiting"
    assert run.status == "canceled"
    assert [action.status for action in run.steps[0].actions] == ["canceled", "skipped"]


async def test_a_place_is_given_back_by_every_end_of_a_call() -> None:
    scripts = {
        "m": [refused(400), [head(), reset], _cut("x"), [head(), text("x"), finish(), done, end]]
    }
    steps = [[chat("m", f"Hi {number}") for number in range(6)]]

    async with (
        fault_server(scripts) as server,
        running(server, steps, provider_options={"max_parallel": 1}) as (runner, _),
    ):
        async with asyncio.timeout(5):
            run = await runner.run_flow()

    statuses = sorted(action.status for action in run.steps[0].actions)
    assert statuses == ["completed"] * 5 + ["failed"]


async def test_a_canceled_run_leaves_the_places_to_others() -> None:
    scripts = {"m": [[head(), text("Hi"), pause(30)], GOOD]}
    options = {"provider_options": {"max_parallel": 1}}

    async with (
        fault_server(scripts) as server,
        running(server, [chat("m")], **options) as (first, told),
        running(server, [chat("m")], **options) as (second, also_told),
    ):
        one = first.run_flow()
        await told.until(lambda event: isinstance(event, ev.ActionChunk))
        two = second.run_flow()
        await also_told.until(lambda event: isinstance(event, ev.ActionHeld))
        await one.cancel()
        async with asyncio.timeout(2):
            await two

    assert two.status == "completed"


async def test_what_looks_like_a_reference_in_an_answer_stays_as_it_is() -> None:
    said = "{{secrets.OPENAI_API_KEY}} {{user.__class__}} {{steps.0}}"
    scripts = {"m": [[head(), text(said), finish(), done, end]], "n": [GOOD]}
    flow = [Chat(id="a", model="m", prompt="Hi"), chat("n", "Look: {{steps.0.output}}")]

    async with fault_server(scripts) as server, running(server, flow) as (runner, _):
        run = await runner.run_flow()

    assert run.steps[0].output == said
    assert server.seen["n"][0].body["messages"][-1]["content"] == f"Look: {said}"


async def test_a_refusal_where_a_schema_is_asked_for_fails() -> None:
    refusal = [head(), data(chunk({"refusal": "I can't."})), finish(), done, end]
    action = chat("m", output_schema=_SCHEMA)

    async with (
        fault_server({"m": [refusal]}) as server,
        running(server, [action]) as (runner, _),
    ):
        run = await runner.run_flow()

    assert run.error.kind == "refusal"
    assert run.error.detail == "I can't."
    assert len(server.seen["m"]) == 1


async def test_all_attempts_of_a_call_have_one_name_and_other_calls_another() -> None:
    scripts = {"m": [refused(500), _cut("x"), GOOD], "n": [GOOD]}
    steps = [[chat("m"), chat("n")]]

    async with fault_server(scripts) as server, running(server, steps) as (runner, _):
        await runner.run_flow()

    keys = {
        model: {one.headers.get("idempotency-key") for one in server.seen[model]} for model in "mn"
    }
    assert len(keys["m"]) == len(keys["n"]) == 1
    assert None not in keys["m"] | keys["n"]
    assert keys["m"] != keys["n"]


async def test_events_of_a_retried_action_have_no_gap() -> None:
    scripts = {"m": [_cut("one"), GOOD]}

    async with fault_server(scripts) as server, running(server, [chat("m")]) as (runner, told):
        await runner.run_flow()

    numbers = [event.seq for event in told.events]
    assert all(later == earlier + 1 for earlier, later in pairwise(numbers))
    chunks = [(event.attempt, event.text) for event in told.of(ev.ActionChunk)]
    assert chunks == [(1, "one"), (2, "Hello"), (2, ", "), (2, "world")]
