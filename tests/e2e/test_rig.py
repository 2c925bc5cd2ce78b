"""The rig itself, shown on the smallest widget there is."""

from __future__ import annotations

import pytest
from rig import Rig

COUNTER = '''
import anywidget, traitlets

class Counter(anywidget.AnyWidget):
    _esm = """
    export default {
      render({ model, el, signal }) {
        const button = document.createElement("button");
        const draw = () => { button.textContent = `clicked ${model.get("count")} times`; };
        button.className = "counter";
        button.addEventListener("click", () => model.send({ op: "add" }), { signal });
        model.on("change:count", draw);
        el.append(button);
        draw();
      },
    };
    """
    count = traitlets.Int(0).tag(sync=True)

    def __init__(self):
        super().__init__()
        self.on_msg(self._add)

    def _add(self, _, content, buffers):
        self.count += 1

counter = Counter()
counter
'''
CELLS = [COUNTER, "counter.count"]


def test_a_click_reaches_python_and_the_answer_is_drawn(rig: Rig) -> None:
    rig.open_notebook(CELLS)
    rig.run_cell(0)

    rig.click(".counter")
    rig.wait_text(".counter", "clicked 1 times")
    rig.run_cell(1)

    assert rig.outputs(1) == ["1"]
    assert rig.page_errors == []


def test_a_second_tab_and_a_reload_show_the_same_widget(rig: Rig) -> None:
    rig.open_notebook(CELLS)
    rig.run_all()
    rig.save()
    tab = rig.second_tab()

    rig.wait_text(".counter", "clicked 0 times", page=tab)
    rig.click(".counter", page=tab)
    rig.wait_text(".counter", "clicked 1 times")
    rig.reload()
    rig.wait_text(".counter", "clicked 1 times")

    assert rig.outputs(1) == ["0"]


def test_a_running_cell_can_be_interrupted(rig: Rig) -> None:
    rig.open_notebook(["print('started')\nimport time; time.sleep(60)"])
    rig.run_cell(0, wait=False)
    rig.wait_text(".jp-OutputArea-output", "started")

    rig.interrupt()
    rig.wait_idle(seconds=20)

    assert "KeyboardInterrupt" in rig.outputs(0)[-1]


@pytest.mark.parametrize(("dark", "theme"), [(True, "false"), (False, "true")])
def test_a_notebook_opens_in_the_theme_asked_for(rig: Rig, dark: bool, theme: str) -> None:
    page = rig.open_notebook(["1 + 1"], dark=dark)

    page.locator(f"body[data-jp-theme-light='{theme}']").wait_for(state="attached")

    assert rig.shot("theme-dark" if dark else "theme-light").stat().st_size > 1000


def test_traffic_and_frames_are_measured(rig: Rig) -> None:
    rig.open_notebook(["'x' * 100_000"])
    before = rig.traffic()
    rig.frames_start()

    rig.run_cell(0)
    rig.page.wait_for_timeout(500)
    frames = rig.frames_stop()

    assert rig.traffic().received_bytes - before.received_bytes > 100_000
    assert frames.fps > 5
