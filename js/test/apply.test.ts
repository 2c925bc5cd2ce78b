// The rules of `apply`, and the golden files that Python replays too.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { apply } from "../src/model/apply";
import type { Delta, View } from "../src/model/wire";
import { actionView, delta, logLine, runView, stepView, view } from "./make";

const TEXT = ["run", "steps", 0, "actions", 0, "text"];

function start(text = "ab"): View {
  return view(runView([stepView([actionView({ status: "running", text })])], { ended_at: null }));
}

function textOf(state: View): string | undefined {
  return state.run?.steps[0]?.actions[0]?.text;
}

describe("golden", () => {
  const folders = ["../../tests/golden/", "./fixtures/"].map((path) => new URL(path, import.meta.url));
  const files = folders
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder).map((name) => new URL(name, folder)))
    .filter((file) => /\/delta-[^/]*\.json$/.test(file.pathname));

  test.each(files.map((file) => [file.pathname.split("/").at(-1) ?? "", file] as const))(
    "%s",
    (_name, file) => {
      const golden = JSON.parse(readFileSync(file, "utf8")) as {
        start: View;
        steps: { delta: Delta; view: View }[];
      };
      const state = structuredClone(golden.start);

      const seen = golden.steps.map((step) => {
        apply(state, step.delta);
        return structuredClone(state);
      });

      expect(seen).toEqual(golden.steps.map((step) => step.view));
    },
  );
});

test("text is appended at its offset", () => {
  const state = start();

  apply(state, delta(1, { add: [[0, 0, 2, "cd"]] }));

  expect([textOf(state), state.seq]).toEqual(["abcd", 1]);
});

test("the part of a text that is there already is dropped", () => {
  const state = start();

  apply(state, delta(1, { add: [[0, 0, 1, "bcd"]] }));

  expect(textOf(state)).toBe("abcd");
});

test("a delta applied twice changes nothing", () => {
  const state = start();
  const twice = delta(1, {
    add: [[0, 0, 2, "cd"]],
    push: [[["run", "log", "lines"], 0, [logLine(0, "a") as never]]],
  });
  apply(state, twice);
  const once = structuredClone(state);

  const changes = apply(state, twice);

  expect(changes).toEqual([]);
  expect(state).toEqual(once);
});

test("an offset beyond the text is a gap", () => {
  expect(apply(start(), delta(1, { add: [[0, 0, 3, "x"]] }))).toBeNull();
});

test("an index beyond the list is a gap", () => {
  expect(apply(start(), delta(1, { push: [[["run", "log", "lines"], 1, ["x"]]] }))).toBeNull();
});

test("a missing parent is a gap", () => {
  expect(apply(view(null), delta(1, { set: [[["run", "status"], "failed"]] }))).toBeNull();
});

test("set creates the last element of a path", () => {
  const state = start();

  apply(state, delta(1, { set: [[["inputs", "new"], 4]] }));

  expect(state.inputs).toEqual({ new: 4 });
});

test("set comes before add", () => {
  const state = start();

  apply(state, delta(1, { add: [[0, 0, 0, "new"]], set: [[TEXT, ""]] }));

  expect(textOf(state)).toBe("new");
});

test("offsets count UTF-16 units", () => {
  const state = start("a😀");

  apply(state, delta(1, { add: [[0, 0, 3, "é😀"]] }));
  apply(state, delta(2, { add: [[0, 0, 4, "😀z"]] }));

  expect(textOf(state)).toBe("a😀é😀z");
});

test("the prototype of an object is out of reach", () => {
  expect(apply(start(), delta(1, { set: [[["__proto__", "polluted"], true]] }))).toBeNull();
  expect(Object.hasOwn(Object.prototype, "polluted")).toBe(false);
});
