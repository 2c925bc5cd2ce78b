// The editor of an output, in place of it: a draft until it is saved as an attempt of a person.
import { useLayoutEffect, useRef } from "preact/hooks";
import { useUi } from "./context";
import { Button, QUIET } from "./controls";
import type { ActionUi } from "./ui-state";

export interface OutputEditorProps {
  step: number;
  action: number;
  name: string;
  /** The output as it is. */
  text: string;
  /** Whether the action's output is data, so that the text must be JSON. */
  isData: boolean;
  isMono: boolean;
  ui: ActionUi;
  why: string | null;
  close: () => void;
}

export function OutputEditor(props: OutputEditorProps) {
  const { step, action, name, text, isData, isMono, ui, close } = props;
  const { session } = useUi();
  const area = useRef<HTMLTextAreaElement>(null);
  const key = `edit_output ${step} ${action}`;
  const typed = ui.outputDraft.value ?? text;
  const problem = isData ? jsonProblem(typed) : null;
  const why = props.why ?? (problem === null ? null : "This is not JSON yet");
  const save = async () => {
    if (why !== null || session.commands.busy.peek().has(key)) return;
    if ((await session.act("edit_output", { step, action, text: typed }, key)) === null) return;
    ui.outputDraft.value = null;
    ui.attempt.value = null;
    close();
  };
  const press = (event: KeyboardEvent) => {
    if (event.key === "Escape") close();
    else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) void save();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  useLayoutEffect(() => area.current?.focus({ preventScroll: true }), []);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Esc and Ctrl+Enter work in it
    <div class="fw-form" onKeyDown={press}>
      <label>
        <span class="label">Output</span>
        <span class={`fw-area${isMono ? "" : " prose"}`}>
          <span class="field area mirror" aria-hidden="true">{`${typed}\u200b`}</span>
          <textarea
            {...QUIET}
            ref={area}
            class="field area"
            rows={1}
            spellcheck={!isMono}
            aria-invalid={problem !== null}
            value={typed}
            onInput={(event) => {
              ui.outputDraft.value = event.currentTarget.value;
            }}
          />
        </span>
        {problem !== null && <span class="fw-problem">{problem}</span>}
      </label>
      <div class="end">
        <Button
          class="b primary"
          command={key}
          why={why}
          label={`Save output of ${name}`}
          press={() => void save()}
        >
          Save output
        </Button>
        <Button class="b" press={close} title="Close; the text is kept as a draft">
          Close
        </Button>
        {ui.outputDraft.value !== null && (
          <Button
            class="link"
            press={() => {
              ui.outputDraft.value = null;
              area.current?.focus();
            }}
          >
            Discard draft
          </Button>
        )}
        <span class="fw-hint">Outputs that used it become stale</span>
      </div>
    </div>
  );
}

function jsonProblem(text: string): string | null {
  try {
    JSON.parse(text);
    return null;
  } catch {
    return "Not valid JSON. This action's output is data.";
  }
}
