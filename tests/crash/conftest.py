"""Shows what a failed check of the rig compared."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("crash.checks", "crash.rig")
