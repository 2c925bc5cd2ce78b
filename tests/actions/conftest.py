"""Lets the tests of actions import the context that stands beside them, and the examples."""

from __future__ import annotations

import sys
from pathlib import Path

for folder in (Path(__file__).parent, Path(__file__).parents[2] / "scripts"):
    sys.path.insert(0, str(folder))
