"""Statuses, codes and words become kinds of failure, without secrets."""

from __future__ import annotations

from email.utils import formatdate
from time import time

import pytest

from flow_widgets.providers.address import secrets_in
from flow_widgets.providers.failure import (
    Scene,
    kind_of,
    redactor,
    refused,
    retry_after_seconds,
    unreachable,
)

SCENE = Scene("m", "host:1")


@pytest.mark.parametrize(
    ("status", "code", "type_", "message", "kind"),
    [
        (429, "", "", "", "rate_limit"),
        (429, "insufficient_quota", "", "", "quota"),
        (400, "", "insufficient_quota", "", "quota"),
        (400, "", "invalid_request_error", "prompt is too long", "context_length"),
        (400, "", "invalid_request_error", "no", "bad_request"),
        (401, "", "invalid_request_error", "", "auth"),
        (409, "", "", "", "server_error"),
        (418, "", "", "", "bad_request"),
        (302, "", "", "", "protocol"),
        (None, "", "overloaded_error", "", "server_error"),
        (None, "", "invalid_request_error", "", "bad_request"),
        (None, "model_not_found", "", "", "bad_request"),
        (None, "", "", "", "server_error"),
    ],
)
def test_kinds(status: int | None, code: str, type_: str, message: str, kind: str) -> None:
    assert kind_of(status, code, type_, message) == kind


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": "-2"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_seconds(headers) == seconds


def test_retry_after_a_date() -> None:
    seconds = retry_after_seconds({"retry-after": formatdate(time() + 100, usegmt=True)})

    assert seconds is not None
    assert 95 < seconds <= 100


@pytest.mark.parametrize(
    "text",
    [
        "key my-own-secret-value here",
        "Authorization: Bearer abc.def-ghi",
        "sk-proj-abcdefghijk",
        "(sk-ab***********yz)",
    ],
)
def test_secrets_are_removed(text: str) -> None:
    shown = redactor(["my-own-secret-value"])(text)

    assert "[removed]" in shown
    assert not any(part in shown for part in ("secret-value", "abc.def", "sk-proj", "yz"))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (" my-own-secret\n", "value my-own-secret!"),
        ("my-own\nsecret", r"Illegal header value b'my-own\nsecret'"),
        (" my-own\nsecret\n", r"Illegal header value 'my-own\nsecret'"),
    ],
)
def test_a_secret_is_removed_also_stripped_and_escaped(value: str, text: str) -> None:
    assert "secret" not in redactor([value])(text)


@pytest.mark.parametrize("text", ["pass%40word", "pass@word", "Basic bWU6cGFzc0B3b3Jk"])
def test_the_password_of_an_address_is_removed_in_every_form(text: str) -> None:
    assert text not in redactor(secrets_in("https://me:pass%40word@host/v1"))(text)


def test_a_redactor_shows_no_secret() -> None:
    assert "secret" not in repr(redactor(["my-own-secret-value"])).replace("secrets", "")


@pytest.mark.parametrize("body", [None, "", "text", [], 3, {"error": None}, {"error": "x"},
                                  {"error": {"message": {"a": 1}}}, {"detail": "d"}])  # fmt: skip
def test_any_body_gives_an_error(body: object) -> None:
    assert refused(SCENE, 500, body, {}).kind == "server_error"


def test_a_refused_connection_says_where() -> None:
    class ConnectError(Exception):
        pass

    error = unreachable(SCENE, ConnectError("refused"))

    assert str(error) == "No connection to host:1. Check the base_url; is the server running?"
