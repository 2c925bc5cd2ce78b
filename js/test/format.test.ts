// Numbers as the page writes them.
import { expect, test } from "vitest";
import * as format from "../src/model/format";

const NBSP = "\u00a0";
const spaced = (text: string) => text.replaceAll(NBSP, " ");

test("what took less than a hundredth is said in a title only", () => {
  expect(spaced(format.instant({ started_at: 7, ended_at: 7.004 }) ?? "")).toBe("<0.01 s");
  expect(format.instant({ started_at: 7, ended_at: 7.02 })).toBeUndefined();
  expect(format.instant({ started_at: 7, ended_at: null })).toBeUndefined();
});

test.each([
  [0.004, ""],
  [0.41, "0.41 s"],
  [4.1, "4.1 s"],
  [59.97, "1 min 0 s"],
  [125, "2 min 5 s"],
  [3840, "1 h 4 min"],
])("a duration of %s s is %s", (seconds, words) => {
  expect(spaced(format.duration(seconds))).toBe(words);
});

test.each([
  [0.0031, "$0.0031"],
  [0.00012, "$0.00012"],
  [0.0187, "$0.0187"],
  [1.5, "$1.50"],
])("a cost of %s is %s", (usd, words) => {
  expect(format.cost(usd)).toBe(words);
});

test.each([
  [640, "640 B"],
  [4200, "4.2 kB"],
  [18_000, "18 kB"],
  [7_000_000, "7 MB"],
])("%s bytes are %s", (bytes, words) => {
  expect(spaced(format.size(bytes))).toBe(words);
});

test("a count is grouped, singular for one, and holds its unit with a no-break space", () => {
  expect([format.counted(1204, "token"), format.counted(1, "action")]).toEqual([
    `1,204${NBSP}tokens`,
    `1${NBSP}action`,
  ]);
});

test("a wait is never zero seconds", () => {
  expect(spaced(format.wait(-3))).toBe("1 s");
});

test("the first line of an output loses its marks", () => {
  expect(format.firstLine("\n## **Cause.** A `pool`\nmore")).toBe("Cause. A pool");
});
