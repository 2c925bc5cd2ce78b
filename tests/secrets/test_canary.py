"""No key is found in anything that a run leaves behind, whatever goes wrong and is echoed."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from faults.cases import CANARY, CANCEL, CASES
from faults.running import GOOD, Told, chat, refused
from faults.server import (
    Script,
    body,
    chunk,
    data,
    done,
    end,
    error,
    fault_server,
    finish,
    head,
    text,
)
from faults.varied import VARIED
from ipywidgets.embed import embed_data
from openai import AsyncAzureOpenAI, AsyncOpenAI, OpenAI

from flow_widgets import Flow, FlowRunner, FlowWidget, runs
from flow_widgets.errors import FlowError
from flow_widgets.export.html import record
from flow_widgets.flow.limits import Retry
from flow_widgets.providers.base import ChatRequest
from flow_widgets.providers.openai import OpenAIProvider
from flow_widgets.run import events as ev

MARK = "m4rk3d+0123456789/abcdef"
"""A secret whose shape tells nobody that it is one."""
_LOGGERS = ("flow_widgets", "openai", "httpx", "httpx2", "httpcore", "httpcore2", "asyncio")


def _with_key(url: str) -> OpenAIProvider:
    return OpenAIProvider(url, CANARY)


def _with_a_key_of_no_shape(url: str) -> OpenAIProvider:
    return OpenAIProvider(url, MARK)


def _with_headers(url: str) -> OpenAIProvider:
    return OpenAIProvider(url, CANARY, headers={"X-Gateway": MARK, "X-Other": f" {MARK} "})


def _with_a_password(url: str) -> OpenAIProvider:
    host = url.removeprefix("http://")
    return OpenAIProvider(f"http://me:{MARK.replace('/', '%2F')}@{host}", CANARY)


def _with_a_client(url: str) -> OpenAIProvider:
    headers = {"X-Gateway": MARK}
    client = AsyncOpenAI(base_url=url, api_key=CANARY, default_headers=headers)
    return OpenAIProvider(client=client)


def _with_a_blocking_client(url: str) -> OpenAIProvider:
    return OpenAIProvider(client=OpenAI(base_url=url, api_key=MARK))


def _with_azure(url: str) -> OpenAIProvider:
    return OpenAIProvider(
        client=AsyncAzureOpenAI(base_url=url, api_key=MARK, api_version="2024-10-21")
    )


def _with_a_client_of_ones_own(url: str) -> OpenAIProvider:
    class Own(AsyncOpenAI):
        """A subclass, whose connections are used as they are."""

    return OpenAIProvider(client=Own(base_url=url, api_key=MARK))


WAYS = [
    _with_key,
    _with_a_key_of_no_shape,
    _with_headers,
    _with_a_password,
    _with_a_client,
    _with_a_blocking_client,
    _with_azure,
    _with_a_client_of_ones_own,
]


async def _close(provider: OpenAIProvider) -> None:
    """Close the connections of a provider, and those of a client of one's own."""
    await provider.close()
    if provider._client is not None:
        closing = provider._client.close()
        if closing is not None:
            await closing


def _secret_of(way: Callable[[str], OpenAIProvider]) -> str:
    return CANARY if way is _with_key else MARK


def _echoes(secret: str) -> dict[str, list[Script]]:
    """Return cases of servers that say what they were sent."""
    bearer = f"Bearer {secret}"
    page = f"<html>{secret}</html>".encode()
    return {
        "echo_refused": [refused(401, f"Incorrect key {secret} in {bearer}")],
        "echo_server_error": [refused(500, secret), GOOD],
        "echo_page": [[body(page, status=502, content_type="text/html")]],
        "echo_page_as_answer": [[body(page, content_type="text/html")]],
        "echo_code": [[body(error("no", code=secret, type=secret), status=400)]],
        "echo_in_stream": [[head(), text("a"), data(error(bearer, code="server_error"))]],
        "echo_detail": [[body({"detail": [{"input": secret}]}, status=422)]],
        "echo_in_names": [
            [
                head(),
                data({**chunk({"content": "a"}), "model": secret, "id": secret}),
                finish(),
                done,
                end,
            ]
        ],
        "echo_tool": [
            [
                head(),
                data(
                    chunk(
                        {
                            "tool_calls": [
                                {"index": 0, "function": {"name": secret, "arguments": secret}}
                            ]
                        }
                    )
                ),
                finish("tool_calls"),
                done,
                end,
            ]
        ],
        "echo_reason": [[head(), text("a"), finish(secret), done, end]],
    }


@dataclass
class Left:
    """What was left behind, by name."""

    things: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, value: Any) -> None:
        """Keep a text, bytes, or what JSON makes of anything else."""
        if isinstance(value, bytes):
            value = value.decode("latin-1")
        if not isinstance(value, str):
            value = json.dumps(value, default=repr, ensure_ascii=False)
        self.things[name] = value

    def files(self, folder: Path, when: str) -> None:
        """Keep all files of a folder."""
        for path in folder.rglob("*"):
            if path.is_file():
                self.add(f"{when}: {path.name}", path.read_bytes())

    def hits(self) -> set[tuple[str, str]]:
        """Return where a secret is found, with what stands around it."""
        return {
            (name, value[max(0, value.find(form) - 80) : value.find(form) + 40])
            for name, value in self.things.items()
            for form in _forms()
            if form in value
        }


def _forms() -> Iterator[str]:
    for secret in (CANARY, MARK):
        yield secret
        yield secret.replace("+", "%2B").replace("/", "%2F")
        yield secret.replace("/", "%2F")
        yield secret.replace("+", "%2B")
        yield secret.replace("/", "\\/")
        yield base64.b64encode(f"me:{secret}".encode()).decode()
        yield base64.b64encode(secret.encode()).decode()


def _flow(names: dict[str, Any]) -> Flow:
    cases = {case.name: case for case in [*CASES, *VARIED]}
    actions = []
    for name in names:
        case = cases.get(name)
        options: dict[str, Any] = {}
        if case is not None:
            options = {
                "first_byte_seconds": case.timeouts.first_byte,
                "idle_seconds": case.timeouts.idle,
                "timeout_seconds": case.timeouts.total,
                "max_output_chars": case.max_output_chars,
            }
        actions.append(chat(name, id=name, **options))
    return Flow(name="Faults", steps=[actions, chat("echo_server_error", "Go on", id="last")])


def _scripts(way: Callable[[str], OpenAIProvider]) -> dict[str, Any]:
    """Return every fault and echo; for other ways than the usual one, what is about the key."""
    if way is not _with_key:
        return _echoes(_secret_of(way))
    faults = {case.name: case.scripts for case in [*CASES, *VARIED] if case not in CANCEL}
    return {**faults, **_echoes(_secret_of(way))}


def _of_run(left: Left, run: Any, flow: Flow, folder: Path) -> None:
    for of in ("actions", "steps", "runs", "log"):
        frame = run.to_frame(of)
        left.add(
            f"frame of {of}", frame.to_csv() + frame.to_json(date_format="iso") + frame.to_html()
        )
        run.save(folder / f"{of}.csv", of)
    left.add("expanded frame", run.to_frame(expand=True).to_csv())
    left.add("record", record(flow, run))
    left.add("log", "\n".join(map(repr, run.log)))
    left.add("state", repr(run._state))
    parts = [part for step in run.steps for part in (step, *step.actions)]
    attempts = [attempt for step in run.steps for one in step.actions for attempt in one.attempts]
    left.add("reprs", repr([run, parts, attempts, [one.error for one in attempts]]))
    left.add("errors", "\n".join(f"{one.error} {one.error!r}" for one in attempts))
    try:
        run.raise_for_status()
    except FlowError as error_of_run:
        left.add("traceback", _traceback(error_of_run))


def _traceback(exception: BaseException) -> str:
    shown = traceback.TracebackException.from_exception(exception, capture_locals=True)
    return "".join(shown.format()) + repr(vars(exception))


def _of_widget(left: Left, widget: FlowWidget, messages: list[Any]) -> None:
    left.add("widget state", widget.get_state())
    left.add("notebook", embed_data(views=[widget]))
    left.add("messages", messages)
    left.add("display", repr(widget) + repr(widget._repr_mimebundle_()))
    left.add("widget attributes", repr(vars(widget)))


def _of_logging(left: Left, caplog: pytest.LogCaptureFixture) -> None:
    left.add("logging", caplog.text)
    left.add("log records", repr([vars(one) for one in caplog.records]))


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__.removeprefix("_"))
async def test_a_run_of_every_fault_leaves_no_key_behind(
    way: Callable[[str], OpenAIProvider],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    left, told, messages = Left(), Told(), []
    for logger in _LOGGERS:
        caplog.set_level(logging.DEBUG, logger)
    scripts = _scripts(way)
    flow = _flow(scripts)
    store = tmp_path / "runs.db"

    async with asyncio.timeout(60), fault_server(scripts) as server:
        provider = way(server.base_url)
        widget = FlowWidget(
            flow,
            provider=provider,
            store=store,
            observers=[told],
            retry=Retry(max_attempts=2, max_wait_seconds=1),
        )
        widget.send = lambda message, buffers=None: messages.append((message, repr(buffers)))
        run = await widget.run_flow()
        await _close(provider)
        _of_widget(left, widget, messages)
        left.add("runner", repr((widget.runner, vars(widget.runner), provider)))
        left.add("events", repr(told.events))
        left.files(tmp_path, "while open")
        _of_run(left, run, flow, tmp_path)
        kept = runs(store=store)
        kept.export(tmp_path / "exported.runs")
        left.add("history", repr(kept) + kept._repr_html_())
        _of_run(left, kept.load(), flow, tmp_path)
        widget.close()
    left.files(tmp_path, "in the end")
    _of_logging(left, caplog)
    left.add("output", "".join(capfd.readouterr()))

    assert left.hits() == set()
    assert any("runs.db" in name for name in left.things)
    assert len(told.of(ev.ActionFailed)) >= len(scripts) // 2
    assert all(any(form in str(seen.headers) for form in _forms()) for seen in _seen(server))


def _seen(server: Any) -> Iterator[Any]:
    for requests in server.seen.values():
        yield from requests


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__.removeprefix("_"))
async def test_what_a_provider_raises_holds_no_key(way: Callable[[str], OpenAIProvider]) -> None:
    scripts = _echoes(_secret_of(way))
    left = Left()

    async with fault_server(scripts) as server:
        provider = way(server.base_url)
        for name in scripts:
            request = ChatRequest(name, [{"role": "user", "content": "Hi"}])
            try:
                left.add(name, repr(await provider.chat(request, lambda _: None)))
            except FlowError as failure:
                left.add(name, _traceback(failure))
        left.add("provider", repr(provider) + provider.limit_key)
        await _close(provider)

    assert left.hits() == set()


async def test_a_key_in_the_id_of_a_call_is_not_kept() -> None:
    scripts = {
        "m": [refused(400, "no", x_request_id=f"r-{MARK}")],
        "n": [[head(x_request_id=f"r-{MARK}"), finish(), done, end]],
    }

    async with fault_server(scripts) as server:
        provider = _with_a_key_of_no_shape(server.base_url)
        message = {"role": "user", "content": "Hi"}
        with pytest.raises(FlowError) as caught:
            await provider.chat(ChatRequest("m", [message]), lambda _: None)
        result = await provider.chat(ChatRequest("n", [message]), lambda _: None)
        await _close(provider)

    assert caught.value.request_id == result.request_id == "r-[removed]"


async def test_a_run_that_is_canceled_leaves_no_key_behind(tmp_path: Path) -> None:
    left, told = Left(), Told()
    case = next(case for case in CANCEL if case.cancel_after_text == "Hello")
    flow = Flow(steps=[chat(case.name)])

    async with fault_server({case.name: case.scripts}) as server:
        provider = _with_key(server.base_url)
        runner = FlowRunner(flow, provider=provider, store=tmp_path / "runs.db", observers=[told])
        run = runner.run_flow()
        await told.until(lambda event: isinstance(event, ev.ActionChunk))
        await run.cancel()
        await runner.close()
    _of_run(left, run, flow, tmp_path)
    left.files(tmp_path, "in the end")

    assert run.status == "canceled"
    assert left.hits() == set()


def test_the_search_finds_what_it_looks_for(tmp_path: Path) -> None:
    left = Left()
    (tmp_path / "a.db").write_bytes(b"\x00\xff" + MARK.encode() + b"\x00")
    left.files(tmp_path, "now")
    left.add("text", f"key={CANARY}")
    left.add("json", {"a": ["\\/", MARK]})

    assert {name for name, _ in left.hits()} == {"now: a.db", "text", "json"}
