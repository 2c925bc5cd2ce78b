"""How the notebooks are kept: without outputs, in order; the stage ``notebooks`` runs their cells."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

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
