"""The command line: ``flow-widgets demo`` opens the quickstart, or runs it without a screen."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import flow_widgets
from flow_widgets.errors import FlowError

QUICKSTART = "01-quickstart.ipynb"


def main(args: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    options = _parser().parse_args(args)
    try:
        return int(options.run(options))
    except FlowError as error:
        print(error, file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="flow-widgets", description=flow_widgets.__doc__)
    parser.add_argument("--version", action="version", version=flow_widgets.__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    demo = commands.add_parser("demo", help="open the quickstart notebook in JupyterLab")
    demo.add_argument("--headless", action="store_true", help="run the notebook, without a browser")
    demo.add_argument(
        "--into",
        type=Path,
        default=Path("flow-widgets-demo"),
        help="folder for your copy of the notebooks (default: %(default)s)",
    )
    demo.add_argument("--notebook", default=QUICKSTART, help="which one (default: %(default)s)")
    demo.set_defaults(run=_demo)
    return parser


def _demo(options: argparse.Namespace) -> int:
    notebook = _copied(options.into) / options.notebook
    if not notebook.is_file():
        names = ", ".join(path.name for path in sorted(options.into.glob("*.ipynb")))
        raise FlowError(f"There is no notebook {options.notebook!r}.", hint=f"There are: {names}.")
    if options.headless:
        return _execute(notebook)
    print(f"Opening {notebook}. Press Ctrl+C here to stop.")
    command = [sys.executable, "-m", "jupyterlab", str(notebook)]
    if getattr(os, "geteuid", lambda: 1)() == 0:  # in a container; Jupyter refuses root otherwise
        command.append("--allow-root")
    try:
        return subprocess.run(command, check=False).returncode  # noqa: S603  # our own Python
    except KeyboardInterrupt:
        return 0


def _source() -> Path:
    """Return the folder of notebooks: inside an installed package, beside an editable one."""
    package = Path(flow_widgets.__file__).parent
    for folder in (package / "_notebooks", package.parent / "notebooks"):
        if folder.is_dir():
            return folder
    raise FlowError("The notebooks are not installed.", hint="Install flow_widgets again.")


def _copied(folder: Path) -> Path:
    """Copy the notebooks that a folder does not have yet; what was edited there stays."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(_source().iterdir()):
        if path.is_file() and not path.name.startswith(".") and not (folder / path.name).exists():
            shutil.copy(path, folder / path.name)
    return folder


def _execute(notebook: Path) -> int:
    """Run every cell, print what it shows, and store the executed notebook beside the original."""
    try:
        import nbformat
        from nbclient import NotebookClient
        from nbclient.exceptions import CellExecutionError
    except ImportError as error:
        raise FlowError(
            "Running a notebook needs Jupyter.", hint="pip install 'flow_widgets[lab]'"
        ) from error
    document = nbformat.read(notebook, as_version=4)  # type: ignore[no-untyped-call]
    client = NotebookClient(
        document, timeout=300, resources={"metadata": {"path": notebook.parent}}
    )
    started = time.monotonic()
    try:
        client.execute()
    except CellExecutionError as error:
        print(error, file=sys.stderr)
        return 1
    cells = [cell for cell in document.cells if cell.cell_type == "code"]
    for cell in cells:
        for output in cell.outputs:
            _show(output)
    done = notebook.with_suffix(".executed.ipynb")
    nbformat.write(document, done)  # type: ignore[no-untyped-call]
    print(
        f"\n{notebook.name}: {len(cells)} cells ran in {time.monotonic() - started:.1f} s. Saved: {done}"
    )
    return 0


def _show(output: Any) -> None:
    text = output.get("text") or output.get("data", {}).get("text/plain", "")
    if text:
        print(text.rstrip())
