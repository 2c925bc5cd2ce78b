// One step: a line that stays the same in Cards and Lines, and the cards of its actions.
import { useLayoutEffect } from "preact/hooks";
import { capital, count, counted, duration, firstLine, instant } from "../model/format";
import {
  isActive,
  isSettled,
  type Shown,
  stepReason,
  stepStatus,
  waitCause,
  whyNotRun,
} from "../model/status";
import type { ActionView, ProgressView, StepDef, StepView } from "../model/wire";
import { ActionCard } from "./action-card";
import { useUi } from "./context";
import { Button, Elapsed, Index, QUIET, Status } from "./controls";
import { Note } from "./notes";
import { Bar, progressWord } from "./progress";

interface Props {
  step: number;
  def: StepDef;
}

export function Step({ step, def }: Props) {
  const { session, state } = useUi();
  const view = session.store.step(step);
  const gone = session.gone.value;
  const shown = stepStatus(view, gone);
  const open = state.isOpen(step);
  const runId = session.store.top().run?.id;
  useLayoutEffect(() => {
    if (view?.status === "failed") state.openOnce(step, `${runId} ${step}`);
  }, [view?.status, runId]);
  return (
    <section
      {...QUIET}
      class="fw-step"
      data-step={step}
      data-status={view?.status ?? "pending"}
      data-stale={shown === "stale" ? "" : undefined}
      aria-label={`Step ${step}, ${def.name}`}
      tabIndex={-1}
    >
      <Head step={step} def={def} view={view} shown={shown} open={open} />
      {open && view?.status === "failed" && <Why step={step} view={view} />}
      {open && (
        <div class="fw-grid">
          {def.actions.map((action, n) => (
            <ActionCard key={action.id} step={step} action={n} def={action} solo={def.actions.length === 1} />
          ))}
        </div>
      )}
    </section>
  );
}

function Head({
  step,
  def,
  view,
  shown,
  open,
}: Props & { view: StepView | null; shown: Shown; open: boolean }) {
  const { session, state } = useUi();
  const key = `run_step ${step}`;
  const why = whyNotRun(session.store.top(), session.gone.value);
  const fold = open ? "Collapse" : "Expand";
  const again = view !== null && isSettled(view.status) ? "Run again" : `Run step ${def.name}`;
  return (
    <div class="fw-step-head">
      <Button
        class="i play fw-run-step"
        icon="play"
        command={key}
        label={`Run step ${def.name}`}
        title={again}
        why={why}
        step={step}
        press={() => void session.act("run_step", { step }, key)}
      />
      <Index text={String(step)} call={`await widget.run_step(${step})`} />
      <h3 class="fw-step-name" title={def.name}>
        {def.name}
      </h3>
      <span class="fw-step-status">
        <Status status={shown} title={instant(view)} />
        {view !== null && view.visits > 1 && (
          <span class="times" title={`Visited ${count(view.visits)} times`}>{`×${count(view.visits)}`}</span>
        )}
      </span>
      <span class="fw-step-line">
        {state.mode.value === "lines" && !open && <Line step={step} def={def} view={view} />}
      </span>
      <Facts step={step} def={def} view={view} shown={shown} />
      <Button
        class="i"
        icon={open ? "up" : "down"}
        label={`${fold} step ${def.name}`}
        expanded={open}
        press={() => state.setOpen(step, !open)}
      />
    </div>
  );
}

/** Why a step failed whose cards do not say it: its join failed, or it came to its limit. */
function Why({ step, view }: { step: number; view: StepView }) {
  const { session } = useUi();
  const actions = view.actions.map((_, n) => session.store.action(step, n));
  const isSaid = actions.some((action) => isBroken(action) || action.reason === view.reason);
  const why = stepReason(view);
  if (isSaid || why === null) return null;
  return (
    <Note tone="err" icon="failed">
      {`${why}.`}
    </Note>
  );
}

function isBroken({ status, error }: ActionView): boolean {
  return status === "failed" && error !== null;
}

/** The first line of the output, or why there is none. */
function Line({ step, view }: Props & { view: StepView | null }) {
  const { session } = useUi();
  if (view === null) return null;
  const why = stepReason(view);
  const actions = view.actions.map((_, n) => session.store.action(step, n));
  const failed = actions.find(isBroken);
  if (why !== null && failed === undefined) return <>{why}</>;
  const stale = actions.find((action) => action.stale !== null)?.stale;
  const text = firstLine(actions.find((action) => action.text !== "")?.text ?? "");
  const waits = actions.find((action) => action.status === "waiting");
  const start = failed?.error?.what ?? (waits ? waitCause(waits) : stale ? capital(stale) : "");
  const running = progressOf(actions);
  if (running) {
    return (
      <>
        {running.text}
        <Bar progress={running} />
      </>
    );
  }
  return <>{[start, text].filter((part) => part !== "").join(" · ")}</>;
}

/** How far the first of the actions is that is at work and can tell. */
function progressOf(actions: ActionView[]): ProgressView | null {
  return actions.find((action) => action.status === "running" && action.progress !== null)?.progress ?? null;
}

function Facts({ step, def, view, shown }: Props & { view: StepView | null; shown: Shown }) {
  const { session, state } = useUi();
  const actions = counted(def.actions.length, "action");
  const lines = state.mode.value === "lines";
  const started = view?.started_at ?? null;
  const ended = view?.ended_at ?? null;
  const isFolded = lines && !state.isOpen(step);
  const running = isFolded ? progressOf(def.actions.map((_, n) => session.store.action(step, n))) : null;
  return (
    <span class="fw-step-facts">
      {running !== null && <span>{progressWord(running)}</span>}
      {started !== null && ended !== null && <span>{duration(ended - started)}</span>}
      {started !== null && ended === null && isActive(shown) && (
        <span>
          <Elapsed from={started} />
        </span>
      )}
      {view !== null && view.tokens !== null && <span class="tok">{counted(view.tokens, "token")}</span>}
      {(!lines || started === null) && !(shown === "skipped" && lines) && <span>{actions}</span>}
    </span>
  );
}
