// Running the whole flow: what keeps it from running, and the press that starts it.
import type { InputEdits } from "../host/inputs";
import { whyNotRun } from "../model/status";
import type { FlowView, InputView } from "../model/wire";
import { useUi } from "./context";

/** `force` does without the outputs of earlier runs. */
export function useRunFlow(force = false): { why: string | null; press: () => void } {
  const { session, inputs, state } = useUi();
  const view = session.store.top();
  const flow = session.store.flow.value;
  const start = state.startOf(flow);
  const why = whyNotRun(view, session.gone.value) ?? whyNotReady(asked(flow, start), view.inputs, inputs);
  return { why, press: () => inputs.runFlow(start, force) };
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
