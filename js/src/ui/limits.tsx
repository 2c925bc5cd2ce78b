// The fields of a budget: of the next runs in a row below the header, and larger ones to go on with.
import { useLayoutEffect, useRef } from "preact/hooks";
import {
  doubled,
  LIMIT_WORD,
  LIMITS,
  type Limit,
  readLimits,
  type Typed,
  typedOf,
  writtenAll,
} from "../model/budget";
import { isLive } from "../model/status";
import type { BudgetView } from "../model/wire";
import { useUi } from "./context";
import { Button, QUIET } from "./controls";

interface FieldsProps {
  limits: readonly Limit[];
  typed: Typed;
  empty: string;
  /** Gets only the field that was typed in: the others may have changed since they were drawn. */
  change: (typed: Typed) => void;
}

function Fields({ limits, typed, empty, change }: FieldsProps) {
  const { problem } = readLimits(typed);
  return (
    <>
      {limits.map((limit) => (
        <label key={limit} class="fw-limit">
          <span class="label">{LIMIT_WORD[limit]}</span>
          <input
            {...QUIET}
            class="field"
            inputMode={limit === "tokens" ? "numeric" : "decimal"}
            placeholder={empty}
            aria-invalid={problem === limit}
            value={typed[limit] ?? ""}
            onInput={(event) => change({ [limit]: event.currentTarget.value })}
          />
        </label>
      ))}
    </>
  );
}

/** What the next runs may spend. */
export function BudgetRow() {
  const { session, state } = useUi();
  const view = session.store.top();
  const box = useRef<HTMLDivElement>(null);
  const old = view.budget;
  const own = session.store.flow.value.budget;
  const [was, flows] = [writtenAll(old), writtenAll(own)];
  const typed = state.typedBudget.value ?? typedOf(old);
  const { budget, problem } = readLimits(typed);
  const isEmpty = writtenAll(budget) === "";
  const close = () => {
    const root = box.current?.closest(".fw");
    state.budgetOpen.value = false;
    root?.querySelector<HTMLElement>(".fw-budget-toggle")?.focus();
  };
  const send = async (next: BudgetView) => {
    if ((await session.act("budget", { ...next })) === null) return;
    state.typedBudget.value = null;
    close();
  };
  const why = session.gone.value
    ? "Kernel restarted"
    : problem !== null
      ? `${LIMIT_WORD[problem]} is not valid yet`
      : isEmpty && flows === ""
        ? "Enter a limit first"
        : null;
  const press = (event: KeyboardEvent) => {
    if (event.key === "Escape") close();
    else if (event.key === "Enter" && event.target instanceof HTMLInputElement) {
      if (why === null) void send(budget);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
  useLayoutEffect(() => box.current?.querySelector("input")?.focus({ preventScroll: true }), []);
  return (
    <div class="fw-budget" role="group" aria-label="Budget of the next runs" ref={box} onKeyDown={press}>
      <Fields
        limits={LIMITS}
        typed={typed}
        empty="no limit"
        change={(next) => {
          state.typedBudget.value = { ...(state.typedBudget.value ?? typed), ...next };
        }}
      />
      <span class="end">
        <Button class="b" command="budget" why={why} press={() => void send(budget)}>
          Set budget
        </Button>
        {was !== flows && (
          <Button
            class="b"
            command="budget"
            why={session.gone.value ? "Kernel restarted" : null}
            press={() => void send({ usd: null, tokens: null, seconds: null })}
          >
            {flows === "" ? "Clear budget" : "Reset to flow"}
          </Button>
        )}
        <span class="fw-hint">
          {flows !== "" && (isEmpty || writtenAll(budget) === flows)
            ? `As the flow says: ${flows}`
            : isLive(view)
              ? "Applies to the next run"
              : "A run stops when one is spent"}
        </span>
      </span>
    </div>
  );
}

/** Larger limits for a run whose budget is spent, twice the old ones to begin with. */
export function LargerLimits() {
  const { session, state } = useUi();
  const { run } = session.store.top();
  const old = run?.budget ?? null;
  if (old === null) return null;
  const typed = state.typedLarger.value ?? doubled(old);
  const press = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || !(event.target instanceof HTMLInputElement)) return;
    event.preventDefault();
    event.stopPropagation();
    event.target.closest(".fw")?.querySelector<HTMLElement>(".fw-resume")?.click();
  };
  return (
    <span class="fw-larger" role="group" aria-label="Larger limits" onKeyDown={press}>
      <Fields
        limits={LIMITS.filter((limit) => old[limit] !== null)}
        typed={typed}
        empty="no limit"
        change={(next) => {
          state.typedLarger.value = { ...(state.typedLarger.value ?? typed), ...next };
        }}
      />
    </span>
  );
}
