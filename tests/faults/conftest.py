"""Calls of this folder go to this machine, unencrypted: no time is spent on certificates."""

from __future__ import annotations

import ssl

import pytest


@pytest.fixture(autouse=True)
def _no_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading them takes longer than most of these calls."""
    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", lambda *_, **__: None)
