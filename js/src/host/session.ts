// One widget's conversation with its kernel: what is known, what can be asked, whether anybody listens.
import { computed, effect, type Signal, signal } from "@preact/signals";
import { flowStatus, isLive } from "../model/status";
import { Store } from "../model/store";
import type { Delta, ErrorView, FlowView, View } from "../model/wire";
import { Clock } from "./clock";
import { Commands, Disconnected, Refused, type Reply } from "./commands";
import type { Fields, HostModel, Message } from "./model";
import { Sync } from "./sync";

/** Heartbeats come every second while a run is live; so long a silence is worth a question. */
const SILENCE_MS = 5000;

const NO_FLOW: FlowView = {
  id: "",
  name: "Flow",
  description: "",
  steps: [],
  edges: [],
  sequence: true,
  inputs: [],
  triggers: [],
  models: [],
  references: [],
  budget: null,
  problems: [],
};
const NO_VIEW: View = {
  seq: -1,
  now: 0,
  inputs: {},
  inputs_edited: false,
  runs: [],
  running: null,
  notices: [],
  budget: null,
  cache: false,
  run: null,
};

export class Session {
  readonly store: Store;
  readonly clock = new Clock();
  readonly commands: Commands;
  /** True when there is no kernel behind the page. */
  readonly gone = signal(false);
  /** True while a live run has sent nothing for five seconds. */
  readonly silent = signal(false);
  /** The error of the last command that was refused, until the next one. */
  readonly refusal: Signal<ErrorView | null> = signal(null);
  readonly waitsForKernel = computed(
    () => !this.gone.value && (this.commands.late.value > 0 || this.silent.value),
  );
  readonly status = computed(() => flowStatus(this.store.top(), this.gone.value));
  private readonly sync: Sync;
  private heardAt = performance.now();
  private keeping = false;

  constructor(private readonly model: HostModel) {
    this.store = new Store((model.get("flow") as FlowView | null) ?? NO_FLOW, this.trait() ?? NO_VIEW);
    this.commands = new Commands(
      (content) => model.send(content),
      () => this.lose(),
    );
    this.sync = new Sync(this.store, (have) => {
      this.commands.send("sync", { have }).catch(() => undefined);
    });
    this.clock.hear(this.store.view.now);
  }

  /** Listens until `signal` aborts. */
  start(signal: AbortSignal): void {
    const model = this.model;
    const heard = (content: Message, buffers?: DataView[]) => this.hear(content, buffers ?? []);
    const flow = () => {
      const value = model.get("flow") as FlowView | null;
      if (value !== null) this.store.flow.value = value;
    };
    const run = () => {
      const view = this.keeping ? null : this.trait();
      if (view !== null && view.seq >= this.store.view.seq) this.sync.snapshot(view);
    };
    const probe = () => this.sync.request();
    const listeners: [string, (...args: never[]) => void][] = [
      ["msg:custom", heard],
      ["change:flow", flow],
      ["change:run", run],
      ["comm_live_update", probe],
    ];
    for (const [event, listener] of listeners) model.on(event, listener);
    const watch = setInterval(() => this.watch(), 1000);
    const ticking = effect(() =>
      this.clock.run(isLive(this.store.top()) && !this.gone.value && !this.silent.value),
    );
    signal.addEventListener("abort", () => {
      for (const [event, listener] of listeners) model.off(event, listener);
      clearInterval(watch);
      ticking();
      this.clock.run(false);
      this.commands.drop();
    });
    this.sync.request();
  }

  /** Sends a command of the reader; a refusal is shown. Resolves to null when it was not accepted. */
  async act(op: string, fields: Fields = {}, key?: string): Promise<Reply | null> {
    this.refusal.value = null;
    try {
      return await this.commands.send(op, fields, key);
    } catch (error) {
      if (error instanceof Refused) this.refusal.value = error.view;
      else if (!(error instanceof Disconnected)) throw error;
      return null;
    }
  }

  private hear(message: Message, buffers: DataView[]): void {
    this.heardAt = performance.now();
    this.silent.value = false;
    this.gone.value = false;
    if (message.k === "ack") return this.commands.acknowledge(message, buffers);
    const now = message.k === "d" ? message.now : message.view.now;
    if (typeof now === "number") this.clock.hear(now);
    const wasLive = isLive(this.store.view);
    if (message.k === "d") this.sync.delta(message as Delta);
    else if (message.k === "snap") this.sync.snapshot(message.view);
    if (wasLive && !isLive(this.store.view)) this.keep();
  }

  /** Gives the model what is on the screen, so that "Save widget state" stores it. Nothing is sent. */
  private keep(): void {
    this.keeping = true;
    this.model.set("run", structuredClone(this.store.view));
    this.keeping = false;
  }

  private trait(): View | null {
    const view = this.model.get("run") as View | null | undefined;
    return view != null && typeof view.seq === "number" ? view : null;
  }

  /** Asks after a silence: `send` throws when the kernel is gone, else the snapshot ends the silence. */
  private watch(): void {
    if (this.gone.value || !isLive(this.store.view)) {
      this.silent.value = false;
      return;
    }
    if (performance.now() - this.heardAt < SILENCE_MS) return;
    this.silent.value = true;
    this.sync.request();
  }

  private lose(): void {
    this.gone.value = true;
    this.commands.drop();
  }
}
