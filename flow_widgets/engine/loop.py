"""Event loops: the engine's own thread, and waiting for it from anywhere.

A widget's runner lives on one daemon thread per process with a loop of its own, so that streams keep
flowing while a cell computes, and a click is served whatever thread it arrives on. Everybody else
only hands calls over. Waits are cut into ticks, because an interrupt reaches a notebook's cell only
when its loop wakes up.
"""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import os
import sys
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
TICK_SECONDS = 0.1
"""How long a wait may keep an interrupt from being seen."""


class EngineThread:
    """A daemon thread that runs an event loop for ever."""

    def __init__(self) -> None:
        """Start the thread and wait until its loop runs."""
        self.pid = os.getpid()
        self.loop = asyncio.new_event_loop()
        started = threading.Event()
        self.loop.call_soon(started.set)
        self.thread = threading.Thread(target=self._serve, name="flow_widgets-engine", daemon=True)
        self.thread.start()
        started.wait()
        atexit.register(self.stop)

    def _serve(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()
        self.loop.close()

    @property
    def is_here(self) -> bool:
        """Whether the calling thread is the engine's."""
        return threading.current_thread() is self.thread

    def call(self, function: Callable[[], T]) -> T:
        """Run a plain function on the engine's thread and return its result, or raise what it raised."""
        if self.is_here:
            return function()
        result: concurrent.futures.Future[T] = concurrent.futures.Future()
        self.loop.call_soon_threadsafe(_resolve, result, function)
        return wait(result)

    def post(self, function: Callable[[], object]) -> None:
        """Have the engine's thread run a plain function soon, without waiting for it."""
        self.loop.call_soon_threadsafe(function)

    def submit(self, work: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Run a coroutine on the engine's loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    def stop(self) -> None:
        """End the thread, canceling what runs; the next use starts a new one."""
        atexit.unregister(self.stop)
        if self.pid != os.getpid() or not self.thread.is_alive():
            return
        self.submit(_cancel_all()).result(2.0)
        self.loop.call_soon_threadsafe(self.loop.stop)
        if not self.is_here:
            self.thread.join(2.0)


def _resolve(result: concurrent.futures.Future[T], function: Callable[[], T]) -> None:
    try:
        result.set_result(function())
    except BaseException as error:  # noqa: BLE001  # handed to the thread that asked
        result.set_exception(error)


async def _cancel_all() -> None:
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=1.0)
    await asyncio.get_running_loop().shutdown_asyncgens()


_engine: EngineThread | None = None
_lock = threading.Lock()


def engine() -> EngineThread:
    """Return this process's engine thread, starting it on first use and again after a fork."""
    global _engine  # noqa: PLW0603  # one per process
    with _lock:
        if _engine is None or _engine.pid != os.getpid() or not _engine.thread.is_alive():
            _engine = EngineThread()
        return _engine


def wait(future: concurrent.futures.Future[T]) -> T:
    """Block until a future has a result, in ticks so that an interrupt is seen, and return it."""
    while True:
        try:
            return future.result(TICK_SECONDS)
        except concurrent.futures.TimeoutError:
            if future.done():  # it settled while we looked away, or raised a timeout of its own
                return future.result()


async def wait_async(future: concurrent.futures.Future[T]) -> T:
    """Wait in any event loop, in ticks so that an interrupt is seen, and return the result.

    Cancelling this wait does not cancel the future.
    """
    loop = asyncio.get_running_loop()
    woken = loop.create_future()

    def wake(_: object) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(_release, woken)

    future.add_done_callback(wake)
    while not future.done():
        await asyncio.wait({woken}, timeout=TICK_SECONDS)
    return future.result()


def _release(woken: asyncio.Future[None]) -> None:
    if not woken.done():
        woken.set_result(None)


def in_kernel() -> bool:
    """Whether this is a Jupyter kernel, where a nested event loop would lose clicks and cells."""
    shell = sys.modules.get("IPython")
    found = shell.get_ipython() if shell is not None else None
    return getattr(found, "kernel", None) is not None


def is_loop_running() -> bool:
    """Whether an event loop runs in the calling thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def run_sync(make: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine to its end from code that does not await, wherever that code stands.

    Without a running loop it gets a loop of its own; in a Jupyter kernel the engine's thread runs it;
    anywhere else inside a running loop, that loop is entered again (``nest_asyncio``).
    """
    if not is_loop_running():
        return asyncio.run(make())
    if in_kernel():
        future = engine().submit(make())
        try:
            return wait(future)
        except KeyboardInterrupt:
            future.cancel()
            raise
    import nest_asyncio

    loop = asyncio.get_running_loop()
    nest_asyncio.apply(loop)
    return loop.run_until_complete(make())
