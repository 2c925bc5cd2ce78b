// The lines of a card above its text: play, index, name, status, time; type and model, views, tools.
import { counted, duration, instant } from "../model/format";
import { isActive, isSettled, type Shown } from "../model/status";
import type { ActionView } from "../model/wire";
import { type Card, views } from "./card-views";
import { useUi } from "./context";
import { Button, Copy, Elapsed, Index, Status, Switch } from "./controls";
import { Icon } from "./icons";
import type { ActionUi, Editing, OutputView } from "./ui-state";

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
  const model = view.model ?? def.model;
  const draft = Object.keys(ui.draft.value).length > 0 || ui.outputDraft.value !== null;
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
      {origins(view).map((word) => (
        <span class="n" key={word}>
          {word}
        </span>
      ))}
      {view.attempts.length > 1 && <AttemptsButton view={view} ui={ui} />}
      <Tools {...card} />
    </div>
  );
}

const ORIGIN: Record<ActionView["origin"], string> = {
  ran: "",
  cache: "from cache",
  kept: "kept",
  pin: "pinned",
  edit: "edited by hand",
};

/** Where the output comes from, unless this run made it, and whether it stays. */
function origins({ origin, pinned }: ActionView): string[] {
  const words = [ORIGIN[origin], pinned ? "pinned" : ""].filter((word) => word !== "");
  return [...new Set(words)];
}

function Tools(card: Card) {
  const { step, action, def, view, ui } = card;
  const { session } = useUi();
  const editing = ui.editing.value !== null;
  const text = () => ui.attempt.value?.text ?? session.store.actionNow(step, action).text;
  const hasOutput = view.text !== "";
  const canWrite = isSettled(view.status) && view.status !== "skipped";
  return (
    <div class="fw-tools">
      {!editing && ui.open.value && <Views {...card} />}
      <span class="push" />
      {def.fields !== null && <Edit card={card} what="action" />}
      {canWrite && <Edit card={card} what="output" />}
      {((hasOutput && canWrite) || view.pinned) && <Pin {...card} />}
      {!editing && hasOutput && <Copy label="Copy output" text={text} />}
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
  );
}

/** Opens the editor of the action or of its output, and closes it. */
function Edit({ card: { def, ui, why }, what }: { card: Card; what: Editing }) {
  const gone = useUi().session.gone.value;
  const isOpen = ui.editing.value === what;
  const verb = isOpen ? `Close editor${what === "output" ? " of output" : ""}` : `Edit ${what}`;
  const locked = gone ? "Kernel restarted" : what === "output" ? why : null;
  return (
    <Button
      class={`i ${what === "output" ? "fw-edit-output" : "fw-edit"}`}
      icon={what === "output" ? "write" : "edit"}
      label={`${verb} ${def.name}`}
      title={verb}
      pressed={isOpen}
      why={isOpen ? null : locked}
      press={() => {
        ui.editing.value = isOpen ? null : what;
        ui.open.value = true;
      }}
    />
  );
}

/** Keeps an output for this run and the next ones, or lets it go. */
function Pin({ step, action, def, view, why }: Card) {
  const { session } = useUi();
  const key = `pin ${step} ${action}`;
  return (
    <Button
      class="i fw-pin"
      icon="pin"
      command={key}
      label={`Pin output of ${def.name}`}
      title={view.pinned ? "Pinned: the next runs use this output" : "Pin output: the next runs use it"}
      pressed={view.pinned}
      why={why}
      press={() => void session.act("pin", { step, action, pinned: !view.pinned }, key)}
    />
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
