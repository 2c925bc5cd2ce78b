// The editor of an action, in place of its output: a draft until it runs, back to the flow by a press.
import type { RefObject } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { nearest, pieces, unknownIn } from "../model/template";
import type { FieldsView, Json } from "../model/wire";
import { useUi } from "./context";
import { Button, QUIET } from "./controls";
import type { ActionUi } from "./ui-state";

export interface EditorProps {
  step: number;
  action: number;
  name: string;
  fields: FieldsView;
  edited: boolean;
  ui: ActionUi;
  why: string | null;
  close: () => void;
}

export function Editor({ step, action, name, fields, edited, ui, why, close }: EditorProps) {
  const { session } = useUi();
  const flow = session.store.flow.value;
  const first = useRef<HTMLTextAreaElement | null>(null);
  const key = `run_action ${step} ${action}`;
  const values: FieldsView = { ...fields, ...ui.draft.value };
  const change = (name: keyof FieldsView, value: string | number | null) => {
    ui.draft.value = { ...ui.draft.value, [name]: value };
  };
  const isChanged = Object.keys(changedFields(ui.draft.value, fields)).length > 0;
  /** Sends what was changed, if anything was, and tells whether it was taken. */
  const send = async (held: string) => {
    const changed = changedFields(ui.draft.value, fields);
    const edits = Object.keys(changed).length > 0;
    const saved = edits ? session.act("edit", { step, action, fields: changed }, held) : null;
    if (saved !== null && (await saved) === null) return false;
    ui.draft.value = {};
    return true;
  };
  const run = async () => {
    if (why !== null || !(await send(key))) return;
    if ((await session.act("run_action", { step, action }, key)) !== null) close();
  };
  const save = async () => {
    if (await send(`edit ${step} ${action}`)) close();
  };
  const reset = async () => {
    ui.draft.value = {};
    if (edited) await session.act("reset", { step, action }, `reset ${step} ${action}`);
  };
  const press = (event: KeyboardEvent) => {
    if (event.key === "Escape") close();
    else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) void run();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  useLayoutEffect(() => first.current?.focus({ preventScroll: true }), []);
  const models = `fw-models-${flow.id}-${step}-${action}`;
  const dirty = edited || isChanged;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Esc and Ctrl+Enter work in every field of it
    <div class="fw-form" onKeyDown={press}>
      <Template label="System" value={values.system} set={(value) => change("system", value)} />
      <Template label="Prompt" value={values.prompt} set={(value) => change("prompt", value)} focus={first} />
      <div class="row">
        <label class="wide">
          <span class="label">Model</span>
          <input
            {...QUIET}
            class="field"
            list={models}
            value={values.model ?? ""}
            onInput={(event) => change("model", event.currentTarget.value || null)}
          />
          <datalist id={models}>
            {flow.models.map((model) => (
              <option key={model} value={model} />
            ))}
          </datalist>
        </label>
        <Num
          label="Temperature"
          value={values.temperature}
          empty="default"
          set={(v) => change("temperature", v)}
        />
        <Num
          label="Max tokens"
          value={values.max_tokens}
          empty="no limit"
          set={(v) => change("max_tokens", v)}
        />
      </div>
      <div class="end">
        <Button
          class="b primary"
          icon="play"
          command={key}
          why={why}
          label={`Run action ${name}`}
          press={() => void run()}
        >
          Run action
        </Button>
        <Button
          class="b"
          command={`edit ${step} ${action}`}
          why={why ?? (isChanged ? null : "Nothing is edited")}
          title="Save without a run; outputs that depend on it become stale"
          label={`Save edit of ${name}`}
          press={() => void save()}
        >
          Save edit
        </Button>
        <Button class="b" press={close} title="Close; the edits are kept as a draft">
          Close
        </Button>
        {dirty && (
          <Button
            class="link"
            why={session.gone.value ? "Kernel restarted" : null}
            press={() => void reset()}
          >
            Reset to flow
          </Button>
        )}
      </div>
    </div>
  );
}

/** The draft's fields that differ from the definition's: what `edit` sends. */
function changedFields(draft: Partial<FieldsView>, fields: FieldsView): Record<string, Json> {
  return Object.fromEntries(
    Object.entries(draft).filter(([name, value]) => value !== fields[name as keyof FieldsView]),
  );
}

interface TemplateProps {
  label: string;
  value: string | null;
  set: (value: string | null) => void;
  focus?: RefObject<HTMLTextAreaElement | null>;
}

/** A textarea over a mirror of its text: the mirror gives it its height and tints the references. */
function Template({ label, value, set, focus }: TemplateProps) {
  const { session } = useUi();
  const mirror = useRef<HTMLDivElement>(null);
  const { references } = session.store.flow.value;
  const text = value ?? "";
  const parts = pieces(text, references);
  const unknown = parts.flatMap((part) => (part.known === false ? unknownIn(part.text, references) : []));
  return (
    <label>
      <span class="label">{label}</span>
      <span class="fw-area">
        <span class="field area mirror" aria-hidden="true" ref={mirror}>
          {parts.map((part, n) => (
            <span key={n} class={part.known === null ? undefined : part.known ? "ref" : "ref bad"}>
              {part.text}
            </span>
          ))}
          {"\u200b"}
        </span>
        <textarea
          {...QUIET}
          ref={focus}
          class="field area"
          spellcheck={false}
          rows={1}
          value={text}
          onInput={(event) => set(event.currentTarget.value || null)}
          onScroll={(event) => {
            if (mirror.current) mirror.current.scrollTop = event.currentTarget.scrollTop;
          }}
        />
      </span>
      {[...new Set(unknown)].map((name) => (
        <Unknown key={name} name={name} references={references} />
      ))}
    </label>
  );
}

function Unknown({ name, references }: { name: string; references: readonly string[] }) {
  const near = nearest(name, references);
  return (
    <span class="fw-problem">
      {`{{${name}}} is not known.`}
      {near !== null && ` Nearest: {{${near}}}.`}
    </span>
  );
}

interface NumProps {
  label: string;
  value: number | string | null;
  empty: string;
  set: (value: number | string | null) => void;
}

/** A number, or a template that becomes one. */
function Num({ label, value, empty, set }: NumProps) {
  const read = (text: string) => {
    const trimmed = text.trim();
    if (trimmed === "") return null;
    return Number.isFinite(Number(trimmed)) && !trimmed.endsWith(".") ? Number(trimmed) : trimmed;
  };
  return (
    <label>
      <span class="label">{label}</span>
      <input
        {...QUIET}
        class="field"
        inputMode="decimal"
        placeholder={empty}
        value={value === null ? "" : String(value)}
        onChange={(event) => set(read(event.currentTarget.value))}
      />
    </label>
  );
}
