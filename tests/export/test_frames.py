"""Frames: columns, dtypes, rows, files."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from flow_widgets import Chat, File, Flow, FlowRunner, save, to_frame
from flow_widgets.errors import FlowError
from flow_widgets.export.frames import COLUMNS
from flow_widgets.providers.offline import OfflineProvider, Reply

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}


@pytest.fixture
async def runner():
    script = [
        Reply(text='{"a": 1}'),
        Reply(text="plain"),
        Reply(status=400, error={"message": "no"}),
    ]
    flow = Flow(
        name="Frames",
        inputs={"x": 1},
        on_error="continue",
        steps=[
            Chat(prompt="p {{x}}", output_schema=SCHEMA, name="Data"),
            Chat(prompt="q"),
            Chat(prompt="r"),
        ],
    )
    made = FlowRunner(flow, provider=OfflineProvider(pace=0, script=script))
    await made.run_flow()
    return made


@pytest.mark.parametrize("of", list(COLUMNS))
def test_columns_and_dtypes_are_the_same_when_empty(runner, of):
    empty, full = to_frame([], of), runner.to_frame(of)

    assert list(empty.columns) == list(full.columns) == list(COLUMNS[of])
    assert list(empty.dtypes) == list(full.dtypes)
    assert len(full) > 0


async def test_actions_have_one_row_per_attempt(runner):
    await runner.run_action(0, 0)

    frame = runner.to_frame()

    assert frame["attempt"].tolist() == [1, 2, 1, 1]
    assert frame["newest"].tolist() == [False, True, True, True]
    assert frame["status"].tolist()[-1] == "failed"
    assert frame["error_kind"].tolist()[-1] == "bad_request"
    assert frame["output"].tolist()[0] == {"a": 1}
    assert frame["prompt"].tolist() == ["p 1", "p 1", "q", "r"]


def test_times_are_aware_and_seconds_are_floats(runner):
    frame = runner.to_frame("runs")

    assert str(frame["started_at"].dtype) == "datetime64[ns, UTC]"
    assert frame["seconds"].iloc[0] == pytest.approx(
        (frame["ended_at"] - frame["started_at"]).dt.total_seconds().iloc[0]
    )
    assert frame["inputs"].tolist() == [{"x": 1}]
    assert frame[["actions", "completed", "failed"]].values.tolist() == [[3, 2, 1]]


def test_structured_outputs_can_be_expanded(runner):
    frame = runner.run.to_frame(expand=True)

    assert frame["output.a"].tolist()[0] == 1


async def test_several_runs_concatenate(runner):
    await runner.run_flow()

    assert runner.to_frame("runs")["run"].tolist() == [1, 2]
    assert set(runner.to_frame("steps")["run"]) == {1, 2}


def test_the_log_holds_whole_outputs(runner):
    frame = runner.to_frame("log")

    assert "plain" in frame.loc[frame["level"] == "out", "text"].tolist()
    assert (frame["seconds"] >= 0).all()


def test_an_unknown_frame_names_the_nearest(runner):
    with pytest.raises(FlowError, match="Did you mean 'actions'?"):
        runner.to_frame("action")


@pytest.mark.parametrize("ending", ["csv", "json", "parquet"])
def test_frames_are_written_and_read_back(runner, tmp_path, ending):
    path = runner.run.save(tmp_path / f"results.{ending}")

    read = getattr(pd, f"read_{ending}")(path)

    assert read["status"].tolist() == ["completed", "completed", "failed"]
    first = read["output"].iloc[0]
    assert (first if ending == "json" else json.loads(first)) == {"a": 1}


def test_another_ending_is_refused(runner, tmp_path):
    with pytest.raises(FlowError, match=r"must end in .csv, .parquet or .json"):
        save(runner.to_frame(), tmp_path / "x.xlsx")


async def test_a_file_among_the_inputs_is_named_and_its_content_left_out():
    flow = Flow(steps=[Chat(prompt="x")], inputs={"doc": File.of(b"secret", name="a.txt"), "n": 1})
    runner = FlowRunner(flow, provider=OfflineProvider(pace=0))
    await runner.run_flow()

    assert runner.to_frame("runs")["inputs"].tolist() == [
        {"doc": {"name": "a.txt", "mime": "text/plain", "size_bytes": 6}, "n": 1}
    ]


@pytest.mark.parametrize("ending", ["csv", "json", "parquet"])
def test_half_a_character_is_replaced_in_a_file(tmp_path, ending):
    texts, data = ["x\ud800é", None], [{"k\ud800": ["\ud800"]}, 1]
    frame = pd.DataFrame({"text": pd.Series(texts, dtype=object), "data": data})

    path = save(frame, tmp_path / f"half.{ending}")

    read = getattr(pd, f"read_{ending}")(path)
    assert read["text"].iloc[0] == "x\ufffdé"
    first = read["data"].iloc[0]
    assert (first if ending == "json" else json.loads(first)) == {"k\ufffd": ["\ufffd"]}
    assert frame["text"].iloc[0] == "x\ud800é"


@pytest.mark.parametrize("of", list(COLUMNS))
async def test_half_a_character_in_a_run_fails_no_frame(tmp_path, of):
    reply = Reply(text=json.dumps({"k\ud800": "\ud800"}))
    chat = Chat(prompt="{{x}}", name="A\ud800", output_schema={"type": "object"})
    flow = Flow(name="N\ud800", inputs={"x": "\ud800"}, steps=[chat])
    runner = FlowRunner(flow, provider=OfflineProvider(pace=0, script=[reply]))
    await runner.run_flow()

    frame = to_frame(runner.runs, of, expand=True)

    for ending in ("csv", "json", "parquet"):
        save(frame, tmp_path / f"half.{ending}")
