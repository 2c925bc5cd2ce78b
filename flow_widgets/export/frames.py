"""Runs as DataFrames, and DataFrames as files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from flow_widgets.errors import FlowError, nearest
from flow_widgets.flow.attachment import File
from flow_widgets.flow.data import joined_surrogates
from flow_widgets.flow.template import as_text
from flow_widgets.run.asked import prompt_of
from flow_widgets.run.outcome import stop_reason_of
from flow_widgets.run.state import RunState

if TYPE_CHECKING:
    import pandas as pd

TEXT, WHOLE, REAL, YES, TIME, DATA = (
    "string",
    "Int64",
    "float64",
    "bool",
    "datetime64[ns, UTC]",
    "object",
)
"""The dtypes of columns: text, whole numbers with NA, floats, booleans, aware times, anything."""

COLUMNS: dict[str, dict[str, str]] = {
    "actions": {
        "run_id": TEXT,
        "run": WHOLE,
        "path": TEXT,
        "step": WHOLE,
        "step_id": TEXT,
        "step_name": TEXT,
        "action": WHOLE,
        "action_id": TEXT,
        "action_name": TEXT,
        "type": TEXT,
        "model": TEXT,
        "attempt": WHOLE,
        "newest": YES,
        "status": TEXT,
        "stale": TEXT,
        "origin": TEXT,
        "pinned": YES,
        "note": TEXT,
        "started_at": TIME,
        "ended_at": TIME,
        "seconds": REAL,
        "first_chunk_seconds": REAL,
        "prompt_tokens": WHOLE,
        "completion_tokens": WHOLE,
        "total_tokens": WHOLE,
        "estimated_tokens": WHOLE,
        "cost_usd": REAL,
        "finish_reason": TEXT,
        "request_id": TEXT,
        "retry_seconds": REAL,
        "error_kind": TEXT,
        "error": TEXT,
        "prompt": TEXT,
        "output": DATA,
    },
    "steps": {
        "run_id": TEXT,
        "run": WHOLE,
        "step": WHOLE,
        "step_id": TEXT,
        "step_name": TEXT,
        "status": TEXT,
        "reason": TEXT,
        "actions": WHOLE,
        "started_at": TIME,
        "ended_at": TIME,
        "seconds": REAL,
        "total_tokens": WHOLE,
        "output": DATA,
    },
    "runs": {
        "run_id": TEXT,
        "run": WHOLE,
        "flow_id": TEXT,
        "flow_name": TEXT,
        "status": TEXT,
        "started_at": TIME,
        "ended_at": TIME,
        "seconds": REAL,
        "actions": WHOLE,
        "completed": WHOLE,
        "failed": WHOLE,
        "total_tokens": WHOLE,
        "cost_usd": REAL,
        "stop_reason": TEXT,
        "inputs": DATA,
    },
    "log": {
        "run_id": TEXT,
        "run": WHOLE,
        "line": WHOLE,
        "at": TIME,
        "seconds": REAL,
        "level": TEXT,
        "step": WHOLE,
        "action": WHOLE,
        "attempt": WHOLE,
        "text": TEXT,
    },
}


class HasState(Protocol):
    """What a frame is made of: anything that holds the state of a run."""

    @property
    def _state(self) -> RunState: ...


def to_frame(
    runs: Iterable[HasState], of: str = "actions", *, expand: bool = False
) -> pd.DataFrame:
    """Return runs as one DataFrame, with the same columns and dtypes also when it is empty.

    Times are aware UTC, durations float seconds, counts ``Int64`` with ``<NA>`` where unknown.
    ``expand`` puts the keys of structured outputs into columns ``output.<key>``.

    ``of="actions"``: one row per attempt, oldest first, of each action in order, followed by those of
    the flows inside it. ``run_id``, ``run`` (number), ``path`` (of a flow inside an action where it ran,
    such as ``each[2]`` for iteration 2 of step ``each``; else NA), ``step``,
    ``step_id``, ``step_name``, ``action``, ``action_id``, ``action_name``, ``type``,
    ``model``, ``attempt`` (from 1), ``newest``, ``status``, ``stale`` (why, or NA), ``origin`` (``ran``;
    ``cache``, ``kept``, ``pin``: taken from another attempt; ``edit``: written by hand), ``pinned``,
    ``note`` (``truncated``, ``refused``, ``empty`` or NA), ``started_at``, ``ended_at``, ``seconds``,
    ``first_chunk_seconds``, ``prompt_tokens``, ``completion_tokens``, ``total_tokens``,
    ``estimated_tokens`` (where the server named none), ``cost_usd`` (NaN where no price is known),
    ``finish_reason``, ``request_id``, ``retry_seconds`` (from a failed attempt to the next), ``error_kind``,
    ``error``, ``prompt`` (as it was sent, its references filled in), ``output`` (text or data; the
    partial text of an attempt that did not complete).

    ``of="steps"``: one row per step. ``run_id``, ``run``, ``step``, ``step_id``, ``step_name``,
    ``status``, ``reason``, ``actions`` (count), ``started_at``, ``ended_at``, ``seconds``,
    ``total_tokens`` (of the newest attempts), ``output``.

    ``of="runs"``: one row per run. ``run_id``, ``run``, ``flow_id``, ``flow_name``, ``status``,
    ``started_at``, ``ended_at``, ``seconds`` (of work, without the times between reruns), ``actions``,
    ``completed``, ``failed`` (counts), ``total_tokens`` and ``cost_usd`` (of all attempts),
    ``stop_reason`` (why it was stopped where no person did, such as a spent budget), ``inputs`` (a file
    as its ``name``, ``mime`` and ``size_bytes``).

    ``of="log"``: one row per line. ``run_id``, ``run``, ``line`` (from 0), ``at``, ``seconds`` (since the
    run began), ``level``, ``step``, ``action``, ``attempt``, ``text``.

    Raises:
        FlowError: ``of`` is none of these.
    """
    import pandas as pd

    if of not in COLUMNS:
        raise FlowError(f"There is no frame of {of!r}.", hint=nearest(of, list(COLUMNS)))
    rows = [row for run in runs for row in _ROWS[of](run._state)]
    columns = COLUMNS[of]
    data: dict[str, Any] = {}
    for index, (name, dtype) in enumerate(columns.items()):
        data[name] = _column(pd, [row[index] for row in rows], dtype)
    frame = pd.DataFrame(data, columns=list(columns))
    return _expanded(pd, frame) if expand and "output" in columns else frame


def _column(pd: Any, values: list[Any], dtype: str) -> Any:
    if dtype == TIME:
        moments = pd.to_datetime(pd.Series(values, dtype="float64"), unit="s", utc=True)
        return moments.astype(TIME)
    return pd.Series(map(_whole, values) if dtype == TEXT else values, dtype=dtype)


def _expanded(pd: Any, frame: Any) -> Any:
    found = [value if isinstance(value, dict) else {} for value in frame["output"]]
    keys = dict.fromkeys(key for value in found for key in value)
    extra = {_whole(f"output.{key}"): [_whole(value.get(key)) for value in found] for key in keys}
    return pd.concat([frame, pd.DataFrame(extra, index=frame.index)], axis=1)


def _actions(state: RunState, path: str | None = None) -> Iterator[tuple[Any, ...]]:
    for s, step in enumerate(state.steps):
        defined = state.graph.flow.steps[s]
        for a, action in enumerate(step.actions):
            for attempt in action.attempts:
                settled = attempt.status == "completed"
                error = attempt.error
                yield (
                    state.id,
                    state.number,
                    path,
                    s,
                    step.id,
                    defined.label or None,
                    a,
                    action.id,
                    defined.actions[a].name or None,
                    attempt.definition.type,
                    attempt.model,
                    attempt.number,
                    attempt is action.newest,
                    attempt.status,
                    action.stale if attempt is action.newest else None,
                    attempt.origin,
                    action.pinned and attempt is action.newest,
                    attempt.note,
                    attempt.started_at,
                    attempt.ended_at,
                    _between(attempt.started_at, attempt.ended_at),
                    _between(attempt.started_at, attempt.first_chunk_at),
                    attempt.prompt_tokens,
                    attempt.completion_tokens,
                    attempt.total_tokens,
                    attempt.estimated_tokens,
                    attempt.cost_usd,
                    attempt.finish_reason,
                    attempt.request_id,
                    attempt.retry_seconds,
                    error.kind if error else None,
                    str(error) if error else None,
                    prompt_of(attempt.rendered),
                    attempt.output if settled else attempt.text or attempt.output,
                )
                for key, inner in (attempt.inner or {}).items():
                    here = f"{step.id}[{key}]"
                    yield from _actions(inner, f"{path}.{here}" if path else here)


def _between(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else end - start


def _steps(state: RunState) -> Iterator[tuple[Any, ...]]:
    for s, step in enumerate(state.steps):
        newest = [action.newest for action in step.actions if action.newest is not None]
        tokens = [one.tokens for one in newest if one.tokens is not None]
        outputs = [one.output if one.status == "completed" else one.text or None for one in newest]
        yield (
            state.id,
            state.number,
            s,
            step.id,
            state.graph.flow.steps[s].label or None,
            step.status,
            step.reason,
            len(step.actions),
            step.started_at,
            step.ended_at,
            _between(step.started_at, step.ended_at),
            sum(tokens) if tokens else None,
            outputs[0] if len(step.actions) == 1 and outputs else outputs or None,
        )


def _runs(state: RunState) -> Iterator[tuple[Any, ...]]:
    statuses = [action.status for step in state.steps for action in step.actions]
    flow = state.graph.flow
    yield (
        state.id,
        state.number,
        flow.id,
        flow.name,
        state.status,
        state.started_at,
        state.ended_at,
        state.active_seconds if state.active_at is None else None,
        len(statuses),
        statuses.count("completed"),
        statuses.count("failed"),
        state.tokens,
        state.cost_usd,
        stop_reason_of(state),
        {name: _named(value) for name, value in state.inputs.items()},
    )


def _named(value: Any) -> Any:
    """Return an input as it stands in a frame: of a file what it is, never its content."""
    if isinstance(value, File):
        return {"name": value.name, "mime": value.mime, "size_bytes": value.size_bytes}
    return value


def _log(state: RunState) -> Iterator[tuple[Any, ...]]:
    for number, line in enumerate(state.log):
        yield (
            state.id,
            state.number,
            number,
            line.at,
            line.at - state.started_at,
            line.level,
            line.step,
            line.action,
            line.attempt.number if line.attempt else None,
            line.attempt.text if line.attempt else line.text,
        )


_ROWS = {"actions": _actions, "steps": _steps, "runs": _runs, "log": _log}
_WRITERS = (".csv", ".parquet", ".json")


def save(frame: pd.DataFrame, path: str | Path) -> Path:
    """Write a frame as ``.csv``, ``.parquet`` or ``.json`` (records), by the path's ending; return it.

    In csv and parquet, outputs that are data are written as JSON text. Half a character (a lone
    surrogate), which no file can hold, is replaced.

    Raises:
        FlowError: The ending is another one, or a parquet library is missing.
    """
    place = Path(path)
    if place.suffix.lower() not in _WRITERS:
        what = f"{place.name!r} must end in .csv, .parquet or .json."
        raise FlowError(what)
    frame = _encodable(frame)
    if place.suffix.lower() == ".json":
        frame.to_json(place, orient="records", date_format="iso", force_ascii=False, indent=2)
        return place
    plain = frame.copy()
    for name in plain.columns:
        if plain[name].dtype == object:
            plain[name] = [_plain(value) for value in plain[name]]
    if place.suffix.lower() == ".csv":
        plain.to_csv(place, index=False)
        return place
    try:
        plain.to_parquet(place, index=False)
    except ImportError as error:
        raise FlowError("Writing parquet needs pyarrow.", hint="pip install pyarrow") from error
    return place


def _encodable(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a copy of the frame whose texts can be written as UTF-8."""
    plain = frame.rename(columns=_whole)
    for name in plain.columns:
        if plain[name].dtype in (object, TEXT):
            values = [_whole(value) for value in plain[name]]
            plain[name] = type(plain[name])(values, index=plain.index, dtype=plain[name].dtype)
    return plain


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        return value if value.isascii() else joined_surrogates(value)
    if isinstance(value, dict):
        return {_whole(key): _whole(item) for key, item in value.items()}
    return [_whole(item) for item in value] if isinstance(value, list) else value


def _plain(value: Any) -> str | None:
    if value is None:
        return None
    try:
        return as_text(value)
    except TypeError:
        return json.dumps(value, default=str, ensure_ascii=False)
