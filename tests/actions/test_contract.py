"""What holds for every type of action that is known, whoever wrote it."""

from __future__ import annotations

import json
import re
import threading
import tomllib
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import EntryPoint

import pytest
from action_examples import EXAMPLES, VALUES
from actions_doc import described, own_parts
from context import FakeContext, ran

from flow_widgets import Flow, dump_flow, load_flow
from flow_widgets.actions.base import Access, Action, Permissions
from flow_widgets.errors import InvalidFlow
from flow_widgets.flow import catalog
from flow_widgets.flow.binding import Use, _targets, uses
from flow_widgets.flow.template import Reference

OURS = [
    name for name in catalog.known() if catalog.find(name).__module__.startswith("flow_widgets.")
]
SECRET = "hunter2-hunter2"


@pytest.fixture(params=OURS)
def name(request) -> str:
    return request.param


@pytest.fixture
def action_class(name) -> type[Action]:
    return catalog.find(name)


@pytest.fixture
def example(name, action_class) -> Action:
    if name not in EXAMPLES:
        pytest.fail(f"{name!r} has no example: add one to scripts/action_examples.py")
    return action_class(**EXAMPLES[name])


@pytest.fixture
def points(project) -> dict[str, str]:
    document = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))
    return document["project"]["entry-points"][catalog.GROUP]


def test_every_file_of_actions_is_an_entry_point(points, project):
    files = {path.stem for path in (project / "flow_widgets" / "actions").glob("*.py")}

    assert files - {"__init__", "base"} == {
        point.split(":")[0].rsplit(".", 1)[-1] for point in points.values()
    }


def test_every_entry_point_is_installed(points):
    assert set(points) <= set(catalog.known()), "install the project again"


def test_the_type_is_the_name_of_an_entry_point_that_loads(name, action_class, points):
    loaded = EntryPoint(name, points[name], catalog.GROUP).load()

    assert loaded is action_class
    assert action_class.model_fields["type"].default == name


def test_the_class_and_every_field_say_what_they_are_for(action_class):
    for model in (action_class, *own_parts(action_class)):
        assert model.__doc__
        assert [one for one in model.model_fields if not described(model, one)] == []


def test_there_is_a_json_schema_of_it(action_class):
    assert json.dumps(action_class.model_json_schema())


def test_it_is_the_same_after_dump_and_load(example):
    flow = Flow(steps=[example])

    loaded = load_flow(json.loads(json.dumps(dump_flow(flow))))

    assert loaded == flow


def test_an_example_has_no_problem(example):
    assert list(example.problems()) == []


def test_its_ports_are_unique_and_none_is_of_a_failure(example):
    assert example.ports
    assert len(set(example.ports)) == len(example.ports)
    assert "error" not in example.ports


def test_a_reference_is_found_in_every_templated_field(action_class, example):
    for field in (name for name, target in _targets(action_class).items() if target):
        probed = example.model_copy(update={field: "{{probe.here}}"})

        assert Use(field, Reference(("probe", "here"))) in list(uses(probed))


def test_every_reference_of_the_example_is_found(name, example):
    own = {"item", "price"} if example.bodies else set()
    inner = {"topic"} if name == "subflow" else set()

    written = set(re.findall(r"\{\{([\w.]+)\}\}", json.dumps(EXAMPLES[name])))

    assert written - own - inner <= {str(use.reference) for use in uses(example)}


def test_a_misspelt_key_is_refused_with_the_nearest(name, action_class):
    known = [one for one in action_class.model_fields if one not in Action.model_fields]
    key = max([*known, "save_as"], key=len)

    with pytest.raises(InvalidFlow) as raised:
        action_class(**EXAMPLES[name], **{f"{key}x": 1})

    (problem,) = (one for one in raised.value.problems if one.place == f"{key}x")
    assert problem.hint == f"Did you mean {key!r}?"


async def test_running_it_gives_data_of_json(example, server):
    if example.type == "request":
        example = example.model_copy(update={"url": f"{server}/orders/{{{{order.id}}}}"})
    permissions = Permissions(custom_code=True, access=Access(private_network=True))

    outcome = await ran(example, FakeContext(VALUES, permissions=permissions))

    assert json.loads(json.dumps(outcome.output, allow_nan=False)) == outcome.output
    assert set(outcome.ports or ()) <= set(example.ports)


def test_it_is_frozen(example):
    with pytest.raises(Exception, match="frozen"):
        example.name = "other"


def test_no_secret_of_the_environment_is_shown(example, monkeypatch):
    for variable in ("OPENAI_API_KEY", "API_TOKEN"):
        monkeypatch.setenv(variable, SECRET)

    shown = repr(example) + json.dumps(dump_flow(Flow(steps=[example])))

    assert SECRET not in shown


@pytest.fixture(scope="module")
def server():
    """Answer every request with JSON."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            body = json.dumps({"path": self.path}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    http = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{http.server_port}"
    http.shutdown()
    thread.join()
    http.server_close()
