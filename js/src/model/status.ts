// Says which status the page shows for a flow, a step and an action, and in which words.
import { count, sentence } from "./format";
import type { ActionView, RunView, StepView, View } from "./wire";

export type Shown =
  | "pending"
  | "running"
  | "waiting"
  | "completed"
  | "failed"
  | "skipped"
  | "canceled"
  | "stale"
  | "asks"
  | "paused"
  | "interrupted"
  | "disconnected"
  | "never";

export const WORD: Record<Shown, string> = {
  pending: "Pending",
  running: "Running",
  waiting: "Waiting",
  completed: "Completed",
  failed: "Failed",
  skipped: "Skipped",
  canceled: "Canceled",
  stale: "Stale",
  asks: "Needs your answer",
  paused: "Paused",
  interrupted: "Interrupted",
  disconnected: "Disconnected",
  never: "Not run yet",
};

const ACTIVE = new Set(["running", "waiting", "asks"]);

/** True while an attempt is under way or a retry is due. */
export function isActive(status: string): boolean {
  return ACTIVE.has(status);
}

export function isSettled(status: string): boolean {
  return status !== "pending" && !isActive(status);
}

export function actionStatus(action: ActionView, gone: boolean): Shown {
  if (gone && isActive(action.status)) return "interrupted";
  if (action.stale !== null && isSettled(action.status)) return "stale";
  return action.status;
}

export function stepStatus(step: StepView | null, gone: boolean): Shown {
  if (step === null) return "pending";
  if (gone && isActive(step.status)) return "interrupted";
  if (step.stale && step.status === "completed") return "stale";
  return step.status;
}

export function flowStatus(view: View, gone: boolean): Shown {
  if (gone) return "disconnected";
  return view.run === null ? "never" : view.run.status;
}

/** Why a step was not run, or failed though it may have been; null when there is nothing to say. */
export function stepReason(step: StepView | null): string | null {
  if (step === null || step.reason === null) return null;
  if (step.status === "skipped") return `Not run: ${step.reason}`;
  return step.status === "failed" ? `Failed: ${step.reason}` : null;
}

/** Why an action waits: the failure before, or what it is held for; empty when nobody knows. */
export function waitCause({ error, waits }: ActionView): string {
  return error?.what ?? sentence(waits?.reason ?? "");
}

/** What to offer to go on with, when nothing runs: what failed, or what was cut off; null for nothing. */
export function whatToResume(view: View): string | null {
  const { run } = view;
  if (run === null || run.resumable === 0 || isLive(view) || view.running !== null) return null;
  return run.status === "failed" && run.failed > 0 ? `Retry failed (${count(run.failed)})` : "Resume";
}

/** True while the shown run is the one that runs. */
export function isLive(view: View): boolean {
  const run: RunView | null = view.run;
  return run !== null && (view.running === run.id || run.status === "running" || run.status === "paused");
}

/** Why nothing can be run, or null: the engine takes no run before the last one has settled. */
export function whyNotRun(view: View, gone: boolean): string | null {
  if (gone) return "Kernel restarted";
  return view.running === null ? null : "Already running";
}
