// The part of anywidget's model that we use, and the messages that come over it.
import type { Delta, ErrorView, Json, View } from "../model/wire";

export interface HostModel {
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  send(content: unknown): void;
  on(event: string, listener: (...args: never[]) => void): void;
  off(event: string, listener: (...args: never[]) => void): void;
}

export type Ack =
  | { k: "ack"; c: number; ok: true; data: Json }
  | { k: "ack"; c: number; ok: false; error: ErrorView };

export type Message = ({ k: "d" } & Delta) | { k: "snap"; view: View } | Ack;

export type Fields = Record<string, Json>;
