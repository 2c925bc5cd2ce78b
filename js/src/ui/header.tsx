// The top of the widget: name and status, what can be run, the facts, the toggles, and the progress.
import { useLayoutEffect, useRef } from "preact/hooks";
import type { InputEdits } from "../host/inputs";
import { clock, cost, count, counted, duration } from "../model/format";
import { isLive, stepStatus, whyNotRun } from "../model/status";
import type { FlowView, InputView, RunLine, RunView } from "../model/wire";
import { useUi } from "./context";
import { Button, Elapsed, QUIET, Status, Switch } from "./controls";

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
  const { session, inputs, state } = useUi();
  const view = session.store.top();
  const flow = session.store.flow.value;
  const start = state.startOf(flow);
  const gone = session.gone.value;
  const live = isLive(view) || view.running !== null;
  const box = useRef<HTMLDivElement>(null);
  const cancelHadFocus = useRef(false);
  const stale = view.run?.stale ?? 0;
  const why = whyNotRun(view, gone) ?? whyNotReady(asked(flow, start), view.inputs, inputs);
  useLayoutEffect(() => {
    if (live || !cancelHadFocus.current) return;
    cancelHadFocus.current = false;
    box.current?.querySelector<HTMLElement>(".fw-run-flow")?.focus();
  }, [live]);
  return (
    <div class="fw-go" ref={box}>
      {view.run !== null && <Picker />}
      {start !== null && <Start step={start} />}
      {live && !gone && (
        <span
          class="fw-slot"
          onFocusCapture={() => {
            cancelHadFocus.current = true;
          }}
          onBlurCapture={(event) => {
            if (event.relatedTarget !== null) cancelHadFocus.current = false;
          }}
        >
          <Button class="b fw-cancel" icon="stop" command="cancel" press={() => void session.act("cancel")}>
            Cancel
          </Button>
        </span>
      )}
      {stale > 0 && (
        <Button
          class="b fw-run-stale"
          command="run_stale"
          why={whyNotRun(view, gone)}
          press={() => void session.act("run_stale")}
        >
          {`Run stale (${stale})`}
        </Button>
      )}
      <Button
        class="b primary fw-run-flow"
        icon="play"
        command="run_flow"
        why={why}
        press={() => inputs.runFlow(start)}
      >
        Run flow
      </Button>
    </div>
  );
}

/** The inputs that a run takes which begins at a trigger. */
function asked({ inputs, triggers }: FlowView, start: number | null): InputView[] {
  const names = triggers.find(({ step }) => step === start)?.inputs;
  return names === undefined ? inputs : inputs.filter(({ name }) => names.includes(name));
}

function whyNotReady(defs: InputView[], values: Record<string, unknown>, edits: InputEdits): string | null {
  const [invalid] = edits.invalid.value;
  if (invalid !== undefined) return `${invalid} is not valid yet`;
  const all = { ...values, ...edits.unsent.value };
  const missing = defs.find((def) => def.required && def.default === null && all[def.name] == null);
  return missing === undefined ? null : `Enter ${missing.name} first`;
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
          {`Run ${run.number} · ${clock(run.started_at)}${outcome(run.status)}`}
        </option>
      ))}
    </select>
  );
}

function Facts() {
  const { session } = useUi();
  const { run } = session.store.top();
  const flow = session.store.flow.value;
  session.store.facts();
  const waits = session.waitsForKernel.value && <span class="n fw-late">Waiting for the kernel</span>;
  if (run === null) {
    const actions = flow.steps.reduce((sum, step) => sum + step.actions.length, 0);
    return (
      <div class="fw-facts">
        <span class="n">{counted(flow.steps.length, "step")}</span>
        <span class="n">{counted(actions, "action")}</span>
        {waits}
      </div>
    );
  }
  return (
    <div class="fw-facts">
      <Worked run={run} />
      <span class="n">
        <b>{`${count(run.settled)} of ${count(run.total)}`}</b> {run.total === 1 ? "action" : "actions"}
      </span>
      {run.tokens !== null && (
        <span class="n">
          <b>{count(run.tokens)}</b> {run.tokens === 1 ? "token" : "tokens"}
        </span>
      )}
      {run.cost_usd !== null && (
        <span class="n">
          <b>{cost(run.cost_usd)}</b>
        </span>
      )}
      {waits}
    </div>
  );
}

/** How long the run has worked: before a rerun the time stands still, and it stops when nobody answers. */
function Worked({ run }: { run: RunView }) {
  const { session } = useUi();
  const from = (run.active_at ?? 0) - run.active_seconds;
  const stands = run.active_at === null || session.gone.value || session.silent.value;
  const word = stands && duration((run.active_at === null ? 0 : session.store.view.now) - from);
  if (word === "") return null;
  return (
    <span class="n">
      <b>{word || <Elapsed from={from} />}</b>
    </span>
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
