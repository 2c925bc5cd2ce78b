"""What every test of the suite finds: a clean environment, away from the user's own settings."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Jupyter's own next default; without it `jupyter_core` warns, and warnings are errors here.
os.environ.setdefault("JUPYTER_PLATFORM_DIRS", "1")

FOREIGN = ("OPENAI_", "AZURE_OPENAI_", "FLOW_WIDGETS_")
"""Variables that change what a provider or a widget does."""
KEPT = {"FLOW_WIDGETS_SHOTS"}


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads the user's keys, nor reaches a server with them, nor leaves runs in a store."""
    for name in os.environ:
        if name.startswith(FOREIGN) and name not in KEPT:
            monkeypatch.delenv(name)
    monkeypatch.setenv("FLOW_WIDGETS_STORE", "off")


@pytest.fixture(scope="session")
def project() -> Path:
    """Return the root of the checkout."""
    return Path(__file__).resolve().parent.parent
