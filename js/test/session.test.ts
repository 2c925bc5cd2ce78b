// Commands, acks, and what the page knows when nobody answers.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { InputEdits } from "../src/host/inputs";
import { Session } from "../src/host/session";
import { FakeModel } from "./fake-model";
import { actionDef, actionView, delta, errorView, flowView, runView, stepView, view } from "./make";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function setup(live = false) {
  const action = actionView({ status: live ? "running" : "completed" });
  const ended = live ? null : 1;
  const run = runView([stepView([action])], { ended_at: ended, status: live ? "running" : "completed" });
  const model = new FakeModel(flowView([["Read", [actionDef("A")]]]), view(run));
  const session = new Session(model);
  const end = new AbortController();
  session.start(end.signal);
  return { model, session, end };
}

test("opening asks for a snapshot", () => {
  const { model } = setup();

  expect(model.sent).toEqual([{ op: "sync", have: 0, c: 1 }]);
});

test("each command has its own number and never an id", () => {
  const { model, session } = setup();

  void session.act("cancel");
  void session.act("run_step", { step: 2 });

  expect(model.sent.slice(1)).toEqual([
    { op: "cancel", c: 2 },
    { op: "run_step", step: 2, c: 3 },
  ]);
});

test("an ack resolves its command with its data", async () => {
  const { model, session } = setup();
  const reply = session.act("run_flow", { inputs: null });

  model.ack(model.sent[1] ?? {}, { run: "r9" });

  expect((await reply)?.data).toEqual({ run: "r9" });
});

test("a button is held until the ack", async () => {
  const { model, session } = setup();
  const reply = session.act("run_flow");
  const before = session.commands.busy.value.has("run_flow");

  model.ack(model.sent[1] ?? {});
  await reply;

  expect([before, session.commands.busy.value.has("run_flow")]).toEqual([true, false]);
});

test("a refused command shows its error", async () => {
  const { model, session } = setup();
  const error = errorView("The flow runs already.", "Cancel it first.");
  const reply = session.act("run_flow");

  model.message({ k: "ack", c: 2, ok: false, error });

  expect([await reply, session.refusal.value]).toEqual([null, error]);
});

test("after a second without an ack the page waits for the kernel", () => {
  const { model, session } = setup();
  model.ack(model.sent[0] ?? {});
  void session.act("cancel");
  const before = session.waitsForKernel.value;

  vi.advanceTimersByTime(1001);

  expect([before, session.waitsForKernel.value]).toEqual([false, true]);
});

test("a send that throws means the kernel is gone", async () => {
  const { model, session } = setup();
  model.gone = true;

  const reply = await session.act("run_flow");

  expect([reply, session.gone.value, session.status.value]).toEqual([null, true, "disconnected"]);
});

test("what waits is given up when the kernel goes", async () => {
  const { model, session } = setup();
  const waiting = session.act("run_flow");
  model.gone = true;

  await session.act("cancel");

  expect(await waiting).toBeNull();
});

test("silence while a run is live is asked about, and finds a dead kernel", () => {
  const { model, session } = setup(true);
  model.ack(model.sent[0] ?? {});
  model.message({ k: "snap", view: session.store.view });
  model.gone = true;

  vi.advanceTimersByTime(7000);

  expect(session.gone.value).toBe(true);
});

test("heartbeats keep a quiet run from being called silent", () => {
  const { model, session } = setup(true);
  for (let second = 0; second < 8; second++) {
    vi.advanceTimersByTime(1000);
    model.message({ k: "d", ...delta(0) });
  }

  expect(session.silent.value).toBe(false);
});

test("when a run ends the model keeps the view that is on the screen", () => {
  const { model } = setup(true);
  const set: [(string | number)[], never][] = [
    [["run", "status"], "completed" as never],
    [["running"], null as never],
  ];

  model.message({ k: "d", ...delta(1, { set }) });

  expect((model.get("run") as { seq: number }).seq).toBe(1);
});

test("the trait's object is never changed", () => {
  const { model } = setup(true);
  const trait = model.get("run");
  const before = structuredClone(trait);

  model.message({ k: "d", ...delta(1, { add: [[0, 0, 0, "x"]] }) });

  expect(trait).toEqual(before);
});

test("the end of the model ends every listener", () => {
  const { model, end } = setup();

  end.abort();

  expect(model.heard).toBe(0);
});

test("edits of inputs are sent together, before the run", () => {
  const { model, session } = setup();
  const inputs = new InputEdits(session);
  inputs.change("a", "x");
  inputs.change("b", 2);

  inputs.runFlow(null);

  expect(model.sent.slice(1)).toEqual([
    { op: "inputs", values: { a: "x", b: 2 }, c: 2 },
    { op: "run_flow", inputs: null, c: 3 },
  ]);
});

test("an edit is sent a moment after it was typed", () => {
  const { model, session } = setup();
  new InputEdits(session).change("a", "x");

  vi.advanceTimersByTime(301);

  expect(model.ops()).toEqual(["sync", "inputs"]);
});
