from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest
from context import FakeContext, faults, output

from flow_widgets.actions import code as module
from flow_widgets.actions.base import Permissions
from flow_widgets.actions.code import Code
from flow_widgets.engine.runner import FlowRunner
from flow_widgets.errors import CodeFailed, CodeNotAllowed, InvalidFlow
from flow_widgets.flow.model import Flow

monty = pytest.importorskip("pydantic_monty")


def allowed() -> FakeContext:
    return FakeContext(permissions=Permissions(custom_code=True))


async def result(code, **fields):
    return await output(Code(code=code, **fields), allowed())


async def failure(code, **fields) -> CodeFailed:
    with pytest.raises(CodeFailed) as caught:
        await result(code, **fields)
    return caught.value


class Ticker:
    """Counts how often the loop comes round, and the longest time that it did not."""

    def __init__(self):
        self.longest = 0.0

    async def __aenter__(self):
        self._task = asyncio.ensure_future(self._tick())
        return self

    async def __aexit__(self, *_):
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _tick(self):
        loop = asyncio.get_running_loop()
        last = loop.time()
        while True:
            await asyncio.sleep(0.01)
            self.longest = max(self.longest, loop.time() - last)
            last = loop.time()


async def test_code_is_off_unless_the_owner_allows_it():
    with pytest.raises(CodeNotAllowed, match="allow_custom_code=True"):
        await output(Code(code="1"))


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("1 + 1", 2),
        ("x = 3", None),
        ("output['a'] = 1", {"a": 1}),
        ("output['a'] = 1\nprint(output)", {"a": 1}),
        ("output['a'] = 1\nlen('abc')", {"a": 1}),
        ("output = [1, 2]", [1, 2]),
        ("output = {}\n5", {}),
        ("5\noutput = None", None),
        ("[n * 2 for n in range(3)]", [0, 2, 4]),
        ("total = 0\nfor n in inputs['ns']:\n    total += n\ntotal", 6),
        ("ns[1:]", [2, 3]),
        ("inputs['odd name']", "é"),
        ("class_ = inputs['class']\nclass_", 7),
        ("def twice(n):\n    return n * 2\n\ntwice(ns[0])", 2),
        ("x = 'é'; (\n  x +\n  x\n)", "éé"),
        ("x = {'a': [1]}\nx['a'][0] += 1\r\nx", {"a": [2]}),
        ("len = 5\nlen  # renamed", 5),
        ("import json, math, re\nmath.floor(2.5)", 2),
        ("async def f():\n    return 3\n\nawait f()", 3),
        ("(1, 'a', None, True)", [1, "a", None, True]),
        ("'a\\u2028b'\n", "a\u2028b"),
        ("'\x0c'", "\x0c"),
        ("'''a\nb'''", "a\nb"),
        ("None", None),
        ("{'output': hyperparameters['k']}", {"output": 2}),
    ],
)
async def test_the_result_is_output_or_the_last_line(code, expected):
    given = {"ns": [1, 2, 3], "odd name": "é", "class": 7, "hyperparameters": {"k": 2}}

    assert await result(code, inputs=given) == expected


async def test_inputs_are_filled_in_and_the_code_is_not():
    action = Code(code="name + '{{inputs.name}}'", inputs={"name": "{{inputs.name}}"})

    assert await output(action, _with(inputs={"name": "Ada"})) == "Ada{{inputs.name}}"


def _with(**values) -> FakeContext:
    return FakeContext(values, permissions=Permissions(custom_code=True))


async def test_what_is_printed_goes_to_the_log():
    ctx = allowed()

    await output(Code(code="print('one')\nprint('two', 3)"), ctx)

    assert ctx.logged == [("info", "one"), ("info", "two 3")]


async def test_what_was_printed_before_an_error_goes_to_the_log():
    ctx = allowed()

    with pytest.raises(CodeFailed, match="In line 2 of the code: ZeroDivisionError"):
        await output(Code(code="print('one')\n1 / 0"), ctx)

    assert ctx.logged == [("info", "one")]


async def test_a_long_log_is_cut():
    ctx = allowed()

    await output(Code(code="print('a' * 5000)\nfor n in range(600):\n    print(n)"), ctx)

    assert len(ctx.logged) == module.MAX_PRINTED_LINES + 1
    assert len(ctx.logged[0][1]) == module.MAX_LINE_CHARS + 1
    assert ctx.logged[-1][1] == "… 101 more lines were printed."


@pytest.mark.parametrize(
    "code",
    [
        "while True:\n    pass",
        "import time\ntime.sleep(30)",
        "import asyncio\nawait asyncio.sleep(30)",
        "import re\nfor n in range(10**9):\n    re.match('(a+)+$', 'a' * 99)",
        "while True:\n    try:\n        x = 1\n    except BaseException:\n        pass",
    ],
)
async def test_the_limit_of_time_is_named_and_the_loop_goes_on(code):
    async with Ticker() as ticker:
        error = await failure(code, seconds=0.2)

    assert (error.kind, error.what) == ("code_limit", "The code ran longer than 0.2 s, its limit.")
    assert ticker.longest < 0.5


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("x = []\nwhile True:\n    x.append('a' * 100000)", "more than 20 MB of memory"),
        ("'a' * 10**11", "more than 20 MB of memory"),
        ("9 ** 9 ** 9", "more than 20 MB of memory"),
        ("[0] * 6_000_000", "more than 20 MB of memory"),
        ("def f(n):\n    return f(n + 1)\n\nf(0)", "more than 500 deep"),
        ("print('x' * 1_000_000)", "printed more than 200,000 characters"),
        ("while True:\n    print('x' * 1000)", "printed more than 200,000 characters"),
        ("'a' * 2000", "over the limit of 1,000 characters"),
        ("output['a'] = list(range(10000))", "over the limit of 1,000 characters"),
    ],
)
async def test_every_limit_is_named_and_the_loop_goes_on(code, words):
    async with Ticker() as ticker:
        error = await failure(code, seconds=60, memory_mb=20, max_output_chars=1000)

    assert error.kind == "code_limit"
    assert words in error.what
    assert ticker.longest < 0.5


async def test_prints_beyond_the_limit_end_the_code_and_are_not_kept():
    prints = module._Prints()

    async def printing():
        async with prints.timer:
            for text in ("a" * 199_999, "bbb", "c"):
                prints("stdout", text)
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await printing()
    prints._end()

    assert "".join(prints.texts) == "a" * 199_999 + "b"


async def test_code_that_ended_before_its_prints_were_counted_fails_too(monkeypatch):
    async def printed(self, library, source, prints):
        prints("stdout", "a" * 200_001)
        return "null"

    monkeypatch.setattr(Code, "_result", printed)

    assert "printed more than 200,000 characters" in (await failure("1")).what


async def test_a_small_value_that_is_endless_as_text_does_not_leave_the_sandbox():
    code = "x = [1] * 10\nfor n in range(9):\n    x = [x] * 10\nx"

    assert "more than 5 MB of memory" in (await failure(code, seconds=60, memory_mb=5)).what


async def test_a_sandbox_that_does_not_keep_its_time_is_killed(monkeypatch):
    monkeypatch.setattr(module, "GRACE_SECONDS", -29.9)

    error = await failure("while True:\n    pass", seconds=30)

    assert (error.kind, error.what) == ("code_limit", "The code ran longer than 30 s, its limit.")


def test_a_sandbox_that_was_killed_for_its_time_is_told_so():
    class Crashed(Exception):
        timed_out = True

    assert "ran longer than 10 s" in module._failure(Code(code="1"), Crashed("gone")).what


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("open('/etc/passwd').read()", "no files, no environment and no network"),
        ("import os\nos.environ['HOME']", "no files, no environment and no network"),
        ("import os\nos.listdir('/')", "no files, no environment and no network"),
        ("import socket", "only a part of the standard library"),
        ("import subprocess", "only a part of the standard library"),
        ("__import__('os')", "NameError"),
        ("().__class__.__bases__", "AttributeError"),
        ("raise ValueError('a' * 9000)", "…"),
        ("raise TimeoutError('mine')", "TimeoutError: mine"),
        ("{1, 2}", "no JSON data: Object of type set is not JSON serializable."),
        ("x = []\nx.append(x)\nx", "no JSON data: Circular reference detected."),
        ("float('nan')", "no JSON data: Out of range float values"),
        ("x = []\nfor n in range(2000):\n    x = [x]\nx", "no JSON data: maximum recursion depth"),
        ("x = []\nfor n in range(300):\n    x = [x]\nx", "no JSON data: recursion limit"),
        ("del output", "does not yet support the 'del' statement"),
        ("_flow_blank.pop('x')", "KeyError"),
        ("x = (\n1", "The code can't be read: line 1: '(' was never closed."),
        ("x = 1\n  y = 2", "line 2: unexpected indent."),
        ("x = '\0'", "The code can't be read: "),
        ("(" * 5000, "The code can't be read: "),
        ("-" * 90_000 + "1", "The code can't be read: it is too deeply nested"),
    ],
)
async def test_what_the_code_does_wrong_is_told(code, words):
    error = await failure(code)

    assert error.kind == "code_error"
    assert words in str(error)
    assert len(str(error)) < 800


async def test_renamed_functions_do_not_make_the_result_larger():
    code = "_flow_json = None\nstr = len = print\noutput = 'a' * 5000"

    assert (await failure(code, max_output_chars=100)).kind == "code_limit"


async def test_inputs_that_are_too_large_for_the_sandbox_are_told():
    error = await failure("1", inputs={"text": "a" * 3_000_000}, memory_mb=2)

    assert "more than 2 MB of memory" in error.what


def workers() -> list[Path]:
    """Return the processes of sandboxes that this process has started."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = stat.read_text().partition("(")[2].rpartition(")")
        except OSError:
            continue
        if name == "monty" and rest.split()[1] == str(os.getpid()):
            found.append(stat.parent)
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="it looks into /proc")
async def test_canceling_ends_the_process_which_never_had_our_environment(monkeypatch):
    monkeypatch.setenv("SOME_TOKEN", "s3cret")
    task = asyncio.ensure_future(result("while True:\n    pass", seconds=60))
    while not workers():  # noqa: ASYNC110  # the process tells nobody that it has started
        await asyncio.sleep(0.01)
    environment = workers()[0].joinpath("environ").read_bytes()

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert b"SOME_TOKEN" not in environment
    async with asyncio.timeout(5):
        while workers():  # noqa: ASYNC110  # nor that it has ended
            await asyncio.sleep(0.01)


async def test_many_run_at_once():
    found = await asyncio.gather(*(result(f"{n} * 2") for n in range(12)))

    assert found == [n * 2 for n in range(12)]


def test_syntax_is_checked_without_running_anything():
    assert faults(Code(code="x = 1\nif x\n    y = 2")) == [("code", "line 2: expected ':'.")]
    assert faults(Code(code="1 / 0\nwhile True: pass")) == []
    assert faults(Code(code="'\\d'")) == []
    assert faults(Code(code=" ")) == [("code", "there is nothing to run.")]


def test_a_return_outside_of_a_function_is_told():
    code = "def f():\n    return 1\n\nif f():\n    return 2"

    assert faults(Code(code=code)) == [("code", "line 5: return stands outside of a function.")]


def test_a_reference_in_the_code_is_warned_of():
    (problem,) = Code(code="x = '{{steps.0.output}}'").problems()

    assert (problem.severity, problem.what) == ("warning", "references are not filled in here.")
    assert faults(Code(code="f'{{x}}'")) == []


async def test_a_missing_package_is_told_with_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "pydantic_monty", None)
    monkeypatch.setattr(module, "find_spec", lambda _: None)

    assert Code(code="1").problems()[0].hint == 'Run: pip install "flow_widgets[code]"'
    error = await failure("1")
    assert (error.kind, error.hint) == ("not_configured", 'Run: pip install "flow_widgets[code]"')


async def test_a_worker_that_can_not_be_started_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("MONTY_BIN", str(tmp_path / "none"))

    assert (await failure("1")).kind == "not_configured"


async def test_a_worker_that_dies_fails_the_action(monkeypatch, tmp_path):
    binary = tmp_path / "monty"
    binary.write_text("#!/bin/sh\nexit 3\n")
    binary.chmod(0o755)
    monkeypatch.setenv("MONTY_BIN", str(binary))

    assert (await failure("1")).what.startswith(("The code failed: ", "The sandbox "))


async def test_the_runner_runs_code_when_it_is_allowed():
    flow = Flow(inputs={"n": 2}, steps=[Code(code="n * 2", inputs={"n": "{{inputs.n}}"})])

    with pytest.raises(InvalidFlow, match="allow_custom_code=True"):
        FlowRunner(flow).run_flow()
    allowed_run = await FlowRunner(flow, allow_custom_code=True).run_flow()

    assert allowed_run.steps[0].output == 4
