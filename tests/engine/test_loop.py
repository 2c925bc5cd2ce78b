"""The engine's thread, and waits that an interrupt ends."""

from __future__ import annotations

import asyncio
import concurrent.futures
import subprocess
import sys
import threading

import pytest

from flow_widgets.engine import loop as loops


@pytest.fixture
def thread():
    made = loops.EngineThread()
    yield made
    made.stop()


def test_a_call_runs_on_the_engines_thread_and_returns_its_result(thread):
    assert thread.call(lambda: threading.current_thread() is thread.thread) is True
    assert thread.is_here is False


def test_a_call_raises_what_the_function_raised(thread):
    with pytest.raises(ZeroDivisionError):
        thread.call(lambda: 1 / 0)


def test_a_call_from_the_engines_own_thread_runs_at_once(thread):
    assert thread.call(lambda: thread.call(lambda: 7)) == 7


def test_a_post_does_not_wait(thread):
    done = threading.Event()

    thread.post(done.set)

    assert done.wait(5.0)


def test_submitted_work_is_canceled_when_the_thread_stops():
    thread = loops.EngineThread()
    work = thread.submit(asyncio.sleep(60))

    thread.stop()
    thread.stop()

    assert work.cancelled()
    assert not thread.thread.is_alive()


def test_there_is_one_engine_and_a_new_one_after_it_stopped():
    first = loops.engine()
    assert loops.engine() is first

    first.stop()

    assert loops.engine() is not first
    loops.engine().stop()


def test_a_wait_returns_the_result_or_raises_the_error():
    good: concurrent.futures.Future[int] = concurrent.futures.Future()
    good.set_result(3)
    late: concurrent.futures.Future[int] = concurrent.futures.Future()
    threading.Timer(0.15, late.set_result, [4]).start()
    bad: concurrent.futures.Future[int] = concurrent.futures.Future()
    bad.set_exception(concurrent.futures.TimeoutError())

    assert loops.wait(good) == 3
    assert loops.wait(late) == 4
    with pytest.raises(concurrent.futures.TimeoutError):
        loops.wait(bad)


async def test_an_async_wait_works_from_another_loop(thread):
    async def seven() -> int:
        return 7

    assert await loops.wait_async(thread.submit(seven())) == 7


INTERRUPTED = """
import asyncio, os, signal, threading, time
from flow_widgets import Chat, Flow, FlowWidget

widget = FlowWidget(Flow(steps=[Chat(prompt="x", model="offline/slow")]), provider="offline")

def interrupt():
    time.sleep(1.0)
    global at
    at = time.monotonic()
    os.kill(os.getpid(), signal.SIGINT)

async def main():
    run = widget.run_flow()
    threading.Thread(target=interrupt).start()
    await run

try:
    WAIT
except KeyboardInterrupt:
    late = time.monotonic() - at
    widget.run.result()
    print("interrupted", widget.run.status, late < 0.3)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "wait",
    ["asyncio.run(main())", "threading.Thread(target=interrupt).start(); widget.run_flow_sync()"],
)
def test_an_interrupt_cancels_an_awaited_run(wait):
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED.replace("WAIT", wait)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.stdout.strip() == "interrupted canceled True", done.stderr
