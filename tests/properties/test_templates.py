"""Any text is a template, and means what it says."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import unquote

from hypothesis import example, given
from hypothesis import strategies as st

from flow_widgets.errors import MissingReference
from flow_widgets.flow.template import Reference, as_text, parse, render

REFERENCE = re.compile(r"(\\*)(\{\{\s*[A-Za-z_][\w-]*(?:\.[\w-]+)*\s*\}\})")
names = st.from_regex(r"[A-Za-z_][\w-]{0,6}", fullmatch=True)
parts = st.from_regex(r"[\w-]{1,6}", fullmatch=True)
paths = st.builds(lambda first, rest: (first, *rest), names, st.lists(parts, max_size=3))
spaces = st.sampled_from(("", " ", "  ", "\n"))
plain = st.text(st.sampled_from("ab$ {}\\.\n😀"), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just("{{name}}"),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)


def written(path: tuple[str, ...], space: str = "") -> str:
    return f"{{{{{space}{'.'.join(path)}{space}}}}}"


def escaped(text: str) -> str:
    return REFERENCE.sub(lambda match: match[1] * 2 + "\\" + match[2], text)


@given(st.text() | st.text(st.sampled_from("{} \\a.$")))
def test_T1_a_text_without_a_path_in_braces_is_unchanged(text: str) -> None:
    text = text.replace("{{", "") if REFERENCE.search(text) else text

    assert render(text, lambda reference: 1 / 0) == text


@given(
    st.lists(st.one_of(st.from_regex(r"[^{}\\]{1,5}", fullmatch=True), paths), max_size=6), spaces
)
def test_T1_parsing_what_was_written_gives_the_same_pieces(pieces: list[Any], space: str) -> None:
    text = "".join(written(one, space) if isinstance(one, tuple) else one for one in pieces)

    parsed = parse(text)

    assert [one.path for one in parsed if isinstance(one, Reference)] == [
        one for one in pieces if isinstance(one, tuple)
    ]
    assert (
        "".join(one if isinstance(one, str) else written(one.path, space) for one in parsed) == text
    )
    assert "" not in parsed


@given(paths, values)
def test_T3_a_template_of_one_reference_gives_the_value_itself(path: Any, value: Any) -> None:
    assert render(written(path), lambda reference: value) is value


@given(paths, values)
def test_T4_among_other_text_a_value_is_written_out(path: Any, value: Any) -> None:
    result = render(f"<{written(path)}>", lambda reference: value)

    assert result == f"<{as_text(value)}>"
    assert isinstance(value, str) or json.loads(as_text(value)) == value


@given(st.lists(paths, min_size=1, max_size=4), plain)
@example([("a",)], "{{b}}")
def test_T6_a_result_is_never_expanded_again(found: list[Any], value: str) -> None:
    asked: list[tuple[str, ...]] = []

    def lookup(reference: Reference) -> str:
        asked.append(reference.path)
        return "{{" + value + "}}"

    result = render(" ".join(map(written, found)), lookup)

    assert asked == found
    assert result == " ".join("{{" + value + "}}" for _ in found)


@given(st.lists(st.one_of(plain, paths), max_size=5))
def test_T2_a_backslash_makes_a_reference_text_and_two_write_one(pieces: list[Any]) -> None:
    text = "".join(written(one) if isinstance(one, tuple) else one for one in pieces)

    assert render(escaped(text), lambda reference: 1 / 0) == text


@given(st.recursive(plain, lambda inner: st.lists(inner) | st.dictionaries(plain, inner)))
def test_T7_only_the_strings_of_a_value_are_rendered(value: Any) -> None:
    assert render(all_escaped(value), lambda reference: 1 / 0) == value


def all_escaped(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: all_escaped(item) for key, item in value.items()}
    return escaped(value) if isinstance(value, str) else [all_escaped(item) for item in value]


@given(st.lists(paths, min_size=1, max_size=4, unique=True), st.data())
def test_T8_the_first_path_with_a_value_is_taken(found: list[Any], data: Any) -> None:
    known = data.draw(st.sets(st.sampled_from(found), min_size=1))

    def lookup(reference: Reference) -> Any:
        if reference.path not in known:
            raise MissingReference(str(reference), "missing")
        return reference.path

    text = "{{" + " ?? ".join(".".join(path) for path in found) + "}}"

    assert render(text, lookup) == next(path for path in found if path in known)


@given(values, st.sampled_from(("url", "json")))
def test_T9_whatever_the_value_a_url_and_a_json_document_keep_their_shape(
    value: Any, kind: Any
) -> None:
    if kind == "json":
        text = render('{"a": {{x}}, "b": "{{x}}"}', lambda reference: value, kind)
        assert json.loads(text) == {"a": value, "b": as_text(value)}
    else:
        text = render("https://x.y/{{x}}/end", lambda reference: value, kind)
        start, middle, end = text.rpartition("/")[0].rpartition("/")
        assert (start, middle) == ("https://x.y", "/")
        assert unquote(end) == as_text(value)
