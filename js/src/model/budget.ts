// Says how much of a run's budget is spent, and reads what is typed as limits.
import { cost, count, dollars, duration, span, ticking } from "./format";
import type { BudgetView, RunView } from "./wire";

export type Limit = keyof BudgetView;
export const LIMITS: readonly Limit[] = ["usd", "tokens", "seconds"];
export const LIMIT_WORD: Record<Limit, string> = { usd: "USD", tokens: "Tokens", seconds: "Seconds" };

/** What is typed into the fields of a budget. */
export type Typed = Partial<Record<Limit, string>>;

/** From this share on a limit is nearly spent. */
const NEAR = 0.8;
const NBSP = "\u00a0";

export interface Meter {
  used: number;
  limit: number;
  /** `≈ 1,204` and `of 5,000 tokens`. */
  amount: string;
  rest: string;
  /** Empty, `nearly spent` or `spent`. */
  word: string;
  estimated: boolean;
}

/** How far one limit of a run is used up; null where there is none, or no price to count with. */
export function meter(limit: Limit, run: RunView, seconds: number): Meter | null {
  const most = run.budget?.[limit] ?? null;
  if (most === null) return null;
  const { tokens, usd, estimated, unpriced } = run.spent;
  if (limit === "usd" && usd === null && unpriced) return null;
  const used = limit === "usd" ? (usd ?? 0) : limit === "tokens" ? tokens : seconds;
  const counts = limit !== "seconds" && estimated && used > 0;
  const amount =
    limit === "usd" ? cost(used) : limit === "tokens" ? count(used) : time(used, run.active_at !== null);
  return {
    used,
    limit: most,
    amount: counts ? `≈${NBSP}${amount}` : amount,
    rest: `of ${written(limit, most)}`,
    word: used >= most ? "spent" : used >= NEAR * most ? "nearly spent" : "",
    estimated: counts,
  };
}

function time(seconds: number, ticks: boolean): string {
  return ticks ? ticking(seconds) : duration(seconds) || `0${NBSP}s`;
}

/** A limit with its unit: `$0.05`, `5,000 tokens`, `60 s`. */
export function written(limit: Limit, value: number): string {
  if (limit === "usd") return dollars(value);
  return limit === "tokens" ? `${count(value)}${NBSP}tokens` : span(value);
}

/** All limits in a line; empty without any. */
export function writtenAll(budget: BudgetView | null | undefined): string {
  const all = LIMITS.map((limit) => {
    const value = budget?.[limit] ?? null;
    return value === null ? "" : written(limit, value);
  });
  return all.filter((word) => word !== "").join(", ");
}

/** What to suggest after a budget was spent: twice the old limits. */
export function doubled(budget: BudgetView): Typed {
  const pairs = LIMITS.map((limit) => [limit, budget[limit]] as const);
  return Object.fromEntries(
    pairs.flatMap(([limit, old]) => (old === null ? [] : [[limit, String(2 * old)]])),
  );
}

export function typedOf(budget: BudgetView | null): Typed {
  const pairs = LIMITS.map((limit) => [limit, budget?.[limit] ?? null] as const);
  return Object.fromEntries(pairs.flatMap(([limit, old]) => (old === null ? [] : [[limit, String(old)]])));
}

/** Reads the fields; `problem` names the first limit that is none. */
export function readLimits(typed: Typed): { budget: BudgetView; problem: Limit | null } {
  const budget: BudgetView = { usd: null, tokens: null, seconds: null };
  let problem: Limit | null = null;
  for (const limit of LIMITS) {
    const text = (typed[limit] ?? "").replace(/[\s,$]/g, "");
    if (text === "") continue;
    const value = Number(text);
    const good = Number.isFinite(value) && value > 0 && (limit !== "tokens" || Number.isInteger(value));
    if (good) budget[limit] = value;
    else problem ??= limit;
  }
  return { budget, problem };
}

/** The limits that are there, as the op `resume` takes them. */
export function onlySet(budget: BudgetView): Partial<Record<Limit, number>> {
  const pairs = LIMITS.map((limit) => [limit, budget[limit]] as const);
  return Object.fromEntries(pairs.filter((pair): pair is [Limit, number] => pair[1] !== null));
}
