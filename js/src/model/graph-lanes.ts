// Leads lines below what stands between their ends: out on the right, down, along a lane, and up again.
import type { Arranged, Metrics, Spot } from "./graph";

/** Between two lanes, and between a lane and what stands above it. */
const LANE = 10;
const CLEARANCE = 14;
const CORNER = 6;

interface Taken {
  left: number;
  right: number;
  y: number;
}

export class Lanes {
  /** How far right and down the lanes reach. */
  right = 0;
  bottom = 0;
  private readonly taken: Taken[] = [];
  /** What lanes stay below: steps, and lines past steps. */
  private readonly above: Taken[];

  constructor(
    private readonly size: Metrics,
    { spots, stops }: Arranged,
  ) {
    const steps = spots.map(({ x, y }) => ({ left: x, right: x + size.width, y: y + size.height }));
    this.above = [...steps, ...stops.flatMap((lines) => lines ?? [])];
  }

  below(from: Spot, to: Spot): { d: string; middle: Spot } {
    const { width, height, gapX } = this.size;
    // Each turns at a place of its own in the gap, so that lines side by side stay apart.
    const stub = 8 + ((this.taken.length * 5) % Math.max(5, gapX - 20));
    const start = { x: from.x + width, y: from.y + height / 2 };
    const end = { x: to.x, y: to.y + height / 2 };
    const out = start.x + stub;
    const into = end.x - Math.max(12, stub);
    const left = Math.min(out, into);
    const right = Math.max(out, into);
    const y = this.free(left, right);
    this.taken.push({ left, right, y });
    this.right = Math.max(this.right, right);
    this.bottom = Math.max(this.bottom, y + 8);
    const turns = [start, { x: out, y: start.y }, { x: out, y }, { x: into, y }, { x: into, y: end.y }, end];
    return { d: rounded(turns), middle: { x: (left + right) / 2, y } };
  }

  /** The highest lane between two places that touches neither a step, nor a line, nor another lane. */
  private free(left: number, right: number): number {
    const over = this.above.filter((one) => one.left < right && one.right > left);
    let y = Math.max(0, ...over.map((one) => one.y)) + CLEARANCE;
    const near = this.taken.filter((one) => one.left < right + LANE && one.right > left - LANE);
    for (const one of near.sort((a, b) => a.y - b.y)) {
      if (Math.abs(one.y - y) < LANE) y = one.y + LANE;
    }
    return y;
  }
}

/** A way through points with rounded corners. */
function rounded(points: readonly Spot[]): string {
  const [first, ...rest] = points;
  if (first === undefined) return "";
  let d = `M${first.x} ${first.y}`;
  let at = first;
  rest.forEach((corner, n) => {
    const next = rest[n + 1];
    if (next === undefined) {
      d += `L${corner.x} ${corner.y}`;
      return;
    }
    const before = towards(corner, at);
    const after = towards(corner, next);
    d += `L${before.x} ${before.y}Q${corner.x} ${corner.y} ${after.x} ${after.y}`;
    at = corner;
  });
  return d;
}

function towards(from: Spot, to: Spot): Spot {
  const length = Math.hypot(to.x - from.x, to.y - from.y);
  const part = length === 0 ? 0 : Math.min(CORNER, length / 2) / length;
  return { x: from.x + (to.x - from.x) * part, y: from.y + (to.y - from.y) * part };
}
