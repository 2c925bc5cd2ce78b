// A model without a kernel: it keeps what was sent, and messages come when the test says so.
import type { HostModel } from "../src/host/model";
import type { FlowView, View } from "../src/model/wire";

type Listener = (...args: never[]) => void;

export class FakeModel implements HostModel {
  sent: Record<string, unknown>[] = [];
  gone = false;
  /** Called for each command that is sent. */
  answer: ((command: Record<string, unknown>) => void) | null = null;
  private readonly traits: Record<string, unknown>;
  private readonly listeners = new Map<string, Set<Listener>>();

  constructor(flow: FlowView, run: View) {
    this.traits = { flow, run };
  }

  get(name: string): unknown {
    return this.traits[name];
  }

  set(name: string, value: unknown): void {
    this.traits[name] = value;
    this.fire(`change:${name}`);
  }

  send(content: unknown): void {
    if (this.gone) throw new Error("Cannot send");
    const command = content as Record<string, unknown>;
    this.sent.push(command);
    this.answer?.(command);
  }

  on(event: string, listener: Listener): void {
    const all = this.listeners.get(event) ?? new Set();
    this.listeners.set(event, all.add(listener));
  }

  off(event: string, listener: Listener): void {
    this.listeners.get(event)?.delete(listener);
  }

  /** How many listeners are left. */
  get heard(): number {
    return [...this.listeners.values()].reduce((sum, all) => sum + all.size, 0);
  }

  /** Delivers a message to the browser. */
  message(content: unknown, buffers: DataView[] = []): void {
    this.fire("msg:custom", content, buffers);
  }

  ack(command: Record<string, unknown>, data: unknown = null): void {
    this.message({ k: "ack", c: command.c, ok: true, data });
  }

  ops(): unknown[] {
    return this.sent.map((command) => command.op);
  }

  private fire(event: string, ...args: unknown[]): void {
    for (const listener of this.listeners.get(event) ?? [])
      (listener as (...args: unknown[]) => void)(...args);
  }
}
