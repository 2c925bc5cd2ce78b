// What only the screen knows: folding, layout, views, drafts. One per view; the run is not in here.
import { batch, type Signal, signal } from "@preact/signals";
import type { Typed } from "../model/budget";
import type { FieldsView, FlowView, LogLevel } from "../model/wire";

/** How the body is laid out: every step with cards, every step as a line, or the graph and one step. */
export type Mode = "cards" | "lines" | "graph";
export type OutputView = "markdown" | "json" | "text";

/** Flows with more open in Lines. */
const MOST_STEPS = 8;
const MOST_ACTIONS = 24;

/** The editor of the action itself, or of its output. */
export type Editing = "action" | "output";

export interface ShownAttempt {
  number: number;
  text: string;
  is_json: boolean;
  loading: boolean;
}

export interface ActionUi {
  open: Signal<boolean>;
  /** True when a cut output is shown whole. */
  whole: Signal<boolean>;
  view: Signal<OutputView | null>;
  attemptsOpen: Signal<boolean>;
  attempt: Signal<ShownAttempt | null>;
  /** Which of its editors is open, or null. */
  editing: Signal<Editing | null>;
  draft: Signal<Partial<FieldsView>>;
  /** An output that is written by hand and not saved yet, or null. */
  outputDraft: Signal<string | null>;
  details: Signal<boolean>;
  toggled: Signal<ReadonlySet<string>>;
}

export class UiState {
  readonly mode: Signal<Mode>;
  /** True while the strip with all steps stands above the cards. */
  readonly strip: Signal<boolean>;
  /** The step whose cards stand below the graph. */
  readonly chosen = signal(0);
  /** True while the graph shows the step that runs, until the reader chooses one. */
  readonly tracing = signal(true);
  readonly zoom = signal(1);
  /** Where the graph is scrolled to, and for which step of which flow it was; -1 for none. */
  readonly canvas = { left: 0, top: 0, step: -1, flow: null as FlowView | null };
  /** The trigger that begins the next run, of several; null for the first. */
  readonly trigger: Signal<number | null> = signal(null);
  readonly log = signal(false);
  /** True while the row with the budget of the next runs is open. */
  readonly budgetOpen = signal(false);
  /** What was typed as that budget, and as larger limits to go on with; null when nothing was. */
  readonly typedBudget: Signal<Typed | null> = signal(null);
  readonly typedLarger: Signal<Typed | null> = signal(null);
  readonly inputsOpen: Signal<boolean>;
  readonly level: Signal<LogLevel> = signal("info");
  readonly filter = signal("");
  readonly follow = signal(true);
  private readonly steps = new Map<number, Signal<boolean | null>>();
  private readonly actions = new Map<string, ActionUi>();
  private readonly openedOnce = new Set<string>();
  private readonly opened = new Set<number>();

  constructor(flow: FlowView) {
    const actions = flow.steps.reduce((sum, step) => sum + step.actions.length, 0);
    const branches = !flow.sequence && flow.edges.length > 0;
    const many = flow.steps.length > MOST_STEPS || actions > MOST_ACTIONS;
    this.mode = signal(branches ? "graph" : many ? "lines" : "cards");
    this.strip = signal(branches);
    this.inputsOpen = signal(flow.inputs.length <= 6);
  }

  /** The step that the next run starts at; null when there is nothing to choose. */
  startOf({ triggers }: FlowView): number | null {
    const chosen = this.trigger.value;
    const found = triggers.find(({ step }) => step === chosen) ?? triggers[0];
    return found?.step ?? null;
  }

  /** Subscribes. */
  isOpen(step: number): boolean {
    return this.stepSignal(step).value ?? this.mode.value !== "lines";
  }

  setOpen(step: number, open: boolean): void {
    if (!open) this.opened.delete(step);
    this.stepSignal(step).value = open;
  }

  /** Shows a step below the graph because the reader wants it. */
  choose(step: number): void {
    batch(() => {
      this.tracing.value = false;
      this.chosen.value = step;
    });
  }

  /** Opens a step that failed or asks, once per `occasion`. */
  openOnce(step: number, occasion: string): void {
    if (this.openedOnce.has(occasion)) return;
    this.openedOnce.add(occasion);
    this.opened.add(step);
    this.setOpen(step, true);
  }

  /** Another layout starts with its own folding, and with what opened itself open. */
  setMode(mode: Mode): void {
    batch(() => {
      for (const [n, step] of this.steps) step.value = this.opened.has(n) ? true : null;
      this.mode.value = mode;
    });
  }

  action(step: number, action: number): ActionUi {
    const key = `${step}.${action}`;
    let found = this.actions.get(key);
    if (found === undefined) {
      found = {
        open: signal(true),
        whole: signal(false),
        view: signal(null),
        attemptsOpen: signal(false),
        attempt: signal(null),
        editing: signal(null),
        draft: signal({}),
        outputDraft: signal(null),
        details: signal(false),
        toggled: signal(new Set()),
      };
      this.actions.set(key, found);
    }
    return found;
  }

  private stepSignal(step: number): Signal<boolean | null> {
    let found = this.steps.get(step);
    if (found === undefined) {
      found = signal(null);
      this.steps.set(step, found);
    }
    return found;
  }
}
