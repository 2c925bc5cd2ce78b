"""More cases of the same kinds: other statuses, headers, encodings, shapes and places of the cut."""

from __future__ import annotations

import gzip
import json
from typing import Any

from .cases import _FOREVER, _SHORT, CANARY, Case, _refused
from .server import (
    Operation,
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

_START = (head(x_request_id="req_2"), data(chunk({"role": "assistant", "content": ""})))
_HELLO = (text("Hello"), text(", "), text("world"))
_END = (finish(), done, end)
_GOOD = (*_START, *_HELLO, *_END)
_BOM = b"\xef\xbb\xbf"


def _events(*values: object) -> bytes:
    return b"".join(map(event, values)) + b"data: [DONE]\n\n"


_WHOLE = _events(chunk({"content": "Hello, world"}), chunk({}, finish="stop"))


def _call(arguments: Any, *, name: str | None = None, index: int = 0) -> Operation:
    function = {"arguments": arguments} if name is None else {"name": name, "arguments": arguments}
    return data(chunk({"tool_calls": [{"index": index, "function": function}]}))


def _status(status: int, kind: str, *, retryable: bool) -> Case:
    scripts = _refused(status, error("no"))
    return Case(f"status_{status}", scripts, kind=kind, status=status, retryable=retryable)


STATUSES = [
    *(_status(status, "bad_request", retryable=False) for status in (405, 406, 415, 418, 422, 451)),
    *(_status(status, "server_error", retryable=True) for status in (409, 425)),
    *(_status(status, "server_error", retryable=True) for status in (502, 504, 520, 522, 524, 598)),
    _status(308, "protocol", retryable=False),
]


def _asks(name: str, seconds: float | None, **headers: str) -> Case:
    return Case(
        f"retry_after_{name}",
        _refused(429, error("slow down"), **headers),
        kind="rate_limit",
        status=429,
        retry_after_seconds=seconds,
        retryable=True,
    )


RETRY_AFTER = [
    _asks("fraction", 0.25, retry_after="0.25"),
    _asks("zero", 0.0, retry_after="0"),
    _asks("negative", 0.0, retry_after="-5"),
    _asks("huge", 1e9, retry_after="99999999999999999999"),
    _asks("not_a_number", None, retry_after="nan"),
    _asks("infinite", None, retry_after="inf"),
    _asks("garbage", None, retry_after="in a while"),
    _asks("empty", None, retry_after=""),
    _asks("other_case", 7.0, RETRY_AFTER="7"),
    _asks("past_date_without_zone", 0.0, retry_after="Wed, 21 Oct 2015 07:28:00 -0000"),
    _asks("impossible_date", None, retry_after="Wed, 99 Oct 2015 07:28:00 GMT"),
    _asks("negative_milliseconds", 0.0, retry_after_ms="-1"),
    _asks("garbage_milliseconds", 3.0, retry_after_ms="soon", retry_after="3"),
]

SHOULD_RETRY = [
    Case(
        "should_not_retry_a_server_error",
        _refused(500, error("boom"), x_should_retry="false"),
        kind="server_error",
        status=500,
        retryable=False,
    ),
    Case(
        "should_not_retry_a_rate_limit",
        _refused(429, error("slow down"), x_should_retry="FALSE"),
        kind="rate_limit",
        status=429,
        retryable=False,
    ),
    Case(
        "should_retry_a_bad_request",
        _refused(400, error("try again"), x_should_retry="true"),
        kind="bad_request",
        status=400,
        retryable=True,
    ),
    Case(
        "should_retry_nothing_that_costs_money",
        _refused(429, error("no", code="insufficient_quota"), x_should_retry="true"),
        kind="quota",
        status=429,
        retryable=False,
    ),
    Case(
        "should_retry_nothing_with_a_bad_key",
        _refused(401, error("no"), x_should_retry="true"),
        kind="auth",
        status=401,
        retryable=False,
    ),
    Case(
        "should_retry_garbage",
        _refused(503, error("no"), x_should_retry="maybe"),
        kind="server_error",
        status=503,
        retryable=True,
    ),
]

SHAPES = [
    Case(
        "quota_by_its_type",
        _refused(429, error("You exceeded your quota", type="insufficient_quota")),
        kind="quota",
        status=429,
        retryable=False,
    ),
    Case(
        "error_in_an_error",
        _refused(500, {"error": {"error": {"message": "deep", "code": "rate_limit_exceeded"}}}),
        kind="rate_limit",
        status=500,
        detail="deep",
    ),
    Case(
        "error_is_a_text",
        _refused(503, {"error": "overloaded"}),
        kind="server_error",
        status=503,
        detail="overloaded",
    ),
    Case(
        "error_in_a_list",
        _refused(429, [{"error": {"code": 429, "message": "used up", "status": "EXHAUSTED"}}]),
        kind="rate_limit",
        status=429,
        detail="used up",
    ),
    Case(
        "detail_alone",
        _refused(422, {"detail": [{"msg": "field required"}]}),
        kind="bad_request",
        status=422,
        detail="[{'msg': 'field required'}]",
    ),
    Case("no_body", _refused(500, b""), kind="server_error", status=500),
    Case(
        "body_that_is_not_utf8",
        _refused(502, b"\xff\xfebad gateway", content_type="text/plain"),
        kind="server_error",
        status=502,
    ),
    Case(
        "half_a_character_in_an_error",
        [[head(), raw(b'data: {"error": {"message": "a\\ud83c", "type": "server_error"}}\n\n')]],
        kind="server_error",
        detail="a\ufffd",
    ),
    Case(
        "list_of_errors_with_status_200",
        [[body([{"error": {"code": 503, "message": "busy"}}])]],
        kind="server_error",
        status=503,
        detail="busy",
    ),
    Case("list_with_status_200", [[body([1, 2])]], kind="protocol"),
    Case("text_with_status_200", [[body("hello")]], kind="truncated"),
    Case("nothing_with_status_200", [[body(b"")]], kind="truncated"),
    Case(
        "web_page_after_a_mark_of_utf8",
        [[body(_BOM + b"\r\n<html>no</html>", content_type="text/event-stream")]],
        kind="protocol",
    ),
    Case(
        "document_after_a_mark_of_utf8",
        [[body(_BOM + b'{"choices":[{"index":0,"message":{"content":"Hi"}}]}')]],
        text="Hi",
    ),
    Case(
        "document_that_is_cut",
        [[body(b'{"choices":[{"index":0,"mess')]],
        kind="protocol",
    ),
    Case(
        "error_of_vllm_in_the_stream",
        [[*_START, text("Hi"), data({"object": "error", "message": "slow", "code": 429}), done]],
        kind="rate_limit",
        status=429,
        text="Hi",
        detail="slow",
    ),
    Case(
        "error_of_a_gateway_in_the_stream",
        [
            [
                *_START,
                text("Hi"),
                raw(b"event: error\n", event({"type": "error", "error": {"type": "overloaded_error"}})),
                end,
            ]
        ],
        kind="server_error",
        text="Hi",
    ),
    Case(
        "error_as_a_reason_to_finish",
        [[*_START, text("Hi"), finish("error"), done, end]],
        kind="server_error",
        text="Hi",
    ),
    Case(
        "quota_in_the_stream",
        [[*_START, text("Hi"), data(error("no credit", code="insufficient_quota")), done, end]],
        kind="quota",
        text="Hi",
        retryable=False,
    ),
    Case(
        "key_in_the_words_of_an_error",
        _refused(500, error(f"Bearer {CANARY}")),
        kind="server_error",
        status=500,
        detail="[removed]",
    ),
]  # fmt: skip

TOOL_CALLS = [
    Case(
        "tool_call_in_pieces",
        [
            [
                *_START,
                _call('{"q": ', name="look"),
                _call('"a"}'),
                _call("", name="now", index=1),
                finish("tool_calls"),
                done,
                end,
            ]
        ],
        finish_reason="tool_calls",
    ),
    Case(
        "tool_call_that_is_cut",
        [[*_START, _call('{"q": "a', name="look"), finish("tool_calls"), done, end]],
        kind="bad_tool_call",
        says=("The arguments for the tool 'look' are no JSON object.",),
        detail='{"q": "a',
        retryable=False,
    ),
    Case(
        "tool_call_that_is_no_object",
        [[*_START, _call("[1]", name="look"), finish("stop"), done, end]],
        kind="bad_tool_call",
        detail="[1]",
    ),
    Case(
        "second_tool_call_is_cut",
        [
            [
                *_START,
                _call("{}", name="look"),
                _call('{"q', name="find", index=1),
                finish("tool_calls"),
                done,
                end,
            ]
        ],
        kind="bad_tool_call",
        says=("'find'",),
    ),
    Case(
        "tool_call_is_cut_by_its_length",
        [[*_START, _call('{"q": "a', name="look"), finish("length"), done, end]],
        kind="bad_tool_call",
        says=("are cut.", "max_tokens"),
    ),
    Case(
        "tool_call_of_a_document",
        [
            [
                body(
                    {
                        "choices": [
                            {
                                "index": 0,
                                "message": {
                                    "content": None,
                                    "tool_calls": [{"function": {"name": "x", "arguments": "{"}}],
                                },
                                "finish_reason": "tool_calls",
                            }
                        ]
                    }
                )
            ]
        ],
        kind="bad_tool_call",
    ),
    Case(
        "tool_call_without_end",
        [[*_START, repeat(1_000_000, _call("x" * 100, name="look"))]],
        kind="too_large",
        disconnects=True,
    ),
    Case(
        "tool_calls_of_a_strange_shape",
        [[*_START, data(chunk({"tool_calls": [5]})), *_END]],
        kind="protocol",
    ),
]

WIRE = [
    Case(
        "everything_in_one_packet",
        [[head(), raw(_WHOLE), end]],
        text="Hello, world",
    ),
    Case(
        "seven_bytes_at_a_time",
        [[head(), raw(*(_WHOLE[n : n + 7] for n in range(0, len(_WHOLE), 7))), end]],
        text="Hello, world",
    ),
    Case(
        "carriage_returns_alone",
        [[head(), raw(_WHOLE.replace(b"\n", b"\r")), end]],
        text="Hello, world",
    ),
    Case(
        "mark_of_utf8_before_the_events",
        [[head(), raw(_BOM + _WHOLE), end]],
        text="Hello, world",
    ),
    Case(
        "fields_and_comments_between_events",
        [
            [
                head(),
                raw(b"retry: 5\nid: 1\nevent: message\n: hi\n", event(chunk({"content": "Hello"}))),
                raw(b"data:\n\n", b"nonsense\n\n", b"data\n\n"),
                text(", world"),
                *_END,
            ]
        ],
        text="Hello, world",
    ),
    Case(
        "no_blank_line_at_the_end",
        [[head(), *_HELLO, raw(event(chunk({}, finish="stop")).rstrip()), end]],
        text="Hello, world",
    ),
    Case(
        "data_after_done",
        [[*_START, *_HELLO, raw(event(chunk({}, finish="stop")) + b"data: [DONE]\n\ndata: oops\n\n"
          + event(chunk({"content": "late"}))), end]],
        text="Hello, world",
    ),
    Case(
        "other_type_of_content",
        [[head(content_type="text/plain; charset=latin-1"), text("héllo"), *_END]],
        text="héllo",
    ),
    Case(
        "gzip",
        [[head(content_encoding="gzip"), raw(gzip.compress(_WHOLE)), end]],
        text="Hello, world",
    ),
    Case(
        "gzip_that_is_none",
        [[head(content_encoding="gzip"), raw(_WHOLE), end]],
        kind="protocol",
    ),
    Case(
        "gzip_that_is_cut",
        [[head(content_encoding="gzip"), raw(gzip.compress(_WHOLE)[:40]), end]],
        kind="truncated",
    ),
    Case(
        "length_that_is_longer_than_the_body",
        [[head(chunked=False, content_length="5000"), text("Hello"), close]],
        kind="connection_lost",
        text="Hello",
    ),
    Case(
        "length_that_ends_inside_the_body",
        [[head(chunked=False, content_length=str(len(event(chunk({"content": "Hello"}))) + 9)),
          *_HELLO, *_END[:2], close]],
        kind="truncated",
        text="Hello",
    ),
    Case(
        "broken_size_of_a_chunk",
        [[*_START, text("Hello"), unframed(b"zz\r\nhm\r\n"), close]],
        kind="connection_lost",
        text="Hello",
    ),
    Case(
        "head_that_is_cut",
        [[unframed(b"HTTP/1.1 200 OK\r\ncontent-ty"), close]],
        kind="connection_lost",
    ),
    Case(
        "head_that_never_ends",
        [[unframed(b"HTTP/1.1 200 OK\r\ncontent-ty"), pause(_FOREVER)]],
        kind="timeout_first_byte",
        timeouts=_SHORT,
        disconnects=True,
    ),
    Case(
        "hints_before_the_head",
        [[unframed(b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"), *_GOOD]],
        text="Hello, world",
    ),
    Case("reset_after_the_head", [[head(), reset]], kind="connection_lost"),
    Case("end_after_the_head", [[head(), end]], kind="truncated"),
    Case("done_and_nothing_else", [[head(), done, end]], kind="truncated"),
    Case("silence_after_the_head", [[head(), pause(_FOREVER)]], kind="timeout_first_byte",
         timeouts=_SHORT, disconnects=True),
    Case("reset_inside_a_character", [[*_START, text("a"), raw(event(chunk({"content": "é"}))[:-20]),
         reset]], kind="connection_lost", text="a"),
    Case("page_of_a_proxy_in_the_stream", [[*_START, text("a"), raw(b"<html>502</html>\n\n"), end]],
         kind="truncated", text="a"),
    Case("null_as_a_chunk", [[*_START, text("a"), raw(b"data: null\n\n"), *_END]],
         kind="protocol", text="a"),
    Case("utf16", [[head(), raw(json.dumps({"choices": []}).encode("utf-16")), end]],
         kind="truncated"),
    Case("surrogates_in_a_refusal",
         [[*_START, data(chunk({"refusal": "a\ud83c"}), ascii=True), *_END]], refusal="a\ufffd"),
]  # fmt: skip

VARIED = [*STATUSES, *RETRY_AFTER, *SHOULD_RETRY, *SHAPES, *TOOL_CALLS, *WIRE]
