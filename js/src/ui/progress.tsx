// How far a long action has come: in words, and as a thin bar where its end is known.
import { count } from "../model/format";
import type { ActionView, ProgressView } from "../model/wire";

/** `3 of 10`, or `3` where nobody knows the end. */
export function progressWord({ done, total }: ProgressView): string {
  return total === null ? count(done) : `${count(done)} of ${count(total)}`;
}

/** Striped until the first part is done: it is at work, and nobody knows how fast. */
export function Bar({ progress: { done, total } }: { progress: ProgressView }) {
  if (total === null || total <= 0) return null;
  return (
    <span class="fw-bar" data-idle={done === 0 ? "" : undefined} aria-hidden="true">
      <i style={{ width: `${Math.min(100, (100 * done) / total)}%` }} />
    </span>
  );
}

/** In a card, below its lines; nothing once the action has settled. */
export function Progress({ view, name }: { view: ActionView; name: string }) {
  const { progress } = view;
  if (progress === null || view.status !== "running") return null;
  const word = progressWord(progress);
  return (
    <div
      class="fw-done"
      role="progressbar"
      aria-label={`Progress of ${name}`}
      aria-valuemin={0}
      aria-valuenow={progress.total === null ? undefined : progress.done}
      aria-valuemax={progress.total ?? undefined}
      aria-valuetext={progress.text === "" ? word : `${word}, ${progress.text}`}
    >
      <span class="n">{word}</span>
      {progress.text !== "" && <span class="what">{progress.text}</span>}
      <Bar progress={progress} />
    </div>
  );
}
