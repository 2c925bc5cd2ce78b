"""How the notebooks are kept: without outputs, in order; the stage ``notebooks`` runs their cells."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

STORY = [
    "9 requests",
    "3 requests for 3 new attempts",
    "2 stale",
    "1 request, 0 stale",
    "2 requests; 0 stale",
    "3 requests",
    "9 requests",
    "2 requests",
    "completed - 6 requests before, 5 after",
    "0 requests with the cache",
    "10 requests by force",
    "2 runs imported",
]
"""What the notebook on recovery prints of how much was sent."""
NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request) -> dict[str, Any]:
    return json.loads(request.param.read_text(encoding="utf-8"))


def test_no_output_is_kept(notebook):
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]

    assert [(cell["outputs"], cell["execution_count"]) for cell in code] == [([], None)] * len(code)


def test_cells_are_called_by_their_place(notebook):
    ids = [cell["id"] for cell in notebook["cells"]]

    assert ids == [f"cell-{number:02}" for number in range(len(ids))]


@pytest.mark.slow
def test_the_notebook_on_recovery_tells_what_happens(project, tmp_path):
    import nbformat
    from nbclient import NotebookClient

    told = nbformat.read(project / "notebooks" / "05-reruns-and-recovery.ipynb", as_version=4)
    NotebookClient(told, timeout=60, resources={"metadata": {"path": tmp_path}}).execute()

    printed = [
        line
        for cell in told.cells
        for output in cell.get("outputs", [])
        for line in output.get("text", "").splitlines()
        if any(word in line for word in ("request", "stale", "imported"))
    ]
    assert printed == STORY
    assert [*tmp_path.iterdir()] == []
