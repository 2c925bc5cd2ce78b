"""Splits the bytes of a server-sent-event stream into the payloads of its ``data`` fields."""

from __future__ import annotations

_BOM = b"\xef\xbb\xbf"
_LINE_ENDS = (b"\n", b"\r")


class EventTooLarge(ValueError):
    """One event grew beyond the limit of the splitter before it ended."""


class EventSplitter:
    """Cuts a stream into events, however its bytes are spread over the reads.

    Lines may end with LF, CR or CRLF. Comments and fields other than ``data`` are dropped, as are
    events without data; several ``data`` lines of one event are joined by a line feed.
    """

    def __init__(self, *, max_event_bytes: int) -> None:
        self._max_event_bytes = max_event_bytes
        self._line: list[bytes] = []  # pieces of a line that has not ended
        self._data: list[bytes] = []  # data lines of an event that has not ended
        self._line_bytes = 0
        self._data_bytes = 0
        self._after_cr = False
        self._at_start = True
        self._between_events = False  # nothing is held, and no BOM can come any more

    def feed(self, data: bytes) -> list[bytes]:
        """Return the payloads of the events that end in ``data``, in order.

        Raises:
            EventTooLarge: An unfinished event holds more than ``max_event_bytes``.
        """
        if self._between_events and b"\r" not in data and data[:6] == b"data: ":
            if data.find(b"\n") == len(data) - 2 and data[-1] == 10 and len(data) > 8:
                return [data[6:-2]]  # one event: how HTTP chunks usually carry them
            payloads = _common_form(data)
            if payloads is not None:
                return payloads
        payloads = self._any_form(data)
        self._between_events = not (self._line or self._data or self._after_cr or self._at_start)
        return payloads

    def finish(self) -> list[bytes]:
        """Return the payload of a last event that lacks its blank line, if there is one."""
        payloads: list[bytes] = []
        if self._line:
            self._take(self._whole_line(b""), payloads)
        self._take(b"", payloads)
        return payloads

    def _any_form(self, data: bytes) -> list[bytes]:
        if self._after_cr and data:
            self._after_cr = False
            if data.startswith(b"\n"):
                data = data[1:]
        if not data:
            return []
        lines = data.splitlines()
        rest = b"" if data.endswith(_LINE_ENDS) else lines.pop()
        self._after_cr = data.endswith(b"\r")
        payloads: list[bytes] = []
        for line in lines:
            self._take(self._whole_line(line) if self._line else line, payloads)
        if rest:
            self._line.append(rest)
            self._line_bytes += len(rest)
        if self._line_bytes + self._data_bytes > self._max_event_bytes:
            raise EventTooLarge(f"An event is larger than {self._max_event_bytes} bytes.")
        return payloads

    def _whole_line(self, end: bytes) -> bytes:
        line = b"".join((*self._line, end))
        self._line.clear()
        self._line_bytes = 0
        return line

    def _take(self, line: bytes, payloads: list[bytes]) -> None:
        if self._at_start:
            self._at_start = False
            line = line.removeprefix(_BOM)
        if not line:
            payload = b"\n".join(self._data)
            if payload:
                payloads.append(payload)
            self._data.clear()
            self._data_bytes = 0
        elif line == b"data" or line.startswith(b"data:"):
            self._data.append(line[6:] if line.startswith(b"data: ") else line[5:])
            self._data_bytes += len(line)


def _common_form(data: bytes) -> list[bytes] | None:
    """Return the payloads of whole one-line LF events, or None when ``data`` is anything else."""
    if not data.endswith(b"\n\n"):
        return None
    payloads = []
    for event in data[:-2].split(b"\n\n"):
        if event[:6] != b"data: " or b"\n" in event:
            return None
        if len(event) > 6:
            payloads.append(event[6:])
    return payloads
