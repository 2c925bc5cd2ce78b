// The facts of a run in the header: time, actions, tokens, cost, or how much of its budget is spent.
import { LIMIT_WORD, type Limit, meter, writtenAll } from "../model/budget";
import { cost, count, counted, dollars, duration, ticking } from "../model/format";
import type { RunView } from "../model/wire";
import { useUi } from "./context";
import { Offer } from "./controls";
import { Icon } from "./icons";
import { useRunFlow } from "./run-flow";

export function Facts() {
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
        <NextBudget run={run} />
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
      <Tokens run={run} />
      <Cost run={run} />
      <Cached run={run} />
      <NextBudget run={run} />
      {waits}
    </div>
  );
}

/** How long the run has worked: before a rerun the time stands still, and it stops when nobody answers. */
function Worked({ run }: { run: RunView }) {
  const { session } = useUi();
  const { clock } = session;
  const from = (run.active_at ?? 0) - run.active_seconds;
  const stands = run.active_at === null || session.gone.value || session.silent.value;
  if (!stands) clock.tenths.value;
  const now = run.active_at === null ? 0 : stands ? session.store.view.now : clock.now();
  const seconds = Math.max(0, now - from);
  if (run.budget !== null && run.budget.seconds !== null)
    return <Meter limit="seconds" run={run} seconds={seconds} />;
  const word = stands ? duration(seconds) : ticking(seconds);
  if (word === "") return null;
  return (
    <span class="n">
      <b>{word}</b>
    </span>
  );
}

function Tokens({ run }: { run: RunView }) {
  if (run.budget !== null && run.budget.tokens !== null) return <Meter limit="tokens" run={run} />;
  if (run.tokens === null) return null;
  return (
    <span class="n">
      <b>{count(run.tokens)}</b> {run.tokens === 1 ? "token" : "tokens"}
    </span>
  );
}

function Cost({ run }: { run: RunView }) {
  const { budget, spent } = run;
  if (budget !== null && budget.usd !== null) {
    const unknown = spent.unpriced && (
      <Warning word="price unknown" title="A model has no price: name it in `prices`" />
    );
    if (spent.usd !== null || !spent.unpriced)
      return (
        <>
          <Meter limit="usd" run={run} />
          {unknown}
        </>
      );
    return (
      <span class="n">
        {unknown} · limit {dollars(budget.usd)}
      </span>
    );
  }
  if (run.cost_usd === null) return null;
  return (
    <span class="n">
      <b>{cost(run.cost_usd)}</b>
    </span>
  );
}

function Meter({ limit, run, seconds = 0 }: { limit: Limit; run: RunView; seconds?: number }) {
  const found = meter(limit, run, seconds);
  if (found === null) return null;
  const { used, limit: most, amount, rest, word, estimated } = found;
  const said = `${amount.replace("≈", "about")} ${rest}${word && `, ${word}`}`;
  return (
    <span
      class="n fw-meter"
      data-s={word === "" ? undefined : "warn"}
      role="meter"
      aria-label={`Budget, ${LIMIT_WORD[limit]}`}
      aria-valuemin={0}
      aria-valuenow={Math.min(used, most)}
      aria-valuemax={most}
      aria-valuetext={said}
      title={estimated ? "Partly estimated, until the server names its count" : undefined}
    >
      <span>
        <b>{amount}</b> {rest}
      </span>
      <span class="fw-bar">
        <i style={{ width: `${Math.min(100, (100 * used) / most)}%` }} />
      </span>
      {word !== "" && <Warning word={word} />}
    </span>
  );
}

function Warning({ word, title }: { word: string; title?: string }) {
  return (
    <span class="n fw-warned" title={title}>
      <Icon name="warn" />
      {word}
    </span>
  );
}

/** How many outputs came from earlier runs, and the way to make them anew. */
function Cached({ run }: { run: RunView }) {
  const { session } = useUi();
  const { why, press } = useRunFlow(true);
  if (run.cached === 0) return null;
  return (
    <span class="n">
      <b>{count(run.cached)}</b> from cache
      {session.store.view.cache && (
        <>
          {" · "}
          <Offer class="link" command="run_flow" why={why} press={press}>
            Run without cache
          </Offer>
        </>
      )}
    </span>
  );
}

/** The budget of the next runs, where it is not that of this one. */
function NextBudget({ run }: { run: RunView | null }) {
  const { session } = useUi();
  const [word, now] = [writtenAll(session.store.top().budget), writtenAll(run?.budget)];
  if (word === now) return null;
  return (
    <span class="n">
      {run === null ? "Budget" : "Next run"} <b>{word || "no budget"}</b>
    </span>
  );
}
