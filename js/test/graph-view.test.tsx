// @vitest-environment happy-dom
// The graph on a page: steps, edges, what is shown below, keys, zoom, and what stands in until it is loaded.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import flowWidget from "../src/flow-widget";
import type { FlowView, View } from "../src/model/wire";
import { graphPart } from "../src/ui/graph";
import { Canvas } from "../src/ui/graph-canvas";
import { FakeModel } from "./fake-model";
import {
  chain,
  chainRun,
  triage,
  triageDone,
  triageRunning,
  writing,
  writingLimit,
  writingRunning,
} from "./graphs";
import { actionDef, delta, flowView, view } from "./make";

beforeEach(() => {
  graphPart.value = { css: "", Canvas };
});
afterEach(() => {
  document.body.replaceChildren();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

function open(flow: FlowView, run: View) {
  const model = new FakeModel(flow, run);
  const widget = flowWidget();
  const root = document.createElement("div");
  document.body.append(root);
  widget.initialize({ model });
  widget.render({ model, el: root });
  return { model, root };
}

function find(root: HTMLElement, selector: string): HTMLElement {
  const found = root.querySelector<HTMLElement>(selector);
  if (found === null) throw new Error(`no ${selector}`);
  return found;
}

function button(root: HTMLElement, word: string): HTMLElement {
  const found = [...root.querySelectorAll("button")].find((one) => one.textContent === word);
  if (found === undefined) throw new Error(`no button ${word}`);
  return found;
}

const node = (root: HTMLElement, step: number) => find(root, `.node[data-step="${step}"]`);
const shown = (root: HTMLElement) =>
  [...root.querySelectorAll<HTMLElement>(".fw-step")].map((one) => one.dataset.step);
const edges = (root: HTMLElement) =>
  [...root.querySelectorAll<SVGElement>(".plane g")].map((one) => one.dataset.e);
const press = (on: HTMLElement, key: string) =>
  on.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));

test("a flow with branches opens as a graph, a sequence as cards", () => {
  const graph = open(triage, view(null)).root;
  const lane = open(flowView([["Read", [actionDef("a")]]]), view(null)).root;

  expect([graph.querySelectorAll(".node").length, lane.querySelectorAll(".node").length]).toEqual([12, 0]);
  expect(shown(lane)).toEqual(["0"]);
});

test("both layouts are there for both", async () => {
  const graph = open(triage, view(null)).root;
  const lane = open(flowView([["Read", [actionDef("a")]]]), view(null)).root;

  button(graph, "Cards").click();
  button(lane, "Graph").click();

  await vi.waitFor(() => expect(shown(graph)).toHaveLength(12));
  await vi.waitFor(() => expect(lane.querySelectorAll(".node.large")).toHaveLength(1));
});

test("edges are drawn by their statuses, with what runs in colour", () => {
  const { root } = open(triage, triageRunning);

  expect(edges(root)).toEqual(["fired", "fired", "dead", "live", ...new Array(9).fill("waiting"), "dead"]);
  expect(find(root, ".word[data-e=dead]").textContent).toBe("true");
});

test("a delta moves an edge and a step", async () => {
  const { root, model } = open(triage, triageRunning);

  model.message({
    k: "d",
    ...delta(1, {
      set: [
        [["run", "steps", 4, "status"], "completed"],
        [["run", "edges", 4], "fired"],
        [["run", "steps", 5, "status"], "running"],
      ],
    }),
  });

  await vi.waitFor(() => expect(edges(root).slice(3, 5)).toEqual(["fired", "live"]));
  expect([node(root, 4).dataset.s, node(root, 5).dataset.s]).toEqual(["completed", "running"]);
});

test("the step that runs is shown below until the reader chooses one", async () => {
  const { root } = open(triage, triageRunning);
  expect(shown(root)).toEqual(["4"]);

  node(root, 1).click();

  await vi.waitFor(() => expect(shown(root)).toEqual(["1"]));
  expect([node(root, 1).getAttribute("aria-current"), node(root, 4).getAttribute("aria-current")]).toEqual([
    "true",
    null,
  ]);
  expect(button(root, "Follow").getAttribute("aria-pressed")).toBe("false");
});

test("what failed is shown by itself", () => {
  expect(shown(open(triage, triageDone).root)).toEqual(["7"]);
});

test("one step is a stop for Tab, and arrow keys move along the edges", async () => {
  const { root } = open(triage, view(null));
  const stops = () => [...root.querySelectorAll<HTMLElement>(".node")].filter((one) => one.tabIndex === 0);
  expect(stops()).toEqual([node(root, 0)]);

  node(root, 0).focus();
  press(node(root, 0), "ArrowRight");

  await vi.waitFor(() => expect(stops()).toEqual([node(root, 1)]));
  expect(document.activeElement).toBe(node(root, 1));
  expect(shown(root)).toEqual(["0"]);
});

test("a step says what it is, how it is and where it leads", () => {
  const { root } = open(writing, writingRunning);

  expect(node(root, 3).getAttribute("aria-label")).toBe(
    "Step 3, Good enough?, Conditional, completed, visited 2 times, " +
      "leads to 4 Publish (true), 1 Draft (false, taken)",
  );
  expect(node(root, 1).textContent).toContain("×3");
});

test("long work shows how far it is in the graph, in the card and in the line", async () => {
  const { root } = open(triage, triageRunning);
  expect(node(root, 4).textContent).toContain("3 of 10");
  expect(find(root, ".fw-done").getAttribute("aria-valuetext")).toBe("3 of 10, invoice-1183.pdf");
  expect(find(root, ".fw-done i").style.width).toBe("30%");

  button(root, "Lines").click();

  const step = '.fw-step[data-step="4"]';
  await vi.waitFor(() => expect(find(root, `${step} .fw-step-line`).textContent).toBe("invoice-1183.pdf"));
  expect(find(root, `${step} .fw-step-facts`).textContent).toContain("3 of 10");
});

test("a chosen join is a word below the name, and a sentence in the title", () => {
  const { root } = open(triage, view(null));

  expect(find(root, '.node[data-step="10"] .kind').textContent).toBe("Request\u00a0· first");
  expect(node(root, 10).title).toBe("Send answer\nStarts with the first success before it");
  expect(find(root, '.node[data-step="0"] .kind').children).toHaveLength(1);
});

test("a graph that goes on to the right, or to the left, says so", () => {
  const { root } = open(triage, view(null));
  const canvas = find(root, ".fw-canvas");
  Object.defineProperty(canvas, "clientWidth", { value: 500 });
  Object.defineProperty(canvas, "scrollWidth", { value: 900 });

  canvas.dispatchEvent(new Event("scroll"));
  expect(canvas.hasAttribute("data-more")).toBe(true);
  canvas.scrollLeft = 400;
  canvas.dispatchEvent(new Event("scroll"));
  expect([canvas.hasAttribute("data-more"), canvas.hasAttribute("data-less")]).toEqual([false, true]);
});

test("zoom goes by buttons", async () => {
  const { root } = open(triage, view(null));

  find(root, '[aria-label="Zoom out"]').click();

  await vi.waitFor(() => expect(find(root, ".zoom").textContent).toContain("80\u00a0%"));
  expect(find(root, ".scaled > div").style.transform).toBe("scale(0.8)");
});

test("every focusable element keeps the notebook's shortcuts away", () => {
  const { root } = open(triage, triageRunning);

  const all = [...root.querySelectorAll<HTMLElement>("button,input,select,textarea,a,[tabindex]")];

  expect(all.filter((element) => element.dataset.lmSuppressShortcuts !== "true")).toEqual([]);
});

test("names of steps and ports are text", () => {
  const flow = structuredClone(triage);
  const name = '<img src=x onerror="window.hit=1">';
  for (const step of flow.steps) Object.assign(step, { name, ports: [name, "b", "error"] });
  for (const edge of flow.edges) edge.port = name;

  const { root } = open(flow, view(null));

  expect(root.querySelectorAll("img")).toHaveLength(0);
  expect(find(root, ".word").textContent).toBe(name);
});

test("until the part is loaded, or when it can't be, the strip stands in", async () => {
  graphPart.value = null;
  const { root, model } = open(triage, triageRunning);
  expect([root.querySelectorAll(".node").length, root.querySelectorAll(".node.large").length]).toEqual([
    12, 0,
  ]);
  expect(model.sent).toContainEqual(expect.objectContaining({ op: "asset", name: "flow_graph" }));

  root.querySelectorAll<HTMLElement>(".node")[2]?.click();

  await vi.waitFor(() => expect(shown(root)).toEqual(["2"]));
  expect(edges(root)[2]).toBe("dead");
});

/** Boxes that are 300 px wide on the page and can't be scrolled off it, as in a browser. */
function stubBoxes(): { arrive: () => void } {
  const looks = new Set<() => void>();
  class Observer {
    constructor(private readonly look: () => void) {}
    observe = () => looks.add(this.look);
    disconnect = () => looks.delete(this.look);
  }
  vi.stubGlobal("ResizeObserver", Observer);
  const lefts = new WeakMap<HTMLElement, number>();
  const { prototype } = HTMLElement;
  vi.spyOn(prototype, "clientWidth", "get").mockImplementation(function (this: HTMLElement) {
    return this.isConnected ? 300 : 0;
  });
  vi.spyOn(prototype, "scrollLeft", "get").mockImplementation(function (this: HTMLElement) {
    return (this.isConnected && lefts.get(this)) || 0;
  });
  vi.spyOn(prototype, "scrollLeft", "set").mockImplementation(function (this: HTMLElement, left: number) {
    if (!this.isConnected) return;
    lefts.set(this, Math.max(0, left));
    this.dispatchEvent(new Event("scroll"));
  });
  return {
    arrive: () => {
      for (const look of looks) look();
    },
  };
}

/** A view as a notebook draws it anew when a run ends: the old one goes, the new one is put in its place late. */
function redraw(prepare: (root: HTMLElement, model: FakeModel) => void = () => undefined) {
  const { arrive } = stubBoxes();
  const model = new FakeModel(chain, chainRun(7));
  const widget = flowWidget();
  widget.initialize({ model });
  const [old, root] = [document.createElement("div"), document.createElement("div")];
  document.body.append(old);
  widget.render({ model, el: old });
  prepare(old, model);
  const before = find(old, ".fw-canvas").scrollLeft;
  old.remove();
  widget.render({ model, el: root });
  document.body.append(root);
  arrive();
  return { before, after: find(root, ".fw-canvas").scrollLeft, root, model };
}

test("a view that is drawn anew off the page shows the followed step again", () => {
  const { before, after } = redraw();

  expect(before).toBeGreaterThan(1000);
  expect(after).toBe(before);
});

test("it shows the step that came meanwhile, and after that follows the run", async () => {
  const { after, root, model } = redraw((_, model) => model.message({ k: "snap", view: chainRun(3) }));
  expect([after > 100, after < 1000]).toEqual([true, true]);

  model.message({ k: "snap", view: chainRun(6) });

  await vi.waitFor(() => expect(find(root, ".fw-canvas").scrollLeft).toBeGreaterThan(after));
});

test("it is scrolled to where the reader had scrolled it", () => {
  const { after } = redraw((root) => {
    find(root, ".fw-canvas").scrollLeft = 77;
  });

  expect(after).toBe(77);
});

test("Follow goes back to the followed step", async () => {
  stubBoxes();
  const { root } = open(chain, chainRun(7));
  const canvas = find(root, ".fw-canvas");
  button(root, "Follow").click();
  await vi.waitFor(() => expect(button(root, "Follow").getAttribute("aria-pressed")).toBe("false"));
  canvas.scrollLeft = 0;

  button(root, "Follow").click();

  await vi.waitFor(() => expect(canvas.scrollLeft).toBeGreaterThan(1000));
});

const REASON = "Failed: it was visited 3 times, the limit; raise max_iterations of the flow";

test("a step that failed without an error of an action says why", async () => {
  const { root } = open(writing, writingLimit);
  expect(node(root, 1).title).toBe(`Draft\nStarts each time an edge to it is taken\n${REASON}`);
  expect(find(root, '.fw-step[data-step="1"] > .fw-msg').textContent).toBe(`${REASON}.`);

  button(root, "Lines").click();
  await vi.waitFor(() => expect(shown(root)).toHaveLength(6));
  find(root, '[aria-label="Collapse step Draft"]').click();

  await vi.waitFor(() =>
    expect(find(root, '.fw-step[data-step="1"] .fw-step-line').textContent).toBe(REASON),
  );
});

test("why a step failed is not said twice", () => {
  const run = structuredClone(writingLimit);
  const action = run.run?.steps[1]?.actions[0];
  const reason = run.run?.steps[1]?.reason ?? null;
  Object.assign(action ?? {}, { status: "skipped", reason });

  const { root } = open(writing, run);

  expect(root.querySelectorAll(".fw-msg")).toHaveLength(1);
});
