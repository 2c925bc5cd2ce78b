"""What is large, and kept once: texts, values and files of a run, by the digest of their content."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from flow_widgets.flow.attachment import File
from flow_widgets.store import exact

LONG = 32_000
"""From how many characters a value is kept beside the events, once for each content."""
_FILE_KEYS = frozenset(File.model_fields)

LATELY = 8
"""How many of the contents that were read last are held, so that whoever names one again shares it."""
MAX_GROWN = 1_000_000_000
"""How much one event may name, in bytes or characters: no database takes more, and a file of a few
kilobytes that names one content a thousand times must not fill the memory."""

FetchBlob = Callable[[str], bytes]
"""Returns what is kept under a digest; raises LookupError where nothing is."""


class Shrinker:
    """Writes values as JSON data in which what is large is named by its digest."""

    def __init__(self) -> None:
        """Begin with nothing large."""
        self.blobs: dict[str, bytes] = {}
        """What was put aside since somebody took it from here."""
        self._known: set[str] = set()

    def value(self, value: Any) -> Any:
        """Return an output or an input as data."""
        if value is None or isinstance(value, (bool, int, float)):
            return value
        if isinstance(value, str):
            return value if len(value) <= LONG else self.aside(value)
        try:
            text = exact.dumps(value)
        except TypeError:  # a file, or something that holds one
            return {"~in": self.shrunk(value)}
        if len(text) > LONG:
            return {"~blob": self._keep(text.encode())}
        is_marked = isinstance(value, dict) and any(str(key)[:1] == "~" for key in value)
        return {"~": value} if is_marked else value

    def aside(self, value: Any) -> dict[str, str]:
        """Return JSON data as what stands for it, and put it aside."""
        return {"~blob": self._keep(exact.dumps(value).encode())}

    def shrunk(self, value: Any) -> Any:
        """Return data with files in it as JSON data.

        Raises:
            TypeError: Something in it is neither.
        """
        if value is None or isinstance(value, (bool, int, float)):
            return value
        if isinstance(value, str):
            return value if len(value) <= LONG else self.aside(value)
        if isinstance(value, File):
            return {"~file": self._file(value.name, value.mime, value.data)}
        if isinstance(value, Mapping):
            return self._mapping(value)
        if isinstance(value, (list, tuple)):
            items = []
            for item in value:  # one frame for each level: what is nested deeply goes deep enough
                items.append(self.shrunk(item))  # noqa: PERF401
            return items
        raise TypeError(f"{type(value).__name__} is no JSON data")

    def _mapping(self, value: Mapping[str, Any]) -> dict[str, Any]:
        if value.keys() == _FILE_KEYS and all(isinstance(one, str) for one in value.values()):
            return {"~document": self._file(value["name"], value["mime"], value["data"])}
        found: dict[str, Any] = {}
        for key, item in value.items():
            found[key] = self.shrunk(item)
        return {"~": found} if len(found) == 1 and next(iter(found))[:1] == "~" else found

    def _file(self, name: str, mime: str, data: str) -> list[str]:
        try:
            content = base64.b64decode(data, validate=True)
        except (binascii.Error, ValueError):
            content = b""
        if base64.b64encode(content).decode() != data:
            return [name, mime, "text", self._keep(exact.dumps(data).encode())]
        return [name, mime, "base64", self._keep(content)]

    def _keep(self, content: bytes) -> str:
        digest = hashlib.sha256(content).hexdigest()
        if digest not in self._known:
            self._known.add(digest)
            self.blobs[digest] = content
        return digest


class Grower:
    """Reads what a ``Shrinker`` has written."""

    def __init__(self, fetch: FetchBlob) -> None:
        """Fetch what was put aside from somewhere."""
        self._fetch = fetch
        self._lately: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._grown = 0

    def begin(self) -> None:
        """Begin with another event."""
        self._grown = 0

    def value(self, data: Any) -> Any:
        """Return an output or an input."""
        if not isinstance(data, dict) or len(data) != 1:
            return data
        mark, inside = next(iter(data.items()))
        if mark == "~":
            return inside
        if mark == "~blob":
            return self.aside(inside)
        return self.grown(inside) if mark == "~in" else data

    def aside(self, digest: str) -> Any:
        """Return JSON data that was put aside."""
        known = self._lately.get(("text", digest))
        data = self._fetch(digest) if known is None else known
        self._grown += len(data)
        if self._grown > MAX_GROWN:
            raise ValueError("what it names is too large")
        found = exact.loads(data) if known is None else known
        return self._held("text", digest, found) if isinstance(found, str) else found

    def _held(self, form: str, digest: str, text: str) -> str:
        """Hold a text for a while: a thousand attempts that were sent one file hold it once."""
        self._lately[form, digest] = text
        self._lately.move_to_end((form, digest))
        if len(self._lately) > LATELY:
            self._lately.popitem(last=False)
        return text

    def grown(self, data: Any) -> Any:
        """Return data with files in it."""
        if isinstance(data, list):
            return [self.grown(item) for item in data]
        if not isinstance(data, dict):
            return data
        if len(data) == 1:
            mark, inside = next(iter(data.items()))
            if mark == "~blob":
                return self.aside(inside)
            if mark == "~":
                return self._items(inside)
            if mark in ("~file", "~document"):
                document = self._document(*inside)
                return document if mark == "~document" else File(**document)
        return self._items(data)

    def _items(self, data: dict[str, Any]) -> dict[str, Any]:
        return {key: self.grown(item) for key, item in data.items()}

    def _document(self, name: str, mime: str, form: str, digest: str) -> dict[str, Any]:
        if form == "text":
            return {"name": name, "mime": mime, "data": self.aside(digest)}
        data = self._lately.get((form, digest))
        if data is None:
            data = base64.b64encode(self._fetch(digest)).decode()
        return {"name": name, "mime": mime, "data": self._held(form, digest, data)}
