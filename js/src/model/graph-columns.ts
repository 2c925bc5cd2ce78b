// Arranges steps in columns without a library: a step stands right of all that leads to it.
import { type Arranged, type Link, type Plan, type Spot, type Stop, wordWidth } from "./graph";

/** Beside a word, for its line to bend in. */
const WORD_ROOM = 24;

export function columns(plan: Plan): Arranged {
  const { size, steps, links } = plan;
  const depth = ranks(steps, links);
  const filled = filledColumns(depth, links);
  const widest = Math.max(0, ...links.map((link) => wordWidth(link.label)));
  const pitchX = size.width + Math.max(size.gapX, widest + WORD_ROOM);
  const pitchY = size.height + size.gapY;
  const tallest = Math.max(1, ...filled.map((column) => column.length));
  const height = tallest * pitchY - size.gapY;
  const spots: Spot[] = [];
  filled.forEach((column, x) => {
    const top = (height - (column.length * pitchY - size.gapY)) / 2;
    column.forEach((step, row) => {
      spots[step] = { x: x * pitchX, y: top + row * pitchY };
    });
  });
  const isNext = ({ source, target }: Link) => depth[target] === (depth[source] ?? 0) + 1;
  const stops = links.map((link): Stop[] | null => (isNext(link) ? [] : null));
  const words = links.map((link) =>
    link.label === "" ? null : middle(spots[link.source], spots[link.target], plan),
  );
  return { spots, stops, words };
}

function middle(from: Spot | undefined, to: Spot | undefined, { size }: Plan): Spot | null {
  if (from === undefined || to === undefined) return null;
  return { x: (from.x + size.width + to.x) / 2, y: (from.y + to.y + size.height) / 2 };
}

/** For each step the length of the longest way to it; the links have no cycle. */
export function ranks(steps: number, links: readonly Link[]): number[] {
  const rank = new Array<number>(steps).fill(0);
  const left = new Array<number>(steps).fill(0);
  const out: number[][] = Array.from({ length: steps }, () => []);
  for (const { source, target } of links) {
    out[source]?.push(target);
    left[target] = (left[target] ?? 0) + 1;
  }
  const ready = rank.map((_, n) => n).filter((n) => left[n] === 0);
  for (const step of ready) {
    for (const target of out[step] ?? []) {
      rank[target] = Math.max(rank[target] ?? 0, (rank[step] ?? 0) + 1);
      left[target] = (left[target] ?? 0) - 1;
      if (left[target] === 0) ready.push(target);
    }
  }
  return rank;
}

function filledColumns(depth: readonly number[], links: readonly Link[]): number[][] {
  const filled: number[][] = [];
  const sources: number[][] = depth.map(() => []);
  for (const { source, target } of links) sources[target]?.push(source);
  for (const [step, at] of depth.entries()) {
    while (filled.length <= at) filled.push([]);
    filled[at]?.push(step);
  }
  const row = new Map<number, number>();
  for (const column of filled) {
    sort(column, sources, row);
    for (const [at, step] of column.entries()) row.set(step, at - (column.length - 1) / 2);
  }
  return filled;
}

/** Sorts a column by the mean row of what its steps come from, so that few lines cross. */
function sort(column: number[], sources: readonly number[][], row: ReadonlyMap<number, number>): void {
  const mean = (step: number) => {
    const rows = (sources[step] ?? []).map((source) => row.get(source) ?? 0);
    return rows.length === 0 ? 0 : rows.reduce((a, b) => a + b, 0) / rows.length;
  };
  const means = new Map(column.map((step) => [step, mean(step)]));
  column.sort((a, b) => (means.get(a) ?? 0) - (means.get(b) ?? 0) || a - b);
}
