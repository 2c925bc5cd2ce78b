"""What a widget says beside the run: what has changed since, and why runs are not kept."""

from __future__ import annotations

import pytest

from flow_widgets import Chat, Flow, FlowWidget
from flow_widgets.errors import StoreReadOnly
from flow_widgets.providers.offline import OfflineProvider
from flow_widgets.store.memory import MemoryStore
from flow_widgets.widget import notices as notices_module


def flow(second="Weigh {{steps.0.output}}", name="Opinions"):
    return Flow(
        name=name,
        steps=[
            Chat(id="one", name="One", prompt="first"),
            Chat(id="two", name="Two", prompt=second),
            Chat(id="three", name="Three", prompt="Sum up {{steps.1.output}}"),
        ],
    )


@pytest.fixture
def store():
    return MemoryStore()


def widget_of(made, store):
    return FlowWidget(made, provider=OfflineProvider(pace=0), store=store)


def notices(widget):
    return widget.get_state("run")["run"]["notices"]


def test_a_flow_that_was_redefined_says_what_changed_and_keeps_the_rest(store):
    widget_of(flow(), store).run_flow_sync()

    widget = widget_of(flow("Judge {{steps.0.output}}"), store)

    assert notices(widget) == [
        {
            "kind": "changed",
            "text": "The flow has changed since run 1: 1 change. 1 of 3 outputs is up to date.",
            "details": ["1, 0 Two: prompt changed"],
        }
    ]
    assert widget.get_state("run")["run"]["run"]["stale"] == 2


def test_an_equal_definition_says_nothing(store):
    widget_of(flow(), store).run_flow_sync()

    assert notices(widget_of(flow(), store)) == []


def test_the_notice_goes_when_what_is_stale_has_run_again(store):
    widget_of(flow(), store).run_flow_sync()
    widget = widget_of(flow("Judge {{steps.0.output}}"), store)

    widget.run_stale().result()

    assert notices(widget) == []
    assert notices(widget_of(flow("Judge {{steps.0.output}}"), store)) == []


def test_the_notice_goes_with_the_next_run(store):
    widget_of(flow(), store).run_flow_sync()
    widget = widget_of(flow("Judge {{steps.0.output}}"), store)

    widget.run_flow_sync()

    assert notices(widget) == []


def test_another_flow_by_assignment_says_so_until_it_is_undone(store):
    widget = widget_of(flow(), store)
    widget.run_flow_sync()
    original = widget.flow

    widget.flow = flow("Judge {{steps.0.output}}")
    changed = notices(widget)
    widget.flow = original

    assert [one["details"] for one in changed] == [["1, 0 Two: prompt changed"]]
    assert notices(widget) == []
    assert widget.get_state("run")["run"]["run"]["stale"] == 0


def test_picking_an_older_run_says_what_changed_since(store):
    widget = widget_of(flow(), store)
    first = widget.run_flow_sync()
    widget.flow = flow("Judge {{steps.0.output}}")
    widget.run_flow_sync()

    widget.reopen(first.id)

    assert notices(widget)[0]["text"].startswith("The flow has changed since run 1: 1 change.")
    widget.reopen(widget.runs[1].id)
    assert notices(widget) == []


def test_an_edit_in_place_is_seen_where_it_is_made(store):
    from tests.widget.conftest import Screen

    widget = widget_of(flow(), store)
    widget.run_flow_sync()

    Screen(widget).ask("edit", step=1, action=0, fields={"prompt": "Judge"})

    assert notices(widget) == []
    assert widget.get_state("run")["run"]["run"]["stale"] == 2


def test_outputs_are_counted_in_words(store):
    made = Flow(name="One", steps=[Chat(id="a", prompt="x"), Chat(id="b", prompt="y")])
    widget = widget_of(made, store)
    widget.run_step_sync(0)
    texts = []
    for prompts in (("x", "z"), ("w", "z"), ("x", "y")):
        steps = [Chat(id=name, prompt=prompt) for name, prompt in zip("ab", prompts, strict=True)]
        widget.flow = Flow(name="One", steps=steps)
        texts += [one["text"].split(". ")[1] for one in notices(widget)]

    assert texts == ["The output is up to date.", "The output is stale."]


def test_nothing_is_said_of_outputs_where_there_are_none(store):
    widget = widget_of(Flow(name="Slow", steps=[Chat(prompt="x", model="offline/stall")]), store)
    widget.run_flow()
    widget.cancel().result()

    widget.flow = Flow(name="Slow", steps=[Chat(prompt="y", model="offline/stall")])

    assert [one["text"] for one in notices(widget)] == [
        "The flow has changed since run 1: 1 change."
    ]


def test_changes_are_not_looked_for_with_every_delta(store, monkeypatch):
    widget_of(flow(), store).run_flow_sync()
    widget = widget_of(flow("Judge"), store)
    assert notices(widget)
    monkeypatch.setattr(notices_module, "changes", None)  # would raise

    assert notices(widget)


def test_a_store_that_has_something_to_say_is_heard(store, monkeypatch):
    monkeypatch.setattr(store, "notice", "It lies on a network.")

    assert notices(widget_of(flow(), store)) == [
        {"kind": "store", "text": "It lies on a network.", "details": []}
    ]


def refuse(*_):
    raise StoreReadOnly("The store 'x' can't be written: permission denied.")


def test_a_default_store_that_cant_be_written_is_said_and_the_run_goes_on(store, monkeypatch):
    widget = widget_of(flow(), store)
    widget.runner.shelf.is_default = True
    monkeypatch.setattr(store, "claim", refuse)

    run = widget.run_flow_sync()

    [notice] = notices(widget)
    assert run.status == "completed"
    assert notice["text"].startswith("This run is not kept. The store 'x' can't be written")


def test_a_store_that_was_asked_for_and_cant_be_written_refuses_the_run(store, monkeypatch):
    from tests.widget.conftest import Screen

    widget = widget_of(flow(), store)
    monkeypatch.setattr(store, "claim", refuse)

    ack = Screen(widget).ask("run_flow", inputs=None)

    assert ack["error"]["kind"] == "store_read_only"
    assert widget.run is None
