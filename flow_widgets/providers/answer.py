"""One streamed answer, built from the payloads of its chunks; text is passed on as it comes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from jiter import from_json

from flow_widgets.errors import ProviderError
from flow_widgets.flow.data import joined_surrogates

from .base import ChatResult, OnText, Usage
from .failure import Scene, refused
from .tool_calls import ToolCalls


class Answer:
    """What is known of an answer so far; raises ``ProviderError`` when it turns out to be bad."""

    __slots__ = (
        "_calls",
        "_on_text",
        "_refusal",
        "_room",
        "_surrogate",
        "_usage",
        "done",
        "finish_reason",
        "max_chars",
        "model",
        "request_id",
        "scene",
    )

    def __init__(self, scene: Scene, on_text: OnText, *, max_chars: int) -> None:
        self.done = False
        self.finish_reason: str | None = None
        self.max_chars = max_chars
        self.model: str | None = None
        self.request_id: str | None = None
        self._calls: ToolCalls | None = None
        self._on_text = on_text
        self._refusal: list[str] = []
        self._room = max_chars
        self.scene = scene
        self._surrogate = ""  # half of a character, waiting for the next piece of text
        self._usage: Any = None

    def take(self, payload: bytes) -> None:
        """Take in one ``data`` payload of the stream."""
        if payload.startswith(b"[DONE]"):
            self.done = True
        if self.done:
            return
        try:
            chunk = from_json(payload)
        except ValueError:
            chunk = self._parsed_slowly(payload)
        self.take_chunk(chunk)

    def take_chunk(self, chunk: Any) -> None:
        """Take in one parsed chunk."""
        try:
            text = self._text_of(chunk)
        except (AttributeError, TypeError):
            raise self.protocol_error("A chunk of the answer has an unknown shape.") from None
        if text:
            self._pass_on(text)
        if self._surrogate and self.finish_reason is not None:
            self._pass_on("")
        if self._room < 0:
            raise self.too_large()

    def take_document(self, body: bytes) -> None:
        """Take in the body of a server that ignored ``stream`` and sent one document."""
        try:
            document = from_json(body)
        except ValueError:
            document = self._parsed_slowly(body)
        self.take_whole(document)

    def take_whole(self, document: Any) -> None:
        """Take in a parsed answer that is not a stream."""
        if isinstance(document, list) and document:  # of errors, as Google's servers send them
            document = document[0]
        if not isinstance(document, dict):
            raise self.protocol_error("The answer is JSON, but not a chat completion.")
        if document.get("error"):
            raise self._refused(document)
        if not isinstance(document.get("choices"), list):
            if document.get("message") or document.get("detail"):
                raise self._refused(document)
            raise self.protocol_error("The answer is JSON, but not a chat completion.")
        for choice in document["choices"]:
            if isinstance(choice, dict):
                choice["delta"] = choice.get("message")
                choice["finish_reason"] = choice.get("finish_reason") or "stop"
        self.take_chunk(document)

    def result(self) -> ChatResult:
        """Return how the answer ended.

        Raises:
            ProviderError: It did not end (``truncated``), it ended as ``content_filter``, or the
                arguments of a tool call are cut (``bad_tool_call``).
        """
        if self.finish_reason is None:
            raise ProviderError(
                "truncated",
                "The answer ended before the model had finished.",
                hint="Retry; the text so far is kept.",
                request_id=self.request_id,
            )
        if self.finish_reason == "content_filter":
            raise ProviderError(
                "content_filter",
                "The provider's content filter cut the answer.",
                hint="Change the prompt.",
                request_id=self.request_id,
            )
        if self._calls is not None:
            self._check_calls(self._calls)
        return ChatResult(
            finish_reason=self.scene.redact(str(self.finish_reason)),
            model=self.scene.redact(self.model) if isinstance(self.model, str) else None,
            request_id=self.request_id,
            usage=_usage(self._usage),
            refusal=joined_surrogates("".join(self._refusal)) or None,
        )

    def protocol_error(self, what: str) -> ProviderError:
        """Return the error for an answer that is not what the API defines."""
        return ProviderError(
            "protocol",
            what,
            hint="Check that base_url points to an OpenAI-compatible API.",
            request_id=self.request_id,
        )

    def too_large(self) -> ProviderError:
        """Return the error for an answer that is larger than its limit."""
        return ProviderError(
            "too_large",
            f"The answer is longer than {self.max_chars} characters.",
            hint="Set max_tokens, or raise the limit of the output.",
            request_id=self.request_id,
        )

    def _text_of(self, chunk: Any) -> str:
        get = chunk.get
        if "choices" not in chunk or get("error"):
            self._check_error(chunk)
        if self.model is None:
            self.model = get("model")
        if get("usage"):
            self._usage = get("usage")
        text = ""
        for choice in get("choices") or ():
            get = choice.get
            if get("index"):
                continue  # with n > 1 the choices are interleaved; only the first is the answer
            delta = get("delta")
            if delta:
                content = delta.get("content")
                if content:
                    text += content if isinstance(content, str) else _text_of_parts(content)
                if delta.get("refusal") or delta.get("tool_calls"):
                    self._take_rest(delta)
            reason = get("finish_reason")
            if reason and self.finish_reason is None:
                if reason == "error":
                    raise self._refused({"error": get("error") or "The model stopped: error."})
                self.finish_reason = reason
        return text

    def _take_rest(self, delta: Any) -> None:
        """Take in what a delta holds beside the text."""
        refusal, calls = delta.get("refusal"), delta.get("tool_calls")
        if refusal:
            self._room -= len(refusal)
            self._refusal.append(refusal)
        if calls:
            self._calls = self._calls or ToolCalls()
            self._room -= self._calls.take(calls)

    def _check_error(self, chunk: Any) -> None:
        """Refuse a chunk that is an error: named so, or with words where the choices should be."""
        if chunk.get("error") or chunk.get("message") or chunk.get("object") == "error":
            raise self._refused(chunk)

    def _pass_on(self, text: str) -> None:
        if self._surrogate or not text.isascii():
            text = self._whole_characters(text)
        room = self._room
        self._room = room - len(text)
        if self._room < 0:
            text = text[: max(0, room)]
        if text:
            self._on_text(text)

    def _whole_characters(self, text: str) -> str:
        held, self._surrogate = self._surrogate, ""
        try:
            text.encode()
        except UnicodeEncodeError:
            pass
        else:
            return "\ufffd" + text if held else text
        text = held + text
        if "\ud800" <= text[-1] <= "\udbff":
            text, self._surrogate = text[:-1], text[-1]
        return joined_surrogates(text)

    def _parsed_slowly(self, payload: bytes) -> Any:
        """Parse what the fast parser refuses though it is JSON: lone surrogates, deep nesting."""
        try:
            return json.loads(payload.decode())
        except (ValueError, RecursionError):
            raise self.protocol_error("A chunk of the answer is not JSON.") from None

    def _check_calls(self, calls: ToolCalls) -> None:
        bad = calls.first_bad()
        if bad is None:
            return
        name, arguments = map(self.scene.redact, bad)
        how = "cut" if self.finish_reason == "length" else "no JSON object"
        raise ProviderError(
            "bad_tool_call",
            f"The arguments for the tool {name!r} are {how}.",
            hint="Raise max_tokens." if how == "cut" else "Look at Details, then retry.",
            request_id=self.request_id,
            detail=arguments,
        )

    def _refused(self, body: object) -> ProviderError:
        error = refused(self.scene, None, body, {})
        error.request_id = self.request_id
        return error


def _text_of_parts(parts: Any) -> str:
    """Return the text of content that is a list of typed parts, as some servers send it."""
    return "".join(
        part["text"]
        for part in parts
        if isinstance(part, dict) and isinstance(part.get("text"), str)
    )


def _usage(raw: Any) -> Usage | None:
    if not isinstance(raw, Mapping):
        return None

    def count(name: str) -> int | None:
        value = raw.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    return Usage(count("prompt_tokens"), count("completion_tokens"), count("total_tokens"))
