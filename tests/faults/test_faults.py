"""Every fault ends a call in time, with the right words, and without the key."""

from __future__ import annotations

import asyncio
import traceback
from importlib.util import find_spec

import pytest
from openai import AsyncOpenAI

from flow_widgets.errors import ProviderError
from flow_widgets.providers.base import ChatRequest, ChatResult
from flow_widgets.providers.openai import OpenAIProvider
from flow_widgets.providers.sdk import Transport

from .cases import CANARY, CANCEL, CASES, Case
from .server import FaultServer, fault_server
from .varied import VARIED

TRANSPORTS: list[Transport] = ["httpx", "aiohttp"] if find_spec("aiohttp") else ["httpx"]
_ALL = [*CASES, *VARIED]
_SCRIPTS = {case.name: case.scripts for case in _ALL}
_DISCONNECT_SECONDS = 0.2


async def play(
    case: Case, transport: Transport = "httpx"
) -> tuple[ChatResult | BaseException, str, FaultServer]:
    """Return what one call gave, the text that came, and the server that it met."""
    texts: list[str] = []
    waiting = asyncio.Event()

    def on_text(piece: str) -> None:
        texts.append(piece)
        if case.cancel_after_text and "".join(texts).startswith(case.cancel_after_text):
            waiting.set()

    request = ChatRequest(
        case.name,
        [{"role": "user", "content": "Hi"}],
        case.params,
        timeouts=case.timeouts,
        max_output_chars=case.max_output_chars,
    )
    async with asyncio.timeout(case.within_seconds + 2), fault_server(_SCRIPTS) as server:
        provider = OpenAIProvider(server.base_url, CANARY, transport=transport)
        call = asyncio.create_task(provider.chat(request, on_text))
        if case.cancel_after_text is not None:
            await server.asked(case.name)
            if case.cancel_after_text:
                await waiting.wait()
            call.cancel()
        async with asyncio.timeout(case.within_seconds):
            (outcome,) = await asyncio.gather(call, return_exceptions=True)
        if case.disconnects:
            async with asyncio.timeout(_DISCONNECT_SECONDS):
                await server.disconnected(case.name)
        await provider.close()
    return outcome, "".join(texts), server


def name(case: Case) -> str:
    return case.name


@pytest.mark.parametrize("case", [c for c in _ALL if c not in CANCEL], ids=name)
@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_call_ends_as_the_case_says(case: Case, transport: Transport) -> None:
    outcome, text, server = await play(case, transport)

    if case.kind is None:
        assert isinstance(outcome, ChatResult), outcome
        assert outcome.finish_reason == case.finish_reason
        assert outcome.refusal == case.refusal
        tokens = outcome.usage.total_tokens if outcome.usage else None
        assert tokens == case.total_tokens
    else:
        assert isinstance(outcome, ProviderError), outcome
        assert outcome.kind == case.kind, outcome
        assert outcome.status == case.status
        assert outcome.retry_after_seconds == case.retry_after_seconds
        assert case.retryable is None or outcome.retryable == case.retryable
        assert all(part in str(outcome) for part in case.says), str(outcome)
        assert case.detail is None or outcome.detail == case.detail
    assert text == case.text
    assert len(server.seen[case.name]) == case.requests


@pytest.mark.parametrize("case", CANCEL, ids=name)
@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_cancelled_call_hangs_up(case: Case, transport: Transport) -> None:
    outcome, text, server = await play(case, transport)

    assert isinstance(outcome, asyncio.CancelledError)
    assert text.startswith(case.text)
    assert len(server.seen[case.name]) == 1


@pytest.mark.parametrize("case", [c for c in _ALL if c.kind is not None], ids=name)
@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_an_error_holds_no_key(case: Case, transport: Transport) -> None:
    outcome, _, server = await play(case, transport)

    assert isinstance(outcome, ProviderError)
    shown = "".join(
        traceback.TracebackException.from_exception(outcome, capture_locals=True).format()
    )
    left = f"{outcome!r} {outcome} {vars(outcome)!r} {shown}"
    assert CANARY not in left
    assert outcome.__cause__ is None
    assert outcome.__context__ is None
    assert server.seen[case.name][0].headers["authorization"] == f"Bearer {CANARY}"


def test_case_names_are_unique() -> None:
    names = [case.name for case in _ALL]

    assert len(names) == len(set(names))


async def test_a_call_is_named_by_its_idempotency_key() -> None:
    message = {"role": "user", "content": "Hi"}

    async with fault_server(_SCRIPTS) as server:
        provider = OpenAIProvider(server.base_url, CANARY)
        await provider.chat(ChatRequest("plain", [message]), lambda _: None)
        await provider.chat(ChatRequest("plain", [message], idempotency_key="k1"), lambda _: None)
        await provider.close()

    keys = [seen.headers.get("idempotency-key") for seen in server.seen["plain"]]
    assert keys == [None, "k1"]


async def test_a_client_of_ones_own_names_its_calls_too() -> None:
    class Own(AsyncOpenAI):
        """A subclass, whose connections are used as they are."""

    async with fault_server(_SCRIPTS) as server:
        client = Own(base_url=server.base_url, api_key=CANARY)
        provider = OpenAIProvider(client=client)
        request = ChatRequest("plain", [{"role": "user", "content": "Hi"}], idempotency_key="k1")
        await provider.chat(request, lambda _: None)
        await client.close()

    assert server.seen["plain"][0].headers["idempotency-key"] == "k1"
