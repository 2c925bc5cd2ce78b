"""Custom Python, run by Monty, an interpreter without a way out, in a process of its own.

Theory of operation. The process is Monty's worker: it has an empty environment, no files and no
network, and is killed when the run is canceled; nothing of the flow's code runs in ours. Its
interpreter counts memory, time, calls and prints, and stops the code at the limit of each. What the
code returns may be small there and endless here (a list that holds itself a million times), so it
leaves the worker as JSON text that was made, and cut off, under the same limits.
"""

from __future__ import annotations

import ast
import asyncio
import keyword
import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal

import jiter
from pydantic import Field

from flow_widgets.actions.base import Action, Context, Outcome, Permissions
from flow_widgets.errors import CodeFailed, CodeNotAllowed, Problem
from flow_widgets.flow.data import JsonValue
from flow_widgets.flow.template import Templated, references

MAX_PRINTED_CHARS = 200_000
MAX_PRINTED_LINES = 500
"""How many lines of what the code prints go to the log."""
MAX_LINE_CHARS = 2_000
MAX_CALLS_DEEP = 500
MAX_MESSAGE_CHARS = 500
GRACE_SECONDS = 1.0
"""How much later than the interpreter's own limit its process is killed."""

_SCOPES = frozenset({"inputs", "steps", "flow"})
_RESERVED = frozenset({"inputs", "output"})
_OURS = "_flow_"
"""How the names begin that are added to those of the code."""


class Code(Action):
    """Runs Python that stands in the flow, in a sandbox.

    Each of ``inputs`` is a variable, and ``inputs`` is all of them. The output is what ``output``
    holds when the code has assigned or filled it (it begins as an empty dict), else the value of the
    last line when that is an expression. It must be JSON data. What is printed goes to the log.
    References stand in ``inputs``, never in the code.
    """

    type: Literal["code"] = "code"
    code: str = Field(max_length=100_000)
    """The Python to run."""
    inputs: Templated[dict[str, JsonValue]] = Field(default_factory=dict)
    """The names that the code finds, with their values."""
    seconds: float = Field(default=10.0, gt=0, le=300)
    """How long it may run."""
    memory_mb: int = Field(default=100, ge=1, le=4096)
    """How much memory it may take, in megabytes."""
    max_output_chars: int = Field(default=1_000_000, gt=0)
    """How large the output may be, as JSON."""

    def problems(self) -> Sequence[Problem]:
        """Return what is wrong with the code, which is read and not run, and what it needs."""
        found = list(_syntax_problems(self.code))
        if not self.code.strip():
            found.append(Problem("code", "there is nothing to run.", "Write some Python."))
        if any(reference.path[0] in _SCOPES for reference in references(self.code)):
            hint = 'Write inputs={"name": "{{…}}"}, and use the variable name in the code.'
            what = "references are not filled in here."
            found.append(Problem("code", what, hint, "warning"))
        if find_spec("pydantic_monty") is None:
            found.append(Problem("code", _MISSING, _INSTALL))
        return found

    def refusals(self, permissions: Permissions) -> Sequence[Problem]:
        """Return that code may not run, unless it may."""
        if permissions.custom_code:
            return ()
        what = "This flow holds code, and code of flows is not run here."
        hint = "If you trust it, pass allow_custom_code=True to FlowRunner or FlowWidget."
        return (Problem("code", what, hint),)

    async def run(self, ctx: Context) -> Outcome:
        """Run the code and return its result.

        Raises:
            CodeNotAllowed: The owner did not allow code.
            CodeFailed: It raised, came to a limit, or returned what is no JSON data.
        """
        for refused in self.refusals(ctx.permissions):
            raise CodeNotAllowed(refused.what, hint=refused.hint)
        monty = _library()
        source = _keeping_result(self.code)
        prints = _Prints()
        try:
            async with asyncio.timeout(self.seconds + GRACE_SECONDS) as prints.timer:
                text = await self._result(monty, source, prints)
        except TimeoutError:
            raise (_too_much() if prints.is_over else _too_long(self.seconds)) from None
        except monty.MontyError as error:
            raise _failure(self, error) from None  # its traceback holds the code of the sandbox
        finally:
            _log_prints(ctx, "".join(prints.texts))
        if prints.is_over:
            raise _too_much()
        return Outcome(output=_parsed(text, self.max_output_chars))

    async def _result(self, monty: Any, source: str, prints: _Prints) -> str:
        """Run the code in a new worker and return its result as JSON text, cut one beyond the limit."""
        limits = {
            "max_feed_duration_secs": self.seconds,
            "max_total_sleep_secs": self.seconds,
            "max_memory": self.memory_mb * 1_000_000,
            "max_recursion_depth": MAX_CALLS_DEEP,
        }
        try:
            async with (
                monty.AsyncMonty(min_processes=1, max_processes=1) as pool,
                pool.checkout(limits=limits, script_name="code") as session,
            ):
                await session.feed_run(source, inputs=self._variables(), print_callback=prints)
                last = _LAST.format(stop=self.max_output_chars + 1)
                return str(await _json(monty, session, last))
        except CodeFailed:
            raise
        except (OSError, RuntimeError) as error:  # those of the code are MontyErrors
            what = f"The sandbox can't be started: {error}."
            raise CodeFailed(what, hint=_INSTALL, kind="not_configured") from error

    def _variables(self) -> dict[str, Any]:
        given = dict(self.inputs) if isinstance(self.inputs, dict) else {}
        named = {name: value for name, value in given.items() if _is_variable(name)}
        blank: dict[str, Any] = {}
        ours = {f"{_OURS}blank": blank, f"{_OURS}result": None}
        return {**named, "inputs": given, "output": blank, **ours}


class _Prints:
    """Keeps what the code prints, and ends it at the limit; Monty's own limit only stops keeping."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.timer = asyncio.timeout(None)
        self.is_over = False
        self._left = MAX_PRINTED_CHARS
        self._loop = asyncio.get_running_loop()

    def __call__(self, stream: str, text: str) -> None:
        """Take a piece of print, in whatever thread Monty is."""
        if self.is_over:
            return
        self.texts.append(text[: self._left])
        self._left -= len(text)
        self.is_over = self._left < 0
        if self.is_over:
            self._loop.call_soon_threadsafe(self._end)

    def _end(self) -> None:
        with suppress(RuntimeError):  # the code has ended meanwhile
            self.timer.reschedule(self._loop.time())


_LAST = f"""\
import json as {_OURS}json
{_OURS}json.dumps(
    output if output is not {_OURS}blank or output else {_OURS}result,
    ensure_ascii=False, allow_nan=False,
)[:{{stop}}]
"""
"""Makes JSON of the result. It calls no builtin, which the code could have named anew."""

_MISSING = "code needs a package that is not installed."
_INSTALL = 'Run: pip install "flow_widgets[code]"'


def _library() -> Any:
    try:
        return import_module("pydantic_monty")
    except ImportError as error:
        raise CodeFailed(f"Running {_MISSING}", hint=_INSTALL, kind="not_configured") from error


async def _json(monty: Any, session: Any, source: str) -> Any:
    """Return the JSON text of the result.

    Raises:
        CodeFailed: It is no JSON data.
    """
    try:
        return await session.feed_run(source)
    except monty.MontyRuntimeError as error:
        inner = error.exception()
        if not isinstance(inner, (TypeError, ValueError, RecursionError)):
            raise
        what = f"The output of the code is no JSON data: {_cut(str(inner))}."
        hint = "Return dicts, lists, texts, numbers or None."
        raise CodeFailed(what, hint=hint, kind="code_error") from None


def _parsed(text: str, limit: int) -> JsonValue:
    if len(text) > limit:
        what = f"The output of the code is over the limit of {limit:,} characters."
        raise CodeFailed(what, hint="Return less, or raise max_output_chars.", kind="code_limit")
    try:
        value: JsonValue = jiter.from_json(text.encode(), allow_inf_nan=False)
    except ValueError as error:
        what = f"The output of the code is no JSON data: {error}."
        raise CodeFailed(what, hint="Return less deeply nested data.", kind="code_error") from None
    return value


def _is_variable(name: str) -> bool:
    is_free = name not in _RESERVED and not name.startswith(_OURS)
    return name.isidentifier() and not keyword.iskeyword(name) and is_free


def _tree(code: str) -> ast.Module:
    """Return the parsed code; nothing of it is run.

    Raises:
        SyntaxError: It is no Python.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # such as for "\\d": ours is not the code to warn of
        try:
            return ast.parse(code)
        except (MemoryError, RecursionError, ValueError):
            raise SyntaxError("it is too deeply nested, or no text") from None


def _syntax_problems(code: str) -> Iterator[Problem]:
    try:
        tree = _tree(code)
    except SyntaxError as error:
        yield Problem("code", f"{_line(error.lineno)}{error.msg}.")
        return
    for line in _loose_returns(tree):
        hint = "The value of the last line is the output; write it without return."
        yield Problem("code", f"{_line(line)}return stands outside of a function.", hint)


def _loose_returns(tree: ast.Module) -> Iterator[int]:
    """Yield the lines of ``return`` statements that are in no function."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Return):
            yield node.lineno
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.expr)):
            waiting += reversed(list(ast.iter_child_nodes(node)))


def _keeping_result(code: str) -> str:
    """Return the code with its last line, when that is an expression, put into a variable.

    Raises:
        CodeFailed: It is no Python.
    """
    try:
        tree = _tree(code)
    except SyntaxError as error:
        what = f"The code can't be read: {_line(error.lineno)}{error.msg}."
        raise CodeFailed(what, kind="code_error") from None
    last = tree.body[-1] if tree.body else None
    if isinstance(last, ast.Expr):
        lines = code.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        row, column = last.lineno - 1, last.col_offset  # the column counts bytes
        line = lines[row].encode()
        lines[row] = f"{line[:column].decode()}{_OURS}result = {line[column:].decode()}"
        code = "\n".join(lines)
    return f"{code}\nNone\n"


def _line(number: int | None) -> str:
    return f"line {number}: " if number else ""


def _failure(action: Code, error: Any) -> CodeFailed:
    """Return what Monty raised as one of our errors."""
    words = _cut(error.display("type-msg") if hasattr(error, "traceback") else str(error))
    limit = _limit(action, error, words)
    if limit is not None:
        return limit
    frames = error.traceback() if hasattr(error, "traceback") else ()
    where = f"In line {frames[-1].line} of the code: " if frames else "The code failed: "
    hint = ""
    if "not supported in this environment" in words or words.startswith("PermissionError"):
        hint = "In its sandbox there are no files, no environment and no network."
    elif words.startswith("ModuleNotFoundError"):
        hint = "In its sandbox there is only a part of the standard library, such as json and math."
    return CodeFailed(f"{where}{words.rstrip('.')}.", hint=hint, kind="code_error")


def _limit(action: Code, error: Any, words: str) -> CodeFailed | None:
    """Return the error for a limit that the code came to, or None when it failed by itself."""
    if "time limit exceeded" in words or "sleep limit exceeded" in words:
        return _too_long(action.seconds)
    if getattr(error, "timed_out", False):
        return _too_long(action.seconds)
    if "memory limit" in words:
        what = f"The code used more than {action.memory_mb} MB of memory, its limit."
        return CodeFailed(what, hint="Keep less at once, or raise memory_mb.", kind="code_limit")
    if "maximum recursion depth" in words:
        what = f"The code called functions more than {MAX_CALLS_DEEP} deep, its limit."
        return CodeFailed(what, hint="Use a loop.", kind="code_limit")
    return None


def _too_long(seconds: float) -> CodeFailed:
    what = f"The code ran longer than {seconds:g} s, its limit."
    return CodeFailed(what, hint="Do less, or raise seconds.", kind="code_limit")


def _too_much() -> CodeFailed:
    what = f"The code printed more than {MAX_PRINTED_CHARS:,} characters, its limit."
    return CodeFailed(what, hint="Print less.", kind="code_limit")


def _cut(text: str) -> str:
    return text if len(text) <= MAX_MESSAGE_CHARS else f"{text[:MAX_MESSAGE_CHARS]}…"


def _log_prints(ctx: Context, printed: str) -> None:
    lines = printed.splitlines()
    for line in lines[:MAX_PRINTED_LINES]:
        ctx.log(line if len(line) <= MAX_LINE_CHARS else f"{line[:MAX_LINE_CHARS]}…")
    if len(lines) > MAX_PRINTED_LINES:
        ctx.log(f"… {len(lines) - MAX_PRINTED_LINES:,} more lines were printed.")
