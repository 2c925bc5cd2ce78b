"""Reading local files that a user names: bounded in size, with their MIME type."""

from __future__ import annotations

import mimetypes
from pathlib import Path

from flow_widgets.errors import FileRefused

MAX_FILE_BYTES = 20_000_000
"""Providers refuse larger parts, and base64 makes a third more of it."""


def read_file(path: str | Path, *, max_bytes: int = MAX_FILE_BYTES) -> bytes:
    """Return the bytes of a local file.

    Raises:
        FileRefused: It is missing, is not a file, can't be read, or is larger than ``max_bytes``.
    """
    place = Path(path).expanduser()
    try:
        size = place.stat().st_size
        if not place.is_file():
            raise FileRefused(f"{str(path)!r} is not a file.", hint="Name one file.")
        if size > max_bytes:
            raise FileRefused(
                f"{place.name!r} has {size:,} bytes; the limit is {max_bytes:,}.",
                hint="Attach a smaller file or raise max_bytes.",
            )
        return place.read_bytes()
    except OSError as error:
        raise FileRefused(
            f"{str(path)!r} can't be read: {error.strerror or error}.",
            hint=f"The working directory is {str(Path.cwd())!r}.",
        ) from error


def mime_of(name: str) -> str:
    """Return the MIME type that a file name suggests, ``application/octet-stream`` when unknown."""
    return mimetypes.guess_type(name)[0] or "application/octet-stream"
