// JSON tree, log window, graph, templates, inputs, statuses.
import { effect } from "@preact/signals";
import { describe, expect, test } from "vitest";
import { readInput } from "../src/model/input-value";
import { MOST_CHILDREN, parse, rows } from "../src/model/json-tree";
import { LogWindow, ROW_HEIGHT } from "../src/model/log-window";
import { actionStatus, whyNotRun } from "../src/model/status";
import { Store } from "../src/model/store";
import { layout } from "../src/model/strip";
import { isKnown, namesIn, nearest, pieces, unknownIn } from "../src/model/template";
import { actionView, delta, flowView, logLine, runView, stepView, view } from "./make";

describe("JSON tree", () => {
  const none: ReadonlySet<string> = new Set();

  test("small objects are open, lists are folded", () => {
    const drawn = rows({ a: 1, b: { c: "x" }, d: [1, 2] }, none).map((row) => [
      row.depth,
      row.key,
      row.text,
      row.open,
    ]);

    expect(drawn).toEqual([
      [0, null, "{3}", true],
      [1, "a", "1", null],
      [1, "b", "{1}", true],
      [2, "c", '"x"', null],
      [1, "d", "[2]", false],
    ]);
  });

  test("a toggled row is the other way round", () => {
    expect(rows({ d: [1] }, new Set(["$/d"])).map((row) => row.text)).toEqual(["{1}", "[1]", "1"]);
  });

  test("a long list is cut", () => {
    const last = rows(
      Array.from({ length: MOST_CHILDREN + 5 }, () => 0),
      none,
    ).at(-1);

    expect(last?.text).toBe("… 5 more");
  });

  test("what is not JSON is no tree", () => {
    expect(parse("{oops")).toBeNull();
  });
});

describe("log window", () => {
  const info = { level: "info", text: "" } as const;

  test("of 100 000 lines only what is on the screen is drawn", () => {
    const log = new LogWindow();
    log.reset(
      [],
      Array.from({ length: 100_000 }, (_, n) => logLine(n, `fact ${n}`)),
      info,
    );

    const [first, last] = log.range(50_000 * ROW_HEIGHT, 216);

    expect([log.height, first, last - first]).toEqual([100_000 * ROW_HEIGHT, 49_988, 36]);
  });

  test("level and filter keep all lines", () => {
    const lines = [
      logLine(0, "Start"),
      logLine(1, "limit", { level: "warn" }),
      logLine(2, "x", { level: "debug" }),
    ];
    const log = new LogWindow();
    const seen = [info, { level: "warn", text: "" } as const, { level: "debug", text: "START" } as const].map(
      (filter) => {
        log.reset([], lines, filter);
        return log.lines.map((line) => line.n);
      },
    );

    expect(seen).toEqual([[0, 1], [1], [0]]);
  });

  test("growing takes only what is new", () => {
    const lines = [logLine(0, "a")];
    const log = new LogWindow();
    log.reset([], lines, info);
    lines.push(logLine(1, "b"), logLine(2, "c", { level: "debug" }));

    expect([log.grow(lines), log.grow(lines)]).toEqual([1, 0]);
  });

  test("an opened row moves those below it", () => {
    const log = new LogWindow();
    log.reset([], [logLine(0, "a"), logLine(1, "b")], info);
    log.opened = 0;
    log.extra = 36;

    expect([log.top(0), log.top(1), log.height]).toEqual([0, 54, 72]);
  });
});

describe("strip", () => {
  test("a cycle takes columns as its steps follow one another, and the edge back runs below them", () => {
    const pairs: [number, number][] = [
      [0, 1],
      [1, 2],
      [2, 1],
      [2, 3],
    ];
    const edges = pairs.map(([source, target]) => ({ source, target, port: "" }));

    const { spots, lines, height } = layout(4, edges);

    expect(spots.map((spot) => spot.x)).toEqual([0, 160, 320, 480]);
    expect(new Set(spots.map((spot) => spot.y)).size).toBe(1);
    expect(lines[2]).toContain(`V${height - 1}`);
  });

  const edge = (source: number, target: number) => ({ source, target, port: "" });

  test("a sequence is one row", () => {
    expect(layout(3, [edge(0, 1), edge(1, 2)]).spots).toEqual([
      { x: 0, y: 0 },
      { x: 160, y: 0 },
      { x: 320, y: 0 },
    ]);
  });

  test("parallel steps share a column", () => {
    const { spots } = layout(4, [edge(0, 1), edge(0, 2), edge(1, 3), edge(2, 3)]);

    expect(spots.map((spot) => [spot.x, spot.y])).toEqual([
      [0, 18],
      [160, 0],
      [160, 36],
      [320, 18],
    ]);
  });

  test("a cycle does not hang", () => {
    const { spots, lines } = layout(2, [edge(0, 1), edge(1, 0), edge(1, 1)]);

    expect([spots.length, lines.length]).toEqual([2, 3]);
  });
});

describe("template", () => {
  test("references are told from text", () => {
    expect(pieces("Use {{a.b}} or {{ x }}.", ["a"])).toEqual([
      { text: "Use ", known: null },
      { text: "{{a.b}}", known: true },
      { text: " or ", known: null },
      { text: "{{ x }}", known: false },
      { text: ".", known: null },
    ]);
  });

  test("filters and block marks are not part of a name", () => {
    expect(["{{ a.b | upper }}", "{{#if a}}", "{{/each}}"].flatMap(namesIn)).toEqual(["a.b", "a", ""]);
  });

  test("each path of several is looked at", () => {
    const prompt = "{{a ?? b}}{{ a.x??c }}{{c ?? a ?? d}}{{a ??}}";

    expect(pieces(prompt, ["a", "b"]).map((piece) => piece.known)).toEqual([true, false, false, true]);
    expect(unknownIn("{{ c ?? a ?? d.e }}", ["a", "b"])).toEqual(["c", "d.e"]);
  });

  test("an unknown name gets its nearest", () => {
    expect(nearest("audence", ["report", "audience"])).toBe("audience");
  });

  test("without a list nothing is unknown", () => {
    expect(isKnown("x", [])).toBe(true);
  });
});

describe("inputs", () => {
  test.each([
    ["integer", "4", { value: 4 }],
    ["integer", "4.5", { problem: "Not a whole number" }],
    ["number", "x", { problem: "Not a number" }],
    ["number", " ", { value: null }],
    ["text", " ", { value: " " }],
    ["json", '{"a": 1}', { value: { a: 1 } }],
  ] as const)("%s %j", (type, text, read) => {
    expect(readInput(type, text)).toEqual(read);
  });

  test("half a JSON document is a problem", () => {
    expect(readInput("json", "{")).toHaveProperty("problem");
  });
});

describe("status", () => {
  test("stale replaces the word of a settled action only", () => {
    const stale = "inputs changed";
    const shown = [actionView({ stale }), actionView({ stale, status: "running" })].map((a) =>
      actionStatus(a, false),
    );

    expect(shown).toEqual(["stale", "running"]);
  });

  test("what ran when the kernel went is interrupted", () => {
    expect(actionStatus(actionView({ status: "running" }), true)).toBe("interrupted");
  });

  test("play says why it cannot be pressed", () => {
    const live = view(runView([], { ended_at: null, status: "running" }));

    expect([whyNotRun(live, false), whyNotRun(live, true), whyNotRun(view(null), false)]).toEqual([
      "Already running",
      "Kernel restarted",
      null,
    ]);
  });
});

test("growing text tells its listeners and redraws no component", () => {
  const store = new Store(
    flowView([]),
    view(runView([stepView([actionView({ status: "running", text: "a" })])])),
  );
  const heard: number[] = [];
  const before = store.action(0, 0);
  store.onText(0, 0, (from) => heard.push(from), new AbortController().signal);

  store.apply(delta(1, { add: [[0, 0, 1, "b"]] }));

  expect([heard, store.action(0, 0) === before, store.actionNow(0, 0).text]).toEqual([[1], true, "ab"]);
});

test("a status makes a new object of its action, so that components see it", () => {
  const store = new Store(flowView([]), view(runView([stepView([actionView({ status: "running" })])])));
  const before = store.action(0, 0);

  store.apply(delta(1, { set: [[["run", "steps", 0, "actions", 0, "status"], "completed"]] }));

  expect(store.action(0, 0) === before).toBe(false);
});

test("an edge tells only who draws it", () => {
  const store = new Store(flowView([]), view(runView([], { edges: ["waiting", "waiting"] })));
  const seen: string[] = [];
  const stop = effect(() => void seen.push(store.edge(1)));

  store.apply(delta(1, { set: [[["run", "edges", 0], "fired"]] }));
  store.apply(delta(2, { set: [[["run", "edges", 1], "dead"]] }));
  stop();

  expect([seen, store.view.run?.edges]).toEqual([
    ["waiting", "dead"],
    ["fired", "dead"],
  ]);
});
