// Shows every state of the widget with a fake model, and a simulated streaming run.

import * as markdown from "../src/flow-markdown";
import * as tools from "../src/flow-tools";
import flowWidget from "../src/flow-widget";
import type { ActionView, FlowView, View } from "../src/model/wire";
import { markdownPart } from "../src/ui/markdown";
import { toolsPart } from "../src/ui/tools";
import { FakeModel } from "./fake-model";
import {
  chain,
  chainRun,
  graphRun,
  layered,
  triage,
  triageDone,
  triageRunning,
  triggers,
  writing,
  writingLimit,
  writingRunning,
} from "./graphs";
import { actionDef, actionView, errorView, flowView, logLine, NOW, runView, stepView, view } from "./make";
import { simulate } from "./simulate";

const options = new URLSearchParams(location.search);
const theme = options.get("theme") ?? "light";
document.documentElement.dataset.theme = theme;
document.body.dataset.jpThemeLight = String(theme === "light");
document.body.style.maxWidth = `${options.get("w") ?? 1000}px`;
if (options.get("parts") !== "built") {
  markdownPart.value = markdown;
  toolsPart.value = tools;
}

type Prepare = (root: HTMLElement, model: FakeModel) => void;

function show(name: string, flow: FlowView, run: View, prepare: Prepare = () => undefined): void {
  const only = options.get("only");
  if (only !== null && !name.startsWith(only)) return;
  const title = document.createElement("h1");
  title.textContent = name;
  const el = document.createElement("div");
  document.body.append(title, el);
  const model = new FakeModel(flow, run);
  model.answer = (command) => void answer(model, command);
  const signal = new AbortController().signal;
  const widget = flowWidget();
  widget.initialize({ model, signal });
  widget.render({ model, el, signal });
  setTimeout(() => prepare(el, model), 100);
}

/** Acknowledges a command; parts come from the build. */
async function answer(model: FakeModel, command: Record<string, unknown>): Promise<void> {
  if (command.op !== "asset") return void setTimeout(() => model.ack(command), 20);
  const part = await fetch(`../../flow_widgets/widget/static/${command.name}.js`);
  const source = new DataView(await part.arrayBuffer());
  model.message({ k: "ack", c: command.c, ok: true, data: { name: command.name } }, [source]);
}

function press(root: HTMLElement, ...words: string[]): void {
  for (const word of words) {
    const all = [...root.querySelectorAll<HTMLElement>("button")];
    all.find((button) => button.textContent === word || button.title === word)?.click();
  }
}

const timeline = `- **14:02** Deploy \`api 2026.11.3\` reaches all zones.
- **14:09** p95 latency passes 4 s; checkout starts to time out.
- **14:17** On-call is paged. First guess: the database.
- **14:41** Rollback. Errors fall to zero within 3 minutes.`;
const facts = JSON.stringify({
  service: "checkout-api",
  minutes_down: 39,
  failed_requests: { total: 48211, share: 0.31 },
  regions: ["eu-1", "eu-2", "us-1"],
});
const cause = `The deploy lowered the connection pool from 64 to 16 per worker. Under the Friday peak each worker held all 16 connections for the length of the payment call, so new requests queued until they timed out.

The database itself was healthy: its load fell by 40 % during the incident, which is what sent the first responders in the wrong direc`;

const review = flowView(
  [
    ["Read", [actionDef("Timeline"), actionDef("Facts", { has_schema: true })]],
    ["Analyse", [actionDef("Root cause", { model: "gpt-4.1" }), actionDef("Customer impact")]],
    [
      "Write",
      [
        actionDef("Summary", {
          model: "gpt-4.1",
          prompt:
            "Write a review of at most {{max_words}} words for {{audience}}. Use {{steps.1.actions.0.output}} and {{steps.9.output}}. Blame no person.",
        }),
      ],
    ],
  ],
  {
    inputs: [
      { name: "report", type: "file", description: "The report", required: true, default: null },
      { name: "audience", type: "text", description: "", required: true, default: null },
      { name: "max_words", type: "integer", description: "", required: false, default: 180 },
    ],
  },
);
const rate = errorView("The model is over its rate limit (429).", "Wait, or use another model.", {
  request_id: "req_7c41e0",
});
const attempts = [
  {
    number: 1,
    status: "failed",
    started_at: NOW + 3,
    ended_at: NOW + 11,
    tokens: null,
    chars: 212,
    error: errorView("No data for 8 s.", "Retry."),
  },
  {
    number: 2,
    status: "completed",
    started_at: NOW + 12,
    ended_at: NOW + 16.1,
    tokens: 1038,
    chars: 41,
    error: null,
  },
] satisfies ActionView["attempts"];
const inputs = {
  report: { name: "incident-4127.txt", mime: "text/plain", size_bytes: 18_000 },
  audience: "on-call engineers",
  max_words: 180,
};
const log = [
  logLine(0, "Run 3 started: 3 steps, 5 actions", { at: NOW }),
  logLine(1, "Step started: 2 actions in parallel", { at: NOW + 0.004, step: 0 }),
  logLine(2, "Completed in 2.8 s, 612 tokens, first chunk after 0.41 s", {
    at: NOW + 2.811,
    step: 0,
    action: 0,
  }),
  logLine(3, "Completed in 3.2 s, 592 tokens, output matches its schema", {
    at: NOW + 3.204,
    step: 0,
    action: 1,
  }),
  logLine(4, "Step started: 2 actions in parallel", { at: NOW + 3.212, step: 1 }),
  logLine(5, "", { at: NOW + 3.622, level: "out", step: 1, action: 0, attempt: 1 }),
  logLine(6, "429 rate limit, request req_7c41e0; attempt 2 of 3 in 7 s (Retry-After)", {
    at: NOW + 6.64,
    level: "warn",
    step: 1,
    action: 1,
  }),
];

const running = runView(
  [
    stepView(
      [
        actionView({ ended_at: NOW + 2.8, tokens: 612, text: timeline }),
        actionView({ ended_at: NOW + 3.2, tokens: 592, text: facts, is_json: true }),
      ],
      { ended_at: NOW + 3.2, tokens: 1204 },
    ),
    stepView(
      [
        actionView({ status: "running", started_at: NOW + 3.2, tokens: 388, text: cause }),
        actionView({
          status: "waiting",
          started_at: NOW + 3.9,
          attempts,
          error: rate,
          text: "About 31 % of checkout attempts failed, m",
          waits: { until: NOW + 13, reason: "rate limit of gpt-4.1-mini" },
        }),
      ],
      { started_at: NOW + 3.2, tokens: 388 },
    ),
    stepView([actionView({ status: "pending", attempt: 0, started_at: null })], { started_at: null }),
  ],
  { status: "running", ended_at: null, tokens: 1592, cost_usd: 0.0031, log: { first: 0, lines: log } },
);
show("running", review, view(running, { inputs, inputs_edited: true }), (root) => press(root, "Log"));

const budget = { usd: 0.05, tokens: 5000, seconds: 60 };
const spending = {
  ...structuredClone(running),
  budget,
  spent: { tokens: 4112, estimated: true, usd: 0.0231, unpriced: false },
};
show("budget: live", review, view(spending, { inputs }), (root) => press(root, "Budget"));
show(
  "budget: price unknown",
  review,
  view({
    ...structuredClone(running),
    budget: { usd: 0.05, tokens: null, seconds: null },
    spent: { tokens: 1592, estimated: true, usd: null, unpriced: true },
  }),
);
const done = (part: Partial<ActionView> = {}) => actionView({ ended_at: NOW + 2.8, text: timeline, ...part });
const off = (part: Partial<ActionView> = {}) =>
  actionView({ status: "canceled", ended_at: NOW + 7, text: cause, ...part });
const none = actionView({ status: "skipped", attempt: 0, started_at: null });
const ended = (n: number) => ({ ended_at: NOW + n });
const analysed = [
  stepView([done({ tokens: 612 }), done({ text: facts, is_json: true })], ended(3.2)),
  stepView([off(), off({ text: "", reason: "the budget of the run is spent" })], {
    ...ended(9),
    status: "canceled",
  }),
  stepView([{ ...none, reason: "the budget of the run is spent" }], { started_at: null, status: "skipped" }),
];
show(
  "budget: spent",
  review,
  view(
    runView(structuredClone(analysed), {
      status: "canceled",
      resumable: 3,
      tokens: 5012,
      budget: { usd: 0.05, tokens: 5000, seconds: null },
      spent: { tokens: 5012, estimated: false, usd: 0.0281, unpriced: false },
      stop: {
        cause: "budget",
        text: "Stopped: the budget of 5,000 tokens is spent. What has come is kept.",
      },
    }),
    { inputs },
  ),
);
const torn = structuredClone(analysed);
for (const action of torn[1]?.actions ?? []) action.reason = "the process ended";
show(
  "resume: interrupted",
  review,
  view(
    runView(torn, {
      status: "interrupted",
      resumable: 3,
      tokens: 1592,
      cost_usd: 0.0031,
      stop: {
        cause: "interrupted",
        text: "The process that ran this ended. What had completed is kept.",
      },
    }),
    {
      inputs,
      now: NOW + 5,
      runs: [
        { id: "r1", number: 1, status: "completed", started_at: NOW - 400_000, ended_at: NOW - 399_990 },
        { id: "r2", number: 2, status: "failed", started_at: NOW - 40_000_000, ended_at: NOW - 39_999_990 },
        { id: "r3", number: 3, status: "interrupted", started_at: NOW, ended_at: NOW + 10 },
      ],
    },
  ),
);
show(
  "resume: failed",
  review,
  view(
    runView(
      [
        stepView([done({ origin: "kept" }), done({ text: facts, is_json: true })], ended(3.2)),
        stepView(
          [
            actionView({ status: "failed", error: rate, ended_at: NOW + 9, attempts, attempt: 2 }),
            done({ stale: "prompt changed", text: "About 31 % of checkout attempts failed." }),
          ],
          { ...ended(9), status: "failed" },
        ),
        stepView([{ ...none, reason: "step 1 failed" }], { started_at: null, status: "skipped" }),
      ],
      { status: "failed", resumable: 2, failed: 1, stale: 1, tokens: 1592, cost_usd: 0.0031 },
    ),
    { inputs },
  ),
);
show(
  "origins and notices",
  review,
  view(
    runView(
      [
        stepView(
          [
            done({ origin: "cache" }),
            done({ text: facts, is_json: true, origin: "edit", attempt: 2, attempts }),
          ],
          ended(3.2),
        ),
        stepView(
          [done({ pinned: true, tokens: 612, text: cause }), done({ origin: "pin", pinned: true })],
          ended(9),
        ),
        stepView([done({ stale: "step 1 was edited", text: "Short.", origin: "kept", tokens: 1038 })], {
          ...ended(12),
        }),
      ],
      { stale: 1, tokens: 1592, cost_usd: 0.0031, cached: 1 },
    ),
    {
      inputs,
      cache: true,
      notices: [
        {
          kind: "changed",
          text: "Since run 3: 2 changes. 5 of 7 outputs are up to date.",
          details: ["1, 0 Root cause: prompt changed", "2, 0 Summary: model changed"],
        },
        {
          kind: "store",
          text: "The runs can't be stored. The disk is full: free some space, then run `widget.save()`.",
          details: [],
        },
      ],
    },
  ),
  (root) => press(root, "Details", "Edit output"),
);

const held = { until: null, reason: "rate limit of gpt-4.1-mini" };
const waitingRun = runView(
  [
    stepView([done({ tokens: 612 }), done({ text: facts, is_json: true })], ended(3.2)),
    stepView(
      [
        actionView({ status: "waiting", attempt: 0, started_at: null, waits: { ...held, until: NOW + 40 } }),
        actionView({
          status: "waiting",
          attempt: 3,
          error: rate,
          waits: held,
          attempts: [1, 2, 3].map((number) => ({
            number,
            status: "failed" as const,
            started_at: NOW + 3 * number,
            ended_at: NOW + 3 * number + 1.2,
            tokens: null,
            chars: number === 2 ? 212 : 0,
            error: rate,
          })),
        }),
      ],
      { started_at: NOW + 3.2, status: "waiting" },
    ),
    stepView([actionView({ status: "pending", attempt: 0, started_at: null })], { started_at: null }),
  ],
  { status: "running", ended_at: null, tokens: 612 },
);
show("waiting", review, view(waitingRun, { inputs }), (root) => press(root, "Attempts"));
show("waiting: lines", review, view(structuredClone(waitingRun), { inputs }), (root) => press(root, "Lines"));

const policy = flowView(
  ["Collect", "Classify", "Legal check", "Draft", "Publish"].map((name) => [name, [actionDef(name)]]),
  {
    name: "Policy answers",
    sequence: false,
    edges: [
      [0, 1],
      [1, 2],
      [1, 3],
      [2, 4],
      [3, 4],
    ].map(([source = 0, target = 0]) => ({ source, target, port: "" })),
  },
);
const schema = errorView(
  "The output does not match its schema.",
  '`risk` is "medium-high"; allowed: low, medium, high.',
  {
    request_id: "req_b90d27",
    retryable: false,
  },
);
const failed = runView(
  [
    stepView(
      [actionView({ ended_at: NOW + 1.1, text: "Found 14 passages in 3 documents about data retention…" })],
      { ended_at: NOW + 1.1, tokens: 820 },
    ),
    stepView([actionView({ ended_at: NOW + 0.6, text: '{"needs_legal": true}', is_json: true })], {
      ended_at: NOW + 0.6,
      tokens: 310,
    }),
    stepView(
      [
        actionView({
          status: "failed",
          ended_at: NOW + 2.2,
          error: schema,
          text: '{"risk": "medium-high", "reason": "Retention of call recordings is not covered by the 2024 notice."}',
        }),
      ],
      { ended_at: NOW + 2.2, tokens: 402 },
    ),
    stepView(
      [
        actionView({
          ended_at: NOW + 5.7,
          stale: "prompt changed",
          text: "Your recordings are kept for 90 days, after which they go.",
        }),
      ],
      { ended_at: NOW + 5.7, tokens: 7778 },
    ),
    stepView([actionView({ status: "skipped", reason: "step 2 failed", started_at: null })], {
      reason: "step 2 failed",
      started_at: null,
    }),
  ],
  { number: 12, status: "failed", ended_at: NOW + 18.9, tokens: 9310, cost_usd: 0.0187, stale: 1 },
);
show("lines", policy, view(failed), (root) => press(root, "Lines"));

const opinions = flowView(
  [
    [
      "Ask",
      [
        actionDef("Optimist", { prompt: "Give the strongest case for {{proposal}}." }),
        actionDef("Skeptic", { model: "llama3.1:8b" }),
      ],
    ],
    ["Weigh", [actionDef("Weigh")]],
  ],
  { name: "Two opinions" },
);
show("never run", opinions, view(null));

const kept = structuredClone(running);
show("kernel gone", review, view(kept, { inputs }), (root, model) => {
  model.gone = true;
  press(root, "Lines", "Run again");
});

const long = `${"## Findings\n\n**Cause.** A smaller connection pool met peak traffic.\n\n"}${"**Response.** The database was suspected first because its load fell. The rollback at 14:41 ended the incident; four tickets follow, two of them due this week.\n\n".repeat(20)}`;
const rich = `# Title\nText with **bold**, *em*, \`code\`, ~~gone~~ and [a link](https://example.org), <b>raw</b> ![alt](http://x/y.png).\n\n1. One\n   - nested\n     - deeper\n2. Two\n\n- [x] done\n- [ ] open\n\n| Name | Share |\n|---|--:|\n| a | 0.31 |\n| b | 12 |\n\n\`\`\`python\nfor x in range(3):\n    print(x)\n\`\`\`\n\n> A quote of *someone*.\n\n---\n\n### Small heading\nEnd.`;
const states: [string, ActionView, Prepare?][] = [
  ["no text yet", actionView({ status: "running", started_at: NOW + 4 })],
  [
    "tail",
    actionView({
      status: "running",
      tokens: 5702,
      text: `${"Two services were affected: checkout, which times out after 8 s, and the queue never drained. ".repeat(250)}out after 8 s, and`,
    }),
  ],
  ["cut", actionView({ ended_at: NOW + 4.1, tokens: 1038, text: long })],
  [
    "markdown",
    actionView({ ended_at: NOW + 4.1, tokens: 1038, text: rich }),
    (root) => setTimeout(() => root.querySelector<HTMLElement>(".fw-more .link")?.click(), 200),
  ],
  [
    "attempts",
    actionView({
      ended_at: NOW + 4.1,
      attempt: 2,
      attempts,
      tokens: 1038,
      text: "A smaller connection pool met peak traffic.",
    }),
    (root) => press(root, "Attempts"),
  ],
  [
    "stale",
    actionView({
      ended_at: NOW + 4.1,
      stale: "inputs changed",
      tokens: 1038,
      text: "A smaller connection pool met peak traffic.",
    }),
  ],
  ["skipped", actionView({ status: "skipped", reason: "step 0 failed", started_at: null })],
  [
    "failed",
    actionView({
      status: "failed",
      ended_at: NOW + 0.3,
      error: errorView("The key was refused (401).", "Set `OPENAI_API_KEY` or pass a client, then retry.", {
        request_id: "req_2ad93f",
        detail: 'POST /v1/chat/completions\n{"error": "invalid_api_key"}',
      }),
    }),
    (root) => press(root, "Details"),
  ],
  [
    "cut off",
    actionView({
      status: "failed",
      ended_at: NOW + 3,
      tokens: 256,
      error: errorView(
        "The text was cut off.",
        "The model stopped at `max_tokens` (256). Raise it, then retry.",
        { request_id: "req_51fe08", retryable: false },
      ),
      text: "Four measures follow from this. First, pool size becomes part of the",
    }),
  ],
  [
    "canceled",
    actionView({
      status: "canceled",
      ended_at: NOW + 1.9,
      tokens: 64,
      text: "The deploy lowered the connection pool from 64 to 16 per worker. Under the Friday peak each",
    }),
  ],
  [
    "editor",
    actionView({ ended_at: NOW + 4.1, tokens: 1038, text: "A" }),
    (root) => press(root, "Edit action"),
  ],
];
for (const [name, action, prepare] of states) {
  const flow = flowView(
    [["Summarise", [actionDef("Summary"), actionDef("Second with a rather long name that has to give way")]]],
    { name },
  );
  const live = action.status === "running";
  const steps = [
    stepView([action, actionView({ ended_at: NOW + 62, tokens: 12, text: "Short." })], {
      status: action.status,
    }),
  ];
  show(
    `state: ${name}`,
    flow,
    view(
      runView(steps, {
        status: live ? "running" : "completed",
        ended_at: live ? null : NOW + 9,
        stale: action.stale ? 3 : 0,
      }),
    ),
    prepare,
  );
}

show("graph: running", triage, triageRunning);
show("graph: failed", triage, triageDone);
show("graph: cycle", writing, writingRunning);
show("graph: limit", writing, writingLimit);
show("lines: limit", writing, writingLimit, (root) => {
  press(root, "Lines");
  setTimeout(() => press(root, "Collapse step Draft"), 200);
});
show("triggers: never run", triggers, view(null), (root) => press(root, "Cards"));
show(
  "triggers: running",
  triggers,
  graphRun(["completed", "pending", "pending", "running"], ["fired", "dead", "dead"]),
);
for (const text of ["oslo: Ask", ""]) {
  const towns = flowView([["Each town", [actionDef("Each town", { type: "map", model: null })]]], {
    name: "Towns",
  });
  const work = { progress: { done: 0, total: 4, text }, tokens: 1204 };
  show(`long work${text && ": text"}`, towns, graphRun(["running"], [], {}, { 0: work }));
}
show("redraw", chain, chainRun(7));
show("graph: never run", triage, view(null));
show("graph: strip", triage, triageRunning, (root) => press(root, "Lines"));
show("graph: sequence", review, view(structuredClone(running), { inputs }), (root) => press(root, "Graph"));
show(
  "graph: many",
  layered(Number(options.get("steps") ?? 60), Number(options.get("width") ?? 6)),
  view(null),
  (root) => setTimeout(() => press(root, "Fit"), 400),
);

if (options.has("stream"))
  simulate(Number(options.get("stream")), (flow, start) => {
    document.body.replaceChildren();
    const el = document.createElement("div");
    document.body.append(el);
    const model = new FakeModel(flow, start);
    model.answer = (command) => setTimeout(() => model.ack(command), 20);
    const widget = flowWidget();
    widget.initialize({ model });
    widget.render({ model, el });
    return { model, el };
  });
