"""Lets the tests of this folder use the cases and the server of the faults."""

from __future__ import annotations

import ssl
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent.parent))


@pytest.fixture(autouse=True)
def _no_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls go to this machine, unencrypted; loading certificates would take most of the time."""
    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", lambda *_, **__: None)
