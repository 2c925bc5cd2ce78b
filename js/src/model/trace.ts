// Which step is worth showing while the reader has chosen none.
import { isActive, isSettled } from "./status";
import type { StepView } from "./wire";

/** The step to show while nobody chose one: what runs, then what failed, then what settled last. */
export function traced(steps: readonly (StepView | null)[], shown: number): number {
  const status = (step: number) => steps[step]?.status ?? "pending";
  if (isActive(status(shown))) return shown;
  const active = steps.findIndex((step) => step !== null && isActive(step.status));
  if (active >= 0) return active;
  const failed = steps.findIndex((step) => step?.status === "failed");
  if (failed >= 0) return failed;
  let last = { step: 0, at: 0 };
  for (const [step, view] of steps.entries()) {
    if (view === null || !isSettled(view.status) || view.status === "skipped") continue;
    const at = view.ended_at ?? 0;
    if (at >= last.at) last = { step, at };
  }
  return last.step;
}
