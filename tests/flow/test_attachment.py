from __future__ import annotations

import pytest

from flow_widgets.errors import FileRefused, InvalidFlow
from flow_widgets.flow import attachment
from flow_widgets.flow.attachment import File


def file(content: bytes = b"hi", name: str = "a.txt", **fields) -> File:
    return File.of(content, name=name, **fields)


def test_a_file_is_read_from_its_path_at_once(tmp_path):
    path = tmp_path / "report.pdf"
    path.write_bytes(b"content")

    read = File(path)
    path.unlink()

    assert (read.name, read.mime, read.content) == ("report.pdf", "application/pdf", b"content")


def test_what_is_given_beside_a_path_replaces_what_it_suggests(tmp_path):
    path = tmp_path / "data"
    path.write_bytes(b"1,2")

    read = File(str(path), mime="text/csv", name="data.csv")

    assert (read.name, read.mime, read.text) == ("data.csv", "text/csv", "1,2")


def test_a_file_larger_than_the_limit_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    path.write_bytes(b"four")
    monkeypatch.setattr(attachment, "MAX_FILE_BYTES", 3)

    with pytest.raises(FileRefused, match="'a.txt' has 4 bytes; the limit is 3"):
        File(path, max_bytes=3)
    with pytest.raises(FileRefused, match="'a.txt' has 4 bytes; the limit is 3"):
        file(b"four")


@pytest.mark.parametrize(
    ("given", "name"), [("a.txt", "a.txt"), ("x/y/a.txt", "a.txt"), ("C:\\x\\a.txt", "a.txt")]
)
def test_a_name_holds_no_folders(given, name):
    assert file(name=given).name == name


@pytest.mark.parametrize(
    ("name", "mime"),
    [("a.png", "image/png"), ("a.csv", "text/csv"), ("a", "application/octet-stream")],
)
def test_the_type_is_guessed_from_the_name(name, mime):
    assert file(name=name).mime == mime
    assert file(name=name, mime="x/y").mime == "x/y"


@pytest.mark.parametrize("content", [b"", b"1", b"12", b"123", b"1234"])
def test_the_size_is_that_of_the_content(content):
    made = file(content)

    assert (made.content, made.size_bytes) == (content, len(content))


@pytest.mark.parametrize(
    ("mime", "answer"), [("text/x-log", True), ("application/json", True), ("image/png", False)]
)
def test_text_types_can_stand_inside_a_text(mime, answer):
    assert file(mime=mime).is_text is answer


def test_the_text_of_a_file_has_no_byte_order_mark():
    assert file("é".encode("utf-8-sig")).text == "é"


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (file(name="a.png"), r"'a.png' \(image/png\) can't stand inside a text"),
        (file(b"\xff\xfe"), "'a.txt' is not UTF-8 text"),
        (File(name="a.txt", mime="text/plain", data="?"), "'a.txt' holds no valid base64"),
    ],
)
def test_what_is_no_text_is_refused(made, words):
    with pytest.raises(FileRefused, match=words):
        _ = made.text


def test_an_image_is_sent_as_an_image_and_anything_else_as_a_file():
    assert file(b"x", "a.png").part() == {
        "type": "image_url",
        "image_url": {"url": "data:image/png;base64,eA=="},
    }
    assert file(b"x").part() == {
        "type": "file",
        "file": {"filename": "a.txt", "file_data": "data:text/plain;base64,eA=="},
    }


def test_a_repr_shows_no_content():
    assert repr(file(b"x" * 1_234)) == "File('a.txt', text/plain, 1,234 bytes)"


def test_a_file_without_its_fields_is_told_what_is_missing():
    with pytest.raises(InvalidFlow) as caught:
        File(name="a.txt")

    assert [problem.place for problem in caught.value.problems] == ["mime", "data"]
