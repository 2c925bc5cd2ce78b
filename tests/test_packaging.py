"""What is built and installed holds everything that a user needs, with and without Node."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

LEFT_OUT = ("node_modules", "__pycache__", "static", "dist", "[.]*")
BUNDLE = tuple(
    f"flow_widgets/widget/static/{name}"
    for name in (
        "flow_widget.js",
        "flow_widget.css",
        "flow_markdown.js",
        "flow_graph.js",
        "flow_tools.js",
    )
)


@pytest.fixture(scope="module")
def checkout(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the project as a fresh clone has it: nothing built, nothing installed."""
    copy = tmp_path_factory.mktemp("checkout") / "project"
    shutil.copytree(project, copy, ignore=shutil.ignore_patterns(*LEFT_OUT))
    shutil.copy(project / ".gitignore", copy)
    return copy


@pytest.fixture(scope="module")
def built(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the sdist of the checkout, and the wheel made from that sdist."""
    folder = tmp_path_factory.mktemp("built")
    run(sys.executable, "-m", "build", "--outdir", folder, checkout)
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    return next(built.glob("*.whl"))


@pytest.fixture(scope="module")
def sdist(built: Path) -> Path:
    return next(built.glob("*.tar.gz"))


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """Return the Python of a fresh virtual environment."""
    run(sys.executable, "-m", "venv", tmp_path / "venv")
    return tmp_path / "venv" / "bin" / "python"


@pytest.fixture
def without_node(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Return an environment whose PATH has a shell and nothing else."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("sh", "env"):
        found = shutil.which(name)
        assert found is not None
        (programs / name).symlink_to(found)
    return {**os.environ, "PATH": str(programs)}


def test_the_wheel_holds_the_bundle_the_notebooks_and_the_type_marker(
    wheel: Path, checkout: Path
) -> None:
    notebooks = {f"flow_widgets/_notebooks/{p.name}" for p in checkout.glob("notebooks/*.ipynb")}

    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())

    assert {*BUNDLE, *notebooks, "flow_widgets/py.typed"} - names == set()


def test_the_wheel_holds_the_package_only(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.partition("/")[0] for name in archive.namelist()}

    assert tops == {"flow_widgets", "flow_widgets-0.1.0.dist-info"}


def test_the_sdist_holds_the_bundle_and_its_sources(sdist: Path) -> None:
    sources = {"js/package.json", "js/package-lock.json", "js/build.mjs", "hatch_build.py"}

    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}

    assert {*BUNDLE, *sources} - names == set()
    assert [name for name in names if "node_modules" in name] == []


def test_the_wheel_installs_without_node(
    wheel: Path, python: Path, without_node: dict[str, str]
) -> None:
    install(python, wheel, env=without_node)

    assert installed_bundle(python) == "present"


def test_the_sdist_installs_without_node(
    sdist: Path, python: Path, without_node: dict[str, str]
) -> None:
    install(python, sdist, env=without_node)

    assert installed_bundle(python) == "present"


def test_a_checkout_installs_without_node(
    checkout: Path, python: Path, without_node: dict[str, str], tmp_path: Path
) -> None:
    copy = fresh(checkout, tmp_path)

    install(python, copy, env=without_node)

    assert installed_bundle(python) == "present"


def test_an_editable_install_builds_the_bundle(
    checkout: Path, python: Path, tmp_path: Path
) -> None:
    copy = fresh(checkout, tmp_path)

    install(python, "--editable", copy)

    assert installed_bundle(python) == "present"
    assert (copy / BUNDLE[0]).is_file()


def test_the_installed_package_imports_and_has_its_command(wheel: Path, python: Path) -> None:
    install(python, wheel)
    here = {**os.environ, "PYTHONPATH": sysconfig.get_path("purelib")}

    shown = run(python.parent / "flow-widgets", "--help", env=here)

    assert "demo" in shown


def fresh(checkout: Path, folder: Path) -> Path:
    copy = folder / "project"
    shutil.copytree(checkout, copy, ignore=shutil.ignore_patterns("static", "node_modules"))
    return copy


def install(python: Path, *what: str | Path, env: dict[str, str] | None = None) -> None:
    # Without the dependencies: they are the same each time, and take most of the time.
    run(python, "-m", "pip", "install", "--quiet", "--no-deps", *what, env=env)


def installed_bundle(python: Path) -> str:
    """Tell whether the package that this Python finds has its bundle, without importing it."""
    program = (
        "import importlib.util, pathlib;"
        "root = pathlib.Path(importlib.util.find_spec('flow_widgets').origin).parent.parent;"
        f"print('present' if all((root / name).is_file() for name in {BUNDLE}) else root)"
    )
    return run(python, "-c", program).strip()


def run(*command: str | Path, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=Path(sys.prefix),
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout
