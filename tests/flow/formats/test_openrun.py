"""The format of steps with a config each: what its documents become, and how they run."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from flow_widgets import FlowRunner
from flow_widgets.errors import InvalidFlow, UnknownFormat
from flow_widgets.flow.check import check_flow
from flow_widgets.flow.formats import dump_flow, load_flow, load_notes, openrun
from flow_widgets.flow.model import Flow

GOLDEN = Path(__file__).parents[2] / "golden"
PUBLIC = "https://api.example.com"


class Server(BaseHTTPRequestHandler):
    """Answers with its path and what was sent; with 404 where the path says so."""

    def do_GET(self) -> None:
        size = int(self.headers.get("content-length", 0))
        sent = {"path": self.path, "sent": self.rfile.read(size).decode()}
        answer = json.dumps({"name": "Ada", "degrees": -3, "state": "there", **sent}).encode()
        self.send_response(404 if "missing" in self.path else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_GET  # noqa: N815  # the name that the server calls

    def log_message(self, *args: object) -> None:
        """Print nothing."""


@pytest.fixture(scope="module")
def server():
    http = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{http.server_port}"
    http.shutdown()
    thread.join()
    http.server_close()


def golden(name: str) -> Any:
    return json.loads((GOLDEN / name).read_text(encoding="utf-8"))


def step(id: str, type: str, **config: Any) -> dict[str, Any]:
    return {"id": id, "type": type, "config": config}


def edge(text: str) -> dict[str, Any]:
    """Return an edge for ``a.port > b``."""
    source, target = text.split(" > ")
    start, _, port = source.partition(".")
    ends = {"source_step_id": start, "target_step_id": target}
    return {**ends, "source_port": port} if port else ends


def doc(steps: list[Any], *edges: str, **more: Any) -> dict[str, Any]:
    return {"steps": steps, "edges": [edge(one) for one in edges], **more}


HOOK = step("hook", "trigger_webhook", path="/x")


def action(given: dict[str, Any], *before: dict[str, Any]) -> dict[str, Any]:
    """Return the raw action of a step that the given ones lead to."""
    chain = [*before, given]
    edges = [f"{a['id']} > {b['id']}" for a, b in pairwise(chain)]
    return openrun.load(doc(chain, *edges))["steps"][-1]["actions"][0]


def problems(document: Any) -> list[str]:
    with pytest.raises(InvalidFlow) as caught:
        load_flow(document)
    return [str(problem) for problem in caught.value.problems]


async def ran(document: Any, given: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the outputs of a run by step, with its status."""
    flow = load_flow(document)
    assert [one for one in check_flow(flow) if one.severity == "error"] == []
    run = await FlowRunner(flow, allow_private_network=True).run_flow(given)
    return {"status": run.status, **{one.id: one.output for one in run.steps}}


def local(name: str, server: str) -> Any:
    return json.loads(json.dumps(golden(name)).replace(PUBLIC, server))


# Knowing the format.


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        (doc([HOOK]), True),
        (doc([{"type": "sub_flow"}]), True),
        ({"steps": [step("a", "delay", seconds=1)]}, True),
        ({"steps": [], "edges": [{"source_step_id": "a"}]}, True),
        ({"steps": [{"type": "delay", "seconds": 1}]}, False),
        ({"steps": [{"type": "mine", "config": {}}]}, False),
        ({"steps": [{"actions": [], "type": "user_message"}]}, False),
        ({"steps": ["x"], "edges": ["x"]}, False),
        ({"steps": [], "edges": 3}, False),
        ({"steps": 3}, False),
        ({"format": "flow_widgets/1", "steps": [HOOK]}, False),
    ],
)
def test_the_format_is_known_by_its_keys(given, answer):
    assert openrun.is_format(given) is answer


# Whole documents.


async def test_the_form_of_the_code_runs(server):
    document = local("openrun.json", server)

    outputs = await ran(document, {"body": {"town": "Ulm"}, "token": "t"})

    _, _, ask, cold, warn, sorry = outputs.values()
    assert outputs["status"] == "completed"
    assert ask["body"]["path"] == "/towns/Ulm"
    assert (cold, warn, sorry) == (True, {"warning": "Frost in Ada"}, None)


async def test_an_error_branch_reads_what_the_request_left(server):
    document = local("openrun.json", f"{server}/missing")

    outputs = await ran(document, {"body": {"town": "Ulm"}, "token": "t"})

    assert list(outputs.values())[-1] == "No answer: 404"


async def test_the_form_of_the_documentation_runs(server):
    document = local("openrun-documented.json", server)

    outputs = await ran(document, {"event_data": {"item": "wax"}})

    assert json.loads(outputs["stock"]["body"]["sent"]) == {"item": "wax"}
    assert outputs["send"]["order.sent"]["state"] == "there"
    assert (outputs["say"], outputs["status"]) == ("wax is there", "completed")


def test_both_forms_load_without_problems():
    for name in ("openrun.json", "openrun-documented.json"):
        assert check_flow(load_flow(golden(name))) == []
        assert load_notes(golden(name)) == []


def test_ids_names_and_joins_are_kept():
    flow = load_flow(golden("openrun.json"))

    assert flow.name == "Weather watch"
    assert flow.id == flow.steps[0].id[:-1] + "1"
    assert [one.join for one in flow.steps] == [
        "no_wait",
        "no_wait",
        "no_wait",
        "all_success",
        "first_success",
    ]
    assert [one.source_port for one in flow.edges] == [None, "success", "true", "error"]


def test_joins_may_be_written_as_names_of_the_code():
    flow = load_flow(golden("openrun-documented.json"))

    assert flow.steps[-1].join == "all_done"


def test_what_no_step_writes_is_an_input_of_the_run():
    document = doc(
        [HOOK, step("a", "reply", template="{{body}} {{name}} {{late}} {{inputs.x}} {{b.c}}")],
        "hook > a",
    )
    document["steps"].append(step("z", "set_state", key="late", value="{{late}}"))

    assert openrun.load(document)["inputs"] == {
        "name": {"type": "json"},
        "late": {"type": "json"},
        "b": {"type": "json"},
    }


async def test_a_message_of_the_user_begins_a_run():
    document = doc(
        [step("m", "user_message"), step("r", "reply", template="{{user_message}}!")], "m > r"
    )

    assert await ran(document, {"user_message": "Hi"}) == {
        "status": "completed",
        "m": {"user_message": "Hi", "user_id": ""},
        "r": "Hi!",
    }


async def test_a_message_within_a_conversation_is_an_input():
    steps = [step("c", "conversation_start"), step("m", "user_message")]
    document = doc([*steps, step("r", "reply", template="{{user_message}}!")], "c > m", "m > r")

    outputs = await ran(document, {"user_message": "Hi", "conversation_id": "7"})

    assert (outputs["c"], outputs["r"]) == ({"conversation_id": "7"}, "Hi!")


async def test_a_flow_runs_inside_another():
    inner = doc([step("r", "reply", template="<{{name}}>")])
    inner["steps"][0]["id"] = "r"
    outer = doc([HOOK, step("s", "sub_flow", flow=inner, inputs={"name": "{{body}}"})], "hook > s")

    assert (await ran(outer, {"body": "Ada"}))["s"] == "<Ada>"


def test_a_flow_inside_may_be_native():
    inner = {"steps": [{"prompt": "Hi"}]}

    assert action(step("s", "sub_flow", flow=inner))["flow"] == inner


# Steps.


@pytest.mark.parametrize(
    ("type", "config", "native"),
    [
        (
            "trigger_webhook",
            {"path": "/a", "method": "PUT"},
            {"type": "webhook", "path": "/a", "method": "PUT"},
        ),
        (
            "trigger_schedule",
            {"cron": "0 9 * * *", "timezone": None},
            {"type": "schedule", "cron": "0 9 * * *"},
        ),
        ("trigger_event", {"event_type": "paid"}, {"type": "event", "event_name": "paid"}),
        ("trigger_event", {"event_name": "paid"}, {"type": "event", "event_name": "paid"}),
        (
            "set_state",
            {"key": "a.b", "value": "x"},
            {"type": "set_state", "key": "a.b", "value": "x"},
        ),
        (
            "conditional",
            {"left": "a", "operator": "contains", "right": "b"},
            {"type": "conditional", "left": "a", "operator": "contains", "right": "b"},
        ),
        (
            "switch",
            {"value": "{{a}}", "cases": ["x", {"name": 1, "value": "y"}]},
            {
                "type": "switch",
                "value": "{{a}}",
                "cases": ["x", {"name": "1", "value": "y"}],
                "default": "default",
            },
        ),
        (
            "switch",
            {"cases": ["default", "else"]},
            {"type": "switch", "value": None, "cases": ["default", "else"], "default": "otherwise"},
        ),
        ("delay", {}, {"type": "delay", "seconds": 1, "save_as": "delayed_seconds"}),
        ("reply", {"template": "Hi"}, {"type": "reply", "text": "Hi", "save_as": "reply"}),
        ("transform", {"values": {"a": 1}}, {"type": "transform", "values": {"a": 1}}),
        ("TRANSFORM", {"value": "{{a}}"}, {"type": "transform", "value": "{{a}}"}),
    ],
)
def test_each_step_becomes_an_action(type, config, native):
    assert action(step("x", type, **config), HOOK) == native


@pytest.mark.parametrize(
    ("config", "native"),
    [
        ({"body": "{}"}, {"method": "GET"}),
        ({"method": "post", "body": {"a": "{{b}}"}}, {"method": "POST", "body": {"a": "{{b}}"}}),
        (
            {"method": "PUT", "body": "{}"},
            {"method": "PUT", "body": "{}", "headers": {"Content-Type": "application/json"}},
        ),
        (
            {"method": "PATCH", "body": "x", "headers": {"content-type": "text/plain"}},
            {"method": "PATCH", "body": "x", "headers": {"content-type": "text/plain"}},
        ),
        ({"timeout": 5}, {"method": "GET", "timeout_seconds": 5}),
    ],
)
def test_a_request_writes_where_the_original_does(config, native):
    made = action(step("r", "request", url="https://x.test", **config), HOOK)

    saved = {"response": "body", "status_code": "status", "response_headers": "headers"}
    fixed = {"type": "request", "url": "https://x.test", "retries": 0, "save_as": saved}
    assert made == {**fixed, **native}


REQUEST = step("get", "request", url="https://x.test")


@pytest.mark.parametrize(
    ("written", "native"),
    [
        ("{{response.name}}", "{{response.name}}"),
        ("{{response.body}}", "{{response.body ?? response}}"),
        ("{{ response.body.a.0 }}", "{{response.body.a.0 ?? response.a.0}}"),
        ("{{response.status_code}}", "{{response.status_code ?? status_code}}"),
        ("{{response.headers.etag}}", "{{response.headers.etag ?? response_headers.etag}}"),
        ('\\{{response}} {"a": 1}', '\\\\{{response}} {"a": 1}'),
    ],
)
def test_an_answer_is_found_in_either_spelling(written, native):
    assert action(step("r", "reply", template=written), REQUEST)["text"] == native


def test_without_a_request_before_it_a_response_is_like_any_name():
    assert action(step("r", "reply", template="{{response.body}}"))["text"] == "{{response.body}}"


def test_values_in_lists_are_translated():
    made = action(step("t", "transform", value=["{{response.body}}", 1]), REQUEST)

    assert made["value"] == ["{{response.body ?? response}}", 1]


# Ports.


@pytest.mark.parametrize(
    ("given", "port", "native"),
    [
        (REQUEST, "default", None),
        (REQUEST, "success", "success"),
        (REQUEST, "error", "error"),
        (step("a", "conditional", left="1"), "false", "false"),
        (step("a", "switch", value="1", cases=["x", "else"]), "x", "x"),
        (step("a", "switch", value="1", cases=["x", "else"]), "else", "else"),
        (step("a", "switch", value="1", cases=["x"]), "else", "default"),
        (step("a", "switch", value="1", cases=[{"name": "y"}]), "default", "default"),
        (step("a", "delay"), "success", None),
    ],
)
def test_a_port_is_called_as_here(given, port, native):
    document = doc([given, step("b", "delay")], f"{given['id']}.{port} > b")

    assert load_flow(document).edges[0].source_port == native


def test_an_unknown_port_names_those_that_there_are():
    steps = [step("a", "conditional", left="1"), step("b", "delay"), step("c", "delay")]

    assert problems(doc(steps, "a > b", "b.done > c")) == [
        "edges[0].source_port: a step of type 'conditional' has no port 'default'. "
        "Its ports: true, false, error.",
        "edges[1].source_port: a step of type 'delay' has no port 'done'. "
        "Its ports: default, error.",
    ]


# Documents that can't be read.


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        (doc([HOOK], nme="x"), "nme: 'nme' is not known here. Did you mean 'name'?"),
        (
            doc([{**HOOK, "positon": 1}]),
            "steps[0].positon: 'positon' is not known here. Did you mean 'position'?",
        ),
        (
            doc([step("a", "delay", second=1)]),
            "steps[0].config.second: 'second' is not known here. Did you mean 'seconds'?",
        ),
        (
            doc([HOOK, step("a", "dely")]),
            "steps[1].type: 'dely' is no known type of step. Did you mean 'delay'?",
        ),
        (
            doc([{**HOOK, "join_mode": "all_don"}]),
            "steps[0].join_mode: 'all_don' is no join mode. Did you mean 'all_done'?",
        ),
        (doc([HOOK, HOOK]), "steps[1].id: 'hook' is used by two steps. Rename one."),
        (
            doc([HOOK], "hook > hok"),
            "edges[0].target_step_id: 'hok' is no step of this flow. Did you mean 'hook'?",
        ),
        (
            doc([HOOK], "hok > hook"),
            "edges[0].source_step_id: 'hok' is no step of this flow. Did you mean 'hook'?",
        ),
        (
            doc([step("a", "switch", cases=[3])]),
            "steps[0].config.cases: must be a list of texts, or of dicts with name and value.",
        ),
        (
            doc([step("a", "switch", cases=3), HOOK], "a > hook"),
            "steps[0].config.cases: must be a list of texts, or of dicts with name and value.",
        ),
        (
            doc([step("a", "sub_flow", flow=3)]),
            "steps[0].config.flow: a sub_flow needs the flow that it runs. "
            "Write the whole flow there.",
        ),
        ({"steps": [HOOK, 3]}, "steps[1]: must be a dict, not int."),
        ({"steps": [{**HOOK, "config": 3}]}, "steps[0].config: must be a dict, not int."),
        ({"steps": [HOOK], "edges": 3}, "edges: must be a list, not int."),
    ],
)
def test_what_can_not_be_read_is_told_with_its_place(document, problem):
    assert problems(document) == [problem]


def test_a_document_that_is_nested_too_deeply_is_refused():
    deep: Any = "x"
    for _ in range(5_000):
        deep = [deep]

    with pytest.raises(InvalidFlow, match=r"\[0\]…: it is nested deeper than 220 levels"):
        load_flow(doc([HOOK, step("a", "set_state", key="x", value=deep)]))


def test_nothing_is_written_in_this_format():
    with pytest.raises(UnknownFormat, match="not written in the format 'openrun'"):
        dump_flow(Flow(), "openrun")
