"""Runs as a single file: JSON lines, gzipped, to be taken elsewhere; ends for example in ``.runs.gz``.

The first line names the format and its version. Each run is a line about it, lines of large content
(base64, by digest), lines of events, and a line that ends it. A file is not trusted: it is checked
from end to end, and every run in it folded, before anything of it is kept; sizes are bounded, and
nothing in it is executed or names a class.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import gzip
import hashlib
import json
import os
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from flow_widgets.errors import FileRefused, FlowError, NoSuchRun, RunChanged, StoreDamaged
from flow_widgets.errors import StoreTooNew as TooNew
from flow_widgets.run.reduce import reduce
from flow_widgets.store.base import RunInfo, Store
from flow_widgets.store.decoder import Decoder
from flow_widgets.store.encoder import Encoder

FORMAT, VERSION = "flow_widgets.runs", 1
BATCH = 1000
"""How many events stand in one line."""
MAX_LINE = 200_000_000
"""How long a line may be, in bytes, when it is unpacked."""
MAX_BYTES = 4_000_000_000
"""How much a file may hold, in bytes, when it is unpacked."""


class Stored(NamedTuple):
    """A run of a file."""

    id: str
    label: str
    seq: int
    events: list[Any]


def export_runs(store: Store, path: str | Path, run_ids: Iterable[str]) -> Path:
    """Write runs to a file, which takes the place of one that is there once all are written.

    Raises:
        NoSuchRun: The store does not keep one of them.
        FileRefused: The file can't be written.
    """
    target, wanted = Path(path).expanduser(), list(dict.fromkeys(run_ids))
    infos = [store.info(run_id) for run_id in wanted]
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:100]}-")
        try:
            with os.fdopen(handle, "wb") as raw, gzip.GzipFile("", "wb", fileobj=raw) as file:
                for line in _lines(store, infos):
                    file.write(json.dumps(line, separators=(",", ":")).encode() + b"\n")
            Path(name).replace(target)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise
    except OSError as error:
        what = f"{str(target)!r} can't be written: {error.strerror or error}."
        raise FileRefused(what, hint="Name a file in a folder that you may write.") from None
    return target


def _lines(store: Store, infos: list[RunInfo]) -> Iterator[dict[str, Any]]:
    yield {"format": FORMAT, "version": VERSION, "runs": len(infos)}
    for info in infos:
        yield {"run": info.id, "label": info.label}
        encoder, waiting, seq = Encoder(info.id), list[Any](), 0
        for event in store.events(info.id):
            waiting.append(event)
            if len(waiting) == BATCH:
                yield from _batch(encoder, waiting)
                waiting = []
            seq = event.seq
        if waiting:
            yield from _batch(encoder, waiting)
        yield {"end": info.id, "seq": seq}


def _batch(encoder: Encoder, events: list[Any]) -> Iterator[dict[str, Any]]:
    batch = encoder.batch(events)
    for digest, data in batch.blobs.items():
        yield {"blob": digest, "data": base64.b64encode(data).decode()}
    yield {"first": batch.first, "last": batch.last, "events": batch.body}


def import_runs(store: Store, path: str | Path) -> list[str]:
    """Keep the runs of a file in a store, and return the ids of those that were not there yet.

    A run that is there already, with as many events, is skipped.

    Raises:
        FileRefused: The file can't be read, or is too large.
        StoreDamaged: It is none of these files, or broken; nothing of it is kept.
        StoreTooNew: A newer version has written it.
        RunChanged: The store has another run of the same id; nothing of the file is kept.
        StoreError: The store can't be written.
    """
    source = Path(path).expanduser()
    missing = [run.id for run in _checked(source) if not _has(store, run)]
    added: list[str] = []
    for run in _runs(source):
        if run.id not in missing or run.id in added:
            continue
        _keep(store, run)
        added.append(run.id)
    return added


def _checked(source: Path) -> Iterator[Stored]:
    """Yield the runs of a file, each folded once; a fold that fails says that it is broken."""
    for run in _runs(source):
        state = None
        try:
            for event in run.events:
                state = reduce(state, event)
        except Exception as error:  # noqa: BLE001  # hostile events may trip anything in a fold
            why = f"{type(error).__name__}: {str(error)[:200]}"
            raise _broken(source, f"the run {run.id!r} can't be folded ({why})") from None
        yield run


def _has(store: Store, run: Stored) -> bool:
    """Whether a store has a run already.

    Raises:
        RunChanged: It has another one of the same id.
    """
    try:
        stored = store.info(run.id).seq
    except NoSuchRun:
        return False
    if stored == run.seq:
        return True
    what = f"The store has a run {run.id!r} with {stored} events; in the file it has {run.seq}."
    raise RunChanged(what, hint="Delete one of them, or import into another store.")


def _keep(store: Store, run: Stored) -> None:
    failures: list[Exception] = []
    store.claim(run.id, 0, failures.append)
    try:
        for event in run.events:
            store(event)
        store.flush()
    finally:
        store.release(run.id)
    if failures:
        raise failures[0]
    if run.label:
        store.rename(run.id, run.label)


def _runs(source: Path) -> Iterator[Stored]:
    """Yield the runs of a file, one at a time."""
    lines = _documents(source)
    head = next(lines, None)
    if head is None or head.get("format") != FORMAT or not isinstance(head.get("version"), int):
        raise _broken(source, "its first line names no format")
    if head["version"] > VERSION:
        what = f"{str(source)!r} has version {head['version']}; this program reads {VERSION}."
        raise TooNew(what, hint="Update flow_widgets.")
    count, seen = 0, set[str]()
    for line in lines:
        if not isinstance(line.get("run"), str) or not isinstance(line.get("label"), str):
            raise _broken(source, "a run does not begin where it should")
        if line["run"] in seen or not 0 < len(line["run"]) <= 200:
            raise _broken(source, f"the id {line['run'][:50]!r} stands twice, or is no id")
        seen.add(line["run"])
        count += 1
        yield _run(source, line["run"], line["label"][:1000], lines)
    if count != head.get("runs"):
        raise _broken(source, f"it has {count} of {head.get('runs')!r} runs")


def _run(source: Path, run_id: str, label: str, lines: Iterator[dict[str, Any]]) -> Stored:
    blobs: dict[str, bytes] = {}
    decoder, events = Decoder(run_id, blobs.__getitem__), list[Any]()
    for line in lines:
        if "end" in line:
            if line["end"] != run_id or line.get("seq") != len(events) or not events:
                break
            return Stored(run_id, label, len(events), events)
        if "blob" in line:
            blobs.update([_blob(source, line)])
            continue
        first, last, body = len(events) + 1, line.get("last"), line.get("events")
        if not isinstance(last, int) or not isinstance(body, str):
            break
        if line.get("first") != first or last > first + 10 * BATCH:
            break
        events += decoder.batch(body, first, last)
    raise _broken(source, f"the run {run_id!r} is cut off")


def _blob(source: Path, line: dict[str, Any]) -> tuple[str, bytes]:
    try:
        data = base64.b64decode(line["data"], validate=True)
    except (binascii.Error, ValueError, TypeError, KeyError):
        raise _broken(source, "it holds what is no base64") from None
    if hashlib.sha256(data).hexdigest() != line["blob"]:
        raise _broken(source, "content does not fit its digest")
    return line["blob"], data


def _documents(source: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines of a file as dicts, within the limits."""
    total = 0
    try:
        with gzip.open(source, "rb") as file:
            while line := file.readline(MAX_LINE + 1):
                total += len(line)
                if len(line) > MAX_LINE or total > MAX_BYTES:
                    what = f"{source.name!r} is too large: more than {MAX_BYTES:,} bytes unpacked."
                    raise FileRefused(what, hint="Export fewer runs at a time.")
                yield _document(source, line)
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise _broken(source, "it is no gzip file, or cut off") from None
    except OSError as error:
        what = f"{str(source)!r} can't be read: {error.strerror or error}."
        raise FileRefused(what, hint="Name a file that was exported.") from None


def _document(source: Path, line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise _broken(source, "a line is no JSON object")
    return found


def _broken(source: Path, why: str) -> FlowError:
    what = f"{str(source)!r} holds no exported runs, or is broken: {why}."
    return StoreDamaged(what, hint="Export the runs again.", path=str(source))
