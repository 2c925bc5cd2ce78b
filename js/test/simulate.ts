// A streaming run without a kernel: `streams` texts of 100 chunks a second each, in 20 deltas a second.
import type { FlowView, Json, Path, View } from "../src/model/wire";
import type { FakeModel } from "./fake-model";
import { actionDef, actionView, delta, flowView, logLine, runView, stepView, view } from "./make";

const WORDS = "the pool was too small and requests queued until they timed out ".split(" ");

type Open = (flow: FlowView, start: View) => { model: FakeModel; el: HTMLElement };

export function simulate(streams: number, open: Open): void {
  const defs = Array.from({ length: streams }, (_, n) => actionDef(`Stream ${n}`));
  const actions = defs.map(() => actionView({ status: "running" }));
  const run = runView([stepView(actions, { status: "running" })], { status: "running", ended_at: null });
  const { model, el } = open(flowView([["Streams", defs]], { name: "Streams" }), view(run));
  document.body.dataset.started = "1";
  for (const button of el.querySelectorAll("button"))
    if (["Cards", "Log"].includes(button.textContent ?? "")) button.click();
  const lengths = defs.map(() => 0);
  let seq = 0;
  let lines = 0;
  const tick = () => {
    const add: [number, number, number, string][] = lengths.map((offset, n) => {
      const text = Array.from({ length: 5 }, (_, k) => `${WORDS[(seq * 5 + k + n) % WORDS.length]} `).join(
        "",
      );
      lengths[n] = offset + text.length;
      return [0, n, offset, text];
    });
    const items = [0, 1, 2].map(() => logLine(lines++, `fact ${lines}`)) as unknown as Json[];
    seq++;
    const set: [Path, Json][] = lengths.map((chars, n) => [
      ["run", "steps", 0, "actions", n, "tokens"],
      chars >> 2,
    ]);
    model.message({
      k: "d",
      ...delta(seq, { set, add, push: [[["run", "log", "lines"], lines - 3, items]] }),
    });
  };
  setInterval(tick, 50);
}
