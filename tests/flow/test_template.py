from __future__ import annotations

import json

import pytest
from pydantic import TypeAdapter, ValidationError

from flow_widgets.errors import FileRefused, InvalidValue, MissingReference, TemplateTooLarge
from flow_widgets.flow import template
from flow_widgets.flow.attachment import File
from flow_widgets.flow.template import (
    Reference,
    Templated,
    as_text,
    descend,
    has_reference,
    parse,
    references,
    render,
)

VALUES = {"name": "Ada", "age": 36, "user": {"email": "a@b.c", "tags": ["x", "y"]}}


def look(reference: Reference):
    return descend(VALUES, reference, 0)


def paths(value) -> list[str]:
    return [str(one) for one in references(value)]


def missing(value, path: str) -> str:
    with pytest.raises(MissingReference) as caught:
        descend(value, Reference(tuple(path.split("."))), 1)
    return str(caught.value)


@pytest.mark.parametrize(
    "text", ["{{name}}", "{{ name }}", "{{a.0.b-c}}", "{{_x}}", "{{\nname\t}}"]
)
def test_T1_a_path_in_double_braces_is_a_reference(text):
    assert has_reference(text)


@pytest.mark.parametrize(
    "text",
    [
        "{{}}",
        "{{a b}}",
        "{{1a}}",
        "{{a.}}",
        "{{$a}}",
        "{{a|upper}}",
        "{{#if a}}",
        '{{"a": 1}}',
        "{a}",
        "{{a}",
        "}}{{",
    ],
)
def test_T1_anything_else_in_braces_is_text(text):
    assert not has_reference(text)
    assert render(text, look) == text


def test_T1_a_text_is_split_into_pieces_none_of_them_empty():
    assert parse("{{a}}{{b.0}} and ") == (Reference(("a",)), Reference(("b", "0")), " and ")
    assert parse("") == ()


@pytest.mark.parametrize(
    ("text", "result"),
    [
        (r"\{{name}}", "{{name}}"),
        (r"\\{{name}}", r"\Ada"),
        (r"\\\{{name}}", r"\{{name}}"),
        (r"a\b {{name}} \{{ no }", r"a\b Ada \{{ no }"),
        ("{{{name}}}", "{Ada}"),
    ],
)
def test_T2_a_backslash_before_a_reference_makes_it_text(text, result):
    assert render(text, look) == result


def test_T3_a_template_of_one_reference_keeps_the_type():
    assert render("{{age}}", look) == 36
    assert render("{{ user.tags }}", look) == ["x", "y"]


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("Hi {{name}}!", "Hi Ada!"),
        ("{{age}} ", "36 "),
        ("<{{user.tags}}>", '<["x", "y"]>'),
        ("{{user.tags.1}}{{name}}", "yAda"),
    ],
)
def test_T4_among_text_a_value_becomes_text(text, result):
    assert render(text, look) == result


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("Ada", "Ada"),
        (None, "null"),
        (True, "true"),
        ({"é": 1.5}, '{"é": 1.5}'),
        (File.of(b"in it", name="a.txt"), "in it"),
    ],
)
def test_T4_strings_and_text_files_stand_as_they_are_all_else_as_json(value, text):
    assert as_text(value) == text


def test_T4_a_file_of_another_type_can_not_stand_inside_a_text():
    with pytest.raises(FileRefused):
        as_text(File.of(b"x", name="a.png"))


def test_T6_a_result_is_never_looked_at_again():
    assert render("{{x}} {{x}}", lambda reference: "{{name}}") == "{{name}} {{name}}"


def test_T7_strings_inside_dicts_and_lists_are_rendered_and_keys_are_not():
    value = {"{{name}}": ["{{age}}", ("{{name}}", 1)], "n": None}

    assert render(value, look) == {"{{name}}": [36, ["Ada", 1]], "n": None}
    assert paths(value) == ["age", "name"]
    assert paths(b"{{name}}") == paths(3) == []


def test_T7_a_text_that_grows_too_large_fails(monkeypatch):
    monkeypatch.setattr(template, "MAX_TEXT_CHARS", 5)

    with pytest.raises(TemplateTooLarge, match="A text of 6 characters is over the limit of 5"):
        render("{{name}}{{name}}", look)


def test_a_lookup_descends_through_dicts_and_lists_only():
    assert look(Reference(("user", "tags", "1"))) == "y"


@pytest.mark.parametrize(
    ("value", "path", "words"),
    [
        ({"name": 1}, "x.nam", "there is no 'nam'. Did you mean 'name'?"),
        ({}, "x.name", "there is no 'name'. 'x' is empty."),
        ([1, 2], "x.2", "'x' has 2 items, no '2'. Indices start at 0."),
        ([1, 2], "x.-1", "'x' has 2 items, no '-1'."),
        ("text", "x.a", "'x' is text and has no 'a'. Give its action an output_schema"),
        (3, "x.a", "'x' is int and has no 'a'."),
        (None, "x.a", "'x' is NoneType and has no 'a'."),
    ],
)
def test_a_path_that_leads_nowhere_says_what_there_is(value, path, words):
    assert words in missing(value, path)


def test_no_attribute_of_a_value_can_be_reached():
    assert "no '__class__'" in missing({}, "x.__class__")


def test_a_templated_field_takes_a_value_of_its_type_or_a_reference():
    adapter = TypeAdapter(Templated[float])

    assert [adapter.validate_python(value) for value in (2, "{{wait}}")] == [2.0, "{{wait}}"]
    with pytest.raises(ValidationError, match="neither a value of the right type nor"):
        adapter.validate_python("soon")


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("{{nope ?? name}}", "Ada"),
        ("{{ nope??age }}", 36),
        ("{{age ?? name}}", 36),
        ("<{{nope.x ?? nope ?? user.tags.0}}>", "<x>"),
        ("{{user.nope ?? name}}", "Ada"),
        ("{{a ?? 3}}", "{{a ?? 3}}"),
        ("{{a ??}}", "{{a ??}}"),
        (r"\{{nope ?? name}}", "{{nope ?? name}}"),
    ],
)
def test_T8_the_first_reference_that_has_a_value_is_taken(text, result):
    assert render(text, look) == result


def test_T8_when_none_has_a_value_all_are_named():
    with pytest.raises(MissingReference) as caught:
        render("{{nope ?? user.nope}}", look)

    assert caught.value.reference == "nope"
    assert caught.value.what == "{{nope ?? user.nope}}: none of these has a value."


def test_T8_every_one_of_them_is_a_reference():
    assert paths("{{a ?? b.c}} {{d}}") == ["a", "b.c", "d"]


NASTY = {"v": 'a b/"&?\\\n', "n": 2, "list": ["x"], "file": File.of(b'say "hi"', name="a.txt")}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("https://x.y/{{v}}?q={{n}}", "https://x.y/a%20b%2F%22%26%3F%5C%0A?q=2"),
        ("{{v}}", NASTY["v"]),
        ("{{v}}/{{v}}", NASTY["v"] + "/a%20b%2F%22%26%3F%5C%0A"),
        ("/{{list}}", "/%5B%22x%22%5D"),
    ],
)
def test_T9_in_a_url_values_are_percent_encoded(text, result):
    assert render(text, lambda one: NASTY[str(one)], "url") == result


V = NASTY["v"]


@pytest.mark.parametrize(
    ("text", "data"),
    [
        (
            '{"a": "{{v}}", "b": {{n}}, "c": {{list}}, "d": {{v}}}',
            {"a": V, "b": 2, "c": ["x"], "d": V},
        ),
        ('{"a": "<{{v}}>\\"{{v}}"}', {"a": f'<{V}>"{V}'}),
        (' [{{v}}, "{{list}}", {"{{v}}": {{file}}}]', [V, '["x"]', {V: 'say "hi"'}]),
        ('{"a": "{{file}}"}', {"a": 'say "hi"'}),
    ],
)
def test_T9_a_json_document_stays_one(text, data):
    assert json.loads(render(text, lambda one: NASTY[str(one)], "json")) == data


def test_T9_what_is_no_json_document_is_text():
    values = {"v": 'a "b"'}

    assert render("Say {{v}}", lambda one: values[str(one)], "json") == 'Say a "b"'
    assert render("{{v}} {", lambda one: values[str(one)], "json") == 'a "b" {'


@pytest.mark.parametrize(
    ("url", "values"),
    [
        ("https://a.de/users/{{x}}/edit", {"x": ".."}),
        ("https://a.de/users/{{x}}?q=1", {"x": "."}),
        ("https://a.de/{{x}}{{y}}/b", {"x": ".", "y": "."}),
        ("https://a.de/b/{{x}}..", {"x": ""}),
        ("https://a.de/b/%2E{{x}}", {"x": "."}),
        ("https://a.de/b/{{x}}#end", {"x": ".."}),
    ],
)
def test_T9_no_value_takes_a_part_of_a_path_away(url, values):
    with pytest.raises(InvalidValue, match="can't stand as a part of the path"):
        render(url, lambda reference: values[reference.path[0]], "url")


@pytest.mark.parametrize(
    ("url", "made"),
    [
        ("https://a.de/{{x}}.json", "https://a.de/...json"),
        ("https://a.de/b?up={{x}}", "https://a.de/b?up=.."),
        ("https://a.de/b#{{x}}", "https://a.de/b#.."),
        ("https://a.de/../{{y}}", "https://a.de/../%2F.."),
        ("{{z}}/b", "https://a.de/../c/b"),
    ],
)
def test_T9_dots_elsewhere_and_those_of_the_author_stay(url, made):
    values = {"x": "..", "y": "/..", "z": "https://a.de/../c"}

    assert render(url, lambda reference: values[reference.path[0]], "url") == made


@pytest.mark.parametrize(
    ("values", "found"),
    [({"a": None, "b": 2}, 2), ({"a": None}, None), ({"a": 1, "b": 2}, 1), ({"b": None}, None)],
)
def test_T8_null_is_passed_over_and_given_when_there_is_nothing_else(values, found):
    def look(reference):
        if reference.path[0] not in values:
            raise MissingReference(str(reference), "there is none")
        return values[reference.path[0]]

    assert render("{{a ?? b}}", look) == found
