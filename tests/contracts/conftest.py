"""Lets the contracts import what other tests stand on."""

from __future__ import annotations

import sys
from pathlib import Path

TESTS = Path(__file__).parent.parent
sys.path[:0] = [str(TESTS / "store"), str(TESTS / "run")]
