"""A run ends as its calls do: what may pass is tried again, what has come is kept, all is told."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from flow_widgets.errors import RETRYABLE
from flow_widgets.run import events as ev

from .cases import CANCEL, CASES, Case
from .running import GOOD, TWICE, chat, ends, running
from .server import FaultServer, Script, fault_server
from .varied import VARIED

_ALL = [case for case in [*CASES, *VARIED] if case not in CANCEL]
_GIVEN_UP_SECONDS = 1.0
"""A server that asks for a longer wait is not waited for in these tests."""
_NOTES = {"length": "truncated", "refusal": "refused", "empty_answer": "empty"}


def is_retryable(case: Case) -> bool:
    """Return whether a run sends the call of a case again."""
    if (case.retry_after_seconds or 0) > _GIVEN_UP_SECONDS:
        return False
    return case.kind in RETRYABLE if case.retryable is None else case.retryable


GOOD_ENDS = [case for case in _ALL if case.kind is None]
PASSING = [case for case in _ALL if case.kind is not None and is_retryable(case)]
LASTING = [case for case in _ALL if case.kind is not None and not is_retryable(case)]


async def carried_out(case: Case, scripts: Any) -> tuple[Any, Any, FaultServer]:
    """Return the run of one action, what was told of it, and the server that it met."""
    action = chat(
        case.name,
        first_byte_seconds=case.timeouts.first_byte,
        idle_seconds=case.timeouts.idle,
        timeout_seconds=case.timeouts.total,
        max_output_chars=case.max_output_chars,
        extra=case.params,
    )
    retry = TWICE.model_copy(update={"max_wait_seconds": _GIVEN_UP_SECONDS})
    async with (
        asyncio.timeout(8),
        fault_server({case.name: scripts}) as server,
        running(server, [action], retry=retry) as (runner, told),
    ):
        run = await runner.run_flow()
        if case.disconnects:
            async with asyncio.timeout(0.3):
                await server.disconnected(case.name, 0)
    return run, told, server


def name(case: Case) -> str:
    return case.name


@pytest.mark.parametrize("case", GOOD_ENDS, ids=name)
async def test_a_run_completes_with_the_text_of_its_call(case: Case) -> None:
    run, told, server = await carried_out(case, case.scripts)

    attempt = run.steps[0].actions[0].attempts[-1]
    assert run.status == "completed", run.error
    assert run.output == case.text
    assert ends(run) == [("completed", case.text)]
    assert attempt.finish_reason == case.finish_reason
    assert attempt.total_tokens == case.total_tokens
    assert told.waits == []
    assert len(server.seen[case.name]) == case.requests


@pytest.mark.parametrize("case", [c for c in GOOD_ENDS if c.name in _NOTES], ids=name)
async def test_an_output_that_is_not_what_one_expects_is_marked(case: Case) -> None:
    run, _, _ = await carried_out(case, case.scripts)

    assert run.steps[0].actions[0].attempts[-1].note == _NOTES[case.name]


@pytest.mark.parametrize("case", LASTING, ids=name)
async def test_a_failure_that_stays_ends_the_run_at_once(case: Case) -> None:
    run, told, server = await carried_out(case, case.scripts)

    assert run.status == "failed"
    assert run.error.kind == case.kind
    assert run.error.status == case.status
    assert ends(run) == [("failed", case.text)]
    assert all(part in str(run.error) for part in case.says)
    assert case.detail is None or run.error.detail == case.detail
    assert told.waits == []
    assert len(server.seen[case.name]) == case.requests


@pytest.mark.parametrize("case", PASSING, ids=name)
async def test_a_failure_that_may_pass_is_tried_again_and_its_text_kept(case: Case) -> None:
    scripts: list[Script] = [case.scripts[0], GOOD]

    run, told, server = await carried_out(case, scripts)

    assert run.status == "completed", run.error
    assert run.output == "Hello, world"
    assert ends(run) == [("failed", case.text), ("completed", "Hello, world")]
    first = run.steps[0].actions[0].attempts[0]
    assert first.error.kind == case.kind
    assert len(told.waits) == 1
    assert told.waits[0] >= (case.retry_after_seconds or 0)
    assert len(server.seen[case.name]) == 2


@pytest.mark.parametrize("case", PASSING, ids=name)
async def test_a_failure_that_does_not_pass_ends_the_run_after_its_attempts(case: Case) -> None:
    run, told, server = await carried_out(case, case.scripts)

    assert run.status == "failed"
    assert run.error.kind == case.kind
    assert run.error.hint.startswith("2 attempts failed.")
    assert ends(run) == [("failed", case.text)] * 2
    assert len(told.waits) == 1
    assert len(server.seen[case.name]) == 2
    assert [event.attempt for event in told.of(ev.ActionStarted)] == [1, 2]


@pytest.mark.parametrize("case", CANCEL, ids=name)
async def test_a_canceled_run_hangs_up_and_keeps_its_text(case: Case) -> None:
    async with (
        asyncio.timeout(5),
        fault_server({case.name: case.scripts}) as server,
        running(server, [chat(case.name)]) as (runner, told),
    ):
        run = runner.run_flow()
        await server.asked(case.name)
        if case.cancel_after_text:
            await told.until(lambda event: isinstance(event, ev.ActionChunk))
        run.cancel()
        await run
        async with asyncio.timeout(0.3):
            await server.disconnected(case.name)

    assert run.status == "canceled"
    (status, text) = ends(run)[0]
    assert status == "canceled"
    assert text[:1] == case.text[:1]
    assert len(server.seen[case.name]) == 1
