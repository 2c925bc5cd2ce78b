// The rules of `Sync`: order, gaps, duplicates, the queue.
import { expect, test, vi } from "vitest";
import { Sync } from "../src/host/sync";
import { Store } from "../src/model/store";
import { actionView, delta, flowView, runView, stepView, view } from "./make";

function setup(seq = 4) {
  const run = runView([stepView([actionView({ status: "running" })])], { ended_at: null });
  const store = new Store(flowView([]), view(run, { seq }));
  const ask = vi.fn();
  let now = 0;
  const sync = new Sync(store, ask, () => now);
  const tick = (ms: number) => {
    now += ms;
  };
  return { store, sync, ask, tick, text: () => store.actionNow(0, 0).text };
}

function grown(seq: number, offset: number, text: string) {
  return delta(seq, { add: [[0, 0, offset, text]] });
}

test("the next delta is applied", () => {
  const { sync, ask, text } = setup();

  sync.delta(grown(5, 0, "a"));

  expect([text(), ask.mock.calls]).toEqual(["a", []]);
});

test("an older delta is dropped", () => {
  const { sync, store, ask } = setup();

  sync.delta(grown(4, 0, "a"));

  expect([store.view.seq, store.actionNow(0, 0).text, ask.mock.calls]).toEqual([4, "", []]);
});

test("a gap asks once, and the queue is applied after the snapshot", () => {
  const { sync, store, ask, text } = setup();
  sync.delta(grown(6, 1, "b"));
  sync.delta(grown(7, 2, "c"));
  const snapshot = structuredClone(store.view);
  snapshot.seq = 5;
  const action = snapshot.run?.steps[0]?.actions[0];
  if (action) action.text = "a";

  sync.snapshot(snapshot);

  expect([text(), store.view.seq, ask.mock.calls]).toEqual(["abc", 7, [[4]]]);
});

test("what the snapshot has already is not applied again", () => {
  const { sync, store, text } = setup();
  sync.delta(grown(6, 1, "b"));
  const snapshot = structuredClone(store.view);
  snapshot.seq = 6;
  const action = snapshot.run?.steps[0]?.actions[0];
  if (action) action.text = "ab";

  sync.snapshot(snapshot);

  expect([text(), store.view.seq]).toEqual(["ab", 6]);
});

test("an older snapshot is dropped", () => {
  const { sync, store } = setup();

  const replaced = sync.snapshot({ ...store.view, seq: 3 });

  expect([replaced, store.view.seq]).toEqual([false, 4]);
});

test("a delta that does not fit is a gap", () => {
  const { sync, ask } = setup();

  sync.delta(grown(5, 9, "x"));

  expect(ask.mock.calls).toEqual([[4]]);
});

test("a heartbeat that is ahead shows a lost delta", () => {
  const { sync, store, ask } = setup();

  sync.delta(delta(5));

  expect([store.view.seq, ask.mock.calls]).toEqual([4, [[4]]]);
});

test("a heartbeat with our seq asks nothing", () => {
  const { sync, ask } = setup();

  sync.delta(delta(4));

  expect(ask.mock.calls).toEqual([]);
});

test("a sync without an answer is repeated after three seconds", () => {
  const { sync, ask, tick } = setup();
  sync.delta(grown(6, 0, "x"));
  sync.delta(grown(7, 0, "x"));
  tick(3001);

  sync.delta(grown(8, 0, "x"));

  expect(ask.mock.calls).toEqual([[4], [4]]);
});
