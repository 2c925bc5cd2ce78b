// Flows with branches for tests and the gallery, and runs of them.
import type { ActionView, EdgeStatus, FlowView, RunView, StepDef, StepView, View } from "../src/model/wire";
import { actionDef, actionView, flowView, NOW, runView, stepDef, stepView, view } from "./make";

type Step = [name: string, type: string, ports?: string[], join?: string];

/** `[0, 1]` leads from the first port of step 0, `[0, 1, "no"]` from another. */
export type Ends = [source: number, target: number, port?: string];

export function graphFlow(name: string, steps: Step[], edges: Ends[]): FlowView {
  const defs = steps.map(([title, type, ports = ["success"], join], n): StepDef => {
    const action = actionDef(title, { type, model: type === "chat" ? "gpt-4.1-mini" : null });
    return stepDef(`s${n}`, title, [action], { ports: [...ports, "error"], join: join ?? null });
  });
  return flowView([], {
    name,
    steps: defs,
    sequence: false,
    edges: edges.map(([source, target, port]) => ({
      source,
      target,
      port: port ?? defs[source]?.ports[0] ?? "success",
    })),
  });
}

/** A run with steps of these statuses; texts and times are made up. */
export function graphRun(
  statuses: StepView["status"][],
  edges: EdgeStatus[],
  part: Partial<RunView> = {},
  actions: Record<number, Partial<ActionView>> = {},
): View {
  const steps = statuses.map((status, n) => {
    const ran = status !== "pending" && status !== "skipped";
    const ended = ran && status !== "running" && status !== "waiting";
    const times = { started_at: ran ? NOW + n : null, ended_at: ended ? NOW + n + 0.4 + 0.7 * n : null };
    const action = actionView({
      status,
      ...times,
      attempt: ran ? 1 : 0,
      reason: status === "skipped" ? "no edge to it fired" : null,
      text: ended ? `The result of step ${n}, in a sentence or two that someone may read.` : "",
      ...actions[n],
    });
    return stepView([action], { ...times, status, visits: ran ? 1 : 0, tokens: ended ? 90 * (n + 1) : null });
  });
  const live = statuses.some((status) => status === "running");
  return view(
    runView(steps, {
      edges,
      status: live ? "running" : "completed",
      ended_at: live ? null : NOW + 14,
      ...part,
    }),
  );
}

export const triage = graphFlow(
  "Support triage",
  [
    ["Ticket arrives", "webhook"],
    ["Classify", "chat"],
    ["Is it urgent?", "conditional", ["true", "false"]],
    ["Page on-call", "request"],
    ["Collect context", "map"],
    ["Draft answer", "chat"],
    ["Refund or repair?", "switch", ["refund", "repair", "other"]],
    ["Start refund", "request"],
    ["Plan repair", "chat"],
    ["Ask a person", "human"],
    ["Send answer", "request", ["success"], "first_success"],
    ["Apologise", "chat"],
  ],
  [
    [0, 1],
    [1, 2],
    [2, 3, "true"],
    [2, 4, "false"],
    [4, 5],
    [5, 6],
    [6, 7, "refund"],
    [6, 8, "repair"],
    [6, 9, "other"],
    [7, 10],
    [8, 10],
    [9, 10],
    [7, 11, "error"],
    [3, 10],
  ],
);

const done = "completed";
export const triageRunning = graphRun(
  [
    done,
    done,
    done,
    "skipped",
    "running",
    "pending",
    "pending",
    "pending",
    "pending",
    "pending",
    "pending",
    "pending",
  ],
  ["fired", "fired", "dead", "fired", ...new Array<EdgeStatus>(9).fill("waiting"), "dead"],
  {},
  { 4: { progress: { done: 3, total: 10, text: "invoice-1183.pdf" } } },
);
export const triageDone = graphRun(
  [done, done, done, "skipped", done, done, done, "failed", "skipped", "skipped", "skipped", done],
  [
    ...["fired", "fired", "dead", "fired", "fired", "fired", "fired", "dead", "dead"],
    ...["failed", "dead", "dead", "fired", "dead"],
  ] as EdgeStatus[],
  { status: "failed" },
);

export const writing = graphFlow(
  "Write until it is good",
  [
    ["Topic", "input"],
    ["Draft", "chat", ["success"], "no_wait"],
    ["Judge", "chat"],
    ["Good enough?", "conditional", ["true", "false"]],
    ["Publish", "request"],
    ["Poll for reactions", "request"],
  ],
  [
    [0, 1],
    [1, 2],
    [2, 3],
    [3, 4, "true"],
    [3, 1, "false"],
    [4, 5],
    [5, 5],
  ],
);
const base = graphRun(
  [done, "running", done, done, "pending", "pending"],
  ["fired", "fired", "fired", "waiting", "fired", "waiting", "waiting"],
);
for (const n of [1, 2, 3]) Object.assign(base.run?.steps[n] ?? {}, { visits: n === 1 ? 3 : 2 });
export const writingRunning = base;
/** The same, ended because a step was visited too often: its action shows no error. */
export const writingLimit = graphRun(
  [done, "failed", done, done, "pending", "pending"],
  ["fired", "fired", "fired", "waiting", "fired", "waiting", "waiting"],
  { status: "failed" },
  { 1: { status: "completed" } },
);
for (const n of [1, 2, 3]) Object.assign(writingLimit.run?.steps[n] ?? {}, { visits: 3 });
Object.assign(writingLimit.run?.steps[1] ?? {}, {
  reason: "it was visited 3 times, the limit; raise max_iterations of the flow",
});

/** Eight steps in a row, wider than most screens. */
export const chain = graphFlow(
  "Eight in a row",
  Array.from({ length: 8 }, (_, n): Step => [`Part ${n}`, "delay"]),
  Array.from({ length: 7 }, (_, n): Ends => [n, n + 1]),
);

/** A run of it that has come to a step. */
export function chainRun(at: number): View {
  const statuses = chain.steps.map((_, n) => (n < at ? done : n === at ? "running" : "pending"));
  return graphRun(
    statuses,
    chain.edges.map((_, n) => (n < at ? "fired" : "waiting")),
  );
}

/** Three ways to begin, one of which must be handed something. */
export const triggers: FlowView = {
  ...graphFlow(
    "Order desk",
    [
      ["An order arrives by post", "start"],
      ["Hook", "webhook"],
      ["Every morning", "schedule"],
      ["Handle the order", "chat", ["success"], "first_success"],
    ],
    [
      [0, 3],
      [1, 3],
      [2, 3],
    ],
  ),
  inputs: [
    { name: "order", type: "text", description: "", required: true, default: null },
    { name: "body", type: "json", description: "", required: false, default: null },
    { name: "tone", type: "text", description: "", required: false, default: "kind" },
  ],
  triggers: [
    { step: 0, name: "An order arrives by post", inputs: ["order", "tone"] },
    { step: 1, name: "Hook", inputs: ["body", "tone"] },
    { step: 2, name: "Every morning", inputs: ["tone"] },
  ],
};

/** A flow of layers: each step takes from one or two of the layer before. */
export function layered(steps: number, width: number): FlowView {
  const edges: Ends[] = [];
  for (let step = width; step < steps; step++) {
    const above = step - width - (step % width);
    edges.push([above + ((step * 7) % width), step]);
    if (step % 3 === 0) edges.push([above + ((step * 5 + 1) % width), step]);
  }
  return graphFlow(
    `${steps} steps`,
    Array.from({ length: steps }, (_, n): Step => [`Part ${n}`, "chat"]),
    edges.filter(([a, b], n, all) => n === all.findIndex(([c, d]) => a === c && b === d)),
  );
}
