"""The offline provider is the real path with made-up answers."""

from __future__ import annotations

import asyncio
import http.client
import json
import random
import re
import time
from typing import Any

import jsonschema
import pytest

from flow_widgets.errors import ProviderError
from flow_widgets.providers.base import ChatRequest, ChatResult, Timeouts
from flow_widgets.providers.loopback import running_server
from flow_widgets.providers.offline import OfflineProvider, Reply
from flow_widgets.providers.sample import sample
from flow_widgets.providers.writing import write

REPORT = (
    "The city opened two hundred kilometres of bike lanes last year. Cycling trips rose by forty "
    "percent, mostly on weekdays. Shops along the new lanes reported higher sales, although "
    "parking became scarce. Accidents fell by a tenth. The council plans another hundred "
    "kilometres, financed by a parking levy. Critics say that outer districts were left out."
)


async def ask(
    provider: OfflineProvider,
    text: str = "Tell me about bees",
    *,
    model: str = "offline",
    **params: Any,
) -> tuple[ChatResult, list[str]]:
    """Return the result and the pieces of one call."""
    pieces: list[str] = []
    request = ChatRequest(model, [{"role": "user", "content": text}], params)
    try:
        async with asyncio.timeout(10):
            return await provider.chat(request, pieces.append), pieces
    finally:
        await provider.close()


def written(text: str, system: str = "", **params: Any) -> str:
    """Return the answer to a prompt."""
    messages = [{"role": "system", "content": system}, {"role": "user", "content": text}]
    return "".join(write({"model": "offline", "messages": messages, **params}).pieces)


async def test_the_same_request_gives_the_same_text() -> None:
    first = await ask(OfflineProvider(pace=0))
    second = await ask(OfflineProvider(pace=0))
    other = await ask(OfflineProvider(pace=0), seed=2)

    assert first[1] == second[1]
    assert first[1] != other[1]
    assert first[0].usage == second[0].usage
    assert first[0].request_id != second[0].request_id


@pytest.mark.parametrize(
    "prompt",
    [
        "Explain how tides work",
        "List the pros and cons of remote work",
        f"Summarise this report:\n\n{REPORT}",
        f"Critique this draft.\n\n{REPORT}",
        "What is the meaning of a good map?",
        "Compare tea and coffee",
    ],
)
def test_an_answer_has_a_readable_length(prompt: str) -> None:
    assert 40 <= len(written(prompt).split()) <= 240


def test_a_summary_reuses_the_report() -> None:
    summary = written(f"Summarise this report:\n\n{REPORT}")

    assert "Cycling trips rose by forty percent" in summary


def test_a_chain_of_steps_keeps_to_the_matter() -> None:
    summary = written(f"Summarise this report:\n\n{REPORT}")
    critique = written(f"Critique the summary below.\n\n{summary}", "You are a strict editor.")
    final = written(f"Write the final version.\n\nSummary:\n{summary}\n\nCritique:\n{critique}")

    assert "Cycling trips" in critique
    assert "Cycling trips" in final


def test_a_haiku_has_three_lines() -> None:
    assert len(written("Write a haiku about autumn rain").splitlines()) == 3


def test_a_list_has_the_number_that_was_asked() -> None:
    assert len(written("Give me five ideas for a birthday party").splitlines()) == 5


def test_a_role_changes_the_answer() -> None:
    assert written("Explain tides", "You are a teacher.") != written("Explain tides", "A lawyer.")


@pytest.mark.parametrize("text", ["", " ", "?", "\x00", "a" * 5000, "🌍", "the the the", ":\n\n:"])
def test_any_prompt_gets_an_answer(text: str) -> None:
    assert written(text).strip()


async def test_max_tokens_cuts_the_answer() -> None:
    result, pieces = await ask(OfflineProvider(pace=0), max_tokens=13)

    assert result.finish_reason == "length"
    assert len(pieces) == 10


async def test_a_stop_ends_the_answer() -> None:
    result, pieces = await ask(
        OfflineProvider(pace=0), "one two three", model="offline/echo", stop=["three"]
    )

    assert (result.finish_reason, "".join(pieces).strip()) == ("stop", "one two")


async def test_a_pace_spreads_the_answer() -> None:
    started = time.monotonic()
    await ask(OfflineProvider(pace=0.2), "a b c", model="offline/echo")

    assert time.monotonic() - started > 0.05


async def test_a_script_is_played_in_order() -> None:
    provider = OfflineProvider(
        pace=0,
        script=[
            Reply(status=429, headers={"retry-after": "7"}, error={"message": "slow"}),
            {"text": "well done"},
        ],
    )
    with pytest.raises(ProviderError) as caught:
        await ask(provider)
    result, pieces = await ask(provider)

    assert (caught.value.kind, caught.value.retry_after_seconds) == ("rate_limit", 7.0)
    assert caught.value.detail == "slow"
    assert (result.finish_reason, "".join(pieces)) == ("stop", "well done")
    assert [request["model"] for request in provider.requests] == ["offline", "offline"]


@pytest.mark.parametrize(
    ("reply", "kind", "text"),
    [
        (Reply(status=500), "server_error", ""),
        (Reply(chunks=["a", "b"], cut_after=1), "connection_lost", "a"),
        (Reply(chunks=["a", "b"], finish_reason=None), "truncated", "ab"),
        (Reply(chunks=["a"], error={"message": "x", "code": "rate_limit"}), "rate_limit", "a"),
        (Reply(chunks=["a"], finish_reason="content_filter"), "content_filter", "a"),
        (Reply(raw=b"data: oops\n\n"), "protocol", ""),
        (Reply(chunks=["a", "b"], stall_after=1), "timeout_idle", "a"),
        (Reply(delay_seconds=30), "timeout_first_byte", ""),
    ],
)
async def test_scripted_failures(reply: Reply, kind: str, text: str) -> None:
    provider = OfflineProvider(pace=0, script=[reply])
    pieces: list[str] = []
    limits = Timeouts(first_byte=0.3, idle=0.3)
    request = ChatRequest("offline", [{"role": "user", "content": "x"}], timeouts=limits)
    with pytest.raises(ProviderError) as caught:
        await provider.chat(request, pieces.append)
    await provider.close()

    assert caught.value.kind == kind
    assert "".join(pieces) == text


async def test_a_scripted_refusal() -> None:
    result, pieces = await ask(OfflineProvider(pace=0, script=[Reply(refusal="No.")]))

    assert (result.refusal, pieces) == ("No.", [])


async def test_a_model_fails_once_for_each_request() -> None:
    provider = OfflineProvider(pace=0)
    outcomes: list[str] = []
    for text in ("a", "b", "a", "b"):
        try:
            await ask(provider, text, model="offline/fail-500-then-ok")
            outcomes.append("ok")
        except ProviderError as error:
            outcomes.append(error.kind)

    assert outcomes == ["server_error", "server_error", "ok", "ok"]


async def test_a_negative_pace_is_refused() -> None:
    with pytest.raises(ValueError, match="pace"):
        OfflineProvider(pace=-1)


def _status(headers: dict[str, str], path: str = "/v1/models") -> int:
    server = running_server()
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    connection.request("GET", path, headers=headers)
    response = connection.getresponse()
    response.read()
    connection.close()
    return response.status


def test_only_this_process_is_served() -> None:
    key = {"Authorization": f"Bearer {running_server().key}"}

    assert _status(key) == 200
    assert _status({}) == 401
    assert _status({"Authorization": "Bearer wrong"}) == 401
    assert _status({**key, "Origin": "http://127.0.0.1"}) == 403
    assert _status({**key, "Host": "evil.example"}) == 403
    assert _status({}, "/health") == 200
    assert _status(key, "/other") == 404


SCHEMAS: list[Any] = [
    {"type": "string"},
    {"type": "string", "minLength": 30, "maxLength": 40},
    {"type": "string", "maxLength": 3},
    {"type": "string", "format": "date"},
    {"type": "string", "format": "email"},
    {"type": "string", "pattern": r"^[A-Z]{3}-\d{2,4}$"},
    {"type": "string", "pattern": r"^(red|green)\s?x+$"},
    {"enum": ["a", 1, None]},
    {"const": {"a": 1}},
    {"type": "integer", "minimum": 1, "maximum": 5},
    {"type": "integer", "exclusiveMinimum": 3, "exclusiveMaximum": 5},
    {"type": "integer", "multipleOf": 7, "minimum": 10},
    {"type": "integer", "maximum": -3},
    {"type": "number", "minimum": 0, "maximum": 1},
    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.001},
    {"type": "boolean"},
    {"type": "null"},
    {"type": ["null", "string"]},
    {"type": "array", "items": {"type": "integer"}, "minItems": 4, "maxItems": 4},
    {"type": "array", "items": {"enum": ["x", "y", "z"]}, "uniqueItems": True, "minItems": 3},
    {"type": "array", "maxItems": 0, "items": {"type": "string"}},
    {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "items": False,
     "minItems": 2},
    {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "number"}},
     "required": ["a", "b"], "additionalProperties": False},
    {"type": "object", "required": ["x"]},
    {"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 2},
    {"anyOf": [{"type": "integer"}, {"type": "object", "required": ["a"]}]},
    {"oneOf": [{"type": "null"}, {"type": "string"}]},
    {"allOf": [{"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
               {"properties": {"b": {"type": "string"}}, "required": ["b"]}]},
    {"$ref": "#/$defs/node", "$defs": {"node": {"type": "object", "required": ["name", "children"],
     "properties": {"name": {"type": "string"},
                    "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
                    "parent": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}}}}},
    {},
    True,
]  # fmt: skip


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: json.dumps(schema)[:60])
@pytest.mark.parametrize("seed", range(5))
def test_a_sample_follows_its_schema(schema: Any, seed: int) -> None:
    value = sample(schema, random.Random(seed), lambda name, words: "some words about a thing")

    jsonschema.validate(value, schema, format_checker=jsonschema.FormatChecker())


async def test_a_schema_is_answered_in_json() -> None:
    schema = {
        "type": "object",
        "properties": {
            "title": {"type": "string", "maxLength": 60},
            "score": {"type": "integer", "minimum": 1, "maximum": 5},
            "tags": {"type": "array", "items": {"type": "string"}, "minItems": 2},
        },
        "required": ["title", "score", "tags"],
        "additionalProperties": False,
    }
    asked = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    result, pieces = await ask(OfflineProvider(pace=0), REPORT, response_format=asked)

    jsonschema.validate(json.loads("".join(pieces)), schema)
    assert len(pieces) > 3
    assert result.finish_reason == "stop"


async def test_any_json_is_an_object() -> None:
    _, pieces = await ask(OfflineProvider(pace=0), response_format={"type": "json_object"})

    assert isinstance(json.loads("".join(pieces)), dict)


def test_a_request_id_looks_like_one() -> None:
    result, _ = asyncio.run(ask(OfflineProvider(pace=0)))

    assert re.fullmatch(r"req_offline_[0-9a-f]{8}", result.request_id or "")
