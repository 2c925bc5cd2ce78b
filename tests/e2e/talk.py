"""A model on this machine, which says what a test lets it say and counts what it is asked.

    with Talk({"Facts": ["It ", HOLD, "rains."]}) as talk:
        provider = f"OpenAIProvider({talk.base!r}, 'key')"
        talk.let()
        assert talk.asked == ["Facts"]

It lives in the test's process, so that it outlives every kernel.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

HOLD = ""
"""In an answer: go on when the test says so."""


class Talk:
    """A server of chat completions on a free loopback port."""

    def __init__(self, answers: Mapping[str, Sequence[str]]) -> None:
        """Answer each prompt with its pieces; a prompt that is not named gives ``Fine.``"""
        self.asked: list[str] = []
        """The prompts, oldest first."""
        self._answers = answers
        self._turns = threading.Semaphore(0)

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.base = f"http://127.0.0.1:{self._server.server_port}/v1"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.let(1000)
        self._server.shutdown()
        self._server.server_close()

    def let(self, turns: int = 1) -> None:
        """Let so many answers go on, those that stand still and those to come."""
        self._turns.release(turns)

    def _pieces(self, prompt: str) -> Iterator[str]:
        for piece in self._answers.get(prompt, ["Fine."]):
            if piece == HOLD:
                self._turns.acquire(timeout=60)
            else:
                yield piece

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                prompt = body["messages"][-1]["content"]
                outer.asked.append(prompt)
                with contextlib.suppress(OSError):  # whoever asked has gone
                    self.send_response(200)
                    self.send_header("Content-Type", "text/event-stream")
                    self.end_headers()
                    for event in _events(outer._pieces(prompt)):
                        self.wfile.write(f"data: {event}\n\n".encode())

            def log_message(self, format: str, *args: Any) -> None:
                """Write nothing."""

        return Handler


def _events(pieces: Iterator[str]) -> Iterator[str]:
    """Yield the events of a stream of these pieces."""
    common = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 0, "model": "talk"}
    for piece in pieces:
        choice = {"index": 0, "delta": {"content": piece}, "finish_reason": None}
        yield json.dumps({**common, "choices": [choice]})
    yield json.dumps({**common, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    yield "[DONE]"
