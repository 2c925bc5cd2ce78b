"""The code in the README runs as it is printed, top to bottom, without a key."""

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


def test_the_code_in_the_readme_runs(project):
    text = (project / "README.md").read_text(encoding="utf-8")
    at_once = text.replace('provider="offline"', "provider=at_once")
    names: dict[str, Any] = {"at_once": OfflineProvider(pace=0)}

    for source in FENCE.findall(at_once):
        if "await" in source:
            asyncio.run(cell(source, names))
        else:
            exec(compile(source, "README.md", "exec"), names)
    graph = names["graph"].runner.run_flow_sync()

    assert names["run"].status == "completed"
    assert names["graph"].flow.name == "Three drafts"
    assert (graph.status, graph.state["round"]) == ("completed", 3)
