// Holds the flow and the run of one widget, and tells who draws what has changed.
//
// The view is one mutable tree. Components subscribe to versions of its parts (`top`, `facts`, a step, an
// action, an action's numbers). Growing text and the log bypass them: their listeners write to the page.
import { batch, type Signal, signal } from "@preact/signals";
import { apply, type Change } from "./apply";
import type { ActionView, Delta, EdgeStatus, FlowView, LogLineView, RunView, StepView, View } from "./wire";

/** `from` is the length before, or -1 when the text was replaced. */
export type TextListener = (from: number) => void;
/** What happened to the log: lines came, one of them changed, or all of it is another. */
export type LogChange = "grown" | "line" | "replaced";
export type LogListener = (change: LogChange) => void;

const EMPTY_ACTION: ActionView = {
  status: "pending",
  stale: null,
  reason: null,
  waits: null,
  pinned: false,
  origin: "ran",
  attempt: 0,
  attempts: [],
  model: null,
  started_at: null,
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
};

export class Store {
  readonly flow: Signal<FlowView>;
  /** The live view; read it after one of the functions below has subscribed, or outside a component. */
  view: View;
  /** Log lines fetched from before the first line of the view. */
  older: LogLineView[] = [];
  private readonly cells = new Map<string, Signal<number>>();
  private readonly textListeners = new Map<string, Set<TextListener>>();
  private readonly anyTextListeners = new Set<TextListener>();
  private readonly logListeners = new Set<LogListener>();

  constructor(flow: FlowView, view: View) {
    this.flow = signal(flow);
    this.view = structuredClone(view);
  }

  /** Subscribes to all but steps, log and numbers; returns the view. */
  top(): View {
    this.read("top");
    return this.view;
  }

  /** Subscribes to the numbers of the run; returns it. */
  facts(): RunView | null {
    this.read("facts");
    return this.view.run;
  }

  step(step: number): StepView | null {
    this.read(`s${step}`);
    return this.view.run?.steps[step] ?? null;
  }

  /** Subscribes to one edge, by its number in the flow. */
  edge(edge: number): EdgeStatus {
    this.read(`e${edge}`);
    return this.view.run?.edges[edge] ?? "waiting";
  }

  action(step: number, action: number): ActionView {
    this.read(`a${step}.${action}`);
    return this.actionNow(step, action);
  }

  /** Subscribes to tokens only. */
  tokens(step: number, action: number): number | null {
    this.read(`n${step}.${action}`);
    return this.actionNow(step, action).tokens;
  }

  /** Returns the action without subscribing. */
  actionNow(step: number, action: number): ActionView {
    return this.view.run?.steps[step]?.actions[action] ?? EMPTY_ACTION;
  }

  replace(view: View): void {
    if (view.run?.id !== this.view.run?.id) this.older = [];
    this.view = structuredClone(view);
    this.touchAll();
  }

  /** Applies a delta that is next in order; false means a gap, and the view must be replaced. */
  apply(delta: Delta): boolean {
    const changes = apply(this.view, delta);
    if (changes === null) return false;
    batch(() => {
      for (const change of changes) this.touch(change);
    });
    return true;
  }

  prepend(lines: LogLineView[]): void {
    const first = this.older[0]?.n ?? this.view.run?.log.first ?? 0;
    this.older = [...lines.filter((line) => line.n < first), ...this.older];
    this.tellLog("replaced");
  }

  onText(step: number, action: number, listener: TextListener, signal: AbortSignal): void {
    const key = `${step}.${action}`;
    const all = this.textListeners.get(key) ?? new Set();
    this.textListeners.set(key, all);
    listen(all, listener, signal);
  }

  onAnyText(listener: TextListener, signal: AbortSignal): void {
    listen(this.anyTextListeners, listener, signal);
  }

  onLog(listener: LogListener, signal: AbortSignal): void {
    listen(this.logListeners, listener, signal);
  }

  private touch({ kind, path, from }: Change): void {
    const [root, part, step, field, action, leaf] = path;
    if (root !== "run") return this.bump("top");
    if (part === undefined) {
      this.older = [];
      return this.touchAll();
    }
    if (part === "log") return this.touchLog(kind, path.length);
    if (part === "edges" && step !== undefined) return this.bump(`e${step}`);
    if (part !== "steps") return this.bump(NUMBERS.has(part) ? "facts" : "top");
    if (step === undefined) return this.touchAll();
    if (field === undefined || (field === "actions" && action === undefined)) return this.touchAll();
    if (field !== "actions") return this.touchStep(Number(step));
    if (leaf === "tokens") return this.bump(`n${step}.${action}`);
    if (leaf === "text" && kind === "add") {
      this.tellText(`${step}.${action}`, from);
      if (from > 0) return;
    } else if (leaf === "text" || leaf === undefined) this.tellText(`${step}.${action}`, -1);
    this.touchAction(Number(step), Number(action));
    if (leaf === undefined || leaf === "stale") this.touchStep(Number(step));
  }

  /** A part that changed becomes a new object: a component skips its children when all they get is the same. */
  private touchStep(step: number): void {
    const steps = this.view.run?.steps;
    const old = steps?.[step];
    if (steps !== undefined && old !== undefined) steps[step] = { ...old };
    this.bump(`s${step}`);
  }

  private touchAction(step: number, action: number): void {
    const actions = this.view.run?.steps[step]?.actions;
    const old = actions?.[action];
    if (actions !== undefined && old !== undefined) actions[action] = { ...old };
    this.bump(`a${step}.${action}`);
  }

  private touchLog(kind: Change["kind"], depth: number): void {
    if (depth <= 3 && kind === "set") {
      this.older = [];
      return this.tellLog("replaced");
    }
    this.tellLog(kind === "push" ? "grown" : "line");
  }

  private touchAll(): void {
    batch(() => {
      for (const cell of this.cells.values()) cell.value++;
    });
    for (const key of this.textListeners.keys()) this.tellText(key, -1);
    this.tellLog("replaced");
  }

  private tellText(key: string, from: number): void {
    for (const listener of this.textListeners.get(key) ?? []) listener(from);
    for (const listener of this.anyTextListeners) listener(from);
  }

  private tellLog(change: LogChange): void {
    for (const listener of this.logListeners) listener(change);
  }

  private read(key: string): number {
    let cell = this.cells.get(key);
    if (cell === undefined) {
      cell = signal(0);
      this.cells.set(key, cell);
    }
    return cell.value;
  }

  private bump(key: string): void {
    const cell = this.cells.get(key);
    if (cell !== undefined) cell.value++;
  }
}

const NUMBERS = new Set<string | number>([
  "tokens",
  "cost_usd",
  "settled",
  "total",
  "spent",
  "resumable",
  "failed",
  "cached",
]);

function listen<T>(all: Set<T>, listener: T, signal: AbortSignal): void {
  all.add(listener);
  signal.addEventListener("abort", () => all.delete(listener), { once: true });
}
