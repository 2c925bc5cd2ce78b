from __future__ import annotations

import base64
import json
import logging
import traceback

import pytest
from context import faults, output
from web import Seen, answer, asked, failure, open_context, served

from flow_widgets import payload
from flow_widgets.actions.request import Request
from flow_widgets.credentials import Auth
from flow_widgets.errors import (
    InvalidFlow,
)

SECRET = "s3cret value/1"


def echo(seen: Seen) -> bytes:
    """Answer with what was asked, as debugging servers do."""
    return answer({"target": seen.target, "headers": seen.headers, SECRET: [SECRET]})


@pytest.mark.parametrize(
    ("auth", "name", "value"),
    [
        ({"bearer": "A_TOKEN"}, "authorization", f"Bearer {SECRET}"),
        (
            {"basic": ["A_USER", "A_TOKEN"]},
            "authorization",
            f"Basic {base64.b64encode(f'ada:{SECRET}'.encode()).decode()}",
        ),
        ({"api_key": "A_TOKEN"}, "x-api-key", SECRET),
        ({"api_key": "A_TOKEN", "header": "X-Mine"}, "x-mine", SECRET),
    ],
)
async def test_secrets_come_from_the_environment_and_stay_out_of_what_is_kept(
    monkeypatch, auth, name, value
):
    monkeypatch.setenv("A_TOKEN", f"{SECRET}\n")
    monkeypatch.setenv("A_USER", "ada")

    async with served(echo) as server:
        found = await asked(server, auth=auth)

    assert server.seen[0].headers[name] == value
    assert SECRET not in json.dumps(found)
    assert value not in json.dumps(found)
    assert found["body"][payload.REMOVED] == [payload.REMOVED]


async def test_a_secret_in_the_query_stays_out_of_what_is_kept(monkeypatch, caplog):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("A_TOKEN", SECRET)
    auth = {"api_key": "A_TOKEN", "query": "key"}

    async with served(echo, echo, b"") as server:
        ctx = open_context()
        found = await asked(server, ctx, path="/?a=b", auth=auth)
        lost = await asked(server, ctx, auth=auth, raise_errors=False)
        lost = await asked(server, ctx, auth=auth, raise_errors=False)

    assert server.seen[0].query == [("a", "b"), ("key", SECRET)]
    for kept in (found, lost, ctx.logged, caplog.text):
        assert "s3cret" not in json.dumps(kept)
    assert lost["status"] == 0


async def test_a_secret_is_in_no_error(monkeypatch):
    monkeypatch.setenv("A_TOKEN", SECRET)

    def refused(seen: Seen) -> bytes:
        return answer({"bad": seen.headers["authorization"]}, 401)

    async with served(refused) as server:
        error = await failure(server, auth={"bearer": "A_TOKEN"})

    assert "s3cret" not in "".join(traceback.format_exception(error))
    assert "s3cret" not in repr(vars(error))
    assert error.hint.startswith("Check auth")


async def test_a_literal_secret_is_sent_but_not_kept():
    headers = {"Authorization": "Bearer {{token}}", "X-Other": "shown"}

    async with served(echo) as server:
        action = Request(url=f"{server.url}/?key=hidden", headers=headers)
        found = await output(action, open_context(token="abcdefgh"))

    assert server.seen[0].headers["authorization"] == "Bearer abcdefgh"
    assert "abcdefgh" not in json.dumps(found)
    assert found["body"]["headers"]["x-other"] == "shown"
    assert "Bearer" not in repr(action)
    assert "hidden" not in repr(action)
    assert "shown" in repr(action)


async def test_secrets_do_not_follow_a_redirect_to_another_origin(monkeypatch):
    monkeypatch.setenv("A_TOKEN", SECRET)

    async with served(answer()) as other:
        there = answer(b"", 307, location=f"{other.url}/")
        async with served(there) as server:
            await asked(
                server,
                auth={"api_key": "A_TOKEN", "header": "X-Mine"},
                headers={"Authorization": "Bearer literal"},
            )
            await asked(server, auth={"api_key": "A_TOKEN", "query": "key"})

    assert [request.query for request in server.seen] == [[], [("key", SECRET)]]
    assert [request.query for request in other.seen] == [[], []]
    assert server.seen[0].headers["x-mine"] == SECRET
    assert "x-mine" not in other.seen[0].headers
    assert "authorization" not in other.seen[0].headers


@pytest.mark.parametrize(
    ("auth", "value", "words"),
    [
        ({"bearer": "A_TOKEN"}, None, "'A_TOKEN' is not set"),
        ({"bearer": "A_TOKEN"}, " ", "'A_TOKEN' is not set"),
        ({"bearer": "A_TOKEN"}, "s3c\nret", "'A_TOKEN' holds control characters"),
        ({"bearer": "sk-abcdef123456"}, None, "auth.bearer: it is not the name"),
    ],
)
async def test_a_variable_that_can_not_be_used_is_told(monkeypatch, auth, value, words):
    monkeypatch.delenv("A_TOKEN", raising=False)
    if value is not None:
        monkeypatch.setenv("A_TOKEN", value)

    async with served(answer()) as server:
        error = await failure(server, auth=auth, raise_errors=False)

    assert error.kind == "not_configured"
    assert words in error.what
    assert "s3c" not in str(error)
    assert "sk-" not in str(error)


@pytest.mark.parametrize(
    ("auth", "places"),
    [
        ({"bearer": "API_TOKEN"}, []),
        ({"bearer": "sk-abcdef"}, ["auth.bearer"]),
        ({"bearer": "ghp_abcdefghijkl123"}, ["auth.bearer"]),
        ({"bearer": "{{inputs.token}}"}, ["auth.bearer"]),
        ({"bearer": ""}, ["auth.bearer"]),
        ({"basic": ["USER", "pass word"]}, ["auth.basic[1]"]),
        ({"api_key": "AKIAIOSFODNN7EXAMPLE"}, ["auth.api_key"]),
    ],
)
def test_a_secret_in_place_of_a_name_is_told_and_not_shown(auth, places):
    action = Request(url="https://a.test/", auth=auth)

    assert [place for place, _ in faults(action)] == places
    if places:
        assert "removed" in repr(action)
        assert all(words.startswith("it is not the name") for _, words in faults(action))


@pytest.mark.parametrize(
    ("auth", "words"),
    [
        ({}, "takes exactly one of bearer, basic and api_key"),
        ({"bearer": "A", "api_key": "B"}, "takes exactly one of bearer, basic and api_key"),
        ({"bearer": "A", "query": "q"}, "header and query go with api_key only"),
        ({"api_key": "A", "query": "q", "header": "h"}, "not both"),
        ({"token": "A"}, "'token' is not a key of Auth"),
    ],
)
def test_auth_is_one_kind(auth, words):
    with pytest.raises(InvalidFlow, match=words):
        Request(url="https://a.test/", auth=auth)


def test_auth_shows_names():
    assert repr(Auth(bearer="API_TOKEN")) == "Auth(bearer='API_TOKEN')"


def test_headers_are_checked():
    headers = {"Authorization": "Bearer abc", "X-Api-Key": "{{key}}", "bad name": "x"}
    problems = Request(url="https://a.test/", headers=headers).problems()

    assert [(problem.place, problem.severity) for problem in problems] == [
        ("headers.Authorization", "warning"),
        ("headers.bad name", "error"),
    ]
    assert "abc" not in str(problems)


async def test_a_variable_that_the_owner_did_not_allow_is_not_sent(monkeypatch):
    monkeypatch.setenv("OTHER_TOKEN", SECRET)

    async with served(answer()) as server:
        error = await failure(server, auth={"bearer": "OTHER_TOKEN"})

    assert error.kind == "not_allowed"
    assert "allowed_secrets=['OTHER_TOKEN']" in error.hint
    assert not server.seen


def test_values_whose_names_say_that_they_are_secret_are_not_shown():
    request = Request(
        url="https://a.de",
        params={"api_key": SECRET, "q": "open", "none": None},
        headers={"X-Shop-Access-Token": SECRET, "Accept": "text/plain"},
        body={"user": {"password": SECRET, "name": "Ada"}},
    )

    assert SECRET not in repr(request)
    for shown in (
        "'q': 'open'",
        "'Accept': 'text/plain'",
        "'name': 'Ada'",
        "'password': '[removed]'",
    ):
        assert shown in repr(request)
    for body in (f'{{"token": "{SECRET}"}}', f'{{"token": "{SECRET}", }}'):
        assert SECRET not in repr(Request(url="https://a.de", body=body))


async def test_a_secret_in_an_answer_of_bytes_is_removed_before_they_are_encoded(monkeypatch):
    monkeypatch.setenv("A_TOKEN", SECRET)
    content = b"\x00\xff" + SECRET.encode() + b"\xfe"

    async with served(answer(content, content_type="image/png")) as server:
        made = await asked(server, auth={"bearer": "A_TOKEN"})

    assert base64.b64decode(made["body"]["base64"]) == b"\x00\xff[removed]\xfe"
