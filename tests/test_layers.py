"""The one-way rule of the architecture, as the contracts in pyproject.toml state it."""

from __future__ import annotations

import subprocess
import sysconfig
from pathlib import Path


def test_each_module_imports_only_what_its_layer_may(project: Path) -> None:
    program = Path(sysconfig.get_path("scripts")) / "lint-imports"

    done = subprocess.run(
        [program, "--no-cache"], cwd=project, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
