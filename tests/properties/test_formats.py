"""What was written can be read again, in each format."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from flow_widgets.actions.chat import Chat
from flow_widgets.errors import FlowError
from flow_widgets.flow.attachment import File
from flow_widgets.flow.check import check_flow
from flow_widgets.flow.formats import dump_flow, load_flow, load_notes
from flow_widgets.flow.formats.executor.elements import KINDS
from flow_widgets.flow.formats.openrun.steps import BUILDERS, CONFIG_KEYS
from flow_widgets.flow.message import Message, TextPart
from flow_widgets.flow.model import Edge, Flow, Input, Step

letters = st.characters(exclude_categories=("Cs", "Cc"))
texts = st.text(letters, max_size=12)
names = st.from_regex(r"[a-z][a-z0-9_]{0,5}", fullmatch=True)
pieces = st.sampled_from(
    ("{{a}}", "\\{{a}}", "{{$a}}", "{$a}", "{", "}}", "\\", "{{ steps.0.output }}")
)
prompts = st.lists(st.one_of(texts, pieces), min_size=1, max_size=4).map("".join)
scalars = st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-9, 9) | texts
jsons = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=2)
)
files = st.builds(File.of, st.binary(max_size=5), name=st.sampled_from(("a.png", "b.pdf", "c.txt")))
parts = st.one_of(
    prompts,
    files,
    st.builds(TextPart, type=st.just("text"), text=prompts, role=st.none() | st.just("user")),
)
messages = st.builds(
    Message,
    role=st.sampled_from(("system", "user", "assistant")),
    content=prompts | st.lists(parts, max_size=2).map(tuple),
)
chats = st.builds(
    Chat,
    name=texts,
    prompt=st.none() | prompts,
    system=st.none() | prompts,
    messages=st.none() | st.lists(messages, max_size=2).map(tuple),
    files=st.lists(files, max_size=1).map(tuple),
    temperature=st.none() | st.floats(0, 2) | st.just("{{a}}"),
    stop=st.none() | texts | st.lists(texts, max_size=2).map(tuple),
    output_schema=st.none() | st.dictionaries(names, jsons, max_size=2),
    extra=st.dictionaries(names, jsons, max_size=1),
)
declared = st.one_of(
    st.builds(
        Input,
        type=st.sampled_from(("text", "number", "json")),
        description=texts,
        required=st.booleans(),
        default=jsons,
    ),
    st.builds(Input, default=jsons | files),
    st.just(Input()),
)


@st.composite
def flows(draw: st.DrawFn) -> Flow:
    steps = draw(
        st.lists(
            st.builds(
                Step,
                name=texts,
                actions=st.lists(chats, max_size=2).map(tuple),
                join=st.sampled_from((None, "all_done", "no_wait")),
            ),
            max_size=3,
        )
    )
    known = Flow(steps=tuple(steps)).steps
    ends = st.sampled_from([step.id for step in known] or ["none"])
    edges = st.builds(Edge, source=ends, target=ends, source_port=st.none() | st.just("error"))
    return Flow(
        name=draw(texts),
        description=draw(texts),
        model=draw(st.none() | texts),
        inputs=draw(st.dictionaries(names, declared, max_size=3)),
        on_error=draw(st.sampled_from(("stop", "continue"))),
        max_parallel=draw(st.none() | st.integers(1, 5)),
        steps=known,
        edges=tuple(draw(st.lists(edges, max_size=3))),
    )


@given(flows())
def test_a_native_document_loads_back_to_an_equal_flow(flow: Flow) -> None:
    document = dump_flow(flow)

    assert load_flow(document) == flow
    assert load_flow(json.dumps(document)) == flow
    assert dump_flow(load_flow(document)) == document


@given(flows())
def test_a_flow_written_as_yaml_loads_back_to_an_equal_flow(flow: Flow) -> None:
    text = "format: flow_widgets/1\n" + yaml.safe_dump(dump_flow(flow), allow_unicode=True)

    assert load_flow(text) == flow


literal = st.text(st.sampled_from("ab $.😀\\{}"), max_size=8)
references = st.sampled_from(
    ("{{$name}}", "{{ $name }}", "{$name}", "{ $name }", "{{$var.name}}", "{{$var.$name}}")
)
outputs = st.sampled_from(("{{$step1.action1.output}}", "{{ $step1.action1.output }}"))
contents = st.lists(st.one_of(literal, references, outputs), min_size=1, max_size=4).map("".join)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    action = st.fixed_dictionaries(
        {
            "messages": st.lists(
                st.fixed_dictionaries({"role": st.just("user"), "content": contents}), min_size=1
            )
        },
        optional={"model": st.just("gpt-4o"), "temperature": st.floats(0, 1)},
    )
    step = st.fixed_dictionaries({"actions": st.lists(action, min_size=1, max_size=2)})
    return {
        "steps": draw(st.lists(step, min_size=1, max_size=3)),
        "variables": [{"name": "$name", "value": draw(texts)}],
    }


@given(documents())
def test_a_document_of_the_steps_format_is_written_as_an_equal_flow(document: Any) -> None:
    flow = load_flow(document)

    written = dump_flow(flow, "steps")

    assert load_flow(written) == flow
    assert dump_flow(load_flow(written), "steps") == written


any_json = st.recursive(
    scalars | prompts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names | texts, inner, max_size=3),
    max_leaves=8,
)
ids = st.sampled_from(("a", "b", "c", "start-1", "7", "my step"))
paths = st.sampled_from(("prompt", "data", "llm_output", "variables.x", "a.b", "chosen_flow", ""))


def sometimes(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return mostly what a document should hold, and sometimes anything else."""
    return st.one_of(strategy, strategy, strategy, any_json)


def records(**optional: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    given = {key: sometimes(one) for key, one in optional.items()}
    return st.fixed_dictionaries({}, optional=given)


fields = st.dictionaries(
    st.sampled_from(("prompt", "data", "text_input", "x")),
    sometimes(records(type=st.sampled_from(("string", "json", "int")), required=st.booleans())),
    max_size=2,
)
elements = records(
    input_schema=fields,
    output_schema=fields,
    cases=st.lists(st.dictionaries(names, records(variable1=names, compare=names), max_size=1)),
    flows_to_switch=st.lists(ids, max_size=2),
    data=any_json,
    headers=any_json,
    parameters=any_json,
    code=texts,
    wrapper_prompt=texts,
    key=texts,
)
requests = st.fixed_dictionaries(
    {
        "elements": st.dictionaries(
            ids,
            st.builds(lambda one, kind: {**one, "type": kind}, elements, st.sampled_from([*KINDS])),
        )
    },
    optional={
        "connections": sometimes(
            st.lists(
                records(from_id=ids, to_id=ids, from_output=paths, to_input=paths, when=names),
                max_size=6,
            )
        ),
        "start_element_id": sometimes(ids),
        "initial_inputs": sometimes(st.dictionaries(ids | names, any_json, max_size=3)),
        "metadata": any_json,
    },
)
configs = st.sampled_from([*BUILDERS]).flatmap(
    lambda kind: st.fixed_dictionaries(
        {"type": st.just(kind), "config": records(**dict.fromkeys(CONFIG_KEYS[kind], any_json))},
        optional={"id": ids, "join_mode": sometimes(st.just("all_done"))},
    )
)
graphs = st.fixed_dictionaries(
    {"steps": st.lists(configs, max_size=4)},
    optional={
        "edges": sometimes(
            st.lists(records(source_step_id=ids, target_step_id=ids, source_port=names), max_size=4)
        )
    },
)


@given(st.one_of(requests, graphs, any_json.map(lambda one: {"elements": one})))
def test_whatever_a_document_holds_it_loads_or_is_refused_with_reasons(document: Any) -> None:
    with suppress(FlowError):
        check_flow(load_flow(document))
        load_notes(document)
