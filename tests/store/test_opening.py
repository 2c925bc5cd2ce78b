"""Which store is meant by what is given, and by the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from flow_widgets.errors import FlowError
from flow_widgets.store.memory import MemoryStore
from flow_widgets.store.opening import DEFAULT, default_store, open_store


@pytest.mark.parametrize("where", [None, "off", "OFF", "none", "no", "False", "0"])
def test_no_store(where):
    assert open_store(where) is None


def test_a_store_is_itself():
    store = MemoryStore()

    assert open_store(store) is store


def test_a_file_has_one_store_in_a_process(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = open_store(tmp_path / "a.db")

    assert open_store("a.db") is store
    assert open_store(str(tmp_path / "sub" / ".." / "a.db")) is store
    assert open_store("b.db") is not store
    assert store.place == str(tmp_path.resolve() / "a.db")
    assert list(tmp_path.iterdir()) == []


def test_the_default_lies_beside_the_notebook(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FLOW_WIDGETS_STORE", raising=False)

    assert open_store().place == str(tmp_path.resolve() / ".flow_widgets" / "runs.db")
    assert open_store(DEFAULT) is default_store()


def test_the_environment_names_another_default(tmp_path, monkeypatch):
    monkeypatch.setenv("FLOW_WIDGETS_STORE", str(tmp_path / "c.db"))
    assert Path(open_store().place).name == "c.db"

    monkeypatch.setenv("FLOW_WIDGETS_STORE", "off")
    assert open_store() is None


@pytest.mark.parametrize("where", [5, [], object(), print])
def test_something_else_is_refused(where):
    with pytest.raises(FlowError, match="A store is a path"):
        open_store(where)
