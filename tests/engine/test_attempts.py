"""How attempts end: outcomes, errors of ours, errors of others, and values that are no data."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import pytest

from flow_widgets import Action, Chat, Context, Flow, FlowRunner, Outcome
from flow_widgets.providers.base import ChatResult, Usage


class Doing(Action):
    """Runs a function that a test gives by name."""

    default_ports: ClassVar[tuple[str, ...]] = ("success", "elsewhere")

    type: Literal["test_doing"] = "test_doing"
    what: str

    async def run(self, ctx: Context) -> Any:
        return await DEEDS[self.what](ctx)


async def _returns(ctx: Context) -> Any:
    return {"a": 1}


async def _streams(ctx: Context) -> Any:
    ctx.chunk("one ")
    ctx.chunk("")
    ctx.chunk("two")
    ctx.log("half way", "debug")
    await ctx.sleep(0)
    return Outcome(output=ctx.text)


async def _raises(ctx: Context) -> Any:
    raise RuntimeError("boom")


async def _no_data(ctx: Context) -> Any:
    return {1: {2}, (3,): 4}


async def _shared(ctx: Context) -> Any:
    with pytest.raises(TypeError):
        ctx.shared["x"] = 2  # type: ignore[index]
    return [ctx.shared["x"], ctx.run_id[:1], ctx.step, ctx.action, ctx.attempt]


async def _leaves_elsewhere(ctx: Context) -> Any:
    return Outcome(output=1, ports=("elsewhere",))


async def _exits(ctx: Context) -> Any:
    raise SystemExit(3)


async def _is_interrupted(ctx: Context) -> Any:
    raise KeyboardInterrupt


DEEDS = {
    "is interrupted": _is_interrupted,
    "exits": _exits,
    "leaves elsewhere": _leaves_elsewhere,
    "returns": _returns,
    "streams": _streams,
    "raises": _raises,
    "no data": _no_data,
    "shared": _shared,
}


async def run_of(what: str, **options: Any) -> Any:
    return await FlowRunner(Flow(steps=[Doing(what=what)], **options)).run_flow()


async def test_a_plain_value_is_an_outcome():
    run = await run_of("returns")

    assert run.output == {"a": 1}
    assert run.steps[0].actions[0].text == '{"a": 1}'


async def test_an_action_streams_and_logs_by_its_context():
    run = await run_of("streams")

    assert run.output == "one two"
    assert ("debug", "half way") in [(line.level, line.text) for line in run.log]


async def test_an_attempt_keeps_what_it_asked_with_its_templates_filled_in():
    flow = Flow(
        steps=[[Chat(prompt="about {{x}}"), Chat(messages=["of {{x}}"])]], inputs={"x": "bees"}
    )

    run = await FlowRunner(flow, provider=Mismatched()).run_flow()

    asked = [action.attempts[0].prompt for action in run.steps[0].actions]
    assert asked == ["about bees", "of bees"]
    assert run.steps[0].actions[0].attempts[0].rendered.prompt == "about bees"


async def test_an_exit_of_an_action_is_a_failure_of_that_action():
    error = (await run_of("exits")).error

    assert error.what == "The action raised SystemExit: 3."


def test_an_interrupt_of_an_action_cancels_the_run_and_goes_on_to_the_user():
    runner = FlowRunner(Flow(steps=[Doing(what="is interrupted"), Doing(what="returns")]))

    with pytest.raises(KeyboardInterrupt):
        runner.run_flow_sync()

    assert runner.run.status == "canceled"


async def test_an_error_of_an_action_keeps_its_traceback_as_details():
    error = (await run_of("raises")).error

    assert (error.kind, error.what) == ("exception", "The action raised RuntimeError: boom.")
    assert "in _raises" in error.detail


async def test_an_output_that_is_no_data_fails_and_says_what_is_allowed():
    error = (await run_of("no data")).error

    assert error.kind == "invalid_output"
    assert "Return dicts, lists, texts, numbers or None." in str(error)


async def test_an_action_reads_the_shared_state_and_cannot_write_it():
    run = await run_of("shared", inputs={"x": 1})

    assert run.output == [1, "r", 0, 0, 1]


async def test_in_a_sequence_the_next_step_follows_whatever_port_was_fired():
    flow = Flow(steps=[Doing(what="leaves elsewhere"), Doing(what="returns")])

    run = await FlowRunner(flow).run_flow()

    assert [step.status for step in run.steps] == ["completed", "completed"]


class Mismatched:
    """Answers a schema with what does not fit it."""

    name = "mismatched"
    default_model = "m"

    def check(self) -> None:
        """It needs no key."""

    async def chat(self, request: Any, on_text: Any) -> ChatResult:
        on_text('{"risk": "medium-high"}')
        return ChatResult("stop", "m", "req_7", Usage(1, 2, 3))

    async def close(self) -> None:
        """Nothing is open."""


async def test_an_output_that_breaks_its_schema_keeps_raw_text_tokens_and_request():
    schema = {"type": "object", "properties": {"risk": {"enum": ["low", "high"]}}}
    flow = Flow(steps=[Chat(prompt="x", output_schema=schema)])

    run = await FlowRunner(flow, provider=Mismatched()).run_flow()

    error = run.error
    assert error.kind == "output_invalid"
    assert "risk: 'medium-high' is not one of ['low', 'high']" in error.what
    assert error.request_id == "req_7"
    assert run.steps[0].actions[0].output == '{"risk": "medium-high"}'
    assert run.tokens == 3
