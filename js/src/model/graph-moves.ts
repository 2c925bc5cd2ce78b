// Where an arrow key leads in a graph, and which zoom shows all of it.
import type { Layout } from "./graph";

const SIDE: Record<string, [number, number]> = {
  ArrowRight: [1, 0],
  ArrowLeft: [-1, 0],
  ArrowDown: [0, 1],
  ArrowUp: [0, -1],
};
/** How much less a step counts that lies aside. */
const ASIDE = 3;

/** The step that an arrow key leads to: along an edge if one goes that way, else the nearest there is. */
export function moved(layout: Layout, from: number, key: string): number | null {
  if (key === "Home") return 0;
  if (key === "End") return layout.spots.length - 1;
  const way = SIDE[key];
  const start = layout.spots[from];
  if (way === undefined || start === undefined) return null;
  const [dx, dy] = way;
  const linked = new Set(
    layout.lines.flatMap(({ source, target }) =>
      source === from ? [target] : target === from ? [source] : [],
    ),
  );
  let best: { step: number; cost: number } | null = null;
  for (const [step, spot] of layout.spots.entries()) {
    const [x, y] = [spot.x - start.x, spot.y - start.y];
    const ahead = x * dx + y * dy;
    if (ahead <= 1 || (dx === 0 && Math.abs(x) > 1)) continue;
    const cost = ahead + ASIDE * Math.abs(x * dy + y * dx) - (dx !== 0 && linked.has(step) ? 1e6 : 0);
    if (best === null || cost < best.cost) best = { step, cost };
  }
  return best?.step ?? null;
}

export const ZOOMS = [0.1, 0.15, 0.25, 0.4, 0.5, 0.67, 0.8, 1, 1.25, 1.5];

/** The next zoom in a direction. */
export function zoomed(zoom: number, by: 1 | -1): number {
  const all = by > 0 ? ZOOMS : [...ZOOMS].reverse();
  return all.find((one) => (one - zoom) * by > 0.001) ?? zoom;
}

/** Below it nothing can be read: a graph that needs less scrolls. */
const LEAST_FIT = 0.4;

/** The largest zoom at which all of a graph is seen; never beyond its own size. */
export function fitting(layout: Layout, width: number, height: number): number {
  const fit = Math.min(1, width / Math.max(1, layout.width), height / Math.max(1, layout.height));
  return Math.max(LEAST_FIT, Math.floor(fit * 100) / 100);
}
