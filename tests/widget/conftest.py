"""A widget whose messages a test reads as a browser would."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from flow_widgets import Chat, Flow, FlowWidget
from flow_widgets.providers.offline import OfflineProvider
from flow_widgets.run.delta import apply
from flow_widgets.store.memory import MemoryStore
from flow_widgets.store.sqlite import SQLiteStore

FLOW = Flow(
    name="Two opinions",
    inputs={"topic": "bees"},
    steps=[
        [Chat(name="For", prompt="For {{topic}}"), Chat(name="Against", prompt="Against it")],
        Chat(name="Verdict", prompt="Weigh {{steps.0.actions.for.output}}"),
    ],
)


class Screen:
    """Follows a widget's messages from a first snapshot, and sends commands."""

    def __init__(self, widget: FlowWidget) -> None:
        self.widget = widget
        self.messages: list[dict[str, Any]] = []
        self.buffers: list[Any] = []
        self.view: Any = None
        self._count = 0
        widget.send = self._send
        self.view = copy.deepcopy(widget.get_state("run")["run"])

    def _send(self, message: dict[str, Any], buffers: Any = None) -> None:
        self.messages.append(copy.deepcopy(message))
        self.buffers.append(buffers)
        if message["k"] == "d" and self.view is not None and message["seq"] > self.view["seq"]:
            assert message["seq"] == self.view["seq"] + 1, "a delta was lost"
            apply(self.view, copy.deepcopy(message))
        if message["k"] == "snap":
            self.view = copy.deepcopy(message["view"])

    def ask(self, op: str, **fields: Any) -> dict[str, Any]:
        """Send a command as the browser does, and return its acknowledgement."""
        self._count += 1
        self.widget._handle_custom_msg({"op": op, "c": self._count, **fields}, [])
        return self.until(
            lambda: next((m for m in self.messages if m.get("c") == self._count), None)
        )

    def until(self, find: Callable[[], Any]) -> Any:
        """Wait until something is found."""
        end = time.monotonic() + 10
        while time.monotonic() < end:
            found = find()
            if found:
                return found
            time.sleep(0.005)
        raise AssertionError("it did not come")

    def settled(self) -> None:
        """Wait until the view shows a run that has settled, and the widget has told everything."""
        self.until(lambda: self.view["run"] and self.view["run"]["status"] != "running")
        self.until(lambda: self.view["running"] is None)


@pytest.fixture
def widget() -> Iterator[FlowWidget]:
    made = FlowWidget(FLOW, provider=OfflineProvider(pace=0))
    yield made
    made.cancel()
    made.close()


@pytest.fixture
def screen(widget: FlowWidget) -> Screen:
    return Screen(widget)


@pytest.fixture
def make_screen() -> Callable[[FlowWidget], Screen]:
    return Screen


# --- widgets with a store

KEPT = Flow(
    name="Two steps",
    inputs={"topic": "bees"},
    steps=[Chat(name="First", prompt="On {{topic}}"), Chat(name="Second", prompt="Then")],
)
STALLED = Flow(name="Stalled", steps=[Chat(name="Slow", prompt="x", model="offline/stall")])


@pytest.fixture
def made():
    """Return a way to make widgets, which are closed in the end."""
    widgets = []

    def make(flow=KEPT, **options):
        options.setdefault("provider", OfflineProvider(pace=0))
        widget = FlowWidget(flow, **options)
        widgets.append(widget)
        return widget

    yield make
    for widget in widgets:
        widget.cancel()
        widget.close()


@pytest.fixture(params=["memory", "sqlite"])
def store(request, tmp_path):
    found = MemoryStore() if request.param == "memory" else SQLiteStore(tmp_path / "runs.db")
    yield found
    found.close()


def lines(widget):
    return [(one["number"], one["status"]) for one in widget.get_state("run")["run"]["runs"]]


def notices(widget):
    return [one["text"] for one in widget.get_state("run")["run"]["notices"]]
