"""A file of runs is written whole, and checked from end to end before it is taken."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json

import pytest
from logs import Log, keep, whole

from flow_widgets.errors import FileRefused, NoSuchRun, StoreDamaged, StoreTooNew
from flow_widgets.store import files
from flow_widgets.store.files import export_runs, import_runs
from flow_widgets.store.memory import MemoryStore


@pytest.fixture
def kept():
    store = MemoryStore()
    for name in ("r1", "r2"):
        keep(store, whole(name))
    return store


@pytest.fixture
def lines(kept, tmp_path):
    path = export_runs(kept, tmp_path / "all.runs.gz", ["r1", "r2"])
    return [json.loads(line) for line in gzip.open(path, "rt")]


def written(tmp_path, lines):
    path = tmp_path / "changed.runs.gz"
    with gzip.open(path, "wt") as file:
        file.writelines(
            line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines
        )
    return path


def test_the_first_line_names_format_and_version(lines):
    assert lines[0] == {"format": "flow_widgets.runs", "version": 1, "runs": 2}
    assert [line["end"] for line in lines if "end" in line] == ["r1", "r2"]


def test_an_unknown_run_leaves_what_was_there(kept, tmp_path):
    target = tmp_path / "all.runs.gz"
    target.write_text("before")

    with pytest.raises(NoSuchRun):
        export_runs(kept, target, ["r1", "r9"])
    assert [one.name for one in tmp_path.iterdir()] == ["all.runs.gz"]
    assert target.read_text() == "before"


def test_a_log_that_can_not_be_written_leaves_what_was_there(tmp_path):
    store = MemoryStore()
    keep(store, Log().begin({"odd": object()}))

    with pytest.raises(TypeError):
        export_runs(store, tmp_path / "all.runs.gz", ["r1"])
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_named(kept, tmp_path):
    with pytest.raises(FileRefused, match="can't be written"):
        export_runs(kept, tmp_path / "none" / "all.runs.gz", ["r1"])
    with pytest.raises(FileRefused, match="can't be read"):
        import_runs(kept, tmp_path / "none.runs.gz")


def test_long_logs_are_written_in_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "BATCH", 4)
    store, other = MemoryStore(), MemoryStore()
    keep(store, whole())
    keep(store, whole("r2").begin())

    path = export_runs(store, tmp_path / "all.runs.gz", ["r1"])

    assert import_runs(other, path) == ["r1"]
    assert [one.seq for one in other.events("r1")] == list(range(1, 10))


def event_line(lines):
    return next(line for line in lines if "events" in line)


def blob_line(lines):
    return next(line for line in lines if "blob" in line)


def cut(lines):
    del lines[-1]


def other_format(lines):
    lines[0]["format"] = "zip"


def other_count(lines):
    lines[0]["runs"] = 3


def twice(lines):
    lines += lines[1:]
    lines[0]["runs"] = 4


def gap(lines):
    event_line(lines)["first"] = 2


def huge(lines):
    event_line(lines)["last"] = 10**9


def no_events(lines):
    lines.remove(event_line(lines))


def odd_content(lines):
    blob_line(lines)["data"] = base64.b64encode(b"other").decode()


def no_base64(lines):
    blob_line(lines)["data"] = "%"


def hostile_content(lines):
    data = b'{"steps": 5}'
    old = blob_line(lines)["blob"]
    new = hashlib.sha256(data).hexdigest()
    blob_line(lines).update(blob=new, data=base64.b64encode(data).decode())
    event_line(lines)["events"] = event_line(lines)["events"].replace(old, new)


def no_fold(lines):
    event_line(lines)["events"] = event_line(lines)["events"].replace(
        '["StepStarted",2,1000.5,0', '["StepStarted",2,1000.5,50'
    )


def no_object(lines):
    lines.insert(3, "[1]\n")


def no_json(lines):
    lines.insert(3, "{\n")


def no_id(lines):
    lines[1]["run"] = ""


@pytest.mark.parametrize(
    "change",
    [
        cut,
        other_format,
        other_count,
        twice,
        gap,
        huge,
        no_events,
        odd_content,
        no_base64,
        hostile_content,
        no_fold,
        no_object,
        no_json,
        no_id,
    ],
)
def test_a_broken_file_is_named_and_nothing_of_it_kept(lines, tmp_path, change):
    store = MemoryStore()
    change(lines)

    with pytest.raises(StoreDamaged):
        import_runs(store, written(tmp_path, lines))
    assert store.list() == []


@pytest.mark.parametrize("content", [b"", b"no gzip", gzip.compress(b"{}\n" * 1000)[:-20]])
def test_what_is_no_such_file_is_named(tmp_path, content):
    path = tmp_path / "odd.runs.gz"
    path.write_bytes(content)

    with pytest.raises(StoreDamaged, match="holds no exported runs"):
        import_runs(MemoryStore(), path)


def test_a_file_of_a_newer_version_is_refused(lines, tmp_path):
    lines[0]["version"] = 2

    with pytest.raises(StoreTooNew, match="version 2"):
        import_runs(MemoryStore(), written(tmp_path, lines))


def test_a_file_that_unpacks_to_too_much_is_refused(lines, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MAX_LINE", 100)

    with pytest.raises(FileRefused, match="too large"):
        import_runs(MemoryStore(), written(tmp_path, lines))
