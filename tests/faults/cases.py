"""What can go wrong with one call, and how it has to end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from flow_widgets.providers.base import Timeouts

from .server import (
    Script,
    body,
    chunk,
    close,
    data,
    done,
    end,
    error,
    event,
    finish,
    head,
    pause,
    raw,
    repeat,
    reset,
    text,
    unframed,
)

CANARY = "sk-canary-0123456789abcdef"
"""The key of every call; it must not be found in anything that a call leaves behind."""

_SHORT = Timeouts(connect=2.0, first_byte=0.4, idle=0.4, total=5.0)
_START = (head(x_request_id="req_1"), data(chunk({"role": "assistant", "content": ""})))
_HELLO = (text("Hello"), text(", "), text("world"))
_END = (finish(), done, end)
_GOOD = (*_START, *_HELLO, *_END)
_FOREVER = 30.0


@dataclass(frozen=True)
class Case:
    """Scripts of a server, and the outcome of one call against it."""

    name: str
    scripts: Sequence[Script]
    kind: str | None = None
    """Kind of the error; None for a result."""
    text: str = ""
    """What reached ``on_text``, all in all."""
    status: int | None = None
    finish_reason: str = "stop"
    refusal: str | None = None
    total_tokens: int | None = None
    retry_after_seconds: float | None = None
    retryable: bool | None = None
    """Whether the error may pass; None: as its kind says."""
    says: Sequence[str] = ()
    """Parts of the error's text."""
    detail: str | None = None
    requests: int = 1
    disconnects: bool = False
    """Whether the server has to see that the peer has gone."""
    within_seconds: float = 3.0
    timeouts: Timeouts = field(default=Timeouts(first_byte=2.0, idle=2.0, total=5.0))
    max_output_chars: int = 10_000
    cancel_after_text: str | None = None
    """Cancel the call once this text has come; an empty text cancels while it waits."""
    params: dict[str, Any] = field(default_factory=dict)


def _refused(status: int, document: object, **headers: str) -> list[Script]:
    return [[body(document, status=status, **headers)]]


BASELINE = [
    Case("plain", [_GOOD], text="Hello, world"),
    Case(
        "usage_in_a_last_chunk",
        [
            [
                *_START,
                *_HELLO,
                finish(),
                data({"choices": [], "usage": {"prompt_tokens": 5, "total_tokens": 8}}),
                done,
                end,
            ]
        ],
        text="Hello, world",
        total_tokens=8,
    ),
    Case(
        "no_stream_but_a_document",
        [
            [
                body(
                    {
                        "choices": [{"index": 0, "message": {"content": "Hello, world"}}],
                        "usage": {"total_tokens": 8},
                    }
                )
            ]
        ],
        text="Hello, world",
        total_tokens=8,
    ),
    Case(
        "stream_options_are_refused",
        [*_refused(400, error("Unknown parameter: stream_options")), _GOOD],
        text="Hello, world",
        requests=2,
    ),
]

BEFORE = [
    Case(
        "rate_limit",
        _refused(429, error("slow down", type="rate_limit"), retry_after="3", x_request_id="r"),
        kind="rate_limit",
        status=429,
        retry_after_seconds=3.0,
        says=("The model is over its rate limit (429).",),
        detail="slow down",
    ),
    Case(
        "rate_limit_in_milliseconds",
        _refused(429, error("slow down"), retry_after_ms="200", retry_after="9"),
        kind="rate_limit",
        status=429,
        retry_after_seconds=0.2,
    ),
    Case(
        "rate_limit_until_a_past_date",
        _refused(429, error("slow down"), retry_after="Wed, 21 Oct 2015 07:28:00 GMT"),
        kind="rate_limit",
        status=429,
        retry_after_seconds=0.0,
    ),
    Case(
        "rate_limit_for_an_hour",
        _refused(429, error("slow down"), retry_after="3600"),
        kind="rate_limit",
        status=429,
        retry_after_seconds=3600.0,
    ),
    Case(
        "quota",
        _refused(429, error("no credit", type="insufficient_quota", code="insufficient_quota")),
        kind="quota",
        status=429,
    ),
    Case("payment_required", _refused(402, error("pay")), kind="quota", status=402),
    Case(
        "key_refused",
        _refused(401, error(f"Incorrect API key: {CANARY}", code="invalid_api_key")),
        kind="auth",
        status=401,
        says=("The key was refused (401).", "Set OPENAI_API_KEY"),
        detail="Incorrect API key: [removed]",
    ),
    Case("forbidden", _refused(403, error("not for you")), kind="auth", status=403),
    Case(
        "model_unknown",
        _refused(404, error("The model does not exist", code="model_not_found")),
        kind="bad_request",
        status=404,
        says=("'model_unknown'", "127.0.0.1:"),
    ),
    Case(
        "context_length",
        _refused(400, error("too long", code="context_length_exceeded")),
        kind="context_length",
        status=400,
    ),
    Case(
        "context_length_in_words_only",
        _refused(400, error("This model's maximum context length is 8192 tokens")),
        kind="context_length",
        status=400,
    ),
    Case(
        "content_filter_of_the_prompt",
        _refused(400, error("filtered", code="content_filter")),
        kind="content_filter",
        status=400,
    ),
    Case("bad_request", _refused(400, error("no")), kind="bad_request", status=400),
    Case("request_too_large", _refused(413, error("no")), kind="too_large", status=413),
    Case("timeout_of_the_server", _refused(408, error("no")), kind="server_error", status=408),
    Case("server_error", _refused(500, error("boom")), kind="server_error", status=500),
    Case("overloaded", _refused(529, error("busy")), kind="server_error", status=529),
    Case(
        "html_of_a_proxy",
        _refused(503, b"<html><script>alert(1)</script></html>", content_type="text/html"),
        kind="server_error",
        status=503,
        detail="<html><script>alert(1)</script></html>",
    ),
    Case(
        "detail_is_cut",
        _refused(500, error("x" * 9000)),
        kind="server_error",
        status=500,
        detail="x" * 2000,
    ),
    Case(
        "error_with_status_200",
        [[body(error("upstream exploded", type="server_error"))]],
        kind="server_error",
        detail="upstream exploded",
    ),
    Case(
        "web_page_with_status_200",
        [[body(b"<!doctype html><p>Welcome", content_type="text/html")]],
        kind="protocol",
    ),
    Case("json_that_is_no_completion", [[body({"hello": 1})]], kind="protocol"),
    Case(
        "redirect",
        _refused(307, {}, location="http://127.0.0.1:1/v1/chat/completions"),
        kind="protocol",
        status=307,
        says=("redirects elsewhere (307)", "base_url"),
    ),
    Case("reset_before_the_head", [[reset]], kind="connection_lost"),
    Case("close_before_the_head", [[close]], kind="connection_lost"),
    Case("no_http", [[unframed(b"SSH-2.0-OpenSSH_9.2\r\n"), close]], kind="connection_lost"),
    Case(
        "silence_before_the_head",
        [[pause(_FOREVER)]],
        kind="timeout_first_byte",
        timeouts=_SHORT,
        disconnects=True,
    ),
    Case(
        "comments_before_the_data_for_ever",
        [[head(), repeat(1000, raw(b": ping\n\n"), pause(0.05))]],
        kind="timeout_first_byte",
        timeouts=_SHORT,
        disconnects=True,
    ),
    Case(
        "comments_before_the_data",
        [[head(), repeat(3, raw(b": ping\n\n"), pause(0.05)), *_GOOD[1:]]],
        text="Hello, world",
    ),
]

DURING = [
    Case("reset", [[*_START, text("Hello"), reset]], kind="connection_lost", text="Hello"),
    Case("close", [[*_START, text("Hello"), close]], kind="connection_lost", text="Hello"),
    Case("end_without_finish", [[*_START, text("Hello"), end]], kind="truncated", text="Hello"),
    Case(
        "done_without_finish", [[*_START, text("Hello"), done, end]], kind="truncated", text="Hello"
    ),
    Case(
        "end_inside_an_event",
        [[*_START, text("Hello"), raw(b'data: {"choices":[{"index":0,"del'), end]],
        kind="truncated",
        text="Hello",
    ),
    Case(
        "close_of_a_body_without_length",
        [[head(chunked=False), text("Hello"), close]],
        kind="truncated",
        text="Hello",
    ),
    Case(
        "silence",
        [[*_START, text("Hello"), pause(_FOREVER)]],
        kind="timeout_idle",
        text="Hello",
        timeouts=_SHORT,
        disconnects=True,
    ),
    Case(
        "comments_for_ever",
        [[*_START, text("Hello"), repeat(1000, raw(b": ping\n\n"), pause(0.05))]],
        kind="timeout_idle",
        text="Hello",
        timeouts=_SHORT,
        disconnects=True,
    ),
    Case(
        "slow_for_ever",
        [[head(), text("x"), repeat(1000, data(chunk({"content": ""})), pause(0.05))]],
        kind="timeout_total",
        text="x",
        timeouts=Timeouts(first_byte=0.4, idle=0.4, total=0.7),
        disconnects=True,
    ),
    Case(
        "error_event",
        [[*_START, text("Hello"), data(error("The server had an error", type="server_error"))]],
        kind="server_error",
        text="Hello",
        detail="The server had an error",
    ),
    Case(
        "rate_limit_event",
        [[*_START, text("Hel"), data(error("slow", code="rate_limit_exceeded"))]],
        kind="rate_limit",
        text="Hel",
    ),
    Case(
        "error_event_with_a_status_as_its_code",
        [[*_START, data(error(f"bad gateway {CANARY}", code=502))]],
        kind="server_error",
        status=502,
        detail="bad gateway [removed]",
    ),
    Case(
        "null_delta",
        [[head(), data(chunk(None)), data(chunk({"content": None})), *_HELLO, *_END]],
        text="Hello, world",
    ),
    Case("empty_answer", [[*_START, *_END]]),
    Case("length", [[*_START, *_HELLO, finish("length"), done, end]], text="Hello, world",
         finish_reason="length"),
    Case(
        "content_filter",
        [[*_START, text("Hello"), finish("content_filter"), done, end]],
        kind="content_filter",
        text="Hello",
    ),
    Case(
        "refusal",
        [[*_START, data(chunk({"refusal": "I can't "})), data(chunk({"refusal": "help."})), *_END]],
        refusal="I can't help.",
    ),
    Case(
        "tool_calls",
        [[*_START, data(chunk({"tool_calls": [{"index": 0}]})), finish("tool_calls"), done, end]],
        finish_reason="tool_calls",
    ),
    Case(
        "reasoning_keeps_alive",
        [
            [
                head(),
                repeat(6, data(chunk({"reasoning_content": "hm"})), pause(0.15)),
                *_HELLO,
                *_END,
            ]
        ],
        text="Hello, world",
        timeouts=_SHORT,
    ),
    Case(
        "two_choices",
        [[head(), data(chunk({"content": "B"}, index=1)), text("A"), *_END]],
        text="A",
    ),
    Case(
        "open_socket_after_done",
        [[*_START, *_HELLO, finish(), done, pause(_FOREVER)]],
        text="Hello, world",
        within_seconds=1.0,
        disconnects=True,
    ),
    Case(
        "reset_after_finish", [[*_START, *_HELLO, finish(), reset]], text="Hello, world"
    ),
    Case("chunk_of_a_strange_shape", [[*_START, data({"choices": 5})]], kind="protocol"),
    Case("chunk_that_is_a_list", [[*_START, data([1])]], kind="protocol"),
    Case("nesting_without_end", [[*_START, raw(b"data: " + b"[" * 100_000 + b"\n\n")]],
         kind="protocol", max_output_chars=1_000_000),
]  # fmt: skip

_WIDE = "héllo 🌍 漢字 👩‍👩‍👧"

BYTES = [
    Case(
        "one_byte_at_a_time",
        [
            [
                *_START,
                raw(*(bytes([byte]) for byte in event(chunk({"content": _WIDE})))),
                *_END,
            ]
        ],
        text=_WIDE,
    ),
    Case("invalid_utf8", [[*_START, raw(b"data: \xff\xfe\n\n")]], kind="protocol"),
    Case(
        "invalid_utf8_in_a_text",
        [[*_START, raw(b'data: {"choices":[{"index":0,"delta":{"content":"\xff"}}]}\n\n')]],
        kind="protocol",
    ),
    Case("no_json", [[*_START, text("a"), raw(b"data: oops\n\n")]], kind="protocol", text="a"),
    Case("control_characters", [[*_START, text("a\x00b\x1b[31m\u202e"), *_END]],
         text="a\x00b\x1b[31m\u202e"),
    Case(
        "surrogates_over_two_deltas",
        [
            [
                *_START,
                data(chunk({"content": "a\ud83c"}), ascii=True),
                data(chunk({"content": "\udf0db"}), ascii=True),
                *_END,
            ]
        ],
        text="a🌍b",
    ),
    Case(
        "lone_surrogates",
        [
            [
                *_START,
                data(chunk({"content": "a\ud83c"}), ascii=True),
                text("b"),
                data(chunk({"content": "\udf0dc\ud83c"}), ascii=True),
                *_END,
            ]
        ],
        text="a\ufffdb\ufffdc\ufffd",
    ),
    Case(
        "crlf_and_lines_without_a_blank",
        [
            [
                head(),
                raw(b'data:{"choices":[{"index":0,\r\ndata:"delta":{"content":"Hi"}}]}\r\n\r\n'),
                *_END,
            ]
        ],
        text="Hi",
    ),
    Case(
        "output_without_end",
        [[*_START, repeat(1_000_000, text("x" * 100))]],
        kind="too_large",
        text="x" * 10_000,
        disconnects=True,
    ),
    Case(
        "one_line_without_end",
        [[*_START, raw(b"data: "), repeat(1_000_000, raw(b"y" * 10_000))]],
        kind="too_large",
        disconnects=True,
    ),
    Case(
        "a_document_without_end",
        [[head(chunked=False), raw(b'{"a":"'), repeat(1_000_000, raw(b"y" * 10_000))]],
        kind="too_large",
        disconnects=True,
    ),
]  # fmt: skip

CANCEL = [
    Case("cancel_before_the_head", [[pause(_FOREVER)]], cancel_after_text="", disconnects=True),
    Case(
        "cancel_in_the_stream",
        [[*_START, text("Hello"), pause(_FOREVER)]],
        text="Hello",
        cancel_after_text="Hello",
        disconnects=True,
    ),
    Case(
        "cancel_in_a_fast_stream",
        [[*_START, repeat(100_000, text("x"), pause(0.001))]],
        text="x" * 30,
        cancel_after_text="x" * 30,
        disconnects=True,
    ),
]

CASES = [*BASELINE, *BEFORE, *DURING, *BYTES, *CANCEL]
