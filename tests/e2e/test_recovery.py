"""Nothing that was paid for is lost, as a person sees it: waits, stale marks, budgets, crashes, pins."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect
from rig import Rig
from talk import HOLD, Talk

STATUS = ".fw-title .fw-status"
IMPORTS = """
from flow_widgets import Budget, Chat, Flow, FlowWidget
from flow_widgets.providers import OfflineProvider, OpenAIProvider, Reply
"""
FACTS = (
    "The outage began at 09:12, when a certificate of the payment gateway ran out. "
    "Orders were refused for **41 minutes**; "
)
MORE = [f"customer {n} was told, " for n in range(1, 21)]
RISKS = "The same certificate is used by two more services. "


@pytest.fixture(autouse=True, scope="module")
def patience() -> Iterator[None]:
    expect.set_options(timeout=20_000)
    yield
    expect.set_options(timeout=5000)


@pytest.fixture
def talk() -> Iterator[Talk]:
    """Return a model that stops in the middle of what it says about the facts and the risks."""
    answers = {
        "State the facts": [FACTS, HOLD, *MORE, "no data was lost."],
        "Name the risks": [RISKS, HOLD, *MORE, "Nobody is told when it runs out."],
        "Name the cause": ["Nobody renewed it: its owner had left in spring."],
    }
    with Talk(answers) as running:
        yield running


REVIEW = """
flow = Flow(
    name="Incident review",
    steps=[
        Chat(name="Cause", prompt="Name the cause"),
        [Chat(name="Facts", prompt="State the facts"), Chat(name="Risks", prompt="Name the risks")],
        Chat(name="Verdict", prompt="Judge {{steps.1.actions.facts.output}}"),
    ],
)
widget = FlowWidget(flow, provider=OpenAIProvider(%r, "key", model="talk-mini"))
widget
"""


def opened(rig: Rig, source: str, *more: str, status: str = "Not run yet") -> Page:
    """Open a notebook, run the first cell, and return the page with the widget in it."""
    page = rig.open_notebook([IMPORTS + source, *more])
    rig.run_cell(0)
    shown(page, status)
    return page


def shown(place: Page | Locator, status: str) -> None:
    """Wait until the flow's status is shown."""
    expect(place.locator(STATUS)).to_have_text(status)


def card(page: Page, step: int, action: int = 0) -> Locator:
    return page.locator(f'.fw-action[data-step="{step}"][data-action="{action}"]')


def says(card: Locator, text: str) -> None:
    """Wait until the output of a card has a text in it."""
    expect(card.locator(".fw-output")).to_contain_text(text)


def button(place: Page | Locator, name: str) -> Locator:
    """Return the button with exactly these words, or that label."""
    return place.get_by_role("button", name=name, exact=True)


def statuses(page: Page, *wanted: str) -> None:
    """Wait until the cards have these statuses, in the order of the flow."""
    cards = page.locator(".fw-action")
    expect(cards).to_have_count(len(wanted))
    for number, status in enumerate(wanted):
        expect(cards.nth(number)).to_have_attribute("data-status", status)


LAYOUTS = [(theme, width) for theme in ("Light", "Dark") for width in (1000, 480)]


def pictures(rig: Rig, name: str, page: Page | None = None, place: str = ".fw") -> None:
    """Take pictures of the widget, both themes, wide and narrow, when somebody wants to see them."""
    if "FLOW_WIDGETS_SHOTS" not in os.environ:
        return
    shown = page or rig.page
    shown.set_viewport_size({"width": 1500, "height": 2000})
    for theme, width in LAYOUTS:
        shown.evaluate(
            "([theme, width, place]) => {"
            " window.jupyterapp.commands.execute('apputils:change-theme', { theme });"
            " document.querySelector(place).parentElement.style.width = `${width}px`; }",
            [f"JupyterLab {theme}", width, place],
        )
        light = str(theme == "Light").lower()
        shown.wait_for_selector(f'body[data-jp-theme-light="{light}"]', state="attached")
        expect(shown.locator("#jupyterlab-splash")).to_have_count(0)
        rig.shot(f"{name}-{theme.lower()}-{width}", css=place, page=shown)
    shown.evaluate(
        "place => { document.querySelector(place).parentElement.style.width = ''; }", place
    )


# --- waits --------------------------------------------------------------------------------------

LIMITED = """
refused = Reply(status=%d, headers={"retry-after": "60"})
provider = OfflineProvider(pace=0, script=[refused, Reply(text="Bees find home by the sun.")])
flow = Flow(
    name="Bees",
    steps=[
        Chat(name="Explain", prompt="How do bees find home?"),
        Chat(name="Sum up", prompt="Short: {{steps.0.output}}"),
    ],
)
widget = FlowWidget(flow, provider=provider)
widget
"""


@pytest.mark.parametrize("status", [503, 429])
def test_a_refusal_is_waited_for_in_sight_and_try_now_ends_the_wait(rig: Rig, status: int) -> None:
    page = opened(rig, LIMITED % status, "len(provider.requests)")
    page.locator(".fw-run-flow").click()

    first = card(page, 0)
    expect(first).to_have_attribute("data-status", "waiting")
    note = first.locator(".fw-msg")
    expect(note).to_contain_text(f"({status}).")
    expect(note).to_contain_text(re.compile(r"Next try in (1\smin|5\d\s+s)"))
    before = note.locator("strong").inner_text()
    expect(note.locator("strong")).not_to_have_text(before)  # it counts
    pictures(rig, "waiting")
    button(page, "Try now: Explain").click()

    shown(page, "Completed")
    says(first, "Bees find home by the sun.")
    button(first, "Attempt 2 of 2").click()
    lines = first.get_by_role("option")
    expect(lines).to_have_count(2)
    expect(lines.nth(1)).to_contain_text("Failed")
    page.get_by_role("button", name="Log").click()
    expect(page.locator(".fw-log")).to_contain_text("Next try")
    pictures(rig, "retried")
    prints(rig, "3")
    assert rig.page_errors == []


# --- exact reruns -------------------------------------------------------------------------------

CHAIN = """
flow = Flow(
    name="Four days",
    steps=[
        [Chat(name="For", prompt="For four days"), Chat(name="Against", prompt="Against four days")],
        Chat(name="Verdict", prompt="Weigh {{steps.0.actions.for.output}}"),
        Chat(name="Mail", prompt="Mail {{steps.1.output}}"),
    ],
)
provider = OfflineProvider(pace=0)
widget = FlowWidget(flow, provider=provider)
widget
"""


def prints(rig: Rig, text: str) -> None:
    """Run the second cell, and wait until it has printed a text."""
    rig.run_cell(1)
    expect(rig.cell(1).locator(".jp-OutputArea-output")).to_have_text(text)


def edit_prompt(page: Page, step: int, name: str, prompt: str) -> None:
    """Edit a prompt in its card, and save it without a run."""
    one = card(page, step)
    button(one, f"Edit action {name}").click()
    one.get_by_label("Prompt").fill(prompt)
    button(one, f"Save edit of {name}").click()
    expect(one.locator(".fw-form")).to_have_count(0)


def stale(page: Page, *places: tuple[int, int]) -> None:
    """Wait until exactly these cards are marked as stale."""
    expect(page.locator(".fw-action[data-stale]")).to_have_count(len(places))
    for place in places:
        expect(card(page, *place)).to_have_attribute("data-stale", "")


def test_an_edit_makes_its_dependents_stale_and_an_undo_makes_all_fresh(rig: Rig) -> None:
    page = opened(rig, CHAIN, "len(provider.requests)")
    page.locator(".fw-run-flow").click()
    shown(page, "Completed")

    edit_prompt(page, 0, "For", "The best case for four days")
    stale(page, (0, 0), (1, 0), (2, 0))
    expect(card(page, 0).locator(".fw-msg")).to_contain_text("prompt changed")
    expect(page.locator(".fw-run-stale")).to_have_text("Run stale (3)")
    pictures(rig, "stale")

    button(card(page, 0), "Edit action For").click()
    button(card(page, 0), "Reset to flow").click()
    stale(page)
    expect(page.locator(".fw-run-stale")).to_have_count(0)
    button(card(page, 0), "Close").click()
    prints(rig, "4")

    edit_prompt(page, 1, "Verdict", "Judge {{steps.0.actions.for.output}}")
    stale(page, (1, 0), (2, 0))
    page.locator(".fw-run-stale").click()
    stale(page)
    shown(page, "Completed")
    prints(rig, "6")
    assert rig.page_errors == []


def test_a_flow_that_is_defined_anew_says_what_changed_and_keeps_the_rest(rig: Rig) -> None:
    page = opened(rig, CHAIN, IMPORTS + CHAIN.replace("Mail {{", "Announce {{"))
    page.locator(".fw-run-flow").click()
    shown(page, "Completed")
    kept, *_ = card(page, 0).locator(".fw-output").inner_text().partition(".")

    rig.run_cell(1)
    again = rig.cell(1)
    shown(again, "Completed")
    banner = again.locator(".fw-banner")
    expect(banner).to_contain_text("The flow has changed since run 1: 1 change.")
    expect(banner).to_contain_text("3 of 4 outputs are up to date.")
    banner.get_by_role("button", name="Details").click()
    expect(banner.locator("li")).to_have_text(["2, 0 Mail: prompt changed"])
    expect(again.locator('[data-step="0"] .fw-output').first).to_contain_text(kept)
    pictures(rig, "redefined", place=".jp-Cell:nth-child(2) .fw")

    again.locator(".fw-run-stale").click()
    expect(again.locator(".fw-banner")).to_have_count(0)
    shown(again, "Completed")


def test_outputs_are_pinned_and_written_by_hand_and_the_rest_follows(rig: Rig) -> None:
    page = opened(rig, CHAIN, "len(provider.requests)")
    page.locator(".fw-run-flow").click()
    shown(page, "Completed")

    button(card(page, 0, 1), "Pin output of Against").click()
    expect(card(page, 0, 1).locator(".fw-action-meta")).to_contain_text("pinned")
    button(card(page, 1), "Edit output Verdict").click()
    card(page, 1).get_by_role("textbox", name="Output", exact=True).fill("Four days it is.")
    pictures(rig, "editing-output")
    button(card(page, 1), "Save output of Verdict").click()
    says(card(page, 1), "Four days it is.")
    expect(card(page, 1).locator(".fw-action-meta")).to_contain_text("edited by hand")
    stale(page, (2, 0))
    pictures(rig, "by-hand")
    page.locator(".fw-run-stale").click()
    stale(page)
    shown(page, "Completed")
    prints(rig, "5")

    page.locator(".fw-run-flow").click()
    expect(page.get_by_label("Run", exact=True)).to_contain_text("Run 2")
    shown(page, "Completed")
    expect(card(page, 0, 1).locator(".fw-action-meta")).to_contain_text("pinned")
    prints(rig, "8")  # all but what is pinned
    assert rig.page_errors == []


def test_outputs_of_earlier_runs_are_marked_and_can_be_made_anew(rig: Rig) -> None:
    page = opened(rig, CHAIN.replace("provider=provider)", "provider=provider, cache=True)"))
    page.locator(".fw-run-flow").click()
    shown(page, "Completed")

    page.locator(".fw-run-flow").click()
    expect(page.locator(".fw-facts")).to_contain_text("4 from cache")
    for place in [(0, 0), (0, 1), (1, 0), (2, 0)]:
        expect(card(page, *place).locator(".fw-action-meta")).to_contain_text("from cache")
    pictures(rig, "from-cache")

    button(page, "Run without cache").click()
    expect(page.get_by_label("Run", exact=True)).to_contain_text("Run 3")
    shown(page, "Completed")
    expect(page.locator(".fw-facts")).not_to_contain_text("from cache")


# --- budgets ------------------------------------------------------------------------------------


def test_a_budget_cuts_the_streams_and_a_larger_one_goes_on(rig: Rig, talk: Talk) -> None:
    page = opened(rig, REVIEW % talk.base)
    button(page, "Budget").click()
    page.locator(".fw-budget").get_by_label("Tokens").fill("120")
    pictures(rig, "budget-row")
    button(page, "Set budget").click()
    expect(page.locator(".fw-facts")).to_contain_text(re.compile(r"Budget\s*120\stokens"))

    page.locator(".fw-run-flow").click()
    says(card(page, 1, 0), "41 minutes")
    says(card(page, 1, 1), "two more services")
    meter = page.get_by_role("meter", name="Budget, Tokens")
    counted = re.compile(r"^about\s[3-9]\d of 120\stokens")  # what streams is in it
    expect(meter).to_have_attribute("aria-valuetext", counted)
    pictures(rig, "budget-live")
    talk.let(2)

    shown(page, "Canceled")
    banner = page.locator(".fw-banner")
    expect(banner).to_contain_text("the budget of 120 tokens is spent")
    says(card(page, 1, 0), "41 minutes")
    asked = sorted(talk.asked)
    pictures(rig, "budget-spent")

    talk.let(10)
    banner.get_by_label("Tokens").fill("5000")
    banner.get_by_role("button", name="Resume").click()
    shown(page, "Completed")
    says(card(page, 2), "Fine.")
    assert talk.asked.count("Name the cause") == 1
    assert len(talk.asked) > len(asked)
    expect(page.locator(".fw-banner")).to_have_count(0)
    assert rig.page_errors == []


# --- crashes and other kernels ------------------------------------------------------------------


def kill_kernel(rig: Rig) -> None:
    """Kill the kernel whose process id the second cell prints, and have Jupyter start another one."""
    rig.run_cell(1)
    printed = rig.cell(1).locator(".jp-OutputArea-output")
    expect(printed).to_have_text(re.compile(r"^\d+\s*$"))
    os.kill(int(printed.inner_text()), signal.SIGKILL)
    rig.restart_kernel()


def test_a_run_whose_kernel_was_killed_goes_on_where_it_was(rig: Rig, talk: Talk) -> None:
    page = opened(rig, REVIEW % talk.base, "import os; print(os.getpid())")
    page.locator(".fw-run-flow").click()
    says(card(page, 1, 0), "41 minutes")
    says(card(page, 1, 1), "two more services")

    kill_kernel(rig)
    rig.run_cell(0)
    shown(page, "Interrupted")
    statuses(page, "completed", "canceled", "canceled", "pending")
    says(card(page, 0), "Nobody renewed it")
    says(card(page, 1, 0), "41 minutes")
    says(card(page, 1, 1), "two more services")
    pictures(rig, "interrupted")

    asked = len(talk.asked)
    talk.let(10)
    page.locator(".fw-resume").click()
    shown(page, "Completed")
    says(card(page, 1, 0), "no data was lost.")
    assert sorted(talk.asked[asked:]) == [
        f"Judge {FACTS}{''.join(MORE)}no data was lost.",
        "Name the risks",
        "State the facts",
    ]
    pictures(rig, "resumed")
    assert rig.page_errors == []


def test_runs_of_an_earlier_kernel_are_in_the_picker(rig: Rig) -> None:
    page = opened(rig, CHAIN, "import os; print(os.getpid())")
    for number in (1, 2):
        page.locator(".fw-run-flow").click()
        expect(page.get_by_label("Run", exact=True)).to_contain_text(f"Run {number}")
        shown(page, "Completed")

    kill_kernel(rig)
    rig.run_cell(0)
    shown(page, "Completed")
    picker = page.get_by_label("Run", exact=True)
    expect(picker.locator("option")).to_have_count(2)
    expect(picker.locator("option:checked")).to_contain_text("Run 2")
    picker.select_option(index=1)
    expect(picker.locator("option:checked")).to_contain_text("Run 1")
    shown(page, "Completed")
    assert card(page, 2).locator(".fw-output").inner_text() != ""


def test_a_run_that_goes_on_in_another_notebook_is_said(rig: Rig, talk: Talk) -> None:
    page = opened(rig, REVIEW % talk.base)
    page.locator(".fw-run-flow").click()
    says(card(page, 1, 0), "41 minutes")

    other = rig.other_notebook([IMPORTS + REVIEW % talk.base])
    rig.run_cell(0, page=other)
    notice = other.locator(".fw-banner")
    expect(notice).to_contain_text(
        re.compile(r"^Run 1 goes on in another kernel \(process \d+\)\.")
    )
    pictures(rig, "elsewhere", other)

    talk.let(10)
    shown(page, "Completed")
    expect(notice).to_have_count(0)
    shown(other, "Completed")
    says(card(other, 2), "Fine.")


# --- the keyboard -------------------------------------------------------------------------------


def tab_to(page: Page, name: str) -> None:
    """Press Tab until a button with this label has the focus."""
    for _ in range(80):
        page.keyboard.press("Tab")
        label = page.evaluate(
            "() => { const e = document.activeElement;"
            " return e.getAttribute('aria-label') ?? e.textContent; }"
        )
        if label == name:
            return
    raise AssertionError(f"Tab does not come to {name!r}")


def test_recovery_works_with_the_keyboard_alone(rig: Rig) -> None:
    page = opened(rig, LIMITED % 503)
    page.locator(".fw-run-flow").focus()
    page.keyboard.press("Enter")
    expect(card(page, 0)).to_have_attribute("data-status", "waiting")
    tab_to(page, "Try now: Explain")
    page.keyboard.press("Enter")
    shown(page, "Completed")

    page.locator(".fw-run-flow").focus()
    tab_to(page, "Edit output Explain")
    page.keyboard.press("Enter")
    expect(page.get_by_role("textbox", name="Output", exact=True)).to_be_focused()
    page.keyboard.press("Control+A")
    page.keyboard.type("By the sun.")
    page.keyboard.press("Control+Enter")
    says(card(page, 0), "By the sun.")
    expect(button(page, "Edit output Explain")).to_be_focused()
    tab_to(page, "Pin output of Explain")
    page.keyboard.press("Space")
    expect(button(page, "Pin output of Explain")).to_have_attribute("aria-pressed", "true")
    expect(button(page, "Pin output of Explain")).to_be_focused()


def test_resume_works_with_the_keyboard_alone(rig: Rig, talk: Talk) -> None:
    page = opened(rig, REVIEW % talk.base)
    page.locator(".fw-run-flow").focus()
    page.keyboard.press("Enter")
    says(card(page, 1, 0), "41 minutes")
    page.locator(".fw-title").click()
    tab_to(page, "Cancel")
    page.keyboard.press("Enter")
    shown(page, "Canceled")
    pictures(rig, "canceled")

    talk.let(10)
    page.locator(".fw-title").click()
    tab_to(page, "Resume")
    page.keyboard.press("Enter")
    shown(page, "Completed")
    expect(page.locator(".fw-run-flow")).to_be_focused()
