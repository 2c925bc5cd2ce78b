"""A chat completion: messages to a model, the answer streamed, as text or as data of a schema."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any, ClassVar, Literal, get_origin

from pydantic import (
    Field,
    PydanticUndefinedAnnotation,
    PydanticUserError,
    TypeAdapter,
    field_validator,
    model_validator,
)

from flow_widgets.actions.base import Action, Context, Outcome
from flow_widgets.errors import FileRefused, OutputInvalid, Problem, ProviderError
from flow_widgets.flow.attachment import File
from flow_widgets.flow.base import Part
from flow_widgets.flow.data import JsonValue
from flow_widgets.flow.message import Message
from flow_widgets.flow.pattern import found_in
from flow_widgets.flow.prompt_layout import Layout, laid_out
from flow_widgets.flow.template import Templated, has_reference, references
from flow_widgets.providers.base import ChatRequest, ChatResult, Timeouts, Usage

_SENT_AS_IS = (
    "temperature",
    "max_tokens",
    "max_completion_tokens",
    "top_p",
    "seed",
    "stop",
    "frequency_penalty",
    "presence_penalty",
    "reasoning_effort",
    "verbosity",
)

_LIMITS = {"timeout_seconds", "first_byte_seconds", "idle_seconds", "max_output_chars"}
_NO_TEMPLATES = ("wrapper", "stop", "output_schema", "extra")
"""Fields where one may expect a reference to be filled in, and it is not."""


class Chat(Action):
    """Asks a model, and streams its answer.

    ``Chat(prompt="…")`` is one user message; ``system`` goes before it, ``messages`` before both, and
    ``files`` are attached to the last user message. ``context`` and ``data`` go with the prompt, laid
    out by ``wrapper``. With ``output_schema`` (a pydantic model, another
    type such as ``list[Model]``, or a JSON schema) the answer is asked for as JSON, parsed and
    validated, and the output is data.
    """

    parts: ClassVar = {"messages": Part(lambda _: Message, many=True)}
    needs_provider: ClassVar[bool] = True
    is_cacheable: ClassVar[bool] = True
    not_sent: ClassVar = Action.not_sent | _LIMITS

    type: Literal["chat"] = "chat"
    model: Templated[str] | None = None
    """The model's name; None means the flow's, else the provider's default."""
    system: Templated[str] | None = None
    """The message of the system, which goes first."""
    prompt: Templated[str] | None = None
    """The last message, of the user."""
    messages: tuple[Message, ...] | None = None
    """The messages before the prompt; a text is one of the user."""
    files: tuple[File | Templated[str], ...] = ()
    """Files to attach, or references to inputs that hold files."""
    context: Templated[JsonValue] = None
    """What was said before, for the prompt: a text, or a list of texts or messages."""
    data: Templated[JsonValue] = None
    """Data for the prompt, which shows it as JSON."""
    wrapper: str | None = None
    """What the prompt stands in: a text with ``{prompt}``, ``{context}``, ``{data}`` or one of
    ``values``. Without it, context and data stand above the prompt, under headings."""
    values: Templated[dict[str, JsonValue]] = Field(default_factory=dict)
    """More that the wrapper may name."""
    temperature: Templated[float] | None = None
    """How freely words are chosen; 0 is the least free."""
    max_tokens: Templated[int] | None = None
    """How many tokens the answer has at most."""
    max_completion_tokens: Templated[int] | None = None
    """The limit that reasoning models take in place of ``max_tokens``."""
    top_p: Templated[float] | None = None
    """Only the likeliest words that together have this share are chosen from."""
    seed: Templated[int] | None = None
    """With the same seed, some servers give the same answer again."""
    stop: str | tuple[str, ...] | None = None
    """The answer ends before one of these texts."""
    frequency_penalty: float | None = None
    """How much a word is avoided the more often it stands there."""
    presence_penalty: float | None = None
    """How much a word is avoided once it stands there."""
    reasoning_effort: Templated[str] | None = None
    """How long a reasoning model thinks: ``low``, ``medium``, ``high``."""
    verbosity: Templated[str] | None = None
    """How much it writes: ``low``, ``medium``, ``high``."""
    output_schema: dict[str, JsonValue] | None = None
    """JSON schema of the output; a pydantic model, another type or a ``TypeAdapter`` is taken as its
    schema."""
    extra: dict[str, JsonValue] = Field(default_factory=dict)
    """Anything else for the request's body, sent as it is."""
    provider: str | None = None
    """Name of the provider; None means the flow's, else the runner's."""
    timeout_seconds: float = Field(default=600.0, gt=0)
    """How long the whole call may take."""
    first_byte_seconds: float = Field(default=60.0, gt=0)
    """How long the server may take until its answer begins."""
    idle_seconds: float = Field(default=30.0, gt=0)
    """How long an answer may stand still."""
    max_output_chars: int = Field(default=1_000_000, gt=0)
    """How many characters an answer has at most before the call fails."""

    @field_validator("output_schema", mode="before")
    @classmethod
    def _as_schema(cls, value: Any) -> Any:
        """Take a type, such as a pydantic model or ``list[Model]``, as its schema."""
        if not isinstance(value, (type, TypeAdapter)) and get_origin(value) is None:
            return value
        try:
            adapter = value if isinstance(value, TypeAdapter) else TypeAdapter(value)
            return adapter.json_schema()
        except (PydanticUserError, PydanticUndefinedAnnotation) as error:
            why = error.message.split("\n", 1)[0]
            raise ValueError(f"has no JSON schema: {why.rstrip('.')}") from None

    @model_validator(mode="before")
    @classmethod
    def _one_message(cls, document: Any) -> Any:
        """Take a list of texts as messages of the user."""
        if isinstance(document, dict) and isinstance(document.get("messages"), (list, tuple)):
            messages = [
                {"content": one} if isinstance(one, str) else one for one in document["messages"]
            ]
            return {**document, "messages": messages}
        return document

    def problems(self) -> Sequence[Problem]:
        """Return what is wrong with the messages and the schema."""
        return list(_problems(self))

    def wire_messages(self) -> list[dict[str, Any]]:
        """Return the messages in the wire form of the OpenAI API."""
        messages = [message.wire() for message in self.messages or ()]
        if self.system is not None:
            messages.insert(0, {"role": "system", "content": self.system})
        if self._has_prompt:
            messages.append({"role": "user", "content": self._layout().text})
        files = [_file(file, index).part() for index, file in enumerate(self.files)]
        return _attached(messages, files) if files else messages

    @property
    def _has_prompt(self) -> bool:
        """Whether there is a last message beside ``messages``."""
        return self.prompt is not None or self.context is not None or self.data is not None

    def _layout(self) -> Layout:
        return laid_out(
            self.prompt or "",
            context=self.context,
            data=self.data,
            wrapper=self.wrapper,
            values=self.values if isinstance(self.values, dict) else {},
        )

    def params(self) -> dict[str, JsonValue]:
        """Return the request's body without model and messages; what is not set is left out."""
        body: dict[str, JsonValue] = {}
        for name in _SENT_AS_IS:
            value = getattr(self, name)
            if value is not None:
                body[name] = list(value) if isinstance(value, tuple) else value
        if self.output_schema is not None:
            body["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": _schema_name(self), "schema": self.output_schema},
            }
        return {**body, **self.extra}

    async def run(self, ctx: Context) -> Outcome:
        """Send the request, stream the answer and return it.

        Raises:
            ProviderError: The call failed, or the model refused an output of a schema.
            OutputInvalid: The answer does not match ``output_schema``; the raw text is kept.
        """
        model = self.model or ctx.provider(self.provider).default_model or ""
        missing = ", ".join(map(repr, self._layout().missing))
        if missing:
            ctx.log(f"The wrapper names {missing}, which has no value; it is left out.", "warn")
        request = ChatRequest(
            model=model,
            messages=self.wire_messages(),
            params=self.params(),
            timeouts=Timeouts(
                first_byte=self.first_byte_seconds,
                idle=self.idle_seconds,
                total=self.timeout_seconds,
            ),
            max_output_chars=self.max_output_chars,
        )
        result = await ctx.chat(request, self.provider)
        text = ctx.text
        output = text if self.output_schema is None else _parsed(text, self.output_schema, result)
        return Outcome(
            output=output,
            model=result.model,
            usage=result.usage or Usage(),
            finish_reason=result.finish_reason,
            request_id=result.request_id,
            note=_note(text, result),
        )


def _problems(chat: Chat) -> Iterator[Problem]:
    if chat.prompt is None and not chat.messages:
        yield Problem("prompt", "there is nothing to ask.", "Give a prompt or messages.")
    if chat.prompt is not None and not chat.prompt.strip() and not chat.messages:
        yield Problem("prompt", "the prompt is empty.", "Write one.")
    for index, file in enumerate(chat.files):
        if isinstance(file, str) and not has_reference(file):
            hint = f"Write File({file!r}), or a reference to an input that holds a file."
            yield Problem(f"files[{index}]", f"{file!r} is a text, not a file.", hint)
    if chat.output_schema is not None:
        why = _schema_fault(chat.output_schema)
        if why:
            yield Problem("output_schema", f"is no valid JSON schema: {why.rstrip('.')}.")
    for name in _NO_TEMPLATES:
        if any(references(getattr(chat, name))):
            what = "references are not filled in here."
            yield Problem(name, what, "They are sent as they are written.", "warning")


def _schema_fault(schema: dict[str, Any]) -> str:
    """Return why outputs can't be validated with a schema, or an empty text."""
    import jsonschema  # slow to load beside Jupyter's extras of it, and seldom needed

    try:
        jsonschema.validators.validator_for(schema).check_schema(schema)
        missing = next(_dangling(schema), None)
    except jsonschema.SchemaError as error:
        return error.message
    except Exception as error:  # noqa: BLE001  # a malformed schema may trip the library itself
        return _short(error)
    return f"its $ref {missing!r} leads nowhere" if missing else ""


def _dangling(schema: dict[str, Any]) -> Iterator[str]:
    """Yield the ``$ref`` of a schema that lead to nothing in it; nothing is fetched."""
    from referencing import Resource
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import DRAFT202012

    root: Any = Resource.from_contents(schema, default_specification=DRAFT202012)
    waiting = [(_registry().resolver_with_root(root), root)]
    while waiting:
        outer, resource = waiting.pop()
        resolver = outer.in_subresource(resource)
        target = resource.contents.get("$ref") if isinstance(resource.contents, dict) else None
        if isinstance(target, str):
            try:
                resolver.lookup(target)
            except Unresolvable:
                yield target
        waiting += [(resolver, one) for one in resource.subresources()]


def _registry() -> Any:
    """Return the schemas that need not be fetched; with jsonschema's own registry, all would be."""
    from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]

    return REGISTRY


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error)[:300]}"


def _file(value: Any, index: int) -> File:
    if isinstance(value, File):
        return value
    what = f"files[{index}] is {type(value).__name__}, not a file."
    raise FileRefused(what, hint='Give a File, such as File("report.pdf").')


def _attached(messages: list[dict[str, Any]], files: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the messages with files added to the last one of the user."""
    for message in reversed(messages):
        if message["role"] == "user":
            content = message["content"]
            parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
            message["content"] = [*parts, *files]
            return messages
    return [*messages, {"role": "user", "content": files}]


def _schema_name(chat: Chat) -> str:
    title = str((chat.output_schema or {}).get("title") or chat.name or "output")
    name = "".join(char if char.isalnum() or char in "_-" else "_" for char in title)
    return name[:64] if name.isascii() else "output"


def _note(text: str, result: ChatResult) -> Literal["truncated", "refused", "empty"] | None:
    if result.finish_reason == "length":
        return "truncated"
    if result.refusal:
        return "refused"
    return None if text else "empty"


def _parsed(text: str, schema: dict[str, Any], result: ChatResult) -> JsonValue:
    if result.refusal:
        raise ProviderError(
            "refusal",
            "The model refused to answer.",
            hint="Change the prompt, then retry.",
            request_id=result.request_id,
            detail=result.refusal,
        )
    cut = result.finish_reason == "length"
    try:
        value: JsonValue = json.loads(text) if cut else _json_in(text)
    except (ValueError, RecursionError) as error:
        why = "it was cut off at the token limit" if cut else str(error)
        hint = "Raise max_tokens, then retry." if cut else "Retry, or ask for less in the schema."
        raise OutputInvalid(f"The output is no JSON: {why}.", hint=hint) from None
    errors = _mismatches(schema, value)
    if errors:
        first = errors[0]
        where = ".".join(map(str, first.absolute_path)) or "output"
        more = f" and {len(errors) - 1} more" if len(errors) > 1 else ""
        what = f"The output does not match its schema. {where}: {first.message[:300]}{more}."
        raise OutputInvalid(what, hint="Retry, or change the schema.")
    return value


def _json_in(text: str) -> JsonValue:
    """Return the JSON document that an answer is, or the one that stands in it, in a fence or in prose.

    Raises:
        ValueError, RecursionError: There is none; the message is about the whole answer.
    """
    try:
        whole: JsonValue = json.loads(text)
        return whole
    except ValueError:
        if text.lstrip()[:1] in ("{", "["):  # it is meant as a whole, and broken
            raise
        decoder = json.JSONDecoder()
        starts = (match.start() for match in re.finditer(r"[{\[]", text))
        for start in islice(starts, _MAX_STARTS):
            with suppress(ValueError):
                found: JsonValue
                found, _ = decoder.raw_decode(text, start)
                if found:
                    return found
        raise


def _mismatched_pattern(
    validator: Any, pattern: str, value: Any, _schema: Any
) -> Iterator[Exception]:
    """Yield that a text does not match a pattern, as the library would, but within a time."""
    import jsonschema

    if validator.is_type(value, "string") and not found_in(pattern, value, chars=len(value)):
        yield jsonschema.ValidationError(f"{value!r} does not match {pattern!r}")


_MAX_STARTS = 50
"""How many brackets of an answer are looked at as the possible beginning of its data."""


def _mismatches(schema: dict[str, Any], value: JsonValue) -> list[Any]:
    """Return what of a value does not match a schema, in the order of the places.

    Raises:
        OutputInvalid: The schema itself can't be used, such as one with a ``$ref`` to nothing.
    """
    import jsonschema

    try:
        kind = jsonschema.validators.validator_for(schema)
        rules = {"pattern": _mismatched_pattern}
        checked = jsonschema.validators.extend(kind, rules)  # type: ignore[no-untyped-call]  # theirs
        validator = checked(schema, registry=_registry())
        found = list(validator.iter_errors(value))
    except Exception as error:  # noqa: BLE001  # whatever a broken schema makes the library raise
        what = f"The output can't be compared with its schema. {_short(error)}."
        raise OutputInvalid(what, hint="Correct output_schema.") from None
    return sorted(found, key=lambda one: list(map(str, one.absolute_path)))
