"""Lets the tests of stores import what stands beside them, and the driver of runs."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "run")]
