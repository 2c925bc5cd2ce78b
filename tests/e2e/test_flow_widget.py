"""The widget as a person uses it: JupyterLab, Chromium, mouse and keyboard."""

from __future__ import annotations

import json
import re
import time

import pytest
from playwright.sync_api import Page
from rig import Rig

FLOW = """
from flow_widgets import Chat, Flow, FlowWidget
from flow_widgets.providers.offline import OfflineProvider

flow = Flow(
    name="Two opinions",
    inputs={"proposal": "Let the whole team work four days a week."},
    steps=[
        [
            Chat(name="For", prompt="The strongest case for: {{proposal}}"),
            Chat(name="Against", prompt="The strongest case against: {{proposal}}"),
        ],
        Chat(name="Verdict", prompt="Weigh {{steps.0.actions.for.output}}"),
    ],
)
widget = FlowWidget(flow, provider=OfflineProvider(pace=%s))
"""
SHOW = FLOW + "widget"
STATUS = ".fw-title .fw-status"


def shown(rig: Rig, status: str, page: Page | None = None) -> None:
    """Wait until the flow's status is shown."""
    rig.wait_text(STATUS, status, page=page)


def until(rig: Rig, expression: str, page: Page | None = None) -> None:
    """Wait until an expression is true in the page."""
    (page or rig.page).wait_for_function(f"() => {expression}", timeout=20_000)


def lengths(page: Page) -> list[int]:
    """Return how much text stands in each output."""
    return [len(text) for text in page.locator(".fw-action .fw-output").all_inner_texts()]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_run_flow_streams_two_actions_and_play_runs_a_step_again(rig: Rig, dark: bool) -> None:
    rig.open_notebook([SHOW % 2], dark=dark)
    rig.run_cell(0)
    shown(rig, "Not run yet")
    rig.shot("never-run")

    rig.click(".fw-run-flow")
    until(
        rig, "document.querySelectorAll('.fw-step')[0].querySelectorAll('.fw-output').length == 2"
    )
    until(rig, "[...document.querySelectorAll('.fw-output')].every(e => e.innerText.length > 20)")
    before = lengths(rig.page)
    rig.shot("running")
    until(rig, f"document.querySelectorAll('.fw-output')[0].innerText.length > {before[0]}")
    shown(rig, "Completed")
    assert rig.page.locator(".fw-step").nth(0).get_attribute("data-status") == "completed"

    rig.page.locator(".fw-step").nth(1).locator(".fw-run-step").click()
    shown(rig, "Running")
    shown(rig, "Completed")

    assert "2 of 2" in rig.page.locator(".fw-step").nth(1).inner_text()
    rig.page.get_by_role("button", name="Log").click()
    rig.wait_text(".fw-log", "Run 1 started")
    rig.shot("completed")
    rig.shot("widget", css=".fw")
    assert rig.page_errors == []


def test_cancel_keeps_the_text_that_arrived(rig: Rig) -> None:
    rig.open_notebook([SHOW % 1])
    rig.run_cell(0)
    rig.click(".fw-run-flow")
    until(rig, "[...document.querySelectorAll('.fw-output')].some(e => e.innerText.length > 30)")

    rig.click(".fw-cancel")
    shown(rig, "Canceled")

    assert rig.page.locator(".fw-cancel").count() == 0
    assert max(lengths(rig.page)) > 30
    rig.shot("canceled", css=".fw")
    assert rig.page_errors == []


def test_a_reload_in_the_middle_of_a_run_recovers(rig: Rig) -> None:
    rig.open_notebook([SHOW % 0.7, "run = widget.run; run.steps[0].actions[0].text"])
    rig.run_cell(0)
    rig.save()
    rig.click(".fw-run-flow")
    until(rig, "[...document.querySelectorAll('.fw-output')].some(e => e.innerText.length > 30)")

    rig.reload()
    rig.page.wait_for_selector(".fw-output")
    shown(rig, "Running")
    shown(rig, "Completed")

    rig.run_cell(1)
    text = eval(rig.outputs(1)[0])  # a literal that Python printed
    first_word = re.findall(r"\w+", text)[0]
    assert first_word in rig.page.locator(".fw-output").nth(0).inner_text()


def test_two_tabs_and_two_displays_agree_and_either_can_cancel(rig: Rig) -> None:
    rig.open_notebook([SHOW % 0.5, "widget"])
    rig.run_cell(0)
    rig.run_cell(1)
    rig.save()
    assert rig.page.locator(".fw").count() == 2
    other = rig.second_tab()
    other.wait_for_selector(".fw-run-flow")

    rig.page.locator(".fw-run-flow").nth(1).click()
    shown(rig, "Running", other)
    until(
        rig,
        "[...document.querySelectorAll('.fw-output')].some(e => e.innerText.length > 20)",
        other,
    )
    other.locator(".fw-cancel").first.click()
    shown(rig, "Canceled", other)
    shown(rig, "Canceled")

    texts = rig.page.locator(".fw-output").all_inner_texts()
    until(
        rig,
        f"document.querySelectorAll('.fw-output')[0].innerText == {json.dumps(texts[0])}",
        other,
    )
    assert texts[: len(texts) // 2] == texts[len(texts) // 2 :]


BUSY = """
import time
run = widget.run_flow()
time.sleep(4)
print(run.status, round(time.time() - run.ended_at.timestamp(), 1))
"""


def test_cancel_gets_through_while_the_main_thread_computes(rig: Rig) -> None:
    rig.open_notebook([SHOW % 0.5, BUSY])
    rig.run_cell(0)
    rig.run_cell(1, wait=False)
    shown(rig, "Running")

    rig.click(".fw-cancel")
    shown(rig, "Canceled")
    rig.wait_idle()

    status, seconds = rig.outputs(1)[0].split()
    assert status == "canceled"
    assert float(seconds) > 1.0


def test_cancel_and_interrupt_reach_a_cell_that_awaits(rig: Rig) -> None:
    waiting = (
        "import time\nrun = widget.run_flow()\ntry:\n    await run\nfinally:\n    print(run.status)"
    )
    rig.open_notebook([SHOW % 0.5, waiting, "widget.run.status"])
    rig.run_cell(0)

    rig.run_cell(1, wait=False)
    shown(rig, "Running")
    rig.click(".fw-cancel")
    rig.wait_idle()
    assert rig.outputs(1)[0].strip() == "canceled"

    rig.run_cell(1, wait=False)
    shown(rig, "Running")
    started = time.monotonic()
    rig.interrupt()
    shown(rig, "Canceled")
    assert (
        time.monotonic() - started < 2.0
    )  # the whole way through the browser; 0.3 s in the kernel
    rig.wait_idle()
    rig.run_cell(2)
    assert rig.outputs(2) == ["'canceled'"]


def test_an_edit_in_place_runs_with_the_new_prompt(rig: Rig) -> None:
    rig.open_notebook([SHOW % 0, "widget.flow.steps[1].actions[0].prompt"])
    rig.run_cell(0)
    rig.click(".fw-run-flow")
    shown(rig, "Completed")

    step = rig.page.locator(".fw-step").nth(1)
    step.get_by_role("button", name=re.compile("^Edit action")).first.click()
    step.get_by_label("Prompt").fill("Decide about {{proposal}}")
    rig.shot("editor", css=".fw")
    step.get_by_role("button", name=re.compile("^Run action")).last.click()
    rig.page.wait_for_function(
        "() => document.querySelectorAll('.fw-step')[1].innerText.includes('2 of 2')"
    )

    rig.run_cell(1)
    assert rig.outputs(1) == ["'Decide about {{proposal}}'"]


def test_edited_inputs_make_outputs_stale_and_run_stale_renews_them(rig: Rig) -> None:
    rig.open_notebook([SHOW % 0])
    rig.run_cell(0)
    rig.click(".fw-run-flow")
    shown(rig, "Completed")

    rig.page.get_by_label("proposal").fill("Let everyone work from home.")
    rig.page.get_by_label("proposal").blur()
    rig.page.wait_for_selector(".fw-run-stale")
    rig.shot("stale", css=".fw")
    rig.click(".fw-run-stale")

    rig.page.wait_for_selector(".fw-run-stale", state="detached")
    shown(rig, "Completed")


FAILING = """
from flow_widgets import Chat, Flow, FlowWidget
from flow_widgets.providers.offline import OfflineProvider, Reply

script = [Reply(status=401, error={"message": "no such key"}), Reply(text="It works now.")]
widget = FlowWidget(Flow(name="Retry", steps=[Chat(prompt="x", name="Ask"), Chat(prompt="y", name="Then")]),
                    provider=OfflineProvider(pace=0, script=script))
widget
"""


def test_an_error_stands_where_it_happened_and_retry_mends_it(rig: Rig) -> None:
    rig.open_notebook([FAILING])
    rig.run_cell(0)
    rig.click(".fw-run-flow")
    shown(rig, "Failed")
    first = rig.page.locator(".fw-action").first
    assert "The key was refused (401)." in first.inner_text()
    assert "req_" in first.inner_text()
    assert "Not run: step 0 failed" in rig.page.locator(".fw-step").nth(1).inner_text()
    rig.shot("failed", css=".fw")

    first.get_by_role("button", name="Retry").last.click()
    until(rig, "document.querySelector('.fw-output')?.innerText.includes('It works now.')")


HOSTILE = """
from flow_widgets import Chat, Flow, FlowWidget, Retry
from flow_widgets.providers.offline import OfflineProvider, Reply

text = '''<img src=x onerror="window.__pwned=1"><script>window.__pwned=2</script>
[link](javascript:window.__pwned=3) ![x](http://127.0.0.1:9/leak.png)
<details ontoggle="window.__pwned=4" open>
<iframe srcdoc="<script>parent.__pwned=5</script>"></iframe> <svg onload="window.__pwned=6">'''
script = [Reply(text=text), Reply(status=502, raw=("<html><script>window.__pwned=7</script>").encode())]
flow = Flow(name="<img src=x onerror=window.__pwned=8>", steps=[Chat(prompt="x"), Chat(prompt="y")])
once = Retry(max_attempts=1)
widget = FlowWidget(flow, provider=OfflineProvider(pace=0, script=script), retry=once)
widget
"""


def test_text_of_models_and_servers_is_text(rig: Rig) -> None:
    rig.open_notebook([HOSTILE])
    rig.run_cell(0)
    rig.click(".fw-run-flow")
    shown(rig, "Failed")
    rig.page.get_by_role("button", name="Log").click()
    rig.wait_text(".fw-log", "failed")

    assert rig.page.evaluate("() => window.__pwned") is None
    assert rig.page.locator(".fw img, .fw script, .fw iframe").count() == 0
    assert rig.page.locator('.fw a[href^="javascript"]').count() == 0


def test_keys_typed_in_the_widget_do_nothing_to_the_notebook(rig: Rig) -> None:
    rig.open_notebook([SHOW % 0, "1"])
    rig.run_cell(0)
    cells = rig.page.locator(".jp-Cell").count()
    rig.page.locator(".fw-run-flow").focus()

    rig.page.keyboard.press("b")
    rig.page.get_by_label("proposal").focus()
    rig.page.keyboard.type("dd")
    rig.page.keyboard.press("Shift+Enter")

    assert rig.page.locator(".jp-Cell").count() == cells
    shown(rig, "Not run yet")


def test_a_saved_notebook_holds_the_record_of_the_finished_run(rig: Rig) -> None:
    rig.open_notebook([SHOW % 0])
    rig.run_cell(0)
    rig.click(".fw-run-flow")
    shown(rig, "Completed")
    rig.page.wait_for_timeout(500)

    data = rig.save()["cells"][0]["outputs"][0]["data"]

    assert (
        "".join(data["text/plain"]) == "FlowWidget('Two opinions', 2 steps, 3 actions, completed)"
    )
    assert "Completed" not in "".join(data["text/html"])
    assert "completed</td>" in "".join(data["text/html"])


def test_the_widget_fits_320_pixels(rig: Rig) -> None:
    rig.open_notebook([SHOW % 0])
    rig.run_cell(0)
    rig.click(".fw-run-flow")
    shown(rig, "Completed")

    rig.page.evaluate(
        "() => { document.querySelector('.fw').parentElement.style.width = '320px'; }"
    )

    overflow = (
        "() => { const e = document.querySelector('.fw'); return e.scrollWidth - e.clientWidth; }"
    )
    assert rig.page.evaluate(overflow) <= 0
    rig.shot("narrow", css=".fw")


GONE = "import os; os._exit(1)"


def test_a_kernel_that_is_gone_is_said(rig: Rig) -> None:
    rig.open_notebook([SHOW % 0, GONE])
    rig.run_cell(0)
    rig.click(".fw-run-flow")
    shown(rig, "Completed")

    rig.run_cell(1, wait=False)
    rig.page.wait_for_timeout(1500)
    rig.page.locator(".fw-run-flow").click(force=True)

    rig.wait_text(".fw-banner", "run the cell again")


def test_what_was_folded_stays_folded_when_the_display_is_refreshed(rig: Rig) -> None:
    rig.open_notebook([SHOW % 0.3])
    rig.run_cell(0)
    rig.click(".fw-run-flow")
    shown(rig, "Running")
    rig.page.get_by_role("button", name="Collapse step Verdict").click()
    rig.page.get_by_role("button", name="Log").click()
    rig.page.evaluate("() => { document.querySelector('.fw').dataset.before = 'yes'; }")

    shown(rig, "Completed")
    until(rig, "document.querySelector('.fw')?.dataset.before === undefined")  # drawn anew
    rig.page.wait_for_selector(".fw-run-flow")

    assert rig.page.get_by_role("button", name="Expand step Verdict").count() == 1
    assert rig.page.locator(".fw-log").count() == 1
    assert rig.page.locator(".fw").count() == 1
