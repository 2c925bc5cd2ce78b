"""The provider takes over settings, keeps connections, and shows no key."""

from __future__ import annotations

import asyncio
import pickle
import socket
import sys
from collections.abc import AsyncIterator
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any

import openai
import pytest

from flow_widgets.errors import FlowError, ProviderError
from flow_widgets.providers.base import ChatRequest, Timeouts
from flow_widgets.providers.loopback import SESSION_HEADER, running_server
from flow_widgets.providers.offline import OfflineProvider, Reply
from flow_widgets.providers.openai import OpenAIProvider

CANARY = "sk-canary-0123456789abcdef"


def asking(text: str = "Hi", model: str = "offline/echo", **params: Any) -> ChatRequest:
    return ChatRequest(model, [{"role": "user", "content": text}], params)


async def said(provider: Any, request: ChatRequest) -> str:
    """Return the text of one call, and close the provider."""
    texts: list[str] = []
    async with asyncio.timeout(10):
        await provider.chat(request, texts.append)
        await provider.close()
    return "".join(texts)


@pytest.fixture
def offline() -> OfflineProvider:
    """A quick offline provider, whose server the tests talk to by other ways."""
    return OfflineProvider(pace=0)


def settings(offline: OfflineProvider) -> dict[str, Any]:
    """Return the arguments that let an SDK client talk to the offline server."""
    server = running_server()
    headers = {SESSION_HEADER: offline._id}
    return {"api_key": server.key, "base_url": server.base_url, "default_headers": headers}


@pytest.mark.parametrize("kind", ["AsyncOpenAI", "OpenAI"])
async def test_a_client_gives_its_settings(offline: OfflineProvider, kind: str) -> None:
    client = getattr(openai, kind)(**settings(offline), timeout=1e-6, max_retries=7)

    assert await said(OpenAIProvider(client=client), asking("Hello there")) == "Hello there"
    assert len(offline.requests) == 1


@pytest.mark.parametrize("kind", ["AsyncAzureOpenAI", "AzureOpenAI"])
async def test_an_azure_client_asks_its_deployment(kind: str) -> None:
    paths: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        paths.append(head.decode().split("\r\n")[0])
        assert b"api-key: " + CANARY.encode() in head
        writer.write(b"HTTP/1.1 404 -\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    endpoint = f"http://127.0.0.1:{port}"
    client = getattr(openai, kind)(api_key=CANARY, azure_endpoint=endpoint, api_version="v9")
    with pytest.raises(ProviderError, match="not found"):
        await said(provider := OpenAIProvider(client=client), asking(model="mine"))
    await provider.close()
    server.close()

    assert paths == ["POST /openai/deployments/mine/chat/completions?api-version=v9 HTTP/1.1"]


async def test_a_subclass_is_used_as_it_is(offline: OfflineProvider) -> None:
    class Mine(openai.AsyncOpenAI):
        pass

    client = Mine(**settings(offline))
    text = await said(OpenAIProvider(client=client), asking("Hello there", top_k=3))
    await client.close()

    assert text == "Hello there"
    assert offline.requests[0]["top_k"] == 3


async def test_a_failing_subclass_gives_the_same_errors(offline: OfflineProvider) -> None:
    class Mine(openai.AsyncOpenAI):
        pass

    client = Mine(**settings(offline))
    with pytest.raises(ProviderError) as caught:
        await said(OpenAIProvider(client=client), asking(model="offline/fail-429"))
    await client.close()

    assert (caught.value.kind, caught.value.status) == ("rate_limit", 429)
    assert len(offline.requests) == 1


def double(*chunks: Any) -> Any:
    """Return a test double of a client that streams these chunks."""

    async def stream() -> AsyncIterator[Any]:
        for chunk in chunks:
            yield chunk

    async def create(**body: Any) -> AsyncIterator[Any]:
        return stream()

    return SimpleNamespace(chat=SimpleNamespace(completions=SimpleNamespace(create=create)))


def piece(content: str | None, finish: str | None = None) -> Any:
    delta = SimpleNamespace(content=content)
    choice = SimpleNamespace(index=0, delta=delta, finish_reason=finish)
    return SimpleNamespace(choices=[choice], usage=None, model="double")


async def test_a_double_is_used_as_it_is() -> None:
    client = double(piece("a"), piece("b"), piece(None, "stop"))

    assert await said(OpenAIProvider(client=client), asking()) == "ab"


async def test_a_double_must_finish_too() -> None:
    with pytest.raises(ProviderError) as caught:
        await said(OpenAIProvider(client=double(piece("a"))), asking())

    assert caught.value.kind == "truncated"


def test_a_synchronous_subclass_is_refused() -> None:
    class Mine(openai.OpenAI):
        pass

    with pytest.raises(FlowError, match="synchronous"):
        OpenAIProvider(client=Mine(api_key=CANARY))


@pytest.mark.parametrize(
    "url", ["http://localhost:11434/v1", "http://192.168.1.5:8000/v1", "http://ollama:11434/v1"]
)
def test_a_local_server_needs_no_key(url: str) -> None:
    OpenAIProvider(url).check()


@pytest.mark.parametrize("url", [None, "https://api.example.com/v1", "http://8.8.8.8/v1"])
def test_another_server_needs_a_key(url: str | None) -> None:
    with pytest.raises(ProviderError, match="No key was found") as caught:
        OpenAIProvider(url).check()

    assert caught.value.kind == "not_configured"


def test_a_key_is_read_at_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = OpenAIProvider()
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)

    provider.check()


def test_an_address_with_a_query_is_refused_without_showing_it() -> None:
    provider = OpenAIProvider("https://host.example/v1?key=sk-canary", CANARY)

    with pytest.raises(ProviderError, match="holds a query") as raised:
        provider.check()

    assert "sk-canary" not in str(raised.value)


@pytest.mark.parametrize("url", ["localhost:11434", "ftp://x/v1", "http://", "http://[::1"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ProviderError, match="is not an HTTP address"):
        OpenAIProvider(url, CANARY).check()


async def test_a_call_without_a_key_is_refused() -> None:
    with pytest.raises(ProviderError, match="No key was found"):
        await said(OpenAIProvider(), asking())


async def test_a_server_that_is_not_there_is_named() -> None:
    with pytest.raises(ProviderError) as caught:
        await said(provider := OpenAIProvider("http://127.0.0.1:1/v1"), asking())
    await provider.close()

    assert caught.value.kind == "connection_lost"
    assert "127.0.0.1:1" in caught.value.what
    assert "is the server running?" in caught.value.hint


@pytest.mark.skipif(sys.platform != "linux", reason="other systems accept more than they queue")
async def test_a_connection_that_is_not_made_in_time() -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=0)
    waiting = [socket.socket() for _ in range(4)]  # they fill the queue that nobody empties
    for client in waiting:
        client.setblocking(False)
        client.connect_ex(listener.getsockname())
    limits = Timeouts(connect=0.2, first_byte=5, idle=5, total=5)
    request = ChatRequest("m", [{"role": "user", "content": "Hi"}], timeouts=limits)
    provider = OpenAIProvider(f"http://127.0.0.1:{listener.getsockname()[1]}/v1")
    with pytest.raises(ProviderError) as caught:
        await said(provider, request)
    await provider.close()
    for open_socket in (listener, *waiting):
        open_socket.close()

    assert caught.value.kind == "timeout_connect"


def test_no_key_is_shown() -> None:
    url = f"https://user:{CANARY}@example.com/v1?key={CANARY}"
    provider = OpenAIProvider(url, CANARY, headers={"x-key": CANARY})

    assert CANARY not in f"{provider!r} {provider} {vars(provider)!r}"
    assert repr(provider) == "OpenAIProvider(base_url='https://example.com/v1', model=None)"


def test_a_provider_is_not_pickled() -> None:
    with pytest.raises(TypeError, match="can't be pickled"):
        pickle.dumps(OpenAIProvider(api_key=CANARY))


async def test_the_body_is_what_was_asked(offline: OfflineProvider) -> None:
    await said(offline, asking("Hi", temperature=0.5, seed=3))

    assert offline.requests == [
        {
            "model": "offline/echo",
            "messages": [{"role": "user", "content": "Hi"}],
            "stream": True,
            "stream_options": {"include_usage": True},
            "temperature": 0.5,
            "seed": 3,
        }
    ]


async def test_half_a_character_in_a_prompt_is_replaced(offline: OfflineProvider) -> None:
    assert await said(offline, asking("a\ud83cb")) == "a\ufffdb"


async def test_a_parameter_that_is_no_json_is_refused(offline: OfflineProvider) -> None:
    with pytest.raises(ProviderError) as caught:
        await said(offline, asking(temperature=object()))
    await offline.close()

    assert caught.value.kind == "bad_request"


async def test_an_error_of_the_consumer_goes_through(offline: OfflineProvider) -> None:
    def on_text(text: str) -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        await offline.chat(asking(), on_text)
    await offline.close()


def test_one_provider_serves_one_loop_after_another(offline: OfflineProvider) -> None:
    first = asyncio.run(said(offline, asking("one")))
    second = asyncio.run(said(offline, asking("two")))

    assert (first, second) == ("one", "two")


async def test_many_calls_at_once(offline: OfflineProvider) -> None:
    texts: list[list[str]] = [[] for _ in range(50)]
    async with asyncio.timeout(20):
        await asyncio.gather(
            *(offline.chat(asking(f"text {n}"), texts[n].append) for n in range(50))
        )
    await offline.close()

    assert ["".join(text) for text in texts] == [f"text {n}" for n in range(50)]


async def test_a_fast_stream_lets_others_run(offline: OfflineProvider) -> None:
    turns = 0

    async def ticking() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    ticker = asyncio.create_task(ticking())
    provider = OfflineProvider(pace=0, script=[Reply(chunks=["x"] * 2000)])
    await said(provider, asking())
    ticker.cancel()

    assert turns > 2000 / 64


@pytest.mark.skipif(find_spec("aiohttp") is not None, reason="aiohttp is installed")
async def test_a_missing_transport_names_the_command() -> None:
    with pytest.raises(ProviderError, match=r"pip install 'openai\[aiohttp\]'"):
        await said(OpenAIProvider("http://localhost/v1", transport="aiohttp"), asking())


async def test_aiohttp_is_a_transport(offline: OfflineProvider) -> None:
    pytest.importorskip("aiohttp")
    server = running_server()
    provider = OpenAIProvider(
        server.base_url, server.key, headers={SESSION_HEADER: offline._id}, transport="aiohttp"
    )

    assert await said(provider, asking("Hello there")) == "Hello there"


@pytest.mark.parametrize("value", ["my-secret\n", "my\r\nsecret", "my-secret\x7f"])
def test_a_header_with_a_control_character_is_refused_without_showing_it(value: str) -> None:
    with pytest.raises(
        FlowError, match="The value of the header 'X-Key' holds a control"
    ) as caught:
        OpenAIProvider(headers={"X-Key": value})

    assert "secret" not in str(caught.value)
    OpenAIProvider(headers={"X-Key": "a\tb"})
