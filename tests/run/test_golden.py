"""The deltas that Python and TypeScript must apply alike; js/test replays the same files."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from flow_widgets.run.delta import apply

GOLDEN = Path(__file__).parents[1] / "golden"
FILES = sorted(GOLDEN.glob("delta-*.json"))
BIGGEST_BYTES = 60_000


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_D1_each_golden_delta_leads_to_its_view(file):
    document = json.loads(file.read_text(encoding="utf-8"))

    view, views = document["start"], []
    for step in document["steps"]:
        view = apply(json.loads(json.dumps(view)), step["delta"])
        views.append(view)

    assert views == [step["view"] for step in document["steps"]]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_D4_a_golden_delta_applied_twice_changes_nothing(file):
    document = json.loads(file.read_text(encoding="utf-8"))

    view, views = document["start"], []
    for step in document["steps"]:
        view = json.loads(json.dumps(apply(view, step["delta"])))
        views.append(apply(view, json.loads(json.dumps(step["delta"]))))
        view = json.loads(json.dumps(view))

    assert views == [step["view"] for step in document["steps"]]


def test_the_golden_files_are_what_simulated_runs_give():
    spec = importlib.util.spec_from_file_location("golden_make", GOLDEN / "make.py")
    make = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make)

    made = dict(make.documents())

    assert made == {file.name: file.read_text(encoding="utf-8") for file in FILES}
    assert {name for name, text in made.items() if len(text.encode()) > BIGGEST_BYTES} == set()
