// The graph as the body of the widget, with the cards of one step below it; drawn by a part loaded on demand.
import { type Signal, signal } from "@preact/signals";
import type { FunctionComponent } from "preact";
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { Fragment, jsx, jsxs } from "preact/jsx-runtime";
import { loader } from "../host/asset";
import { traced } from "../model/trace";
import { useUi } from "./context";
import { Step } from "./step";
import { Strip } from "./strip";

export interface GraphPart {
  css: string;
  Canvas: FunctionComponent<{ chosen: number; press: (step: number) => void }>;
}

/** What the part takes from here, by the names it imports: both must have one Preact and one context. */
const SHARED: Record<string, object> = {
  "preact/hooks": { useLayoutEffect, useMemo, useRef, useState },
  "preact/jsx-runtime": { Fragment, jsx, jsxs },
  "./context": { useUi },
};

/** Null until it is loaded; the strip stands in for it. */
export const graphPart: Signal<GraphPart | null> = signal(null);
type Make = (require: (name: string) => object | undefined) => GraphPart;
const load = loader(graphPart, "flow_graph", (part) => (part.default as Make)((name) => SHARED[name]));

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
