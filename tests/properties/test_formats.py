"""What was written can be read again, in each format."""

from __future__ import annotations

import json
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from flow_widgets.actions.chat import Chat
from flow_widgets.flow.attachment import File
from flow_widgets.flow.formats import dump_flow, load_flow
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
