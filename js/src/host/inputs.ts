// Collects what is typed into the inputs and sends it a moment later, and always before a run.
import { type Signal, signal } from "@preact/signals";
import type { Json } from "../model/wire";
import type { Session } from "./session";

const PAUSE_MS = 300;

export class InputEdits {
  /** Edits that Python has not acknowledged yet. */
  readonly unsent: Signal<Record<string, Json>> = signal({});
  /** Names of inputs whose text is not a value yet, such as half a JSON document. */
  readonly invalid: Signal<ReadonlySet<string>> = signal(new Set());
  private timer: ReturnType<typeof setTimeout> | null = null;

  constructor(private readonly session: Session) {}

  change(name: string, value: Json): void {
    this.mark(name, true);
    this.unsent.value = { ...this.unsent.value, [name]: value };
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = setTimeout(() => this.flush(), PAUSE_MS);
  }

  mark(name: string, valid: boolean): void {
    const next = new Set(this.invalid.value);
    if (valid ? !next.delete(name) : next.has(name)) return;
    if (!valid) next.add(name);
    this.invalid.value = next;
  }

  /** Sends the edits now. Messages keep their order, so a run sent next gets them. */
  flush(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    const values = this.unsent.value;
    if (Object.keys(values).length === 0) return;
    const settle = () => {
      const left = { ...this.unsent.value };
      for (const [name, value] of Object.entries(values)) if (left[name] === value) delete left[name];
      this.unsent.value = left;
    };
    this.session.act("inputs", { values }, "inputs").then(settle, settle);
  }

  /** Runs the flow; `trigger` is the step that begins it, of several, `force` does without the cache. */
  runFlow(trigger: number | null, force = false): void {
    this.flush();
    const how = { ...(trigger !== null && { trigger }), ...(force && { force }) };
    void this.session.act("run_flow", { inputs: null, ...how });
  }
}
