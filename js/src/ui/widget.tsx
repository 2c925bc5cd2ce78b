// The whole widget, and what one view of it needs from mount to unmount.
import { render } from "preact";
import { useMemo } from "preact/hooks";
import type { InputEdits } from "../host/inputs";
import type { Session } from "../host/session";
import { Announcer } from "./announcer";
import { Banners } from "./banner";
import { type Ui, UiContext, useUi } from "./context";
import { Frame } from "./frame";
import { GraphBody } from "./graph";
import { Header } from "./header";
import { Inputs } from "./inputs";
import { LogPane } from "./log-pane";
import { Step } from "./step";
import { Strip } from "./strip";
import { followTheme } from "./theme";
import { useTools } from "./tools";
import { UiState } from "./ui-state";
import { holdHeight, refocus, type Views } from "./views";

/** Draws a view into `el` until `end` is aborted. */
export function mount(
  session: Session,
  inputs: InputEdits,
  views: Views,
  el: HTMLElement,
  end: AbortController,
): UiState {
  const { signal } = end;
  const root = document.createElement("section");
  root.className = "fw";
  el.append(root);
  const announcer = new Announcer(signal);
  const before = views.take();
  const state = before?.state ?? new UiState(session.store.flow.value);
  const ui: Ui = {
    session,
    inputs,
    state,
    frame: new Frame(signal),
    signal,
    announce: (text) => announcer.say(text),
    goTo: (step, action) => goTo(root, state, step, action),
  };
  render(
    <UiContext.Provider value={ui}>
      <Widget root={root} />
      <p class="vh" role="status">
        {announcer.text}
      </p>
    </UiContext.Provider>,
    root,
  );
  announcer.watch(session);
  followTheme(root, signal);
  holdHeight(session, root, signal);
  views.add(root, state, () => end.abort(), signal);
  refocus(root, before?.focused ?? null);
  signal.addEventListener("abort", () => {
    render(null, root);
    root.remove();
  });
  return state;
}

function Widget({ root }: { root: HTMLElement }) {
  const { session, state } = useUi();
  const flow = session.store.flow.value;
  const mode = state.mode.value;
  useMemo(() => {
    root.dataset.mode = mode;
    root.setAttribute("aria-label", `Flow ${flow.name}`);
  }, [mode, flow.name]);
  return (
    <>
      <Header />
      {state.budgetOpen.value && <BudgetForm />}
      <Banners />
      <Inputs />
      {mode === "graph" && flow.steps.length > 0 ? <GraphBody root={root} /> : <Lane />}
      {state.log.value && <LogPane />}
    </>
  );
}

function BudgetForm() {
  const tools = useTools();
  return tools && <tools.BudgetRow />;
}

/** The steps one below the other, and if wanted how they hang together above. */
function Lane() {
  const { session, state, goTo } = useUi();
  const { steps } = session.store.flow.value;
  return (
    <>
      {state.strip.value && steps.length > 0 && <Strip press={(step) => goTo(step, null)} />}
      <div class="fw-steps">
        {steps.map((step, n) => (
          <Step key={step.id} step={n} def={step} />
        ))}
      </div>
    </>
  );
}

/** Opens a step and scrolls to it or to one of its cards: only a press of the reader does that. */
function goTo(root: HTMLElement, state: UiState, step: number, action: number | null): void {
  state.choose(step);
  state.setOpen(step, true);
  if (action !== null) state.action(step, action).open.value = true;
  requestAnimationFrame(() => {
    const place = action === null ? "" : `[data-action="${action}"]`;
    const target = root.querySelector<HTMLElement>(
      `${action === null ? ".fw-step" : ".fw-action"}[data-step="${step}"]${place}`,
    );
    target?.scrollIntoView({ block: "nearest" });
    target?.focus({ preventScroll: true });
  });
}
