"""Streams to the browser: 50 streams of 100 chunks a second for 10 s in JupyterLab, measured there.

    python benchmarks/lab.py [--streams 50] [--rate 100] [--seconds 10]

Needs the test extra and Chromium. The run is kept in a store, as every run is. Prints chunks lost,
milliseconds from a chunk's making to the page (median, p95), messages and bytes per second on the
kernel's web socket, and frames per second.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "e2e"))

from rig import JupyterServer, Rig

CELL = """
import asyncio, time
from flow_widgets import Chat, Flow, FlowWidget
from flow_widgets.providers.base import ChatResult

class Ticking:
    name, default_model = "ticking", "ticks"

    def check(self): pass
    async def close(self): pass

    async def chat(self, request, on_text):
        loop, t0, wall = asyncio.get_running_loop(), START[0], START[1]
        for n in range({chunks}):
            due = t0 + n / {rate}
            if due > loop.time():
                await asyncio.sleep(due - loop.time())
            on_text(f"{{n:06d}} ")
        return ChatResult("stop")

flow = Flow(name="Ticks", steps=[[Chat(prompt=str(n), name=f"Stream {{n}}") for n in range({streams})]])
widget = FlowWidget(flow, provider=Ticking())
widget
"""
GO = """
def go():
    global START
    START = (asyncio.get_running_loop().time() + 0.5, time.time() + 0.5)
    return widget.runner.run_flow()

run = widget.engine.call(go)
print(START[1])
"""
WATCH = """
([t0, rate]) => {
  const seen = new Map(), late = [];
  window.__late = late;
  const look = () => {
    const now = Date.now() / 1000;
    [...document.querySelectorAll(".fw-output")].slice(0, 4).forEach((output, index) => {  // on screen
      const found = output.textContent.match(/(\\d{6}) ?$/);
      if (!found) return;
      const newest = Number(found[1]), before = seen.get(index) ?? -1;
      for (let n = before + 1; n <= newest; n++) late.push((now - t0 - n / rate) * 1000);
      seen.set(index, newest);
    });
  };
  window.__watch = new MutationObserver(look);
  const all = { subtree: true, childList: true, characterData: true };
  window.__watch.observe(document.querySelector(".fw"), all);
}
"""


def main() -> None:
    """Measure once and print one line per fact."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--streams", type=int, default=50)
    parser.add_argument("--rate", type=int, default=100)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--width", type=int, default=1600)
    parser.add_argument("--height", type=int, default=1200)
    options = parser.parse_args()
    cell = CELL.format(
        chunks=options.rate * options.seconds, rate=options.rate, streams=options.streams
    )
    chunks = options.rate * options.seconds
    check = f"[len(a.output) for a in run.steps[0].actions] == [7 * {chunks}] * {options.streams}"
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home,
        JupyterServer(Path(home)) as server,
        Rig(server, shots=Path(home)) as rig,
    ):
        rig.open_notebook([cell, GO, check])
        rig.run_cell(0)
        rig.page.wait_for_selector(".fw-run-flow")
        rig.page.get_by_role("button", name="Cards").click()  # so many actions open as lines
        rig.page.set_viewport_size({"width": options.width, "height": options.height})
        before = rig.traffic()
        rig.run_cell(1)
        rig.page.evaluate("() => document.querySelector('.fw').scrollIntoView()")
        rig.page.evaluate(WATCH, [float(rig.outputs(1)[0]), options.rate])
        rig.frames_start()
        rig.page.wait_for_timeout(options.seconds * 1000)
        frames = rig.frames_stop()
        after = rig.traffic()
        rig.wait_text(".fw-title .fw-status", "Completed")
        rig.page.wait_for_timeout(500)
        late = sorted(
            rig.page.evaluate("() => { window.__watch.disconnect(); return window.__late; }")
        )
        rig.run_cell(2)
        whole = rig.outputs(2)[0]
        texts = rig.page.evaluate(
            "() => [...document.querySelectorAll('.fw-output')].map(e => e.textContent.trim().slice(-6))"
        )
    last = f"{options.rate * options.seconds - 1:06d}"
    print(f"python has every chunk: {whole}")
    print(
        f"outputs that end right in the page: {sum(text.endswith(last) for text in texts)} of {len(texts)}"
    )
    print(
        f"chunk to page: median {late[len(late) // 2]:.0f} ms, p95 {late[int(len(late) * 0.95)]:.0f} ms"
    )
    seconds = options.seconds
    print(f"messages: {(after.received - before.received) / seconds:.1f} per second")
    print(
        f"bytes: {(after.received_bytes - before.received_bytes) / seconds / 1e6:.3f} MB per second"
    )
    print(f"frames: {frames.fps:.0f} per second, gap p95 {frames.gap_p95:.0f} ms")


if __name__ == "__main__":
    main()
