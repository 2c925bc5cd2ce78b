// Where steps and edges of a graph stand, with the library and without it.
import { describe, expect, test, vi } from "vitest";
import { arrange } from "../src/model/arrange";
import {
  type Arrange,
  type Layout,
  layout,
  layoutOf,
  leadingBack,
  planOf,
  SIZE,
  wordWidth,
} from "../src/model/graph";
import { fitting, moved, zoomed } from "../src/model/graph-moves";
import { nodeLabel, waysOf } from "../src/model/graph-words";
import { traced } from "../src/model/trace";
import type { FlowView } from "../src/model/wire";
import { type Ends, graphFlow, layered, triage, writing } from "./graphs";
import { stepView } from "./make";

const skipping = graphFlow(
  "Skips",
  Array.from({ length: 300 }, (_, n) => [`${n}`, "chat"]),
  Array.from({ length: 299 }, (_, n): Ends[] => [
    [n, n + 1] as Ends,
    [Math.floor(n / 3), n + 1] as Ends,
  ]).flat(),
);
const flows: [string, FlowView][] = [
  ["branches", triage],
  ["a cycle", writing],
  ["sixty steps", layered(60, 6)],
  ["many long edges", skipping],
];
const ways: [string, Arrange | null][] = [
  ["the library", arrange],
  ["columns", null],
];
const cases = flows.flatMap(([name, flow]) =>
  ways.map(([by, how]) => [name, by, layout(planOf(flow), how)] as const),
);

/** The pairs of steps that stand on one another. */
function overlaps({ spots }: Layout): [number, number][] {
  const found: [number, number][] = [];
  for (const [a, one] of spots.entries())
    for (const [b, two] of spots.slice(0, a).entries())
      if (Math.abs(one.x - two.x) < SIZE.width && Math.abs(one.y - two.y) < SIZE.height) found.push([b, a]);
  return found;
}

/** Where a path begins and ends. */
function ends(d: string): number[] {
  const numbers = [...d.matchAll(/-?\d+(?:\.\d+)?/g)].map(Number);
  const level = /H(-?[\d.]+)$/.exec(d);
  const y = level === null ? (numbers.at(-1) ?? 0) : lastY(d);
  return [numbers[0] ?? 0, numbers[1] ?? 0, level === null ? (numbers.at(-2) ?? 0) : Number(level[1]), y];
}

function lastY(d: string): number {
  const pairs = [...d.replace(/H[\d.-]+/g, "").matchAll(/(-?[\d.]+) (-?[\d.]+)/g)];
  return Number(pairs.at(-1)?.[2]);
}

describe.each(cases)("%s, arranged by %s", (_name, _by, made) => {
  test("all stands inside", () => {
    const outside = made.spots.filter(
      ({ x, y }) => x < 0 || y < 0 || x + SIZE.width > made.width || y + SIZE.height > made.height,
    );

    expect(outside).toEqual([]);
  });

  test("no step stands on another", () => {
    expect(overlaps(made)).toEqual([]);
  });

  test("each line leaves on the right of its source and enters its target on the left", () => {
    const middle = SIZE.height / 2;
    const wanted = made.lines.map(({ source, target }) => {
      const [from, to] = [made.spots[source], made.spots[target]];
      return [(from?.x ?? 0) + SIZE.width, (from?.y ?? 0) + middle, to?.x, (to?.y ?? 0) + middle];
    });

    expect(made.lines.map((line) => ends(line.d))).toEqual(wanted);
  });

  test("each word stands inside and on no step", () => {
    const hidden = made.lines.filter(({ word, label }) => {
      if (word === null) return label !== "";
      const half = wordWidth(label) / 2;
      return made.spots.some(
        ({ x, y }) =>
          word.x + half > x &&
          word.x - half < x + SIZE.width &&
          word.y + 8 > y &&
          word.y - 8 < y + SIZE.height,
      );
    });

    expect(hidden).toEqual([]);
  });
});

test("ports are written on edges where a step has several, and where they say error", () => {
  expect(planOf(triage).links.map((link) => link.label)).toEqual([
    ...["", "", "true", "false", "", "", "refund", "repair", "other", "", "", "", "error", ""],
  ]);
});

test("edges lead on to the right unless they close a cycle", () => {
  const plan = planOf(writing);
  const { lines, spots } = layout(plan, arrange);

  const back = lines.flatMap(({ source, target }, n) =>
    (spots[source]?.x ?? 0) < (spots[target]?.x ?? 0) ? [] : [n],
  );

  expect([back, [...leadingBack(plan)].sort()]).toEqual([
    [4, 6],
    [4, 6],
  ]);
});

test.each([2, 3, 4])("of %d branches the first stands on top", (count) => {
  const ports = Array.from({ length: count }, (_, n) => `${n}`);
  const steps: [string, string, string[]?][] = [
    ["Choose", "switch", ports],
    ...ports.map((n): [string, string] => [n, "chat"]),
  ];
  const edges = ports.flatMap((port, n): Ends[] => [
    [0, n + 1, port],
    [n + 1, count + 1],
  ]);
  const { spots } = layout(planOf(graphFlow("f", [...steps, ["End", "end"]], edges)), arrange);

  const tops = ports.map((_, n) => spots[n + 1]?.y ?? 0);

  expect(tops).toEqual([...tops].sort((a, b) => a - b));
});

test("a library that fails leaves columns", () => {
  const failing = () => {
    throw new Error("no");
  };

  expect(layout(planOf(triage), failing)).toEqual(layout(planOf(triage), null));
});

test("a layout is made once for each shape, whatever else changes in the flow", () => {
  const counted = vi.fn(arrange);
  const flow = layered(12, 3);

  const first = layoutOf(flow, counted);
  const second = layoutOf({ ...structuredClone(flow), name: "Another" }, counted);

  expect([counted.mock.calls.length, second === first]).toEqual([1, true]);
});

test.each([
  ["layers of ten", layered(500, 10)],
  ["layers of two", layered(500, 2)],
])("500 steps are laid out in under a second: %s", (_name, flow) => {
  const plan = planOf(flow);
  const runs = [1, 2, 3].map(() => {
    const started = performance.now();
    const { spots } = layout(plan, arrange);
    return { count: spots.length, milliseconds: performance.now() - started };
  });

  expect(runs.map((run) => run.count)).toEqual([500, 500, 500]);
  // The best of three: other work on the machine only ever adds.
  expect(Math.min(...runs.map((run) => run.milliseconds))).toBeLessThan(1000);
});

describe("keys", () => {
  const made = layout(planOf(triage), arrange);

  test("an arrow key goes along an edge, or up and down a column", () => {
    expect([moved(made, 0, "ArrowRight"), moved(made, 5, "ArrowLeft"), moved(made, 0, "ArrowLeft")]).toEqual([
      1,
      4,
      null,
    ]);
    const down = moved(made, 9, "ArrowDown") ?? 0;
    expect([made.spots[down]?.x, moved(made, down, "ArrowUp")]).toEqual([made.spots[9]?.x, 9]);
  });

  test("Home and End go to the first and the last step, other keys nowhere", () => {
    expect(["Home", "End", "a"].map((key) => moved(made, 3, key))).toEqual([0, 11, null]);
  });

  test("zoom goes in steps, and fits what is too large", () => {
    expect([zoomed(1, 1), zoomed(1, -1), zoomed(0.41, 1), zoomed(1.5, 1)]).toEqual([1.25, 0.8, 0.5, 1.5]);
    expect([fitting(made, 1e4, 1e4), fitting(made, made.width / 2, 1e4), fitting(made, 1, 1)]).toEqual([
      1, 0.5, 0.4,
    ]);
  });
});

describe("words", () => {
  test("a step says where it leads, and what was taken", () => {
    const [, , urgent = []] = waysOf(triage);
    const edge = (n: number) => (n === 2 ? "dead" : "fired");

    expect(nodeLabel({ flow: triage, step: 2, status: "Completed", visits: 2, ways: urgent, edge })).toBe(
      "Step 2, Is it urgent?, Conditional, completed, visited 2 times, " +
        "leads to 3 Page on-call (true, not taken), 4 Collect context (false, taken)",
    );
  });

  test("a join that its author chose is said", () => {
    const told = {
      flow: triage,
      step: 10,
      status: "Pending",
      visits: 0,
      ways: [],
      edge: () => "waiting" as const,
    };

    expect(nodeLabel(told)).toBe(
      "Step 10, Send answer, Request, starts with the first success before it, pending, leads nowhere",
    );
  });
});

describe("the step that is shown by itself", () => {
  const of = (...all: [string, number | null][]) =>
    all.map(([status, ended_at]) => stepView([], { status: status as "running", ended_at }));

  test.each([
    ["what runs", of(["completed", 1], ["running", null]), 0, 1],
    ["the one shown, while it runs", of(["running", null], ["running", null]), 1, 1],
    ["what failed", of(["completed", 1], ["failed", 2], ["completed", 3]), 0, 1],
    ["what settled last", of(["completed", 5], ["completed", 2], ["skipped", 9]), 2, 0],
    ["the first", [null, null], 1, 0],
  ])("%s", (_name, steps, shown, wanted) => {
    expect(traced(steps, shown)).toBe(wanted);
  });
});
