# /// script
# requires-python = ">=3.11"
# dependencies = []
# ///
"""Set the project up on a fresh machine, then show it or check it.

Nothing but Python 3.11 or newer is needed; `.venv` beside this file is made and filled.

    python dev.py demo [OPTION…]    open the quickstart in JupyterLab (`--headless`: only run it)
    python dev.py test [STAGE…]     run every check, or only the named stages
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
BUNDLE = ROOT / "flow_widgets" / "widget" / "static" / "flow_widget.js"
OLDEST = (3, 11)
PURE = "flow_widgets/flow/*,flow_widgets/run/*"
"""The files whose every branch is tested."""
SDKS = ("1.109.1", "2.54.0")
"""Older majors of the openai package that have to work too; the newest is in `.venv`."""


@dataclass(frozen=True)
class Counts:
    """How many tests of a stage passed, failed and were skipped; a plain check is one test."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.passed + other.passed,
            self.failed + other.failed,
            self.skipped + other.skipped,
        )

    def __str__(self) -> str:
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.passed} passed, {self.failed} failed{skipped}"


# --- what the commands do -----------------------------------------------------------------------


def demo(options: list[str]) -> int:
    install("lab")
    return call(BIN / "flow-widgets", "demo", *options)


def test(names: list[str]) -> int:
    unknown = [name for name in names if name not in STAGES]
    if unknown:
        print(f"No stage is called {unknown[0]!r}. The stages: {', '.join(STAGES)}.")
        return 2
    install("lab", "test")
    results = {name: run_stage(name) for name in names or STAGES}
    print("\n== summary")
    for name, (counts, seconds) in results.items():
        verdict = "FAILED" if counts.failed else "ok"
        print(f"{name:12}{verdict:8}{seconds:7.1f} s   {counts}")
    total = sum((counts for counts, _ in results.values()), Counts())
    print(f"\n{total}", flush=True)
    return 1 if total.failed else 0


# --- the stages of a test -----------------------------------------------------------------------


def style() -> Counts:
    formatted = check(BIN / "ruff", "format", "--check", "--output-format", "concise", ".")
    return formatted + check(BIN / "ruff", "check", "--output-format", "concise", ".")


def types() -> Counts:
    return check(BIN / "mypy")


def layers() -> Counts:
    return check(BIN / "lint-imports", "--no-cache")


def wire() -> Counts:
    """Compare the TypeScript types of the wire with the Python ones they are made from."""
    return check(PYTHON, "scripts/wire_types.py", "--check")


def frontend() -> Counts:
    """Lint, type-check, test and build js/."""
    installed = check(PYTHON, "hatch_build.py", "install")
    if installed.failed:
        return installed
    return (
        check(*NPM, "run", "lint")
        + check(*NPM, "run", "typecheck")
        + vitest(*NPM, "test")
        + check(PYTHON, "hatch_build.py", "build")
    )


def unit() -> Counts:
    """Run the quick tests under coverage, then hold the coverage to its bounds."""
    for old in ROOT.glob(".coverage*"):
        old.unlink()
    quick = pytest(
        "-m", "not slow and not e2e and not nightly", "-n", "2", "--cov", "--cov-report="
    )
    pure = check(BIN / "coverage", "report", "--include", PURE, "--fail-under=100")
    return quick + pure + check(BIN / "coverage", "report", "--fail-under=90")


def slow() -> Counts:
    return pytest("-m", "slow and not e2e and not nightly")


def sdks() -> Counts:
    """Run every fault of a provider with the older majors of the openai package."""
    found = Counts()
    for version in SDKS:
        folder = ROOT / ".sdks" / version
        if not (folder / "openai").is_dir():
            must(PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                 "--target", folder, f"openai=={version}")  # fmt: skip
        names = f"import sys; sys.path[:0] = [{str(folder)!r}]; import openai"
        found += check(PYTHON, "-c", f"{names}; assert openai.__version__ == {version!r}")
        paths = ("tests/faults", "tests/providers", "tests/secrets")
        found += pytest("-m", "not nightly", "-n", "2", "-o", f"pythonpath={folder}", *paths)
    return found


def notebooks() -> Counts:
    """Run every cell of every notebook."""
    return pytest("--nbval-lax", "--nbval-current-env", "notebooks")


def browser() -> Counts:
    """Drive JupyterLab in Chromium, with the bundle that js/ makes now."""
    built = check(PYTHON, "hatch_build.py", "build")
    # Once more after a failure: a busy machine can starve a browser. Both are printed.
    return built if built.failed else pytest("-m", "e2e", "--reruns", "1", "tests/e2e")


STAGES: dict[str, Callable[[], Counts]] = {
    "style": style,
    "types": types,
    "layers": layers,
    "wire": wire,
    "frontend": frontend,
    "unit": unit,
    "slow": slow,
    "sdks": sdks,
    "notebooks": notebooks,
    "browser": browser,
}
NPM = (PYTHON, "hatch_build.py", "npm")


def run_stage(name: str) -> tuple[Counts, float]:
    print(f"\n== {name}", flush=True)
    started = time.monotonic()
    counts = STAGES[name]()
    seconds = time.monotonic() - started
    print(f"== {name}: {counts} in {seconds:.1f} s", flush=True)
    return counts, seconds


# --- running a command and counting its tests ---------------------------------------------------


def check(*command: str | Path) -> Counts:
    """Run a command that is one test by itself."""
    code, _ = echo(*command)
    return Counts(failed=1) if code else Counts(passed=1)


def pytest(*args: str) -> Counts:
    code, lines = echo(PYTHON, "-m", "pytest", "-q", *args)
    return summed(code, (line for line in lines if re.search(r" in \d+[\d.]*s", line)))


def vitest(*command: str | Path) -> Counts:
    code, lines = echo(*command)
    return summed(code, (line for line in lines if re.match(r"\s*Tests\s", line)))


def summed(code: int, lines: Iterable[str]) -> Counts:
    """Read the runner's closing line; a runner that failed or ran nothing is a failed test."""
    closing = list(lines)[-1:]
    found = re.findall(r"(\d+) (passed|failed|errors?|skipped)", "".join(closing))
    count = {word.rstrip("s") if "error" in word else word: int(n) for n, word in found}
    failed = count.get("failed", 0) + count.get("error", 0)
    counts = Counts(count.get("passed", 0), failed, count.get("skipped", 0))
    if code and not failed:
        return counts + Counts(failed=1)
    return counts


def echo(*command: str | Path) -> tuple[int, list[str]]:
    """Run a command, show what it prints, and return its exit code and its lines."""
    print("$", shown(command), flush=True)
    lines = []
    # Without colours, so that the closing lines can be read.
    plain = {k: v for k, v in environment().items() if k != "FORCE_COLOR"} | {"NO_COLOR": "1"}
    with subprocess.Popen(
        [str(part) for part in command],
        cwd=ROOT,
        env=plain,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line)
    return process.returncode, lines


def call(*command: str | Path) -> int:
    """Run a command that has the terminal to itself and return its exit code."""
    print("$", shown(command), flush=True)
    try:
        done = subprocess.run([str(p) for p in command], cwd=ROOT, env=environment(), check=False)
    except KeyboardInterrupt:
        return 130
    return done.returncode


def shown(command: Iterable[str | Path]) -> str:
    return " ".join(str(part).removeprefix(f"{ROOT}{os.sep}") for part in command)


def environment() -> dict[str, str]:
    """Return the caller's environment as it is inside `.venv`."""
    path = os.pathsep.join([str(BIN), os.environ.get("PATH", os.defpath)])
    inside = {"VIRTUAL_ENV": str(VENV), "PATH": path, "PYTHONUTF8": "1"}
    outside = {k: v for k, v in os.environ.items() if k != "PYTHONHOME"}
    return {**outside, **inside}


# --- setting up ---------------------------------------------------------------------------------


def install(*extras: str) -> None:
    """Make `.venv` hold this project with `extras`, unless it already does."""
    stamp = VENV / ".flow-widgets"
    state, *installed = stamp.read_text().split() if stamp.exists() else [""]
    now = fingerprint()
    if PYTHON.exists() and BUNDLE.exists() and state == now and {*extras} <= {*installed}:
        return
    uv = shutil.which("uv")
    if not PYTHON.exists():
        make_venv(uv)
    wanted = sorted({*extras, *installed})
    pip_install(uv, "-e", f".[{','.join(wanted)}]")
    if "test" in wanted:
        _, lines = echo(PYTHON, "hatch_build.py", "requires")
        pip_install(uv, *"".join(lines).split())
    stamp.write_text(" ".join([now, *wanted]))


def make_venv(uv: str | None) -> None:
    print(f"Making .venv with {'uv' if uv else 'venv'} and Python {sys.version.split()[0]}")
    shutil.rmtree(VENV, ignore_errors=True)
    if uv:
        must(uv, "venv", "--quiet", "--seed", "--python", sys.executable, VENV)
    elif call(sys.executable, "-m", "venv", VENV):
        shutil.rmtree(VENV, ignore_errors=True)
        sys.exit(
            "Python could not make a virtual environment. On Debian and Ubuntu, "
            "`apt-get install python3-venv` adds what is missing; with uv installed, "
            "nothing else is needed."
        )


def pip_install(uv: str | None, *what: str) -> None:
    if not what:
        return
    if uv:
        must(uv, "pip", "install", "--quiet", "--python", PYTHON, *what)
    else:
        must(PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *what)


def must(*command: str | Path) -> None:
    """Run a step of the set-up and end the program if it fails."""
    code = call(*command)
    if code:
        sys.exit(f"`{shown(command)}` failed with exit code {code}.")


def fingerprint() -> str:
    """Return a hash of all that an installation depends on: metadata, build hook, front end."""
    js = ROOT / "js"
    files = [ROOT / "pyproject.toml", ROOT / "hatch_build.py"]
    files += [js / "package-lock.json", js / "build.mjs"]
    files += sorted(path for path in js.glob("src/**/*") if path.is_file())
    digest = hashlib.sha256(str(ROOT).encode())
    for path in files:
        digest.update(path.relative_to(ROOT).as_posix().encode())
        digest.update(path.read_bytes() if path.exists() else b"")
    return digest.hexdigest()


def main(args: list[str]) -> int:
    if sys.version_info < OLDEST:
        sys.exit(
            f"flow_widgets needs Python {OLDEST[0]}.{OLDEST[1]} or newer, and this is "
            f"{sys.version.split()[0]}. Try `python3.{OLDEST[1]} dev.py`, or `uv run dev.py`."
        )
    # No `match` in this file: an older Python must get as far as the sentence above.
    if args[:1] == ["demo"]:
        return demo(args[1:])
    if args[:1] == ["test"]:
        return test(args[1:])
    print(__doc__)
    return 0 if args in (["--help"], ["-h"]) else 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
