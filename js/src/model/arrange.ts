// Arranges a graph with dagre: ranks, few crossings, straight long lines.
//
// Every rank that a link passes costs a place in the layout, so of very long links the longest are left
// out; and above a hundred steps the ranks are our own, because the library's best ones take seconds.
import { Graph, layout } from "@dagrejs/dagre";
import { type Arranged, type Link, type Plan, round, type Stop, WORD_HEIGHT, wordWidth } from "./graph";
import { ranks } from "./graph-columns";

/** Up to so many steps the library ranks by itself, which makes shorter lines. */
const MOST_RANKED = 100;
/** Up to so many places in ranks are given to links; measured: 500 steps stay below half a second. */
const MOST_PLACES = 1500;

/** Beside a word, for its line to bend in. */
const WORD_ROOM = 24;

interface Placed {
  x: number;
  y: number;
}

interface Drawn {
  points: Placed[];
  x?: number;
  y?: number;
}

export function arrange(plan: Plan): Arranged {
  const { size, steps, links } = plan;
  const rank = ranks(steps, links);
  const taken = affordable(links, rank);
  const graph = new Graph({ multigraph: true });
  graph.setGraph({
    rankdir: "LR",
    ranksep: size.gapX,
    nodesep: size.gapY,
    // So that a word on one line does not touch the next.
    edgesep: WORD_HEIGHT + 2,
    ranker: steps > MOST_RANKED || taken.size < links.length ? ownRanker(rank) : "network-simplex",
  } as object);
  for (let step = 0; step < steps; step++)
    graph.setNode(String(step), { width: size.width, height: size.height });
  for (const [n, { source, target, label }] of links.entries()) {
    if (!taken.has(n)) continue;
    const word =
      label === "" ? {} : { width: wordWidth(label) + WORD_ROOM, height: WORD_HEIGHT, labelpos: "c" };
    graph.setEdge(String(source), String(target), { ...word }, String(n));
  }
  layout(graph);
  if (isUpsideDown(graph, steps)) mirror(graph);
  return read(graph, plan, taken);
}

/** The numbers of the links that are given to the library: the short ones, as many as it can afford. */
function affordable(links: readonly Link[], rank: readonly number[]): Set<number> {
  const places = links.map(({ source, target }) => 2 * ((rank[target] ?? 0) - (rank[source] ?? 0)) - 2);
  const order = links.map((_, n) => n).sort((a, b) => (places[a] ?? 0) - (places[b] ?? 0) || a - b);
  let sum = 0;
  return new Set(
    order.filter((n) => {
      sum += places[n] ?? 0;
      return sum <= MOST_PLACES;
    }),
  );
}

/** Ranks given from outside. Between two steps the library keeps one for words, so ours count double. */
function ownRanker(rank: readonly number[]): (graph: Graph) => void {
  return (graph) => {
    for (const name of graph.nodes()) {
      (graph.node(name) as { rank?: number }).rank = 2 * (rank[Number(name)] ?? 0);
    }
  };
}

/** Whether in most columns later steps stand above earlier ones; the library does not mind which. */
function isUpsideDown(graph: Graph, steps: number): boolean {
  const last = new Map<number, number>();
  let inverted = 0;
  for (let step = 0; step < steps; step++) {
    const { x, y } = graph.node(String(step)) as Placed;
    const above = last.get(Math.round(x));
    if (above !== undefined) inverted += Math.sign(above - y);
    last.set(Math.round(x), y);
  }
  return inverted > 0;
}

function mirror(graph: Graph): void {
  const { height = 0 } = graph.graph() as { height?: number };
  const turn = (place: { y?: number }) => {
    if (place.y !== undefined) place.y = height - place.y;
  };
  for (const name of graph.nodes()) turn(graph.node(name) as Placed);
  for (const end of graph.edges()) {
    const edge = graph.edge(end) as Drawn;
    turn(edge);
    edge.points.forEach(turn);
  }
}

function read(graph: Graph, { size, steps, links }: Plan, taken: ReadonlySet<number>): Arranged {
  const corner = (step: number) => {
    const { x, y } = graph.node(String(step)) as Placed;
    return { x: round(x - size.width / 2), y: round(y - size.height / 2) };
  };
  const spots = Array.from({ length: steps }, (_, step) => corner(step));
  const top = Math.min(0, ...spots.map((spot) => spot.y));
  for (const spot of spots) spot.y = round(spot.y - top);
  const starts = new Set(spots.map((spot) => Math.round(spot.x)));
  const drawn = links.map(({ source, target }, n) =>
    taken.has(n) ? (graph.edge(String(source), String(target), String(n)) as Drawn) : null,
  );
  const read = drawn.map((edge, n) => route(edge, wordWidth(links[n]?.label ?? ""), { size, starts, top }));
  return { spots, stops: read.map((one) => one?.stops ?? null), words: read.map((one) => one?.word ?? null) };
}

interface Where {
  size: Plan["size"];
  /** Where columns of steps begin. */
  starts: ReadonlySet<number>;
  top: number;
}

/** The level pieces of a link, and where its word stands: as near to its source as it finds room. */
function route(edge: Drawn | null, width: number, { size, starts, top }: Where) {
  if (edge === null) return null;
  const stops = edge.points.slice(1, -1).flatMap(({ x, y }): Stop[] => {
    const left = round(x - size.width / 2);
    return starts.has(Math.round(left)) ? [{ left, right: round(left + size.width), y: round(y - top) }] : [];
  });
  const [first] = stops;
  if (width === 0) return { stops, word: null };
  if (first !== undefined) return { stops, word: { x: round(first.left + width / 2), y: first.y } };
  const [x, y] = [edge.x ?? 0, round((edge.y ?? 0) - top)];
  return {
    stops: [{ left: round(x - width / 2), right: round(x + width / 2), y }],
    word: { x: round(x), y },
  };
}
