// One step in the graph: a button with its status, index and name, what it does and how long it took.
import { count, duration, instant } from "../model/format";
import type { Spot } from "../model/graph";
import { joinOf, kindOf, nodeLabel, type Way } from "../model/graph-words";
import { isActive, type Shown, stepReason, stepStatus, WORD } from "../model/status";
import type { StepDef, StepView } from "../model/wire";
import { useUi } from "./context";
import { Elapsed, QUIET } from "./controls";
import { Icon, statusIcon } from "./icons";
import { Bar, progressWord } from "./progress";

interface Props {
  step: number;
  def: StepDef;
  spot: Spot;
  ways: readonly Way[];
  isChosen: boolean;
  isStop: boolean;
  focus: (step: number) => void;
  press: (step: number) => void;
}

export function Node({ step, def, spot, ways, isChosen, isStop, focus, press }: Props) {
  const { session } = useUi();
  const { store } = session;
  const view = store.step(step);
  const status = stepStatus(view, session.gone.value);
  const visits = view?.visits ?? 0;
  const flow = store.flow.value;
  const label = nodeLabel({ flow, step, status: WORD[status], visits, ways, edge: (n) => store.edge(n) });
  return (
    <button
      {...QUIET}
      type="button"
      class="node large"
      title={[def.name, joinOf(def)?.[1], stepReason(view), instant(view)].filter(Boolean).join("\n")}
      aria-label={label}
      aria-current={isChosen ? "true" : undefined}
      data-step={step}
      data-s={status}
      tabIndex={isStop ? 0 : -1}
      style={{ left: `${spot.x}px`, top: `${spot.y}px` }}
      onFocus={() => focus(step)}
      onClick={() => press(step)}
    >
      <span class="fw-mark" data-s={status}>
        <Icon name={statusIcon(status)} />
      </span>
      <span class="idx">{step}</span>
      <span class="name">{def.name}</span>
      {visits > 1 && <span class="times">{`×${count(visits)}`}</span>}
      <Below step={step} def={def} view={view} status={status} />
    </button>
  );
}

/** The second line: what the step does, and how far or how long. */
function Below({
  step,
  def,
  view,
  status,
}: {
  step: number;
  def: StepDef;
  view: StepView | null;
  status: Shown;
}) {
  const { session } = useUi();
  const only = def.actions.length === 1 ? session.store.action(step, 0) : null;
  const progress = isActive(status) ? (only?.progress ?? null) : null;
  const join = joinOf(def);
  const isParallel = isActive(status) && def.actions.length > 1;
  return (
    <>
      <span class="kind">
        <span>{kindOf(def)}</span>
        {join !== null && <span>{`\u00a0· ${join[0]}`}</span>}
      </span>
      <span class="fact">
        {progress !== null ? (
          progressWord(progress)
        ) : isParallel ? (
          `${view?.settled ?? 0} of ${def.actions.length}`
        ) : (
          <Time view={view} status={status} />
        )}
      </span>
      {progress !== null && <Bar progress={progress} />}
    </>
  );
}

function Time({ view, status }: { view: StepView | null; status: Shown }) {
  if (view === null || view.started_at === null || status === "skipped") return null;
  if (view.ended_at !== null) return <>{duration(view.ended_at - view.started_at)}</>;
  return isActive(status) ? <Elapsed from={view.started_at} /> : null;
}
