"""The static record of a run: escaped, deterministic, without script."""

from __future__ import annotations

from flow_widgets import Chat, Flow, FlowRunner
from flow_widgets.export.html import record
from flow_widgets.providers.offline import OfflineProvider, Reply


def test_a_flow_that_never_ran_shows_its_actions():
    html = record(Flow(name="<b>", steps=[Chat(prompt="x", name="A & B", model="m")]), None)

    assert "<strong>&lt;b&gt;</strong>: not run yet" in html
    assert "0, 0 A &amp; B" in html
    assert "<td>m</td><td>pending</td>" in html


async def test_outputs_and_errors_are_text():
    script = [
        Reply(text="<img src=x onerror=alert(1)>"),
        Reply(status=400, error={"message": "<i>"}),
    ]
    flow = Flow(steps=[[Chat(prompt="a")], [Chat(prompt="b")]])
    runner = FlowRunner(flow, provider=OfflineProvider(pace=0, script=script))
    run = await runner.run_flow()

    html = record(flow, run)

    assert "<img" not in html
    assert "&lt;img src=x onerror=alert(1)&gt;" in html
    assert "<strong>" in html
    assert not any(tag in html for tag in ("<script", "<style", "<svg", "<iframe"))


async def test_long_outputs_are_folded_and_cut():
    flow = Flow(steps=[Chat(prompt="a")])
    provider = OfflineProvider(pace=0, script=[Reply(chunks=["word " * 5000])])
    run = await FlowRunner(flow, provider=provider).run_flow()

    html = record(flow, run)

    assert "<details><summary>25,000 characters: word word" in html
    assert "… 5,000 more characters" in html
