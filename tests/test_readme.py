"""The code in the README and in the guides runs as it is printed, top to bottom, without a key."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
from typing import Any

import pytest

from flow_widgets.providers.offline import OfflineProvider

pytestmark = pytest.mark.slow

FENCE = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


async def cell(source: str, names: dict[str, Any]) -> None:
    """Run a piece of code as a cell of a notebook, in which ``await`` may stand."""
    code = compile(source, "README.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    result = eval(code, names)
    if inspect.isawaitable(result):
        await result


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder to keep runs in, where they are kept by default."""
    monkeypatch.delenv("FLOW_WIDGETS_STORE")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_all(text: str) -> tuple[dict[str, Any], OfflineProvider]:
    """Run every piece of code of a page, and return the names it leaves and who answered."""
    at_once = OfflineProvider(pace=0)
    names: dict[str, Any] = {"at_once": at_once}
    for source in FENCE.findall(text.replace('provider="offline"', "provider=at_once")):
        if "await" in source:
            asyncio.run(cell(source, names))
        else:
            exec(compile(source, "page.md", "exec"), names)
    return names, at_once


def test_the_code_in_the_readme_runs(project, folder):
    names, _ = run_all((project / "README.md").read_text(encoding="utf-8"))

    graph = names["graph"].runner.run_flow_sync()

    assert names["run"].status == "completed"
    assert names["graph"].flow.name == "Three drafts"
    assert (graph.status, graph.state["round"]) == ("completed", 3)


def test_what_the_readme_keeps_is_sent_once(project, folder):
    names, _ = run_all((project / "README.md").read_text(encoding="utf-8"))

    frame = names["run"].to_frame()

    assert [*frame["origin"]] == ["ran", "ran", "edit", "ran", "ran"]
    assert names["runner"].stale == []
    assert (folder / ".flow_widgets" / ".gitignore").read_text() == "*\n"


def test_the_code_in_the_guide_to_kept_runs_runs(project, folder):
    names, at_once = run_all((project / "docs/keeping-runs.md").read_text(encoding="utf-8"))

    assert [one.status for one in names["found"]] == ["completed"]
    assert [one.label for one in names["runs"](store="elsewhere/runs.db")] == ["The first one"]
    assert (names["run"].status, len(at_once.requests)) == ("completed", 2)
