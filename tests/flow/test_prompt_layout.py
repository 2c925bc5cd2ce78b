from __future__ import annotations

import doctest

import pytest

from flow_widgets.flow import prompt_layout
from flow_widgets.flow.prompt_layout import context_text, laid_out


def test_the_examples_are_true():
    assert doctest.testmod(prompt_layout).failed == 0


def test_a_prompt_alone_stays_as_it_is():
    assert laid_out(" Why? ") == (" Why? ", ())


def test_context_data_and_prompt_stand_under_their_headings():
    layout = laid_out("Why?", context=["a", "b"], data={"n": 1})

    assert layout.text == (
        'Context:\na\nb\n\nAdditional Data:\n{\n  "n": 1\n}\n\nUser Request:\nWhy?'
    )


@pytest.mark.parametrize("empty", [None, "", {}, []])
def test_what_is_empty_has_no_heading(empty):
    assert laid_out("Why?", context=[], data=empty).text == "Why?"


@pytest.mark.parametrize(
    ("context", "text"),
    [
        (None, ""),
        ("said", "said"),
        (["a", 1], "a\n1"),
        ([{"role": "user", "content": "Hi"}, {"content": "Ho"}], "user: Hi\nuser: Ho"),
        ({"role": "system", "content": ["x"]}, 'system: ["x"]'),
        ([{"other": 1}], '{"other": 1}'),
    ],
)
def test_context_becomes_lines(context, text):
    assert context_text(context) == text


@pytest.mark.parametrize(
    ("wrapper", "text"),
    [
        ("Say {prompt}!", "Say P!"),
        ("{context}|{data}|{additional_data}", "c|D|D"),
        ("{name} of {n}: {prompt}", "Ada of [1]: P"),
        ('Like {{"a": 1}}: {prompt}', 'Like {"a": 1}: P'),
        ('Like {"a": {"b": "{prompt}"}}', 'Like {"a": {"b": "P"}}'),
        ("One } of {prompt}", "One } of P"),
        ("{prompt!r} {prompt:>9} {prompt}", "{prompt!r} {prompt:>9} P"),
        ("{prompt.__class__} {prompt}", "{prompt.__class__} P"),
        ("{} {prompt}", "{} P"),
        ("Be brief.", "Be brief.\n\nUser: P"),
        ("  {prompt}\n", "P"),
        ("", "Context:\nc\n\nAdditional Data:\nD\n\nUser Request:\nP"),
    ],
)
def test_a_wrapper_is_filled_in_and_keeps_its_other_braces(wrapper, text):
    layout = laid_out("P", context="c", data="D", wrapper=wrapper, values={"name": "Ada", "n": [1]})

    assert layout == (text, ())


def test_values_are_not_looked_at_again():
    assert laid_out("{name}", wrapper="{prompt}", values={"name": "x"}).text == "{name}"


def test_a_wrapper_that_names_what_is_not_there_is_left_out():
    layout = laid_out("P", context="c", wrapper="{nme} {prompt} {nme} {b}", values={"name": "x"})

    assert layout == ("Context:\nc\n\nUser Request:\nP", ("nme", "b"))
