// The graph of a flow on a plane: where its steps stand, how its edges run, where their words stand.
//
// A layout library arranges what leads ahead; where it fails, plain columns do.
// Edges that lead back, and those too long to be worth their cost, run below everything between.
import { columns } from "./graph-columns";
import { Lanes } from "./graph-lanes";
import type { Spot } from "./strip";
import type { FlowView } from "./wire";

export type { Spot };

/** The size of a step, and the room between columns and between rows. */
export interface Metrics {
  width: number;
  height: number;
  gapX: number;
  gapY: number;
}

/** Two lines in each step; `.fw .plane .large` says the same. */
export const SIZE: Metrics = { width: 188, height: 48, gapX: 48, gapY: 20 };

export interface Link {
  source: number;
  target: number;
  label: string;
}

export interface Plan {
  size: Metrics;
  steps: number;
  links: readonly Link[];
}

/** A level piece of a line: past a step in the next column, or under its word. */
export interface Stop {
  left: number;
  right: number;
  y: number;
}

export interface Arranged {
  /** The upper left corner of each step. */
  spots: Spot[];
  /** Where each link runs between its ends; null: it is left to run below. */
  stops: (Stop[] | null)[];
  /** The middle of each link's word. */
  words: (Spot | null)[];
}

/** Arranges a plan whose links have no cycle. */
export type Arrange = (plan: Plan) => Arranged;

export interface Line extends Link {
  d: string;
  /** The arrow head. */
  head: string;
  /** The middle of its word, or null when it has none. */
  word: Spot | null;
}

export interface Layout {
  width: number;
  height: number;
  spots: Spot[];
  /** One for each link of the plan, in its order. */
  lines: Line[];
}

const WORD_CHAR = 6.7;
const MOST_WORD = 120;
export const WORD_HEIGHT = 16;

export function wordWidth(label: string): number {
  return label === "" ? 0 : Math.min(MOST_WORD, Math.ceil(label.length * WORD_CHAR) + 10);
}

/** What is to be laid out of a flow; a port is written out where its step has several, or it is `error`. */
export function planOf(flow: FlowView): Plan {
  const steps = flow.steps.length;
  const links = flow.edges.map(({ source, target, port }) => {
    const ports = flow.steps[source]?.ports.filter((one) => one !== "error") ?? [];
    const says = !flow.sequence && (port === "error" || ports.length > 1);
    return { source, target, label: says ? port : "" };
  });
  return { size: SIZE, steps, links };
}

/** Lays a plan out; `arrange` may be null, or throw. */
export function layout(plan: Plan, arrange: Arrange | null): Layout {
  const { size, links } = plan;
  const back = leadingBack(plan);
  const ahead = links.filter((_, n) => !back.has(n));
  const placed = arranged({ ...plan, links: ahead }, arrange);
  const lanes = new Lanes(size, placed);
  const stopsOf = new Map(ahead.map((link, n) => [link, placed.stops[n] ?? null]));
  const wordOf = new Map(ahead.map((link, n) => [link, placed.words[n] ?? null]));
  const lines = links.map((link): Line => {
    const from = placed.spots[link.source];
    const to = placed.spots[link.target];
    if (from === undefined || to === undefined) return { ...link, d: "", head: "", word: null };
    const head = arrowHead({ x: to.x, y: to.y + size.height / 2 });
    const stops = stopsOf.get(link) ?? null;
    if (stops !== null)
      return { ...link, d: through(from, to, stops, size), head, word: wordOf.get(link) ?? null };
    const lane = lanes.below(from, to);
    return { ...link, d: lane.d, head, word: link.label === "" ? null : lane.middle };
  });
  const words = lines.flatMap(({ word, label }) => (word === null ? [] : [word.x + wordWidth(label) / 2]));
  const right = Math.max(0, ...placed.spots.map((spot) => spot.x + size.width), ...words, lanes.right);
  const bottom = Math.max(0, ...placed.spots.map((spot) => spot.y + size.height), lanes.bottom);
  return { width: Math.ceil(right), height: Math.ceil(bottom), spots: placed.spots, lines };
}

function arranged(plan: Plan, arrange: Arrange | null): Arranged {
  if (arrange !== null) {
    try {
      return arrange(plan);
    } catch {
      // A graph that the library cannot take is still drawn.
    }
  }
  return columns(plan);
}

/** The links that close a cycle, found depth first from the steps that nothing leads to. */
export function leadingBack({ steps, links }: Plan): Set<number> {
  const out: number[][] = Array.from({ length: steps }, () => []);
  const isEntered = new Array<boolean>(steps).fill(false);
  for (const [n, { source, target }] of links.entries()) {
    out[source]?.push(n);
    if (source !== target) isEntered[target] = true;
  }
  const back = new Set<number>();
  const state = new Uint8Array(steps);
  const all = Array.from({ length: steps }, (_, n) => n);
  for (const root of [...all.filter((n) => !isEntered[n]), ...all]) {
    if (state[root] !== 0) continue;
    const path = [{ step: root, next: 0 }];
    state[root] = 1;
    while (path.length > 0) {
      const top = path[path.length - 1];
      if (top === undefined) break;
      const n = out[top.step]?.[top.next++];
      if (n === undefined) {
        state[top.step] = 2;
        path.pop();
        continue;
      }
      const target = links[n]?.target ?? top.step;
      if (state[target] === 1) back.add(n);
      else if (state[target] === 0) {
        state[target] = 1;
        path.push({ step: target, next: 0 });
      }
    }
  }
  return back;
}

/** A line from the right side of a step to the left side of another, level past what stands between. */
function through(from: Spot, to: Spot, stops: readonly Stop[], size: Metrics): string {
  let x = from.x + size.width;
  let y = from.y + size.height / 2;
  let d = `M${x} ${y}`;
  for (const stop of [...stops, { left: to.x, right: to.x, y: to.y + size.height / 2 }]) {
    const middle = round((x + stop.left) / 2);
    d += stop.y === y ? `H${stop.left}` : `C${middle} ${y} ${middle} ${stop.y} ${stop.left} ${stop.y}`;
    if (stop.right > stop.left) d += `H${stop.right}`;
    x = stop.right;
    y = stop.y;
  }
  return d;
}

function arrowHead({ x, y }: Spot): string {
  return `M${x - 6} ${y - 3.5}L${x} ${y}L${x - 6} ${y + 3.5}z`;
}

export function round(value: number): number {
  return Math.round(value * 10) / 10;
}

const kept = new Map<string, Layout>();
const MOST_KEPT = 8;

/** The layout of a flow, made once for each shape: neither a delta nor an edited prompt makes one. */
export function layoutOf(flow: FlowView, arrange: Arrange): Layout {
  const plan = planOf(flow);
  const key = `${plan.steps} ${JSON.stringify(plan.links)}`;
  const made = kept.get(key) ?? layout(plan, flow.sequence ? null : arrange);
  kept.delete(key);
  kept.set(key, made);
  for (const old of kept.keys()) {
    if (kept.size <= MOST_KEPT) break;
    kept.delete(old);
  }
  return made;
}
