// Says to a screen reader what happened, facts only and at most once a second.
import { effect, type Signal, signal } from "@preact/signals";
import type { Session } from "../host/session";
import { LIMIT_WORD, LIMITS, meter } from "../model/budget";
import { flowStatus, isSettled, WORD, waitCause } from "../model/status";
import type { RunView } from "../model/wire";

const PAUSE_MS = 1000;

export class Announcer {
  readonly text: Signal<string> = signal("");
  private next: string | null = null;
  private timer: ReturnType<typeof setTimeout> | null = null;

  constructor(private readonly signal: AbortSignal) {
    signal.addEventListener("abort", () => {
      if (this.timer !== null) clearTimeout(this.timer);
    });
  }

  /** Says `text` now, or in place of what waited to be said. */
  say(text: string): void {
    this.next = text;
    if (this.timer === null) this.speak();
  }

  /** Follows the statuses of the flow, its steps and its actions, and what is spent. */
  watch(session: Session): void {
    this.follow(() => facts(session));
    this.follow(() => spent(session));
  }

  private follow(read: () => string[]): void {
    let before: string[] | null = null;
    const stop = effect(() => {
      const now = read();
      const news =
        before === null ? [] : now.filter((fact) => fact !== "" && before?.includes(fact) === false);
      before = now;
      const last = news.at(-1);
      if (last !== undefined) this.say(last);
    });
    this.signal.addEventListener("abort", stop);
  }

  private speak(): void {
    this.timer = null;
    if (this.next === null || this.signal.aborted) return;
    this.text.value = this.next;
    this.next = null;
    this.timer = setTimeout(() => this.speak(), PAUSE_MS);
  }
}

/** One line for each thing that is worth saying; the most important stands last. */
function facts(session: Session): string[] {
  const { store } = session;
  const view = store.top();
  const { steps } = store.flow.value;
  const out: string[] = [];
  let settled = 0;
  for (const [n] of steps.entries()) {
    const step = store.step(n);
    if (step === null || !isSettled(step.status)) continue;
    settled++;
    if (step.status !== "completed") continue;
    out.push(`Step ${n} done, ${settled} of ${steps.length}`);
  }
  for (const [n, step] of steps.entries()) {
    if (store.step(n)?.status !== "failed") continue;
    for (const [a, def] of step.actions.entries()) {
      const { status, error } = store.action(n, a);
      if (status === "failed") out.push(`${def.name} failed: ${error?.what ?? "no reason given"}`);
    }
  }
  out.push(...view.notices.map((notice) => notice.text), ...waiting(session));
  const status = flowStatus(view, session.gone.value);
  if (status !== "never")
    out.push(
      status === "paused"
        ? "Waiting for your answer"
        : `Run ${view.run?.number ?? ""} ${WORD[status].toLowerCase()}${stopOf(view.run)}`,
    );
  return out;
}

/** What waits for its next try, and for what. */
function waiting({ store }: Session): string[] {
  const steps = store.flow.value.steps.entries();
  return [...steps].flatMap(([n, { actions }]) => {
    if (store.step(n)?.status !== "waiting") return [];
    return [...actions.entries()].flatMap(([a, def]) => {
      const action = store.action(n, a);
      return action.status === "waiting" ? [`${def.name} waits. ${waitCause(action)}`.trim()] : [];
    });
  });
}

function stopOf(run: RunView | null): string {
  return run?.stop ? `. ${run.stop.text}` : "";
}

/** The limits of the budget that are nearly or wholly spent. */
function spent({ store, clock }: Session): string[] {
  store.top();
  const run = store.facts();
  if (run === null || run.budget === null) return [];
  if (run.budget.seconds !== null && run.active_at !== null) clock.seconds.value;
  const now = run.active_at === null ? 0 : clock.now() - run.active_at;
  return LIMITS.map((limit) => {
    const word = meter(limit, run, run.active_seconds + now)?.word ?? "";
    return word && `Budget, ${LIMIT_WORD[limit]}: ${word}`;
  });
}
