"""The flows that are killed, and what the server answers; known to the parent and the child.

Every prompt names its place, so that no two actions of a flow send the same, and marks say how the
server treats it: ``[fail 2]`` refuses the first two requests, ``[cut 1]`` breaks the first answer off,
``[big]`` answers with a text that is kept outside the events, and ``[hold]`` stops after some pieces.
"""

from __future__ import annotations

import random
import re

from flow_widgets.actions.chat import Chat
from flow_widgets.actions.conditional import Conditional
from flow_widgets.actions.loop import Loop
from flow_widgets.actions.map import Map
from flow_widgets.actions.merge import Merge
from flow_widgets.actions.subflow import Subflow
from flow_widgets.actions.transform import Transform
from flow_widgets.flow.limits import Retry
from flow_widgets.flow.model import Flow

PIECES = 10
WORDS = ("red ", "grün ", "bleu\n", "żółty ", "👍🏽 ", '"quoted" ', "\\ ", "{x} ")


def pieces(prompt: str) -> list[str]:
    """Return the pieces of the one answer to a prompt."""
    chance = random.Random(prompt)
    many = 700 if "[big]" in prompt else 1
    return [f"{n}{chance.choice(WORDS) * many}{chance.getrandbits(24):x} " for n in range(PIECES)]


def faults(prompt: str) -> int:
    """Return how many requests of a prompt fail before one is answered."""
    return sum(int(n) for _, n in re.findall(r"\[(fail|cut) (\d+)\]", prompt))


def chat(prompt: str, **options: object) -> Chat:
    return Chat(model="m", prompt=prompt, **options)


def steps() -> Flow:
    """Steps of parallel actions; each reads one of the step before."""
    flow = Flow(name="steps")
    for s in range(3):
        before = [f" {{{{steps.{s - 1}.actions.{a}.output}}}}" if s else "" for a in range(3)]
        flow.add_step([chat(f"steps {s}/{a}{before[a]}") for a in range(3)])
    return flow


def mapped() -> Flow:
    """A map whose items have two steps, after a chat and before one."""
    body = [
        chat("item {{item}}: {{steps.begin.output}}"),
        chat("more of {{item}}: {{steps.0.output}}"),
    ]
    flow = Flow(name="mapped")
    flow.add_step(chat("begin"), id="begin")
    flow.add_step(Map(over=["a", "b", "c", "d", "e"], body=body, concurrency=3), id="map")
    flow.add_step(chat("end of map {{steps.map.output}}"), id="end")
    return flow


def looped() -> Flow:
    """A loop whose iterations read one another, beside a chat."""
    body = [
        [chat("turn {{index}}: {{item}} {{last ?? 'first'}}"), chat("beside {{index}}")],
        chat("turned {{index}}: {{steps.0.actions.0.output}}", save_as="said"),
    ]
    flow = Flow(name="looped", state={"said": ""})
    flow.add_step([Loop(over=["a", "b", "c"], body=body), chat("next to the loop")])
    flow.add_step(chat("end of loop {{said}}"))
    return flow


def cycle() -> Flow:
    """A chat and a map on a cycle of edges that is gone through three times."""
    body = [chat("part {{item}} in round {{n}}")]
    flow = Flow(name="cycle", state={"n": 0})
    flow.add_step(Merge(values=["{{n}}", 1], save_as="n"), id="count")
    flow.add_step(chat("write {{n}}"), id="write")
    flow.add_step(Map(over=[1, 2], body=body), id="parts")
    flow.add_step(Conditional(left="{{n}}", operator="less_than", right=3), id="again")
    flow.add_step(chat("end {{steps.write.output}} {{steps.parts.output}}"), id="end")
    for source, target in (("count", "write"), ("write", "parts"), ("parts", "again")):
        flow.add_edge(source, target)
    flow.add_edge("again", "count", "true")
    flow.add_edge("again", "end", "false")
    return flow


def graph() -> Flow:
    """A condition, a branch that is not taken, an ``error`` edge that is, and joins of several kinds."""
    flow = Flow(name="graph", retry=Retry(max_attempts=1))
    flow.add_step(chat("question"), id="question")
    flow.add_step(
        Conditional(left="{{steps.question.output}}", operator="contains", right="0"), id="if"
    )
    flow.add_step([chat("yes {{steps.question.output}}"), chat("yes, beside")], id="yes")
    flow.add_step(chat("no"), id="no")
    flow.add_step(chat("refused [fail 99]"), id="bad")
    flow.add_step(chat("instead of what was refused"), id="instead")
    flow.add_step(
        Subflow(
            flow=Flow(name="in", inputs=["q"], steps=[chat("in {{q}}"), chat("in, after")]),
            inputs={"q": "{{steps.question.output}}"},
        ),
        id="sub",
    )
    flow.add_step(chat("first of two"), id="first", join="first_success")
    flow.add_step(
        chat("all of it: {{steps.first.output}} {{steps.instead.output}}"),
        id="end",
        join="all_done",
    )
    flow.add_edge("question", "if")
    flow.add_edge("if", "yes", "true")
    flow.add_edge("if", "no", "false")
    flow.add_edge("question", "bad")
    flow.add_edge("bad", "instead", "error")
    flow.add_edge("question", "sub")
    for source in ("yes", "no", "sub"):
        flow.add_edge(source, "first")
    for source in ("first", "instead"):
        flow.add_edge(source, "end")
    return flow


def retried() -> Flow:
    """Requests that fail before they are answered, also inside a map."""
    flow = Flow(name="retried", retry=Retry(max_attempts=4))
    flow.add_step([chat("refused [fail 2]"), chat("broken off [cut 1]"), chat("good")])
    flow.add_step(
        Map(over=[1, 2, 3], body=[chat("item {{item}} [fail 1]"), chat("after {{item}} [cut 1]")])
    )
    flow.add_step(chat("end {{steps.0.actions.1.output}} {{steps.1.output}}"))
    return flow


def large() -> Flow:
    """Outputs that are kept by their content, and read by others."""
    flow = Flow(name="large")
    flow.add_step([chat("large 1 [big]"), chat("large 2 [big]")])
    flow.add_step(Transform(value="{{steps.0.actions.0.output}}"))
    flow.add_step(chat("about {{steps.0.actions.1.output}} [big]"))
    return flow


def nested() -> Flow:
    """A loop inside a map."""
    inner = Loop(over=["x", "y"], body=[chat("{{item}} of {{one}}: {{last ?? 'first'}}")])
    flow = Flow(name="nested")
    flow.add_step(Map(over=[1, 2, 3], item="one", body=[chat("open {{one}}"), inner]))
    flow.add_step(chat("end {{steps.0.output}}"))
    return flow


def held() -> Flow:
    """A chat that the server may hold back, beside one that it does not, and one after both."""
    flow = Flow(name="held")
    flow.add_step([chat("held [hold]"), chat("short")])
    flow.add_step([chat("end {{steps.0.actions.0.output}} [big]"), chat("end, beside")])
    return flow


SCENARIOS = {
    make.__name__: make for make in (steps, mapped, looped, cycle, graph, retried, large, nested)
}
FLOWS = {**SCENARIOS, "held": held}


class Quick(random.Random):
    """Chance that takes the least of what it may, so that waits are short."""

    def uniform(self, a: float, b: float) -> float:
        return a + (b - a) * super().random() / 100
