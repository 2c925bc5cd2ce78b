// Small factories of wire values for tests and the gallery.
import type {
  ActionDef,
  ActionView,
  Delta,
  ErrorView,
  FlowView,
  Json,
  LogLineView,
  Path,
  RunView,
  StepDef,
  StepView,
  View,
} from "../src/model/wire";

export const NOW = 1_763_000_000;

export function actionDef(id: string, part: Partial<ActionDef> = {}): ActionDef {
  return {
    id,
    name: id,
    type: "chat",
    model: "gpt-4.1-mini",
    prompt: "Summarise {{report}} in five bullet points for {{audience}}.",
    fields: {
      system: "You write plainly. You blame no person.",
      prompt:
        "Summarise {{report}} in five bullet points for {{audience}}.\nUse the times in {{steps.0.output}}.",
      model: "gpt-4.1-mini",
      temperature: 0.2,
      max_tokens: null,
    },
    edited: false,
    has_schema: false,
    ...part,
  };
}

export function stepDef(
  id: string,
  name: string,
  actions: ActionDef[],
  part: Partial<StepDef> = {},
): StepDef {
  const [only] = actions;
  const kind = actions.length === 1 && only !== undefined ? only.type : "parallel";
  return { id, name, kind, join: null, ports: ["success", "error"], actions, ...part };
}

export function flowView(steps: [string, ActionDef[]][], part: Partial<FlowView> = {}): FlowView {
  return {
    id: "f",
    name: "Incident review",
    description: "",
    steps: steps.map(([name, actions], n) => stepDef(`s${n}`, name, actions)),
    edges: steps.slice(1).map((_, n) => ({ source: n, target: n + 1, port: "success" })),
    sequence: true,
    inputs: [],
    triggers: [],
    models: ["gpt-4.1", "gpt-4.1-mini", "llama3.1:8b"],
    references: ["report", "audience", "max_words", "steps.0.output", "steps.1.actions.0.output", "proposal"],
    budget: null,
    problems: [],
    ...part,
  };
}

export function actionView(part: Partial<ActionView> = {}): ActionView {
  const attempt = part.attempt ?? 1;
  return {
    status: "completed",
    stale: null,
    reason: null,
    waits: null,
    pinned: false,
    origin: "ran",
    attempt,
    attempts: [],
    model: null,
    started_at: NOW,
    first_chunk_at: null,
    ended_at: null,
    tokens: null,
    cost_usd: null,
    finish_reason: null,
    truncated: false,
    is_json: false,
    error: null,
    progress: null,
    text: "",
    ...part,
  };
}

export function stepView(actions: ActionView[], part: Partial<StepView> = {}): StepView {
  return {
    status: actions[0]?.status ?? "pending",
    stale: actions.some((action) => action.stale !== null),
    reason: null,
    started_at: NOW,
    ended_at: null,
    tokens: null,
    settled: actions.filter((action) => !["pending", "running", "waiting"].includes(action.status)).length,
    visits: 1,
    actions,
    ...part,
  };
}

export function runView(steps: StepView[], part: Partial<RunView> = {}): RunView {
  const total = steps.reduce((sum, step) => sum + step.actions.length, 0);
  return {
    id: "r3",
    number: 3,
    status: "completed",
    started_at: NOW,
    active_at: part.ended_at === null ? NOW : null,
    active_seconds: 12.9,
    ended_at: NOW + 12.9,
    settled: steps.reduce((sum, step) => sum + step.settled, 0),
    total,
    tokens: null,
    cost_usd: null,
    stale: 0,
    resumable: 0,
    failed: 0,
    cached: 0,
    budget: null,
    spent: { tokens: part.tokens ?? 0, estimated: false, usd: part.cost_usd ?? null, unpriced: false },
    stop: null,
    steps,
    edges: [],
    log: { first: 0, lines: [] },
    ...part,
  };
}

export function view(run: RunView | null, part: Partial<View> = {}): View {
  const lines =
    run === null
      ? []
      : [
          {
            id: run.id,
            number: run.number,
            status: run.status,
            started_at: run.started_at,
            ended_at: run.ended_at,
          },
        ];
  return {
    seq: 0,
    now: NOW + 7.3,
    inputs: {},
    inputs_edited: false,
    runs: lines,
    running: run !== null && run.ended_at === null ? run.id : null,
    notices: [],
    budget: run?.budget ?? null,
    cache: false,
    run,
    ...part,
  };
}

export function errorView(what: string, hint: string, part: Partial<ErrorView> = {}): ErrorView {
  return {
    kind: "ProviderError",
    what,
    hint,
    status: null,
    request_id: null,
    retryable: true,
    detail: "",
    ...part,
  };
}

export function logLine(n: number, text: string, part: Partial<LogLineView> = {}): LogLineView {
  return {
    n,
    at: NOW + n,
    level: "info",
    step: null,
    action: null,
    attempt: null,
    text,
    chars: null,
    ...part,
  };
}

interface Parts {
  set?: [Path, Json][];
  add?: [number, number, number, string][];
  push?: [Path, number, Json[]][];
}

export function delta(seq: number, parts: Parts = {}): Delta {
  const { set = [], add = [], push = [] } = parts;
  return { seq, now: NOW + seq, set, add, push };
}
