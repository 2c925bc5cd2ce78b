"""The command line: the demo's notebooks, copied, run, and what is said when something is missing."""

from __future__ import annotations

import subprocess
import sys

import pytest

from flow_widgets import cli


@pytest.mark.parametrize(("user", "flags"), [(1000, []), (0, ["--allow-root"])])
def test_the_demo_opens_a_copy_of_the_quickstart(tmp_path, monkeypatch, user, flags):
    calls = []
    monkeypatch.setattr(cli.os, "geteuid", lambda: user, raising=False)
    monkeypatch.setattr(
        subprocess,
        "run",
        lambda command, **_: calls.append(command) or subprocess.CompletedProcess(command, 0),
    )

    assert cli.main(["demo", "--into", str(tmp_path / "demo")]) == 0

    notebook = str(tmp_path / "demo" / cli.QUICKSTART)
    assert calls == [[sys.executable, "-m", "jupyterlab", notebook, *flags]]
    assert (tmp_path / "demo" / "02-your-own-data.ipynb").is_file()


def test_a_notebook_that_was_edited_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(
        subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 0)
    )
    (tmp_path / cli.QUICKSTART).write_text("mine")

    cli.main(["demo", "--into", str(tmp_path)])

    assert (tmp_path / cli.QUICKSTART).read_text() == "mine"


def test_an_unknown_notebook_names_those_there_are(tmp_path, capsys):
    assert cli.main(["demo", "--into", str(tmp_path), "--notebook", "9.ipynb"]) == 1

    names = (
        "01-quickstart.ipynb, 02-your-own-data.ipynb, 03-your-own-action.ipynb, 04-graphs.ipynb, "
        "05-reruns-and-recovery.ipynb"
    )
    assert f"There are: {names}." in capsys.readouterr().err


def test_stopping_the_server_is_no_error(tmp_path, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess, "run", interrupt)

    assert cli.main(["demo", "--into", str(tmp_path)]) == 0


def test_missing_notebooks_are_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        cli.flow_widgets, "__file__", str(tmp_path / "flow_widgets" / "__init__.py")
    )

    assert cli.main(["demo", "--into", str(tmp_path / "x")]) == 1

    assert "The notebooks are not installed." in capsys.readouterr().err


@pytest.mark.slow
def test_the_demo_runs_headless_and_prints_what_it_shows(tmp_path, capsys):
    assert cli.main(["demo", "--headless", "--into", str(tmp_path)]) == 0

    shown = capsys.readouterr().out
    assert "FlowWidget('Two opinions', 2 steps, 3 actions" in shown
    assert "<Attempt 2: completed" in shown
    assert "01-quickstart.ipynb: 7 cells ran in" in shown
    assert (tmp_path / "01-quickstart.executed.ipynb").is_file()


@pytest.mark.slow
def test_a_cell_that_fails_makes_the_demo_fail(tmp_path, capsys):
    import nbformat

    broken = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1/0")])
    nbformat.write(broken, tmp_path / cli.QUICKSTART)

    assert cli.main(["demo", "--headless", "--into", str(tmp_path)]) == 1

    assert "ZeroDivisionError" in capsys.readouterr().err


def test_the_module_can_be_run():
    done = subprocess.run(
        [sys.executable, "-m", "flow_widgets", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == "0.1.0"
