"""What the stores of a process do when it ends, and when it is forked."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING
from weakref import WeakSet

from flow_widgets.errors import FlowError

if TYPE_CHECKING:
    from flow_widgets.store.writer import Writer

WRITERS: WeakSet[Writer] = WeakSet()
"""All that may have something to write."""


def _close_all() -> None:
    _everywhere(lambda writer: writer.close())


def _everywhere(what: Callable[[Writer], object]) -> None:
    for writer in list(WRITERS):
        with contextlib.suppress(FlowError):
            what(writer)


_CHILDREN: set[int] = set()
"""Children of multiprocessing whose end closes all; a copy of the parent's set tells of others."""


def close_with_child() -> None:
    """Have all written at the end of a child of multiprocessing, which ends without ``atexit``."""
    process = sys.modules.get("multiprocessing.process")
    is_child = process is not None and process.parent_process() is not None
    if is_child and os.getpid() not in _CHILDREN:
        from multiprocessing.util import Finalize

        _CHILDREN.add(os.getpid())
        Finalize(None, _close_all, exitpriority=0)


_HELD: list[Writer] = []
"""The writers whose locks are held while the process is forked, so that none is in a transaction."""


def _hold_all() -> None:
    for writer in list(WRITERS):
        writer.hold()
        _HELD.append(writer)


def _release_all() -> None:
    while _HELD:
        _HELD.pop().let_go()


def _begin_anew() -> None:
    _HELD.clear()
    _everywhere(lambda writer: writer.after_fork())


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_hold_all, after_in_parent=_release_all, after_in_child=_begin_anew)
