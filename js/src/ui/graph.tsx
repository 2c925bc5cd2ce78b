// The graph as the body of the widget, with the cards of one step below it; drawn by a part loaded on demand.
import { type Signal, signal } from "@preact/signals";
import type { FunctionComponent } from "preact";
import { useLayoutEffect } from "preact/hooks";
import { traced } from "../model/trace";
import { useUi } from "./context";
import { partLoader } from "./parts";
import { Step } from "./step";
import { Strip } from "./strip";

export interface GraphPart {
  css: string;
  Canvas: FunctionComponent<{ chosen: number; press: (step: number) => void }>;
}

/** Null until it is loaded; the strip stands in for it. */
export const graphPart: Signal<GraphPart | null> = signal(null);
const load = partLoader(graphPart, "flow_graph");

export function GraphBody({ root }: { root: HTMLElement }) {
  const { session, state } = useUi();
  const { steps } = session.store.flow.value;
  const { commands } = session;
  const shown = useShown();
  const def = steps[shown];
  const press = (step: number) => {
    state.choose(step);
    state.setOpen(step, true);
    requestAnimationFrame(() =>
      root.querySelector(`.fw-step[data-step="${step}"]`)?.scrollIntoView({ block: "nearest" }),
    );
  };
  useLayoutEffect(() => void load(commands), [commands]);
  const part = graphPart.value;
  return (
    <>
      {part === null ? (
        <Strip press={press} />
      ) : (
        <>
          <style>{part.css}</style>
          <part.Canvas chosen={shown} press={press} />
        </>
      )}
      <div class="fw-steps">{def !== undefined && <Step key={def.id} step={shown} def={def} />}</div>
    </>
  );
}

/** The step below the graph: the reader's, or the one that runs. */
function useShown(): number {
  const { session, state } = useUi();
  const { steps } = session.store.flow.value;
  const chosen = state.chosen.value;
  const views = () => steps.map((_, n) => session.store.step(n));
  const shown = state.tracing.value ? traced(views(), chosen) : Math.min(chosen, steps.length - 1);
  useLayoutEffect(() => {
    state.chosen.value = shown;
  }, [shown]);
  return shown;
}
