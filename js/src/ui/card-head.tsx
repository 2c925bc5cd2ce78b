// The lines of a card above its text: play, index, name, status, time; type and model, views, tools.
import { counted, duration, instant } from "../model/format";
import { isActive, isSettled, type Shown } from "../model/status";
import type { ActionView } from "../model/wire";
import { type Card, views } from "./card-views";
import { useUi } from "./context";
import { Button, Copy, Elapsed, Index, Status, Switch } from "./controls";
import { Icon } from "./icons";
import type { ActionUi, OutputView } from "./ui-state";

function Play({ step, action, def, view, why }: Card) {
  const { session } = useUi();
  const verb = view.status === "failed" ? "Retry" : "Run action";
  const title = isSettled(view.status) && view.status !== "failed" ? "Run again" : `${verb} ${def.name}`;
  const key = `run_action ${step} ${action}`;
  return (
    <Button
      class="i play fw-run-action"
      icon="play"
      command={key}
      label={`${verb} ${def.name}`}
      title={title}
      why={why}
      step={step}
      action={action}
      press={() => void session.act("run_action", { step, action }, key)}
    />
  );
}

export function Head(card: Card) {
  const { step, action, def, view, shown } = card;
  return (
    <div class="fw-action-head">
      <Play {...card} />
      <Index text={`${step}, ${action}`} call={`await widget.run_action(${step}, ${action})`} />
      <h4 class="fw-action-name" title={def.name}>
        {def.name}
      </h4>
      <Status status={shown} title={instant(view)} />
      <span class="t">
        <Time view={view} shown={shown} />
      </span>
    </div>
  );
}

function Time({ view, shown }: { view: ActionView; shown: Shown }) {
  if (view.started_at === null) return null;
  if (view.ended_at !== null) return <>{duration(view.ended_at - view.started_at)}</>;
  return isActive(shown) ? <Elapsed from={view.started_at} /> : null;
}

function Tokens({ step, action }: { step: number; action: number }) {
  const tokens = useUi().session.store.tokens(step, action);
  return tokens === null ? null : <span class="n">{counted(tokens, "token")}</span>;
}

export function Meta(card: Card) {
  const { step, action, def, view, ui, solo } = card;
  const { session } = useUi();
  const editing = ui.editing.value && def.fields !== null;
  const model = view.model ?? def.model;
  const text = () => ui.attempt.value?.text ?? session.store.actionNow(step, action).text;
  const draft = Object.keys(ui.draft.value).length > 0;
  return (
    <div class="fw-action-meta">
      {solo && <Play {...card} />}
      {solo && <Index text={`${step}, ${action}`} call={`await widget.run_action(${step}, ${action})`} />}
      <span class="chip" title={model ?? undefined}>
        {def.type}
        {model !== null && " · "}
        {model !== null && <em>{model}</em>}
      </span>
      {def.edited && <span class="n">edited</span>}
      {!def.edited && draft && <span class="n">draft</span>}
      <Tokens step={step} action={action} />
      {view.attempts.length > 1 && <AttemptsButton view={view} ui={ui} />}
      <div class="fw-tools">
        {!editing && ui.open.value && <Views {...card} />}
        <span class="push" />
        {def.fields !== null && (
          <Button
            class="i fw-edit"
            icon="edit"
            label={`${editing ? "Close editor" : "Edit action"} ${def.name}`}
            title={editing ? "Close editor" : "Edit action"}
            pressed={editing}
            press={() => {
              ui.editing.value = !editing;
              ui.open.value = true;
            }}
          />
        )}
        {!editing && view.text !== "" && <Copy label="Copy output" text={text} />}
        {!editing && (
          <Button
            class="i"
            icon={ui.open.value ? "up" : "down"}
            label={`${ui.open.value ? "Collapse" : "Expand"} ${def.name}`}
            title={ui.open.value ? "Collapse output" : "Expand output"}
            expanded={ui.open.value}
            press={() => {
              ui.open.value = !ui.open.value;
            }}
          />
        )}
      </div>
    </div>
  );
}

function AttemptsButton({ view, ui }: { view: ActionView; ui: ActionUi }) {
  const shown = ui.attempt.value?.number ?? view.attempt;
  return (
    <Button
      class="attempts"
      popup="listbox"
      label={`Attempt ${shown} of ${view.attempts.length}`}
      title="Attempts"
      expanded={ui.attemptsOpen.value}
      press={() => {
        ui.attemptsOpen.value = !ui.attemptsOpen.value;
      }}
    >
      {`${shown} of ${view.attempts.length}`}
      <Icon name={ui.attemptsOpen.value ? "up" : "down"} />
    </Button>
  );
}

const VIEW_WORD: Record<OutputView, string> = { markdown: "Markdown", json: "JSON", text: "Text" };

function Views(card: Card) {
  const { options, value } = views(card);
  if (options.length === 0) return null;
  return (
    <Switch
      label="View output as"
      options={options.map((option) => ({ value: option, word: VIEW_WORD[option] }))}
      value={value}
      choose={(next) => {
        card.ui.view.value = next;
      }}
    />
  );
}
