// Lays out the strip: steps in columns, each right of all it needs; a sequence is one row.
import type { EdgeDef } from "./wire";

export const NODE = { width: 128, height: 24, gapX: 32, gapY: 12 };

export interface Spot {
  x: number;
  y: number;
}

export interface Row {
  width: number;
  height: number;
  spots: Spot[];
  /** How each edge runs, in the order of the edges. */
  lines: string[];
}

export function layout(steps: number, edges: readonly EdgeDef[]): Row {
  const back = backEdges(steps, edges);
  const columns = columnsOf(
    steps,
    edges.filter((edge) => !back.has(edge)),
  );
  const tallest = Math.max(1, ...columns.map((column) => column.length));
  const height = tallest * (NODE.height + NODE.gapY) - NODE.gapY;
  const spots: Spot[] = [];
  columns.forEach((column, x) => {
    const top = (height - (column.length * (NODE.height + NODE.gapY) - NODE.gapY)) / 2;
    column.forEach((step, row) => {
      spots[step] = { x: x * (NODE.width + NODE.gapX), y: top + row * (NODE.height + NODE.gapY) };
    });
  });
  const lines = edges.map((edge) => {
    const [from, to] = [spots[edge.source], spots[edge.target]];
    return back.has(edge) ? under(from, to, height + BELOW) : path(from, to);
  });
  const width = columns.length * (NODE.width + NODE.gapX) - NODE.gapX;
  return { width, height: height + (back.size > 0 ? BELOW + 1 : 0), spots, lines };
}

/** How far below the nodes an edge runs that leads back. */
const BELOW = 8;

/** The edges that lead back to a step on the way to which they are met, so that cycles take columns too. */
function backEdges(steps: number, edges: readonly EdgeDef[]): Set<EdgeDef> {
  const out = Array.from({ length: steps }, () => [] as EdgeDef[]);
  const entered = new Array<boolean>(steps).fill(false);
  for (const edge of edges) {
    out[edge.source]?.push(edge);
    entered[edge.target] = true;
  }
  const all = Array.from({ length: steps }, (_, step) => step);
  const met = new Set<number>();
  const way = new Set<number>();
  const found = new Set<EdgeDef>();
  for (const root of [...all.filter((step) => !entered[step]), ...all]) {
    if (met.has(root)) continue;
    const walk: [number, number][] = [[root, 0]];
    met.add(root);
    way.add(root);
    for (let at = walk.at(-1); at !== undefined; at = walk.at(-1)) {
      const edge = out[at[0]]?.[at[1]++];
      if (edge === undefined) {
        way.delete(at[0]);
        walk.pop();
      } else if (way.has(edge.target)) {
        found.add(edge);
      } else if (!met.has(edge.target)) {
        met.add(edge.target);
        way.add(edge.target);
        walk.push([edge.target, 0]);
      }
    }
  }
  return found;
}

/** A line out of the lower side, under the nodes, and up into the lower side of an earlier one. */
function under(from: Spot | undefined, to: Spot | undefined, base: number): string {
  if (from === undefined || to === undefined) return "";
  const [x1, x2] = [from.x + NODE.width - 12, to.x + 12];
  return `M${x1} ${from.y + NODE.height}V${base}H${x2}V${to.y + NODE.height}m-3 4 3-4 3 4`;
}

function columnsOf(steps: number, edges: readonly EdgeDef[]): number[][] {
  const depth = new Array<number>(steps).fill(0);
  for (let round = 0; round < steps; round++) {
    let moved = false;
    for (const { source, target } of edges) {
      // Bounded, so that a cycle ends.
      const least = Math.min(steps - 1, (depth[source] ?? 0) + 1);
      if ((depth[target] ?? 0) >= least) continue;
      depth[target] = least;
      moved = true;
    }
    if (!moved) break;
  }
  const columns: number[][] = [];
  for (let step = 0; step < steps; step++) {
    const at = depth[step] ?? 0;
    while (columns.length <= at) columns.push([]);
    columns[at]?.push(step);
  }
  for (let at = 1; at < columns.length; at++) order(columns[at] ?? [], columns, edges);
  return columns.filter((column) => column.length > 0);
}

/** Sorts a column by the mean row of what its steps come from, so that few lines cross. */
function order(column: number[], columns: number[][], edges: readonly EdgeDef[]): void {
  const row = new Map<number, number>();
  for (const list of columns) {
    for (const [at, step] of list.entries()) row.set(step, at - (list.length - 1) / 2);
  }
  const mean = (step: number) => {
    const sources = edges.filter((edge) => edge.target === step).map((edge) => row.get(edge.source) ?? 0);
    return sources.length === 0 ? 0 : sources.reduce((a, b) => a + b, 0) / sources.length;
  };
  const means = new Map(column.map((step) => [step, mean(step)]));
  column.sort((a, b) => (means.get(a) ?? 0) - (means.get(b) ?? 0) || a - b);
}

/** A line out of the right side into the left one, with rounded corners of 4 px and an arrow head. */
function path(from: Spot | undefined, to: Spot | undefined): string {
  if (from === undefined || to === undefined) return "";
  const x1 = from.x + NODE.width;
  const y1 = from.y + NODE.height / 2;
  const y2 = to.y + NODE.height / 2;
  const head = "m-4-3 4 3-4 3";
  if (y1 === y2) return `M${x1} ${y1}H${to.x}${head}`;
  const bend = to.x - NODE.gapX / 2;
  const turn = y2 > y1 ? 4 : -4;
  return `M${x1} ${y1}H${bend - 4}q4 0 4 ${turn}V${y2 - turn}q0 ${turn} 4 ${turn}H${to.x}${head}`;
}
