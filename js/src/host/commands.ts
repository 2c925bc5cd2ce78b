// Sends commands, pairs them with their acks, and knows which of them are late or lost.
import { type Signal, signal } from "@preact/signals";
import type { ErrorView, Json } from "../model/wire";
import type { Ack, Fields } from "./model";

/** After this long without an ack the page says that it waits for the kernel. */
export const SLOW_MS = 1000;
/** A button is not held longer than this for an ack that never comes. */
const HELD_MS = 15_000;

export interface Reply {
  data: Json;
  buffers: DataView[];
}

/** What a refused command rejects with. */
export class Refused extends Error {
  constructor(readonly view: ErrorView) {
    super(view.what);
  }
}

/** What a command rejects with when there is no kernel to send it to. */
export class Disconnected extends Error {}

interface Waiting {
  key: string;
  resolve: (reply: Reply) => void;
  reject: (error: Error) => void;
  timers: ReturnType<typeof setTimeout>[];
}

export class Commands {
  /** Keys of the commands that are sent and not yet acknowledged. */
  readonly busy: Signal<ReadonlySet<string>> = signal(new Set());
  /** How many commands have waited longer than a second. */
  readonly late = signal(0);
  private last = 0;
  private readonly waiting = new Map<number, Waiting>();

  constructor(
    private readonly post: (content: Fields) => void,
    private readonly lost: () => void,
  ) {}

  /** Sends a command; `key` names the button that is held until the ack. */
  send(op: string, fields: Fields, key = op): Promise<Reply> {
    const c = ++this.last;
    try {
      this.post({ ...fields, op, c });
    } catch {
      this.lost();
      return Promise.reject(new Disconnected("The kernel is gone."));
    }
    return new Promise((resolve, reject) => {
      const timers: Waiting["timers"] = [];
      this.waiting.set(c, { key, resolve, reject, timers });
      this.busy.value = new Set(this.busy.value).add(key);
      timers.push(setTimeout(() => this.late.value++, SLOW_MS));
      timers.push(setTimeout(() => this.release(key), HELD_MS));
    });
  }

  acknowledge(ack: Ack, buffers: DataView[]): void {
    const waiting = this.waiting.get(ack.c);
    if (waiting === undefined) return;
    this.forget(ack.c, waiting);
    if (ack.ok) waiting.resolve({ data: ack.data, buffers });
    else waiting.reject(new Refused(ack.error));
  }

  /** Rejects all that wait: the kernel is gone, or this model is closed. */
  drop(): void {
    for (const [c, waiting] of this.waiting) {
      this.forget(c, waiting);
      waiting.reject(new Disconnected("The kernel is gone."));
    }
  }

  private forget(c: number, { key, timers }: Waiting): void {
    for (const timer of timers) clearTimeout(timer);
    this.waiting.delete(c);
    this.late.value = 0;
    this.release(key);
  }

  private release(key: string): void {
    const left = new Set(this.busy.value);
    if (left.delete(key)) this.busy.value = left;
  }
}
