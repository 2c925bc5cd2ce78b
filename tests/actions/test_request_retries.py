from __future__ import annotations

import pytest
from context import output
from web import answer, asked, failure, open_context, served

from flow_widgets.actions.request import MAX_WAIT_SECONDS, Request
from flow_widgets.actions.transform import Transform
from flow_widgets.engine.runner import FlowRunner
from flow_widgets.errors import (
    RequestFailed,
)
from flow_widgets.flow.model import Edge, Flow, Step


async def test_a_status_of_400_or_more_fails_with_the_answer():
    async with served(answer({"error": "no such thing."}, 404)) as server:
        ctx = open_context()
        error = await failure(server, ctx, path="/x")

    assert (error.kind, error.status, error.retryable) == ("http_error", 404, False)
    assert error.what == '127.0.0.1 answered 404 Status: {"error": "no such thing."}.'
    assert error.output["body"] == {"error": "no such thing."}
    assert ctx.slept == []


async def test_a_page_is_not_shown_in_the_error():
    async with served(answer(b"<html>", 403, content_type="text/html")) as server:
        assert (await failure(server)).what == "127.0.0.1 answered 403 Status."


async def test_with_raise_errors_off_a_status_is_an_output():
    async with served(answer({"a": 1}, 404)) as server:
        found = await asked(server, raise_errors=False)

    assert (found["status"], found["body"]) == (404, {"a": 1})


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
async def test_it_is_tried_again_where_that_may_help(status):
    async with served(answer(b"", status), answer({"ok": True})) as server:
        ctx = open_context()
        found = await asked(server, ctx)

    assert found["body"] == {"ok": True}
    assert len(ctx.slept) == 1
    level, line = ctx.logged[0]
    assert level == "warn"
    assert line.startswith(f"GET {server.url}/: 127.0.0.1 answered {status} Status. Trying again")
    assert line.endswith("(1 of 2).")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 409, 422, 501, 505])
async def test_it_is_not_tried_again_where_that_can_not_help(status):
    async with served(answer(b"", status)) as server:
        error = await failure(server)

    assert (error.status, error.retryable, len(server.seen)) == (status, False, 1)


async def test_waits_grow_and_end():
    async with served(answer(b"", 500)) as server:
        ctx = open_context()
        error = await failure(server, ctx, retries=3)

    assert (error.status, error.retryable, len(server.seen)) == (500, True, 4)
    assert all(0.75 <= s / b <= 1.25 for s, b in zip(ctx.slept, (0.5, 1, 2), strict=True))


@pytest.mark.parametrize(
    ("method", "headers", "status", "tries"),
    [
        ("POST", {}, 500, 1),
        ("PATCH", {}, 503, 1),
        ("POST", {}, 429, 2),
        ("POST", {"Idempotency-Key": "k"}, 500, 2),
        ("PUT", {}, 500, 2),
        ("DELETE", {}, 500, 2),
    ],
)
async def test_what_may_have_been_done_is_not_done_twice(method, headers, status, tries):
    async with served(answer(b"", status)) as server:
        await failure(server, method=method, headers=headers, retries=1)

    assert len(server.seen) == tries


async def test_a_connection_that_was_never_made_is_tried_again_for_every_method():
    async with served(answer()) as server:
        pass
    ctx = open_context()

    error = await failure(server, ctx, method="POST")

    assert (error.kind, error.was_sent, len(ctx.slept)) == ("connection_lost", False, 2)
    assert error.what == "No connection to 127.0.0.1."


async def test_a_connection_that_was_lost_is_tried_again():
    async with served(b"", answer({"ok": True})) as server:
        assert (await asked(server))["body"] == {"ok": True}


async def test_a_lost_connection_is_an_output_when_errors_are_off():
    async with served(b"") as server:
        found = await asked(server, raise_errors=False, retries=0)

    assert found == {
        "status": 0,
        "headers": {},
        "body": None,
        "url": f"{server.url}/",
        "error": "The connection to 127.0.0.1 was lost.",
    }


@pytest.mark.parametrize(
    ("asked_for", "slept"), [("3", [3.0]), ("0", [0.0]), (str(MAX_WAIT_SECONDS + 1), [])]
)
async def test_the_server_says_how_long_to_wait(asked_for, slept):
    async with served(answer(b"", 503, retry_after=asked_for)) as server:
        ctx = open_context()
        error = await failure(server, ctx, retries=1)

    assert ctx.slept == slept
    assert error.retry_after_seconds == float(asked_for)


async def test_a_server_that_says_nothing_is_not_waited_for():
    async with served(None) as server:
        action = Request(url=server.url, retries=0).model_copy(update={"timeout_seconds": 0.1})
        with pytest.raises(RequestFailed) as caught:
            await output(action, open_context())

    assert caught.value.kind == "timeout_total"
    assert caught.value.what == "No whole answer came from 127.0.0.1 within 0.1 s."


async def test_an_error_branch_reads_the_answer():
    async with served(answer({"why": "no"}, 404)) as server:
        flow = Flow(
            steps=[
                Step(id="get", actions=[Request(url=server.url)]),
                Step(id="mend", actions=[Transform(value="{{steps.get.output.body.why}}")]),
            ],
            edges=[Edge(source="get", target="mend", source_port="error")],
        )
        run = await FlowRunner(flow, allow_private_network=True).run_flow()

    failure = run.steps[0].actions[0].attempts[0].error
    assert (failure.kind, failure.status) == ("http_error", 404)
    assert run.steps[1].output == "no"
