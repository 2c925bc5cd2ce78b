"""The mark of a class's code: another when it does something else, the same wherever it stands."""

from __future__ import annotations

import functools
import gc
import os
import subprocess
import sys
import textwrap
import weakref
from pathlib import Path
from typing import Any, Literal

import pytest

from flow_widgets.actions.chat import Chat
from flow_widgets.actions.loop import Loop
from flow_widgets.flow import code_mark as module
from flow_widgets.flow.code_mark import action_code, code_mark
from flow_widgets.flow.model import Action, Flow


def made(source: str, *, lines: int = 0, **names: Any) -> type:
    """Return the class ``Mine`` of a text, as a cell of a notebook would, some lines further down."""
    space = {"__name__": "__main__", "functools": functools, **names}
    text = "\n" * lines + textwrap.dedent(source)
    exec(compile(text, f"<cell {lines}>", "exec", dont_inherit=True), space)
    return space["Mine"]


RUN = """
class Mine:
    limit = 3
    def run(self, ctx):
        return [part for part in ctx if part in {"a", "b"}]
"""


def test_R17_classes_of_flow_widgets_have_no_mark():
    assert code_mark(Chat) == ""
    assert action_code(Chat(prompt="x")) == ""


def test_R17_a_class_that_is_defined_again_has_the_same_mark():
    assert code_mark(made(RUN)) == code_mark(made(RUN)) != ""


def test_R17_lines_files_and_comments_are_no_difference():
    commented = RUN.replace("    def run", "\n    # why\n    def run")

    assert code_mark(made(RUN, lines=9)) == code_mark(made(commented)) == code_mark(made(RUN))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("ctx if", "ctx.all if"),
        ('{"a", "b"}', '{"a", "c"}'),
        ("limit = 3", "limit = 4"),
        ("limit = 3", "limit = [3]"),
        ("limit = 3", "limit = {'a': 3}"),
        ("limit = 3", "other = 3"),
        ("self, ctx", "self, ctx, *, more=1"),
        ("class Mine:", "class Mine(Exception):\n    def stop(self): pass"),
    ],
)
def test_R17_what_makes_a_difference_gives_another_mark(old, new):
    assert code_mark(made(RUN.replace(old, new))) != code_mark(made(RUN))


METHODS = """
class Mine:
    @classmethod
    def one(cls): return 1
    @staticmethod
    def two(): return 2
    @property
    def three(self): return 3
    @three.setter
    def three(self, value): self.value = 33
    @functools.cached_property
    def four(self): return 4
    @functools.lru_cache
    def five(self): return 5
"""


@pytest.mark.parametrize("number", ["1", "2", "3\n", "33", "4", "5"])
def test_R17_every_kind_of_method_counts(number):
    assert code_mark(made(METHODS.replace(number, "77\n", 1))) != code_mark(made(METHODS))


CLOSED = """
def wrapping(function, word):
    def wrapped(self):
        return function(self), word
    return wrapped

class Mine:
    def run(self):
        return 1
    run = wrapping(run, "a")
"""


def test_R17_what_a_decorator_holds_counts():
    marks = {code_mark(made(CLOSED))}
    marks |= {code_mark(made(CLOSED.replace("return 1", "return 2")))}
    marks |= {code_mark(made(CLOSED.replace('"a"', '"b"')))}

    assert len(marks) == 3


def test_R17_classes_of_the_user_that_it_inherits_from_count():
    text = "class Base:\n    def run(self): return 1\nclass Mine(Base): pass"

    assert code_mark(made(text)) != code_mark(made(text.replace("1", "2")))


def test_R17_a_variable_that_is_not_set_and_a_function_in_itself_are_no_obstacle():
    empty = "def f():\n  class Mine:\n    def run(self): return later\n  return Mine\n  later = 1"
    looped = """
def f():
    def again(self): return again
    class Mine:
        run = again
    return Mine
Mine = f()
"""

    assert code_mark(made(f"{empty}\nMine = f()"))
    assert code_mark(made(looped)) == code_mark(made(looped, lines=3))


def test_R17_a_class_that_nothing_can_be_told_of_has_a_mark_by_its_name():
    text = "class Mine:\n    limit = []\n    limit.append(limit)"

    assert code_mark(made(text)) == code_mark(made(text)) != ""


def test_R17_the_mark_is_the_same_in_every_process():
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import test_code_mark as t;"
        "print(t.code_mark(t.made(t.RUN)))"
    )
    marks = {
        subprocess.run(
            [sys.executable, "-c", program, str(Path(__file__).parent)],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout.strip()
        for seed in ("1", "2")
    }

    assert marks == {code_mark(made(RUN))}


def test_a_mark_is_made_once_and_does_not_keep_its_class(monkeypatch):
    mine = made(RUN)
    mark = code_mark(mine)
    monkeypatch.setattr(module, "_made", lambda cls: "another")
    assert code_mark(mine) == mark

    gone = weakref.ref(mine)
    del mine
    gc.collect()

    assert gone() is None


class Mine(Action):
    type: Literal["test_code_mark"] = "test_code_mark"

    async def run(self, ctx: Any) -> None:
        """Do nothing."""


def test_R17_the_code_of_an_action_counts_the_actions_inside_it():
    plain = Loop(over=[1], body=Flow(steps=[Chat(prompt="x")]))
    inside = Loop(over=[1], body=Flow(steps=[[Chat(prompt="x"), Mine()]]))

    assert action_code(plain) == ""
    assert action_code(inside) != ""
    assert action_code(Mine()) == code_mark(Mine)
