// What only the screen knows: folding, layout, views, drafts. One per view; the run is not in here.
import { batch, type Signal, signal } from "@preact/signals";
import type { FieldsView, FlowView, Json, LogLevel } from "../model/wire";

export type Mode = "cards" | "lines";
export type OutputView = "markdown" | "json" | "text";

/** Flows with more open in Lines. */
const MOST_STEPS = 8;
const MOST_ACTIONS = 24;

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
  editing: Signal<boolean>;
  draft: Signal<Partial<FieldsView>>;
  details: Signal<boolean>;
  toggled: Signal<ReadonlySet<string>>;
}

export class UiState {
  readonly mode: Signal<Mode>;
  readonly graph: Signal<boolean>;
  readonly log = signal(false);
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
    this.mode = signal(flow.steps.length > MOST_STEPS || actions > MOST_ACTIONS ? "lines" : "cards");
    this.graph = signal(!flow.sequence && flow.edges.length > 0);
    this.inputsOpen = signal(flow.inputs.length <= 6);
  }

  /** Subscribes. */
  isOpen(step: number): boolean {
    return this.stepSignal(step).value ?? this.mode.value === "cards";
  }

  setOpen(step: number, open: boolean): void {
    if (!open) this.opened.delete(step);
    this.stepSignal(step).value = open;
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
        editing: signal(false),
        draft: signal({}),
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

/** The draft's fields that differ from the definition's: what `edit` sends. */
export function changedFields(draft: Partial<FieldsView>, fields: FieldsView): Record<string, Json> {
  return Object.fromEntries(
    Object.entries(draft).filter(([name, value]) => value !== fields[name as keyof FieldsView]),
  );
}
