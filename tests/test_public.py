"""The public names: at most thirty, all there, quick to import."""

from __future__ import annotations

import subprocess
import sys

import flow_widgets


def test_every_public_name_is_there_and_no_more_than_thirty():
    assert len(flow_widgets.__all__) <= 30
    assert all(getattr(flow_widgets, name) is not None for name in flow_widgets.__all__)
    assert sorted(flow_widgets._HOMES) == sorted(flow_widgets.__all__)
    assert set(flow_widgets.__all__) <= set(dir(flow_widgets))


def test_importing_the_package_loads_nothing_heavy():
    code = "import flow_widgets, sys; print({'openai', 'pandas', 'ipywidgets', 'pydantic'} & {*sys.modules})"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "set()"


def test_a_runner_needs_neither_pandas_nor_ipywidgets_nor_openai():
    code = (
        "from flow_widgets import Chat, Flow, FlowRunner; import sys;"
        "FlowRunner(Flow(steps=[Chat(prompt='x')]));"
        "print({'openai', 'pandas', 'ipywidgets', 'IPython'} & {*sys.modules})"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "set()"


def test_an_unknown_name_is_an_attribute_error():
    assert not hasattr(flow_widgets, "Nothing")
