// One action: a card with who it is and how it is, what can be done with it, and its text.
import { useLayoutEffect } from "preact/hooks";
import { actionStatus, isActive, whyNotRun } from "../model/status";
import { Body } from "./card-body";
import { Head, Meta } from "./card-head";
import type { Card, CardProps } from "./card-views";
import { useUi } from "./context";
import { QUIET } from "./controls";

export function ActionCard(props: CardProps) {
  const { step, action, def, solo } = props;
  const { session, state } = useUi();
  const view = session.store.action(step, action);
  const gone = session.gone.value;
  const ui = state.action(step, action);
  const shown = actionStatus(view, gone);
  const why = whyNotRun(session.store.top(), gone);
  useLayoutEffect(() => {
    ui.attempt.value = null;
    ui.whole.value = false;
  }, [view.attempt, session.store.top().run?.id]);
  const card: Card = { ...props, view, shown, ui, why };
  return (
    <article
      {...QUIET}
      class={`fw-action${solo ? " solo" : ""}`}
      data-step={step}
      data-action={action}
      data-status={view.status}
      data-stale={shown === "stale" ? "" : undefined}
      aria-busy={isActive(view.status) && !gone}
      aria-label={`Action ${step}, ${action}, ${def.name}`}
      tabIndex={-1}
    >
      {!solo && <Head {...card} />}
      <Meta {...card} />
      {ui.open.value && <Body {...card} />}
    </article>
  );
}
