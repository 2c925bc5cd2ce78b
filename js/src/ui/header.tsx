// The top of the widget: name and status, what can be run, the facts, the toggles, and the progress.
import { counted, when } from "../model/format";
import { isLive, stepStatus, whyNotRun } from "../model/status";
import type { RunLine } from "../model/wire";
import { useUi } from "./context";
import { Button, Offer, QUIET, Status, Switch } from "./controls";
import { Facts } from "./facts";
import { Resume } from "./resume";
import { useRunFlow } from "./run-flow";

/** Above so many steps the progress is one bar. */
const MOST_SEGMENTS = 60;

export function Header() {
  const { session } = useUi();
  const flow = session.store.flow.value;
  return (
    <header class="fw-head">
      <div class="fw-title">
        <h2 class="fw-name" title={flow.description || flow.name}>
          {flow.name}
        </h2>
        <Status status={session.status.value} />
      </div>
      <Go />
      <Facts />
      <Toggles />
      <Progress />
    </header>
  );
}

function Go() {
  const { session, state } = useUi();
  const view = session.store.top();
  const start = state.startOf(session.store.flow.value);
  const gone = session.gone.value;
  const live = isLive(view) || view.running !== null;
  const stale = view.run?.stale ?? 0;
  const { why, press } = useRunFlow();
  return (
    <div class="fw-go">
      {view.run !== null && <Picker />}
      {start !== null && <Start step={start} />}
      {live && !gone && (
        <Offer class="b fw-cancel" icon="stop" command="cancel" press={() => void session.act("cancel")}>
          Cancel
        </Offer>
      )}
      <Resume />
      {stale > 0 && (
        <Offer
          class="b fw-run-stale"
          command="run_stale"
          why={whyNotRun(view, gone)}
          press={() => void session.act("run_stale")}
        >
          {`Run stale (${stale})`}
        </Offer>
      )}
      <Button class="b primary fw-run-flow" icon="play" command="run_flow" why={why} press={press}>
        Run flow
      </Button>
    </div>
  );
}

/** Which of several triggers begins the next run. */
function Start({ step }: { step: number }) {
  const { session, state } = useUi();
  const { triggers } = session.store.flow.value;
  return (
    <label class="fw-start">
      <span class="label">Start at</span>
      <select
        {...QUIET}
        class="field"
        disabled={session.gone.value}
        value={String(step)}
        onChange={(event) => {
          state.trigger.value = Number(event.currentTarget.value);
        }}
      >
        {triggers.map((trigger) => (
          <option key={trigger.step} value={String(trigger.step)} selected={trigger.step === step}>
            {`${trigger.step} · ${trigger.name}`}
          </option>
        ))}
      </select>
    </label>
  );
}

function Picker() {
  const { session } = useUi();
  const view = session.store.top();
  return (
    <select
      {...QUIET}
      class="field"
      aria-label="Run"
      disabled={session.gone.value}
      value={view.run?.id}
      onChange={(event) => {
        const select = event.currentTarget;
        const run = select.value;
        void session.act("pick", { run }).then((reply) => {
          if (reply === null) select.value = session.store.view.run?.id ?? "";
        });
      }}
    >
      {[...view.runs].reverse().map((run) => (
        <option key={run.id} value={run.id} selected={run.id === view.run?.id}>
          {`Run ${run.number} · ${when(run.started_at, session.clock.now())}${outcome(run.status)}`}
        </option>
      ))}
    </select>
  );
}

function Toggles() {
  const { state } = useUi();
  const modes = [
    { value: "cards", word: "Cards" },
    { value: "lines", word: "Lines" },
    { value: "graph", word: "Graph" },
  ] as const;
  const isGraph = state.mode.value === "graph";
  return (
    <div class="fw-views">
      <Switch
        label="Layout"
        options={modes}
        value={state.mode.value}
        choose={(mode) => state.setMode(mode)}
      />
      <span class="seg">
        <Button
          class=""
          title="The graph in small above the steps"
          pressed={state.strip.value && !isGraph}
          why={isGraph ? "The graph is shown below" : null}
          press={() => {
            state.strip.value = !state.strip.value;
          }}
        >
          Overview
        </Button>
        <Button
          class=""
          pressed={state.log.value}
          press={() => {
            state.log.value = !state.log.value;
          }}
        >
          Log
        </Button>
        <Button
          class="fw-budget-toggle"
          title="What the next runs may spend"
          pressed={state.budgetOpen.value}
          press={() => {
            state.budgetOpen.value = !state.budgetOpen.value;
          }}
        >
          Budget
        </Button>
      </span>
    </div>
  );
}

function Progress() {
  const { session } = useUi();
  const flow = session.store.flow.value;
  const { run } = session.store.top();
  session.store.facts();
  const total = run?.total ?? flow.steps.reduce((sum, step) => sum + step.actions.length, 0);
  const settled = run?.settled ?? 0;
  const many = flow.steps.length > MOST_SEGMENTS;
  return (
    <div
      class="fw-progress"
      role="progressbar"
      aria-label="Actions settled"
      aria-valuemin={0}
      aria-valuenow={settled}
      aria-valuemax={total}
      aria-valuetext={`${settled} of ${counted(total, "action")}`}
    >
      {many ? (
        <span data-s={run?.status ?? "pending"}>
          <i style={{ width: `${(100 * settled) / Math.max(1, total)}%` }} />
        </span>
      ) : (
        flow.steps.map((step, n) => <Segment key={step.id} step={n} actions={step.actions.length} />)
      )}
    </div>
  );
}

function Segment({ step, actions }: { step: number; actions: number }) {
  const { session } = useUi();
  const view = session.store.step(step);
  const part = view === null ? 0 : view.settled / Math.max(1, actions);
  return (
    <span data-s={stepStatus(view, session.gone.value)}>
      <i style={{ width: `${Math.round(100 * part)}%` }} />
    </span>
  );
}

/** What to add to a run in the picker: how it ended, unless it ended well. */
function outcome(status: RunLine["status"]): string {
  return status === "completed" || status === "running" ? "" : ` · ${status}`;
}
