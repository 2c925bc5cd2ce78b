"""A JupyterLab for the session and a browser for each test."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from rig import JupyterServer, Rig, find_chromium


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Return the browser; without one, skip on a person's machine and fail in CI."""
    found = find_chromium()
    if found is None:
        message = "chromium was not found: install it, or name it in CHROMIUM"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    return found


@pytest.fixture(scope="session")
def server(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterServer]:
    """Return a running JupyterLab whose files are the session's own."""
    with JupyterServer(tmp_path_factory.mktemp("notebooks")) as running:
        yield running


@pytest.fixture
def rig(server: JupyterServer, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    """Return a browser for this test; pictures go to FLOW_WIDGETS_SHOTS if that is set.

    The test's notebooks have a folder of their own, where their kernels keep their runs.
    """
    shots = Path(os.environ.get("FLOW_WIDGETS_SHOTS") or tmp_path)
    name = re.sub(r"\W+", "-", request.node.name)
    with Rig(server, shots=shots, name=f"{name}/notebook") as opened:
        yield opened
        if request.node.stash.get(FAILED, False):
            _tell(opened)


FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Remember that a test failed, so that its fixture can tell what the page showed."""
    report = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report


def _tell(rig: Rig) -> None:
    """Print what a failed test's pages said and showed."""
    print("console:", *rig.console[-8:], sep="\n  ")
    print("page errors:", *rig.page_errors, sep="\n  ")
    for css in (
        ".fw-title .fw-status",
        ".fw-banner",
        ".jp-InputPrompt",
        ".jp-OutputArea-output pre",
    ):
        print(f"{css}:", rig.texts(css))
    print("picture:", rig.shot("failed"))
