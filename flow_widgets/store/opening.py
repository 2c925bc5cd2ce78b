"""Which store is meant: by object, path or URL, or the default beside the notebook."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any, Final, cast
from weakref import WeakValueDictionary

from flow_widgets.errors import FlowError
from flow_widgets.store.base import Store
from flow_widgets.store.sqlite import FOLDER, SQLiteStore

DEFAULT: Final = "default"
"""Stands for the store that the environment names, else the file beside the notebook."""
VARIABLE = "FLOW_WIDGETS_STORE"
"""``off``, a path or a URL: what the default is."""
OFF = ("off", "none", "no", "false", "0")

_OPEN: WeakValueDictionary[str, Any] = WeakValueDictionary()
_LOCK = threading.Lock()


def open_store(where: Any = DEFAULT) -> Store | None:
    """Return the store that is meant, None where runs are not to be kept; nothing is touched yet.

    None or ``off``; a path; a ``postgresql://`` URL; a store; or ``default``. One file has one store
    in a process, however it is named.

    Raises:
        FlowError: It is none of these.
    """
    if isinstance(where, str) and where == DEFAULT:
        where = os.environ.get(VARIABLE, "").strip() or Path(FOLDER) / "runs.db"
    if where is None or (isinstance(where, str) and where.lower() in OFF):
        return None
    if isinstance(where, (str, Path)):
        return _postgres(str(where)) if _is_url(where) else _sqlite(where)
    if callable(where) and hasattr(where, "claim") and hasattr(where, "events"):
        return cast("Store", where)
    what = f"A store is a path, a postgresql:// URL, a store or None, not {type(where).__name__}."
    raise FlowError(what, hint="Leave it out for the default, or pass store=None for none.")


def default_store() -> Store | None:
    """Return the store that is used when none is named."""
    return open_store(DEFAULT)


def _is_url(where: str | Path) -> bool:
    if not isinstance(where, str) or "://" not in where:
        return False
    if where.startswith(("postgresql://", "postgres://")):
        return True
    kind = where.split("://")[0]
    hint = "Write postgresql://…, or the path of a file."
    raise FlowError(f"A store can't be at a {kind}:// address.", hint=hint)


def _sqlite(where: str | Path) -> Store:
    path = Path(where).expanduser()
    key = str(path.resolve())
    with _LOCK:
        store = _OPEN.get(key)
        if store is None:
            store = _OPEN[key] = SQLiteStore(key)
        return cast("Store", store)


def _postgres(url: str) -> Store:
    from flow_widgets.store.postgres import PostgresStore

    with _LOCK:
        store = _OPEN.get(url)
        if store is None:
            store = _OPEN[url] = PostgresStore(url)
        return cast("Store", store)
