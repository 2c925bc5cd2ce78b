// The form of the flow's inputs. Edits are sent a moment after they are typed and belong to the next run.
import { useEffect, useRef, useState } from "preact/hooks";
import { size } from "../model/format";
import { readInput, shownInput } from "../model/input-value";
import { isLive } from "../model/status";
import type { InputView, Json } from "../model/wire";
import { useUi } from "./context";
import { Button, QUIET } from "./controls";
import { Icon } from "./icons";

/** Base64 makes a third more of it, and a message of over 10 MiB closes the connection without a word. */
const LARGEST_FILE = 7_000_000;

export function Inputs() {
  const { session, inputs, state } = useUi();
  const defs = session.store.flow.value.inputs;
  const view = session.store.top();
  if (defs.length === 0) return null;
  const edited = view.inputs_edited || Object.keys(inputs.unsent.value).length > 0;
  const many = defs.length > 6;
  const open = state.inputsOpen.value;
  const names = defs.slice(0, 2).map((def) => def.name);
  const rest = defs.length > 2 ? [`+${defs.length - 2}`] : [];
  return (
    <div class="fw-inputs" role="group" aria-label="Inputs">
      {many && (
        <Button
          class="link fw-unfold"
          expanded={open}
          press={() => {
            state.inputsOpen.value = !open;
          }}
        >
          {open ? "Fold inputs" : `Inputs: ${[...names, ...rest].join(", ")}`}
        </Button>
      )}
      {open && defs.map((def) => <Field key={def.name} def={def} />)}
      {edited && isLive(view) && <span class="fw-hint">Edits apply to the next run</span>}
    </div>
  );
}

function Field({ def }: { def: InputView }) {
  const { session, inputs } = useUi();
  const values = session.store.top().inputs;
  const value = inputs.unsent.value[def.name] ?? values[def.name] ?? def.default;
  const Kind = def.type === "file" ? FileField : def.type === "boolean" ? BooleanField : TextField;
  return <Kind def={def} value={value ?? null} />;
}

interface FieldProps {
  def: InputView;
  value: Json;
}

function Label({ def }: { def: InputView }) {
  return (
    <span class="label" title={def.description || undefined}>
      {def.name}
    </span>
  );
}

function TextField({ def, value }: FieldProps) {
  const { inputs } = useUi();
  const [typed, setTyped] = useState<string | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const focused = useRef(false);
  const shown = shownInput(def.type, value);
  useEffect(() => {
    if (!focused.current && problem === null) setTyped(null);
  }, [shown]);
  const text = typed ?? shown;
  const change = (next: string) => {
    setTyped(next);
    const read = readInput(def.type, next);
    setProblem("problem" in read ? read.problem : null);
    if ("problem" in read) inputs.mark(def.name, false);
    else inputs.change(def.name, read.value);
  };
  const shared = {
    ...QUIET,
    class: "field",
    title: def.description || undefined,
    "aria-invalid": problem !== null,
    value: text,
    onFocus: () => {
      focused.current = true;
    },
    onBlur: () => {
      focused.current = false;
      inputs.flush();
      if (problem === null) setTyped(null);
    },
  };
  const isArea = def.type === "text" || def.type === "json";
  return (
    <label class={`fw-input ${def.type}`}>
      <Label def={def} />
      {isArea ? (
        <span class="fw-grow">
          <span class="field" aria-hidden="true">{`${text}\u200b`}</span>
          <textarea {...shared} rows={1} onInput={(event) => change(event.currentTarget.value)} />
        </span>
      ) : (
        <input
          {...shared}
          inputMode={def.type === "integer" ? "numeric" : "decimal"}
          onInput={(event) => change(event.currentTarget.value)}
        />
      )}
      {problem !== null && <span class="fw-problem">{problem}</span>}
    </label>
  );
}

function BooleanField({ def, value }: FieldProps) {
  const { inputs } = useUi();
  return (
    <label class="fw-input boolean" title={def.description || undefined}>
      <span class="fw-check">
        <input
          {...QUIET}
          type="checkbox"
          checked={value === true}
          onChange={(event) => inputs.change(def.name, event.currentTarget.checked)}
        />
        <Label def={def} />
      </span>
    </label>
  );
}

function FileField({ def, value }: FieldProps) {
  const { inputs } = useUi();
  const [problem, setProblem] = useState<string | null>(null);
  const file = fileOf(value);
  const choose = async (chosen: File | undefined) => {
    if (chosen === undefined) return;
    if (chosen.size > LARGEST_FILE) {
      setProblem(`${chosen.name} has ${size(chosen.size)}. A file may have ${size(LARGEST_FILE)} at most.`);
      return;
    }
    setProblem(null);
    inputs.change(def.name, { name: chosen.name, mime: chosen.type, data: await base64(chosen) });
  };
  return (
    <label class="fw-input file" title={def.description || undefined}>
      <Label def={def} />
      <span class="field">
        <Icon name="file" />
        <span class="name">{file?.name ?? "Choose a file"}</span>
        {file !== null && <small>{size(file.bytes)}</small>}
        <input
          {...QUIET}
          type="file"
          class="vh"
          onChange={(event) => void choose(event.currentTarget.files?.[0])}
        />
      </span>
      {problem !== null && <span class="fw-problem">{problem}</span>}
    </label>
  );
}

function fileOf(value: Json): { name: string; bytes: number } | null {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return null;
  const { name, size_bytes: bytes, data } = value;
  if (typeof name !== "string") return null;
  if (typeof bytes === "number") return { name, bytes };
  return { name, bytes: typeof data === "string" ? Math.floor((data.length * 3) / 4) : 0 };
}

function base64(file: File): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onerror = () => reject(reader.error ?? new Error("The file cannot be read."));
    reader.onload = () => resolve(String(reader.result).replace(/^[^,]*,/, ""));
    reader.readAsDataURL(file);
  });
}
