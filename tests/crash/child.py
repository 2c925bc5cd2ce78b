"""A program that runs flows in processes that are killed, and tells what it was told is kept.

It reads jobs, one JSON object a line, and forks for each, so that nobody waits for imports. The forked
process opens the store, goes on with the run that it finds there or starts one, and writes to the
parent's port a line for every event once the store has called it committed. At a named point it kills
itself, with SIGKILL, the n-th time that it comes there.
"""

from __future__ import annotations

import asyncio
import contextlib
import encodings.idna  # noqa: F401  # a user who can't read it may need it
import json
import os
import signal
import socket
import ssl
import sys
import threading
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from scenarios import FLOWS, Quick

from flow_widgets.engine.runner import FlowRunner
from flow_widgets.errors import FlowError
from flow_widgets.providers import sdk
from flow_widgets.providers.openai import OpenAIProvider
from flow_widgets.run import events as ev
from flow_widgets.store import lease, sqlite, writer
from flow_widgets.store.database import DatabaseStore
from flow_widgets.store.sqlite import SQLiteBackend, SQLiteSession

Stage = Callable[[str], object]


class Points:
    """Kills this process the n-th time that it comes to a point."""

    def __init__(self, point: str | None, times: int) -> None:
        self._point, self._left = point, times
        self.passed: Counter[str] = Counter()

    def __call__(self, name: str) -> None:
        self.passed[name] += 1
        if name == self._point:
            self._left -= 1
            if not self._left:
                os.kill(os.getpid(), signal.SIGKILL)


class StagedBackend(SQLiteBackend):
    """A backend that tells when it is about to commit, and when it has."""

    stage: Stage
    extra_pragma = ""

    @contextlib.contextmanager
    def write(self, **how: Any) -> Iterator[SQLiteSession]:
        with super().write(**how) as session:
            yield session
            self.stage("before_commit")
        self.stage("after_commit")

    def _prepare(self, connection: Any) -> None:
        super()._prepare(connection)
        if self.extra_pragma:
            connection.execute(self.extra_pragma)


class StagedProvider(OpenAIProvider):
    """A provider that tells when a call has returned."""

    stage: Stage

    async def chat(self, request: Any, on_text: Any) -> Any:
        result = await super().chat(request, on_text)
        self.stage("after_call")
        return result


class Acknowledger:
    """Writes a line for every event, once it is told as committed."""

    def __init__(self, port: int, stage: Stage) -> None:
        self._socket = socket.socket()
        self._socket.connect(("127.0.0.1", port))
        self._stage, self._lock = stage, threading.Lock()
        self._told: deque[Any] = deque()
        self._committed = 0
        self.run_id = ""

    def say(self, **facts: Any) -> None:
        self._socket.sendall(json.dumps(facts).encode() + b"\n")

    def told(self, event: Any) -> None:
        if type(event) is ev.CancelRequested:
            self.say(stopping=event.reason)
        with self._lock:
            self._told.append(event)
            self._acknowledge()

    def committed(self, run_id: str, seq: int) -> None:
        self._stage("before_publish")
        with self._lock:
            self._committed = seq
            self.say(run=run_id, committed=seq)
            self._acknowledge()

    def _acknowledge(self) -> None:
        while self._told and self._told[0].seq <= self._committed:
            self.say(event=shown(self._told.popleft()))

    def close(self) -> None:
        self._socket.close()


def shown(event: Any) -> list[Any]:
    """Return what is compared of an event: where it stands, and the text or the output that it holds."""
    held = {ev.ActionChunk: "text", ev.ActionCompleted: "output"}.get(type(event), "run_id")
    place = [event.step, event.action, getattr(event, "attempt", None)]
    path = [list(one) for one in event.path]
    return [event.seq, type(event).__name__, path, *place, getattr(event, held)]


async def drive(job: dict[str, Any]) -> None:
    """Run the flow of a job, or go on with it, and tell how it ended."""
    points = Points(*(job.get("point") or (None, 0)))
    acknowledge = Acknowledger(job["port"], points)
    backend = StagedBackend(Path(job["store"]), busy_seconds=job.get("busy_seconds", 5.0))
    backend.stage, backend.extra_pragma = points, job.get("pragma", "")
    store = DatabaseStore(backend)
    store.on_commit = acknowledge.committed
    provider = StagedProvider(job["base_url"], "key")
    provider.stage = points
    flow, told = FLOWS[job["scenario"]](), acknowledge.told
    runner = FlowRunner(flow, provider=provider, store=store, observers=[told], chance=Quick(1))
    try:
        run = runner.reopen(job.get("run"))
        if run is None or job.get("new"):
            run = runner.run_flow()
        elif run.status != "completed":
            run = runner.resume()
        acknowledge.say(began=run.id)
        await run
        outputs = list(run.to_frame()["output"]) if job.get("frame") else []
        acknowledge.say(status=run.status, reason=run.stop_reason or "", outputs=outputs)
        store.close()
        acknowledge.say(stages=points.passed)
    except FlowError as error:
        acknowledge.say(refused=type(error).__name__, what=str(error))
    await provider.close()
    acknowledge.close()


def limit(job: dict[str, Any]) -> None:
    """Make this process one that may do less."""
    for name, value in (job.get("settings") or {}).items():
        setattr(
            {"lease": lease, "sqlite": sqlite, "writer": writer}[name.split(".")[0]],
            name.split(".")[1],
            value,
        )
    if "file_bytes" in job:
        import resource

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (job["file_bytes"], resource.RLIM_INFINITY))
    if "user" in job and os.getuid() == 0:
        os.setgroups([])
        os.setgid(job["user"])
        os.setuid(job["user"])


def main() -> None:
    sdk.openai_module().AsyncOpenAI(api_key="key").chat.completions  # noqa: B018  # imports them
    ssl.SSLContext.load_verify_locations = lambda *_, **__: None  # takes long; nothing is encrypted
    for line in iter(sys.stdin.readline, ""):
        job = json.loads(line)
        pid = os.fork()
        if not pid:
            code = 1
            try:
                os.close(0)
                limit(job)
                asyncio.run(drive(job))
                code = 0
            except Exception:  # noqa: BLE001  # the parent's test fails, and shows this
                traceback.print_exc()
            finally:
                os._exit(code)
        os.write(1, f"{pid}\n".encode())
        os.write(1, f"{os.waitpid(pid, 0)[1]}\n".encode())


if __name__ == "__main__":
    main()
