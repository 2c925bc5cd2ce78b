"""Flows with edges as a person runs them: the graph, its cards, what branches, repeats and fails."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect
from rig import Loopback, Rig

GOLDEN = Path(__file__).parents[1] / "golden"
STATUS = ".fw-title .fw-status"
IMPORTS = """
from flow_widgets import Chat, Edge, Flow, FlowWidget
from flow_widgets.actions import Code, Conditional, Delay, End, Map, Merge, Request, SetState, Start
from flow_widgets.providers.offline import OfflineProvider, Reply
"""


@pytest.fixture(autouse=True, scope="module")
def patience() -> Iterator[None]:
    expect.set_options(timeout=20_000)
    yield
    expect.set_options(timeout=5000)


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    """Return a server that knows how cold it is in every town."""
    with Loopback(weather) as running:
        yield running


def weather(path: str) -> dict[str, Any]:
    """Answer `/towns/oslo`: there it freezes, elsewhere it is warm."""
    town = path.rpartition("/")[2]
    return {"name": town.title(), "degrees": -4 if town == "oslo" else 21}


def opened(rig: Rig, source: str, *more: str) -> Page:
    """Open a notebook, run the first cell, and return the page with the widget in it."""
    page = rig.open_notebook([IMPORTS + source, *more])
    rig.run_cell(0)
    shown(page, "Not run yet")
    page.locator(".fw").evaluate("widget => { widget.dataset.before = ''; }")
    return page


def shown(place: Page | Locator, status: str) -> None:
    """Wait until the flow's status is shown."""
    expect(place.locator(STATUS)).to_have_text(status)


def completed(page: Page) -> None:
    """Wait until the run has ended and its display was drawn anew, as it is then."""
    shown(page, "Completed")
    expect(page.locator(".fw[data-before]")).to_have_count(0)


def node(page: Page, step: int) -> Locator:
    return page.locator(f'.fw-canvas .node[data-step="{step}"]')


def statuses(page: Page, *wanted: str) -> None:
    """Wait until the graph's steps have these statuses, in their order."""
    nodes = page.locator(".fw-canvas .node")
    expect(nodes).to_have_count(len(wanted))
    for step, status in enumerate(wanted):
        expect(node(page, step)).to_have_attribute("data-s", status)


def edges(page: Page, *wanted: str) -> None:
    """Wait until the graph's edges have these statuses, in the order of the definition."""
    lines = page.locator(".fw-canvas .plane g[data-e]")
    expect(lines).to_have_count(len(wanted))
    for number, status in enumerate(wanted):
        expect(lines.nth(number)).to_have_attribute("data-e", status)


def below(page: Page) -> Locator:
    """Return the step whose cards stand below the graph."""
    return page.locator(".fw-steps .fw-step")


def button(page: Page, name: str) -> Locator:
    """Return a button of the header or of the graph's tools."""
    return page.locator(".fw-views, .fw-graph-tools").get_by_role("button", name=name, exact=True)


# --- documents of other systems -----------------------------------------------------------------

ANSWER = "I am well, and so is everybody here."
EXECUTOR = f"""
request = {json.loads((GOLDEN / "executor.json").read_text("utf-8"))!r}
provider = OfflineProvider(pace=0, script=[Reply(text={ANSWER!r})])
widget = FlowWidget(request, provider=provider)
widget
"""
ASKED = """
print(widget.run.output["text_output"])
print(provider.requests[0]["messages"][-1]["content"])
print(provider.requests[0]["temperature"], provider.requests[0]["max_tokens"])
"""


def test_a_request_of_the_flow_executor_runs_as_printed(rig: Rig) -> None:
    page = opened(rig, EXECUTOR, ASKED)
    expect(page.locator(".fw")).to_have_attribute("data-mode", "graph")
    expect(page.get_by_label("prompt")).to_have_value("Hello, how are you today?")
    statuses(page, "pending", "pending", "pending")
    edges(page, "waiting", "waiting")

    rig.click(".fw-run-flow")
    completed(page)

    statuses(page, "completed", "completed", "completed")
    edges(page, "fired", "fired")
    expect(below(page)).to_have_attribute("data-step", "2")  # the view followed the run
    expect(below(page).locator(".fw-output")).to_contain_text(ANSWER)
    node(page, 1).click()
    expect(below(page).locator(".fw-output")).to_have_text(ANSWER)
    rig.run_cell(1)
    said = rig.outputs(1)[0].splitlines()
    assert said == [ANSWER, "Generate a response to: Hello, how are you today?", "0.7 1000"]
    rig.shot("graph-executor", css=".fw")
    assert rig.page_errors == []


def openrun(base: str) -> dict[str, Any]:
    """Return an OpenRun document: a webhook, a request, and a warning where it freezes."""
    steps = {
        "hook": ("trigger_webhook", {"method": "POST", "path": "/weather"}),
        "ask": ("request", {"url": base + "/towns/{{body.town}}", "method": "GET"}),
        "frost": ("conditional", {"left": "{{response.degrees}}", "operator": "<", "right": "0"}),
        "warn": ("set_state", {"key": "warning", "value": "Frost in {{response.name}}"}),
        "calm": ("set_state", {"key": "warning", "value": "None in {{response.name}}"}),
    }
    leads = [
        ("hook", "default", "ask"),
        ("ask", "success", "frost"),
        ("frost", "true", "warn"),
        ("frost", "false", "calm"),
    ]
    return {
        "name": "Weather watch",
        "steps": [
            {"id": name, "type": kind, "is_trigger": name == "hook", "config": config}
            for name, (kind, config) in steps.items()
        ],
        "edges": [
            {"source_step_id": source, "source_port": port, "target_step_id": target}
            for source, port, target in leads
        ],
    }


KEYS = ("ArrowRight", "ArrowRight", "ArrowLeft", "End", "ArrowUp", "Home")
WEATHER = """
widget = FlowWidget(%r, allow_private_network=True)
widget
"""


def test_an_openrun_document_takes_the_payload_of_its_webhook_and_one_branch(
    rig: Rig, loopback: Loopback
) -> None:
    page = opened(rig, WEATHER % openrun(loopback.base), "widget.run.state['warning']")
    page.get_by_label("body").fill('{"town": "oslo"}')

    rig.click(".fw-run-flow")
    statuses(page, "completed", "running", "pending", "pending", "pending")
    edges(page, "live", "waiting", "waiting", "waiting")
    expect(below(page)).to_have_attribute("data-step", "1")
    rig.shot("graph-openrun-running", css=".fw")
    loopback.let()
    completed(page)

    assert loopback.asked == ["/towns/oslo"]
    statuses(page, "completed", "completed", "completed", "completed", "skipped")
    edges(page, "fired", "fired", "fired", "dead")
    words = page.locator(".fw-canvas .word")
    expect(words.filter(has_text="true")).to_have_attribute("data-e", "fired")
    expect(words.filter(has_text="false")).to_have_attribute("data-e", "dead")
    rig.shot("graph-openrun", css=".fw")

    node(page, 4).click()
    expect(below(page)).to_contain_text("Not run")
    node(page, 3).click()
    expect(below(page).locator(".fw-output")).to_contain_text("Frost in Oslo")
    rig.run_cell(1)
    assert rig.outputs(1) == ["'Frost in Oslo'"]

    node(page, 0).focus()
    for key, step in zip(KEYS, (1, 2, 1, 4, 3, 0), strict=True):
        page.keyboard.press(key)
        expect(node(page, step)).to_be_focused()
    page.keyboard.press("Enter")
    expect(below(page)).to_have_attribute("data-step", "0")
    expect(node(page, 0)).to_have_attribute("aria-current", "true")
    assert rig.page_errors == []


# --- what takes long, repeats, or is stopped ----------------------------------------------------

TOWNS = ["oslo", "rome", "lima", "bonn", "kyiv", "bern", "riga", "cork"]
EACH = """
body = Flow(steps=[Request(url="%s/towns/{{town}}")])
widget = FlowWidget(
    Flow(name="Every town", steps=[Map(name="Towns", over=%r, item="town", body=body, concurrency=2)]),
    allow_private_network=True,
)
widget
"""


def test_a_map_tells_how_far_it_is(rig: Rig, loopback: Loopback) -> None:
    page = opened(rig, EACH % (loopback.base, TOWNS), "len(widget.run.output)")
    card = page.locator(".fw-action")
    bar = card.get_by_role("progressbar")

    rig.click(".fw-run-flow")
    expect(bar).to_contain_text("0 of 8")
    loopback.let(3)
    expect(bar).to_contain_text("3 of 8")
    expect(bar).to_have_attribute("aria-valuenow", "3")
    assert len(loopback.asked) == 5  # three were answered, two are asked at a time
    rig.shot("graph-map", css=".fw")
    loopback.let(4)
    expect(bar).to_contain_text("7 of 8")
    loopback.let()
    completed(page)

    expect(card).to_have_attribute("data-status", "completed")
    expect(bar).to_have_count(0)
    rig.run_cell(1)
    assert rig.outputs(1) == ["8"]


CYCLE = """
count = Flow(name="Count to four", state={"n": 0})
start = count.add_step(Start(name="Start"))
add = count.add_step(Merge(name="Add one", values=["{{n}}", 1], save_as="n"))
enough = count.add_step(Conditional(name="Enough?", left="{{n}}", operator=">=", right=4))
done = count.add_step(End(name="Done", values={"n": "{{n}}"}))
count.add_edge(start, add)
count.add_edge(add, enough)
count.add_edge(enough, add, "false")
count.add_edge(enough, done, "true")
widget = FlowWidget(count)
widget
"""


def test_a_cycle_of_edges_says_how_often_each_step_was_visited(rig: Rig) -> None:
    page = opened(rig, CYCLE, "widget.run.output")

    rig.click(".fw-run-flow")
    completed(page)

    expect(node(page, 1).locator(".times")).to_have_text("×4")
    expect(node(page, 2).locator(".times")).to_have_text("×4")
    expect(node(page, 3).locator(".times")).to_have_count(0)
    statuses(page, "completed", "completed", "completed", "completed")
    edges(page, "fired", "fired", "fired", "fired")
    rig.run_cell(1)
    assert rig.outputs(1) == ["{'n': 4}"]
    node(page, 1).click()
    expect(below(page).locator(".times")).to_have_text("×4")
    expect(below(page).locator(".fw-output")).to_have_text("4")
    rig.shot("graph-cycle", css=".fw")
    assert rig.page_errors == []


SEQUENCE = """
widget = FlowWidget(
    [Chat(name="Draft", prompt="a"), Chat(name="Check", prompt="b")],
    provider=OfflineProvider(pace=0),
)
widget
"""


def test_each_layout_keeps_its_own_state(rig: Rig) -> None:
    page = opened(rig, CYCLE, IMPORTS + SEQUENCE)
    first = page.locator(".fw").first
    layout = page.get_by_role("group", name="Layout").first
    node(page, 2).click()
    button(page, "Zoom out").click()
    canvas = page.locator(".fw-canvas")

    layout.get_by_role("button", name="Cards").click()
    expect(canvas).to_have_count(0)
    expect(first.locator(".fw-action")).to_have_count(4)
    expect(first.locator(".fw-graph")).to_be_visible()  # the overview of a flow with branches
    button(page, "Overview").click()
    expect(first.locator(".fw-graph")).to_have_count(0)
    button(page, "Log").click()
    expect(first.locator(".fw-log")).to_be_visible()

    layout.get_by_role("button", name="Lines").click()
    expect(first.locator(".fw-step")).to_have_count(4)
    expect(first.locator(".fw-action")).to_have_count(0)

    layout.get_by_role("button", name="Graph").click()
    expect(node(page, 2)).to_have_attribute("aria-current", "true")
    expect(below(page)).to_have_attribute("data-step", "2")
    expect(page.locator(".fw-graph-tools")).to_contain_text("80\u00a0%")
    expect(button(page, "Overview")).to_have_attribute("aria-disabled", "true")
    expect(first.locator(".fw-log")).to_be_visible()
    button(page, "Log").click()
    expect(first.locator(".fw-log")).to_have_count(0)

    rig.run_cell(1)
    second = page.locator(".fw").nth(1)
    expect(second).to_have_attribute("data-mode", "cards")
    expect(second.locator(".fw-steps .fw-action")).to_have_count(2)
    expect(second.locator(".fw-graph, .fw-canvas")).to_have_count(0)
    assert rig.page_errors == []


ENDLESS = """
endless = Flow(name="Endless", steps=[Code(name="Spin", code="while True: pass", seconds=1)])
widget = FlowWidget(endless, allow_custom_code=True)
widget
"""
REFUSED = "refused = FlowWidget(endless); refused"


def test_code_without_an_end_is_stopped_and_the_kernel_answers_meanwhile(rig: Rig) -> None:
    page = opened(rig, ENDLESS, "run = widget.run_flow()", "2 + 2, run.status", REFUSED)
    card = page.locator(".fw-action").first

    rig.run_all()  # both cells were sent at once: the second begins as the first ends
    assert rig.outputs(2) == ["(4, 'running')"]

    shown(page.locator(".fw").first, "Failed")
    expect(card).to_contain_text("The code ran longer than 1 s, its limit.")
    rig.shot("graph-code-limit", css=".fw")
    second = page.locator(".fw").nth(1)
    second.locator(".fw-run-flow").click()
    expect(second).to_contain_text("allow_custom_code=True")
    rig.shot("graph-code-refused")


# --- the page is loaded anew --------------------------------------------------------------------

FORK = """
from flow_widgets.actions import Reply as Say
fork = Flow(name="Two towns", inputs={"limit": 0})
start = fork.add_step(Start(name="Start"))
cold = fork.add_step(Request(name="First", url="%s/towns/oslo"))
check = fork.add_step(Conditional(
    name="Freezing?", left="{{steps.first.output.body.degrees}}", operator="<", right="{{limit}}"
))
again = fork.add_step(Request(name="Second", url="%s/towns/rome"))
warm = fork.add_step(Say(name="Warm", text="It is warm."))
end = fork.add_step(End(name="End", values={"second": "{{steps.second.output.body.name}}"}),
                    join="first_success")
fork.add_edge(start, cold)
fork.add_edge(cold, check)
fork.add_edge(check, again, "true")
fork.add_edge(check, warm, "false")
fork.add_edge(again, end)
fork.add_edge(warm, end)
widget = FlowWidget(fork, allow_private_network=True)
widget
"""


def test_a_reload_during_a_run_shows_the_same_graph(rig: Rig, loopback: Loopback) -> None:
    page = opened(rig, FORK % (loopback.base, loopback.base), "widget.run.output")
    rig.save()
    loopback.let()
    rig.click(".fw-run-flow")
    middle = ("completed", "completed", "completed", "running", "skipped", "pending")
    taken = ("fired", "fired", "live", "dead", "waiting", "dead")
    statuses(page, *middle)
    edges(page, *taken)
    expect(node(page, 3)).to_be_in_viewport(ratio=1)  # the graph is wider than the page

    rig.reload()

    statuses(page, *middle)
    edges(page, *taken)
    shown(page, "Running")
    expect(below(page)).to_have_attribute("data-step", "3")
    expect(node(page, 3)).to_be_in_viewport(ratio=1)
    rig.shot("graph-reloaded", css=".fw")
    loopback.let()
    shown(page, "Completed")
    statuses(page, "completed", "completed", "completed", "completed", "skipped", "completed")
    edges(page, "fired", "fired", "fired", "dead", "fired", "dead")
    rig.run_cell(1)
    assert rig.outputs(1) == ["{'second': 'Rome'}"]
    assert rig.page_errors == []
