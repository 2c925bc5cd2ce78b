"""The splitter finds the same events however the bytes are cut."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flow_widgets.providers.sse import EventSplitter, EventTooLarge

_END = st.sampled_from([b"\n", b"\r", b"\r\n"])
_FIELD = st.sampled_from(
    [
        b"data: {}",
        b"data:{}",
        b"data:  x",
        b"data",
        b"data:",
        b"data: ",
        b": ping",
        b"event: e",
        b"id",
        b"",
        b"",
        b"",
        b"database: no",
        "data: é漢🌍".encode(),
    ]
)
_STREAM = st.builds(
    lambda bom, lines, rest: bom + b"".join(a + b for a, b in lines) + rest,
    st.sampled_from([b"", b"\xef\xbb\xbf"]),
    st.lists(st.tuples(_FIELD, _END), max_size=24),
    st.sampled_from([b"", b"data: end", b"\r", b"d"]),
)


def parsed(stream: bytes) -> list[bytes]:
    """Return the payloads of a whole stream, by the letter of the specification."""
    lines = re.split(rb"\r\n|\n|\r", stream.removeprefix(b"\xef\xbb\xbf"))
    events: list[bytes] = []
    held: list[bytes] = []
    for line in [*lines, b""]:
        name, _, value = line.partition(b":")
        if not line:
            if b"\n".join(held):
                events.append(b"\n".join(held))
            held = []
        elif name == b"data":
            held.append(value.removeprefix(b" "))
    return events


def fed(*parts: bytes, max_event_bytes: int = 1_000_000) -> list[bytes]:
    """Return the payloads of a stream that arrives in these parts."""
    splitter = EventSplitter(max_event_bytes=max_event_bytes)
    events = [event for part in parts for event in splitter.feed(part)]
    return events + splitter.finish()


@given(_STREAM, st.lists(st.integers(0, 200), max_size=12))
def test_every_cut_gives_the_same_events(stream: bytes, cuts: list[int]) -> None:
    places = sorted({0, len(stream), *(cut for cut in cuts if cut <= len(stream))})
    parts = [stream[a:b] for a, b in pairwise(places)]

    assert fed(*parts) == parsed(stream)


@given(_STREAM)
def test_single_bytes_give_the_same_events(stream: bytes) -> None:
    assert fed(*(bytes([byte]) for byte in stream)) == parsed(stream)


@pytest.mark.parametrize(
    ("parts", "events"),
    [
        ((b"data: a\n\n",), [b"a"]),
        ((b"data: a\n\ndata: b\n\n",), [b"a", b"b"]),
        ((b"data: a\n\n: ping\n\ndata: b\n\n",), [b"a", b"b"]),
        ((b"data: a\r", b"\n\r", b"\ndata: b\r\n\r\n"), [b"a", b"b"]),
        ((b"data: a\ndata: b\n\n",), [b"a\nb"]),
        ((b"data: a\n", b"\n"), [b"a"]),
        ((b"data: a",), [b"a"]),
        ((b"\xef\xbb", b"\xbfdata: a\n\n"), [b"a"]),
        ((b"data: \n\ndata: a\n\n",), [b"a"]),
        ((b"data: \xc3", b"\xa9\n\n"), ["é".encode()]),
        ((b"\n\n\n",), []),
        ((b"",), []),
    ],
)
def test_examples(parts: tuple[bytes, ...], events: list[bytes]) -> None:
    assert fed(*parts) == events


def test_an_event_is_given_as_soon_as_it_ends() -> None:
    splitter = EventSplitter(max_event_bytes=100)

    assert splitter.feed(b"data: a\r\n\r") == [b"a"]
    assert splitter.feed(b"\ndata: b\n\n") == [b"b"]


@pytest.mark.parametrize("part", [b"data: xxxxxxxxxx", b"data: x\n", b"data\n", b"xxxxxx"])
def test_an_event_without_end_is_refused(part: bytes) -> None:
    with pytest.raises(EventTooLarge):
        fed(b"data: ", *[part] * 100, max_event_bytes=99)


def test_many_small_events_are_never_too_large() -> None:
    assert len(fed(*[b"data: x\r\n\r\n"] * 1000, max_event_bytes=10)) == 1000
