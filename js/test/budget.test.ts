// What is spent of a budget, in words, and what is typed as limits.
import { describe, expect, test } from "vitest";
import { doubled, meter, onlySet, readLimits, writtenAll } from "../src/model/budget";
import type { RunView } from "../src/model/wire";
import { runView } from "./make";

const budget = { usd: 0.05, tokens: 5000, seconds: 60 };

function run(part: Partial<RunView["spent"]> = {}): RunView {
  const spent = { tokens: 1204, estimated: false, usd: 0.0031, unpriced: false, ...part };
  return runView([], { budget, spent });
}

describe("a meter", () => {
  test("says how much of a limit is spent", () => {
    const words = (["tokens", "usd", "seconds"] as const).map((limit) => {
      const { amount, rest } = meter(limit, run(), 12) ?? {};
      return `${amount} ${rest}`.replaceAll("\u00a0", " ");
    });

    expect(words).toEqual(["1,204 of 5,000 tokens", "$0.0031 of $0.05", "12.0 s of 60 s"]);
  });

  test.each([
    [3999, ""],
    [4000, "nearly spent"],
    [4999, "nearly spent"],
    [5000, "spent"],
    [5012, "spent"],
  ])("of %d in 5,000 tokens has the word %j", (tokens, word) => {
    expect(meter("tokens", run({ tokens }), 0)?.word).toBe(word);
  });

  test("marks what is estimated, but never the time", () => {
    const estimated = run({ estimated: true });

    expect(meter("tokens", estimated, 0)?.amount).toBe("≈\u00a01,204");
    expect(meter("seconds", estimated, 12)?.amount).toBe("12.0\u00a0s");
  });

  test("is not there without a limit, or without any price", () => {
    expect(meter("usd", runView([]), 0)).toBeNull();
    expect(meter("usd", run({ usd: null, unpriced: true }), 0)).toBeNull();
    expect(meter("usd", run({ usd: null }), 0)?.amount).toBe("$0");
  });
});

describe("limits", () => {
  test("are suggested as twice the old ones", () => {
    expect(doubled({ usd: 0.05, tokens: 5000, seconds: null })).toEqual({ usd: "0.1", tokens: "10000" });
  });

  test("are read as people write them", () => {
    expect(readLimits({ usd: "$ 0.50", tokens: "20,000", seconds: " " })).toEqual({
      budget: { usd: 0.5, tokens: 20_000, seconds: null },
      problem: null,
    });
  });

  test.each([{ tokens: "1.5" }, { tokens: "many" }, { tokens: "0" }, { tokens: "-3" }])(
    "%j is none",
    (typed) => {
      expect(readLimits(typed)).toMatchObject({ budget: { tokens: null }, problem: "tokens" });
    },
  );

  test("that are not set are not sent", () => {
    expect(onlySet({ usd: null, tokens: 10_000, seconds: null })).toEqual({ tokens: 10_000 });
  });

  test("are written with their units", () => {
    expect(writtenAll(budget).replaceAll("\u00a0", " ")).toBe("$0.05, 5,000 tokens, 60 s");
    expect(writtenAll(null)).toBe("");
  });
});
