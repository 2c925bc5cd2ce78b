"""Drive a real JupyterLab in a real Chromium, as a person does.

    with JupyterServer(folder) as server, Rig(server, shots=folder) as rig:
        rig.open_notebook(["w = Widget(); w", "w.count"])
        rig.run_all()
        rig.page.get_by_role("button", name="Run flow").click()
        rig.run_cell(1)
        assert rig.outputs(1) == ["1"]

A server has its own settings, kernels and runtime files and shares nothing with the user's
Jupyter. A rig has its own browser; its pages report what the kernel's socket carried, how
smoothly they drew, and every error. Requests of a flow go to a `Loopback`, which answers when the
test lets it: a run stands still exactly where the test wants to look.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from playwright.sync_api import Browser, ConsoleMessage, Error, Locator, Page, sync_playwright

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PROBE = (Path(__file__).parent / "probe.js").read_text(encoding="utf-8")
"""Runs in each page before its own scripts."""

SETTINGS: dict[str, dict[str, Any]] = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    # Every cell is in the page, also those out of sight.
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
    "@jupyterlab/docmanager-extension:plugin": {"autosave": False},
}
THEMES = "@jupyterlab/apputils-extension:themes"

NOTEBOOK = "window.flowRig.notebook()"
"""The open notebook's panel, in the page."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """What the kernels' web sockets of one page carried since the page was loaded."""

    received: int
    received_bytes: int
    sent: int
    sent_bytes: int
    sockets: int


@dataclass(frozen=True, slots=True)
class Frames:
    """How smoothly a page drew between `frames_start` and `frames_stop`; gaps in milliseconds."""

    fps: float
    gap_p50: float
    gap_p95: float
    gap_max: float
    long_tasks: int
    long_task_ms: float


def find_chromium() -> str | None:
    """Return the browser named by CHROMIUM, or the first on PATH, or None."""
    names = [os.environ["CHROMIUM"]] if "CHROMIUM" in os.environ else CHROMIUM_NAMES
    return next((path for name in names if (path := shutil.which(name))), None)


def write_notebook(path: Path, cells: Sequence[str]) -> None:
    """Write a notebook of code cells; a text that starts with ``# %% md`` becomes Markdown."""
    document = {
        "cells": [_cell(i, source) for i, source in enumerate(cells)],
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path.write_text(json.dumps(document), encoding="utf-8")


def _cell(number: int, source: str) -> dict[str, Any]:
    shared = {"id": f"cell-{number}", "metadata": {}}
    if source.startswith("# %% md"):
        return {"cell_type": "markdown", "source": source.partition("\n")[2], **shared}
    return {
        "cell_type": "code",
        "source": source,
        "outputs": [],
        "execution_count": None,
        **shared,
    }


class JupyterServer:
    """A JupyterLab on a free loopback port; its kernels are this Python."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.token = secrets.token_hex(16)
        self.port = _free_port()
        self.base = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._closing = contextlib.ExitStack()
        with contextlib.ExitStack() as stack:
            home = stack.enter_context(
                tempfile.TemporaryDirectory(prefix="flow-widgets-lab-", ignore_cleanup_errors=True)
            )
            self._home = Path(home)
            for name, value in SETTINGS.items():
                self._write_setting(name, value)
            self._log = stack.enter_context((self._home / "server.log").open("wb"))
            self._process = stack.enter_context(self._start())
            stack.callback(self._stop)
            self._wait_until_it_answers()
            self._closing = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.close()

    def url(self, notebook: str) -> str:
        """Return the address that opens a notebook of the root in an empty workspace."""
        return f"{self.base}/lab/tree/{notebook}?token={self.token}&reset"

    def use_theme(self, *, dark: bool) -> None:
        """Set the theme that the next page takes when it loads."""
        self._write_setting(THEMES, {"theme": "JupyterLab Dark" if dark else "JupyterLab Light"})

    def api(self, path: str, *, method: str = "GET") -> Any:
        """Call the server's REST interface and return the decoded answer, or None."""
        request = urllib.request.Request(
            f"{self.base}/api/{path}",
            method=method,
            headers={"Authorization": f"token {self.token}"},
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            body = answer.read()
        return json.loads(body) if body else None

    def stop_kernels(self) -> None:
        for session in self.api("sessions"):
            self.api(f"sessions/{session['id']}", method="DELETE")

    def log(self) -> str:
        """Return what the server and its kernels have written so far."""
        return (self._home / "server.log").read_text(encoding="utf-8", errors="replace")

    def _start(self) -> subprocess.Popen[bytes]:
        folders = {
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_DATA_DIR": "data",
            "JUPYTER_RUNTIME_DIR": "runtime",
            "JUPYTERLAB_SETTINGS_DIR": "settings",
            "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
            "IPYTHONDIR": "ipython",
        }
        for folder in folders.values():
            (self._home / folder).mkdir(exist_ok=True)
        paths = {name: str(self._home / folder) for name, folder in folders.items()}
        kept = {
            name: value
            for name, value in os.environ.items()
            if name != "JUPYTER_PATH" and not name.startswith("FLOW_WIDGETS_")
        }
        options = {
            "ServerApp.ip": "127.0.0.1",
            "ServerApp.port": self.port,
            "ServerApp.port_retries": 0,
            "ServerApp.root_dir": self.root,
            "ServerApp.allow_root": True,
            "ServerApp.terminals_enabled": False,
            "IdentityProvider.token": self.token,
            "LabApp.expose_app_in_browser": True,
        }
        return subprocess.Popen(
            [
                *(sys.executable, "-m", "jupyterlab", "--no-browser"),
                *(f"--{name}={value}" for name, value in options.items()),
            ],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            env={**kept, **paths, "JUPYTER_PREFER_ENV_PATH": "1"},
        )

    def _wait_until_it_answers(self, *, seconds: float = 60) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self._process.poll() is not None:
                raise RuntimeError(f"JupyterLab ended at its start:\n{self.log()}")
            with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
                self.api("status")
                return
            time.sleep(0.1)
        raise RuntimeError(f"JupyterLab did not answer in {seconds} s:\n{self.log()}")

    def _stop(self) -> None:
        with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            self.stop_kernels()
        self._process.terminate()
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def _write_setting(self, plugin: str, value: dict[str, Any]) -> None:
        package, _, name = plugin.partition(":")
        path = self._home / "settings" / package / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value), encoding="utf-8")


class Rig:
    """One browser with one open notebook; `page` is Playwright's page of it.

    Wherever a method takes a `page`, None means the first one.
    """

    page: Page
    console: list[tuple[str, str]]
    """What the pages wrote to their consoles: (type, text)."""
    page_errors: list[str]
    """Exceptions that no script of a page caught."""

    def __init__(self, server: JupyterServer, *, shots: Path, name: str = "notebook") -> None:
        self.server = server
        self.console = []
        self.page_errors = []
        self._shots = shots
        self._notebook = f"{name}.ipynb"

    def __enter__(self) -> Self:
        self._closing = contextlib.ExitStack()
        with contextlib.ExitStack() as stack:
            playwright = stack.enter_context(sync_playwright())
            self._browser: Browser = playwright.chromium.launch(
                executable_path=find_chromium(), args=CHROMIUM_FLAGS
            )
            stack.callback(self.server.stop_kernels)
            stack.callback(self._browser.close)
            self._closing = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.close()

    # -- notebooks and pages ---------------------------------------------------------------------

    def open_notebook(
        self, cells: Sequence[str], *, dark: bool = False, width: int = 1280, height: int = 1000
    ) -> Page:
        """Open a new notebook of these cells, with its kernel started and nothing run."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_notebook(self.path, cells)
        self.server.use_theme(dark=dark)
        self._viewport = (width, height)
        self.page = self._new_page(self._notebook)
        return self.page

    def other_notebook(self, cells: Sequence[str], name: str = "other") -> Page:
        """Open a new notebook beside the first one, with a kernel of its own, in another window."""
        path = self.path.with_name(f"{name}.ipynb")
        write_notebook(path, cells)
        return self._new_page(str(path.relative_to(self.server.root)))

    @property
    def path(self) -> Path:
        """Where the notebook is, on disk."""
        return self.server.root / self._notebook

    def second_tab(self) -> Page:
        """Open the same notebook, on the same kernel, in another window."""
        return self._new_page(self._notebook)

    def reload(self, page: Page | None = None) -> None:
        """Load the page anew, as after F5; the kernel goes on."""
        (page or self.page).reload()
        self._wait_until_ready(page or self.page)

    def save(self, page: Page | None = None) -> dict[str, Any]:
        """Save the notebook and return it as it is on disk."""
        self._execute("docmanager:save", page)
        self.wait_idle(page)
        document: dict[str, Any] = json.loads(self.path.read_text(encoding="utf-8"))
        return document

    # -- running cells ---------------------------------------------------------------------------

    def run_all(self, *, wait: bool = True, page: Page | None = None) -> None:
        self._execute("notebook:run-all-cells", page)
        if wait:
            self.wait_idle(page)

    def run_cell(self, number: int, *, wait: bool = True, page: Page | None = None) -> None:
        """Run the cell with this 0-based number."""
        (page or self.page).evaluate(
            f"n => {{ const cells = {NOTEBOOK}.content;"
            " cells.deselectAll(); cells.activeCellIndex = n; }",
            number,
        )
        self._execute("notebook:run-cell", page)
        if wait:
            self.wait_idle(page)

    def interrupt(self, page: Page | None = None) -> None:
        """Interrupt the kernel, as with Kernel → Interrupt."""
        self._execute("notebook:interrupt-kernel", page)

    def restart_kernel(self, page: Page | None = None) -> None:
        """Start the notebook's kernel anew, as with Kernel → Restart, whatever became of the old one."""
        (page or self.page).evaluate(f"() => {NOTEBOOK}.sessionContext.session.kernel.restart()")
        self._wait_until_ready(page or self.page)

    def wait_idle(self, page: Page | None = None, *, seconds: float = 60) -> None:
        """Wait until every cell that was started has ended."""
        (page or self.page).wait_for_function(
            "() => window.flowRig.isIdle()", timeout=seconds * 1000
        )

    def outputs(self, number: int, page: Page | None = None) -> list[str]:
        """Return the visible text of each output of a cell, without the space around it."""
        texts = self.cell(number, page).locator(".jp-OutputArea-output").all_inner_texts()
        return [text.strip() for text in texts]

    def cell(self, number: int, page: Page | None = None) -> Locator:
        return (page or self.page).locator(".jp-Notebook .jp-Cell").nth(number)

    # -- what a person sees and does -------------------------------------------------------------

    def click(self, css: str, page: Page | None = None) -> None:
        (page or self.page).locator(css).first.click()

    def text(self, css: str, page: Page | None = None) -> str:
        return (page or self.page).locator(css).first.inner_text()

    def texts(self, css: str, page: Page | None = None) -> list[str]:
        return (page or self.page).locator(css).all_inner_texts()

    def wait_text(
        self, css: str, part: str, *, seconds: float = 30, page: Page | None = None
    ) -> None:
        """Wait until an element shows a text that has `part` in it."""
        found = (page or self.page).locator(css).filter(has_text=part).first
        found.wait_for(timeout=seconds * 1000)

    def shot(self, name: str, css: str | None = None, page: Page | None = None) -> Path:
        """Keep a picture of the page, or of one element, and return its path."""
        path = self._shots / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        shown = page or self.page
        if css is None:
            shown.screenshot(path=path)
            return path
        with contextlib.suppress(Error):  # as a run ends its display is drawn anew
            shown.locator(css).first.screenshot(path=path)
            return path
        shown.locator(css).first.screenshot(path=path)
        return path

    # -- measuring -------------------------------------------------------------------------------

    def traffic(self, page: Page | None = None) -> Traffic:
        return Traffic(**(page or self.page).evaluate("() => window.flowRig.traffic()"))

    def frames_start(self, page: Page | None = None) -> None:
        (page or self.page).evaluate("() => window.flowRig.framesStart()")

    def frames_stop(self, page: Page | None = None) -> Frames:
        return Frames(**(page or self.page).evaluate("() => window.flowRig.framesStop()"))

    # -- inside ----------------------------------------------------------------------------------

    def _new_page(self, notebook: str) -> Page:
        width, height = self._viewport
        context = self._browser.new_context(viewport={"width": width, "height": height})
        context.add_init_script(PROBE)
        page = context.new_page()
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.page_errors.append(str(error)))
        page.goto(self.server.url(notebook))
        self._wait_until_ready(page)
        return page

    def _wait_until_ready(self, page: Page) -> None:
        page.wait_for_function("() => window.flowRig.isReady()", timeout=60_000)

    def _execute(self, command: str, page: Page | None) -> None:
        """Start a command of JupyterLab; `wait_idle` waits for its end."""
        (page or self.page).evaluate("command => window.flowRig.execute(command)", command)

    def _note(self, message: ConsoleMessage) -> None:
        self.console.append((message.type, message.text))


class Loopback:
    """A server on this machine; each request waits for its turn and is answered with JSON."""

    def __init__(self, answer: Callable[[str], Any]) -> None:
        """Answer a request for a path with what ``answer`` makes of it."""
        self.asked: list[str] = []
        """The paths that were asked for, oldest first."""
        self._answer = answer
        self._turns = threading.Semaphore(0)

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.base = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.let(1000)
        self._server.shutdown()
        self._server.server_close()

    def let(self, turns: int = 1) -> None:
        """Let so many requests be answered, those that wait and those to come."""
        self._turns.release(turns)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                outer._turns.acquire(timeout=60)
                body = json.dumps(outer._answer(self.path)).encode()
                with contextlib.suppress(OSError):  # whoever asked has gone
                    self.send_response(200)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Write nothing."""

        return Handler


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port
