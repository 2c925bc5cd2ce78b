"""The pages that are generated are up to date."""

from __future__ import annotations

import subprocess
import sys


def test_the_page_of_actions_is_up_to_date(project):
    command = [sys.executable, "scripts/actions_doc.py", "--check"]

    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "")
