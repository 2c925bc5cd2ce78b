"""Logs of runs for the tests of stores: made without an engine, at times that the test says."""

from __future__ import annotations

from typing import Any, Literal

from flow_widgets import Chat, Flow
from flow_widgets.flow.attachment import File
from flow_widgets.flow.model import Action
from flow_widgets.run import events as ev


class Stamp(Action):
    """An action of the tests' own."""

    type: Literal["stamp"] = "stamp"
    text: str = ""


FLOW = Flow(
    name="Letters",
    steps=[[Chat(prompt="Write to {{name}}."), Stamp(text="second")], Chat(prompt="Sign it.")],
    inputs={"name": "Ada"},
)


class Log:
    """The events of one run, each with the next number and a time a quarter of a second later."""

    def __init__(self, run_id: str = "r1", *, at: float = 1000.0, flow: Flow = FLOW) -> None:
        self.run_id, self.at, self.flow = run_id, at, flow
        self.events: list[Any] = []

    def add(self, kind: Any, step: int | None, action: int | None, *rest: Any, **more: Any) -> Any:
        seq = len(self.events) + 1
        event = kind(seq, self.run_id, self.at + seq / 4, step, action, *rest, **more)
        self.events.append(event)
        return event

    def begin(self, inputs: dict[str, Any] | None = None, number: int = 1) -> Log:
        given = inputs if inputs is not None else {"name": "Ada"}
        self.add(ev.FlowStarted, None, None, number, self.flow, given, None)
        return self

    def start(self, step: int, *, identity: str = "", actions: tuple[int, ...] = (0,)) -> Log:
        self.add(ev.StepStarted, step, None, 1, actions, False)
        for action in actions:
            self.attempt(step, action, identity=identity)
        return self

    def attempt(self, step: int, action: int, number: int = 1, *, identity: str = "") -> Log:
        own = self.flow.steps[step].actions[action]
        filled = own.model_copy(update={"prompt": "Write to Ada."}) if step == 0 else own
        ready = filled if action == 0 else own
        self.add(
            ev.ActionStarted, step, action, number, 1, own, (("name", "sAda"),), "m", ready,
            identity=identity,
        )  # fmt: skip
        return self

    def chunk(self, step: int, text: str, action: int = 0) -> Log:
        self.add(ev.ActionChunk, step, action, 1, text)
        return self

    def complete(self, step: int, output: Any, *, action: int = 0, **more: Any) -> Log:
        self.add(
            ev.ActionCompleted, step, action, 1, output, "d", ("success",), "m", 3, 4, 7, "stop",
            None, None, **more,
        )  # fmt: skip
        return self

    def end(self) -> Log:
        self.add(ev.FlowCompleted, None, None)
        return self


def whole(run_id: str = "r1", *, at: float = 1000.0, flow: Flow = FLOW, number: int = 1) -> Log:
    """Return the log of a run that completed one action of three."""
    log = Log(run_id, at=at, flow=flow).begin(number=number).start(0, identity=f"id of {run_id}")
    log.chunk(0, "Dear").chunk(0, " Ada").complete(0, "Dear Ada", cost_usd=0.5)
    log.add(ev.StepCompleted, 0, None, 1, ("success",))
    log.add(ev.StepSkipped, 1, None, "the run was canceled", "canceled")
    return log.end()


def keep(store: Any, log: Log, *, release: bool = True) -> None:
    """Keep a whole log in a store."""
    store.claim(log.run_id, 0, print)
    for event in log.events:
        store(event)
    if release:
        store.release(log.run_id)
    store.flush()


def letter(size: int = 10) -> File:
    """Return a file of so many bytes."""
    return File.of(bytes(index % 251 for index in range(size)), name="letter.pdf")
