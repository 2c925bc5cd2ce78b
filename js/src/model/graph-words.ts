// Says in words where a step of the graph stands: for screen readers, and as the title of its box.
import { count } from "./format";
import type { EdgeStatus, FlowView, StepDef } from "./wire";

const TYPES: Record<string, string> = { chat: "Chat" };
/** What a join waits for: in a word, and as a sentence. */
const JOINS: Record<string, [string, string]> = {
  all_success: ["all", "Starts when all steps before it have succeeded"],
  all_done: ["all done", "Starts when all steps before it are done"],
  first_success: ["first", "Starts with the first success before it"],
  no_wait: ["each", "Starts each time an edge to it is taken"],
};
const EDGES: Record<EdgeStatus, string> = {
  waiting: "",
  fired: "taken",
  failed: "failed",
  dead: "not taken",
};

/** `Chat`, `Split text`, `3 actions`. */
export function kindOf({ kind, actions }: StepDef): string {
  return actions.length > 1 ? `${count(actions.length)} actions` : (TYPES[kind] ?? spelled(kind));
}

/** How a step joins what leads to it, where its author said so. */
export function joinOf({ join }: StepDef): [word: string, sentence: string] | null {
  return join === null ? null : (JOINS[join] ?? [join, join]);
}

/** A type as words: `set_state` is `Set state`. */
function spelled(kind: string): string {
  const words = kind.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

export interface Way {
  edge: number;
  target: number;
  label: string;
}

/** For each step the edges that leave it, by their numbers in the flow. */
export function waysOf({ steps, edges }: FlowView): Way[][] {
  const ways: Way[][] = steps.map(() => []);
  for (const [edge, { source, target, port }] of edges.entries()) {
    const ports = steps[source]?.ports.filter((one) => one !== "error") ?? [];
    ways[source]?.push({ edge, target, label: port === "error" || ports.length > 1 ? port : "" });
  }
  return ways;
}

interface Told {
  flow: FlowView;
  step: number;
  status: string;
  visits: number;
  ways: readonly Way[];
  edge: (edge: number) => EdgeStatus;
}

/** `Step 1, Check, Conditional, completed, leads to 2 Send (true, taken), 3 Stop (false, not taken)`. */
export function nodeLabel({ flow, step, status, visits, ways, edge }: Told): string {
  const def = flow.steps[step];
  if (def === undefined) return "";
  const times = visits > 1 ? `, visited ${count(visits)} times` : "";
  const targets = ways.map((way) => {
    const said = [way.label, EDGES[edge(way.edge)]].filter((part) => part !== "").join(", ");
    return `${way.target} ${flow.steps[way.target]?.name ?? ""}${said === "" ? "" : ` (${said})`}`;
  });
  const join = joinOf(def);
  const kind = join === null ? kindOf(def) : `${kindOf(def)}, ${join[1].toLowerCase()}`;
  const leads = targets.length === 0 ? "leads nowhere" : `leads to ${targets.join(", ")}`;
  return `Step ${step}, ${def.name}, ${kind}, ${status.toLowerCase()}${times}, ${leads}`;
}
