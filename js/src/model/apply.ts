// Applies a delta to a view in place and says what changed; the rules are in docs/wire.md.
//
// Offsets of text count UTF-16 units, as a string of JavaScript does; Python converts. The twin of this
// file is flow_widgets/run/delta.py, and both replay the same golden files.
import type { Delta, Json, Path, View } from "./wire";

export interface Change {
  kind: "set" | "add" | "push";
  path: Path;
  /** The length of the text or list before, for `add` and `push`. */
  from: number;
}

type Parent = Record<string, Json> | Json[];

/** Applies `delta` and returns its changes, or null when something before it is missing: a gap. */
export function apply(view: View, delta: Delta): Change[] | null {
  const changes: Change[] = [];
  const root = view as unknown as Parent;
  for (const [path, value] of delta.set) {
    if (!setValue(root, path, value)) return null;
    changes.push({ kind: "set", path, from: 0 });
  }
  for (const [step, action, offset, text] of delta.add) {
    const path: Path = ["run", "steps", step, "actions", action, "text"];
    const from = addText(root, path, offset, text);
    if (from === null) return null;
    if (from >= 0) changes.push({ kind: "add", path, from });
  }
  for (const [path, index, items] of delta.push) {
    const from = pushItems(root, path, index, items);
    if (from === null) return null;
    if (from >= 0) changes.push({ kind: "push", path, from });
  }
  view.seq = delta.seq;
  view.now = delta.now;
  return changes;
}

function setValue(root: Parent, path: Path, value: Json): boolean {
  const parent = parentOf(root, path);
  const key = path[path.length - 1];
  if (parent === null || key === undefined) return false;
  if (Array.isArray(parent)) {
    if (typeof key !== "number" || key > parent.length) return false;
    parent[key] = value;
  } else parent[key] = value;
  return true;
}

/** Returns the length before, -1 when nothing was new, or null for a gap. */
function addText(root: Parent, path: Path, offset: number, text: string): number | null {
  const parent = parentOf(root, path);
  const key = path[path.length - 1];
  if (parent === null || key === undefined) return null;
  const old = child(parent, key);
  if (typeof old !== "string" || offset > old.length) return null;
  const fresh = text.slice(old.length - offset);
  if (fresh === "") return -1;
  if (Array.isArray(parent)) parent[Number(key)] = old + fresh;
  else parent[key] = old + fresh;
  return old.length;
}

function pushItems(root: Parent, path: Path, index: number, items: Json[]): number | null {
  const parent = parentOf(root, path);
  const key = path[path.length - 1];
  const list = parent === null || key === undefined ? undefined : child(parent, key);
  if (!Array.isArray(list) || index > list.length) return null;
  const from = list.length;
  const fresh = items.slice(from - index);
  if (fresh.length === 0) return -1;
  for (const item of fresh) list.push(item);
  return from;
}

function parentOf(root: Parent, path: Path): Parent | null {
  let here: Parent = root;
  for (let depth = 0; depth < path.length - 1; depth++) {
    const next: Json | undefined = child(here, path[depth] ?? "");
    if (typeof next !== "object" || next === null) return null;
    here = next;
  }
  return here;
}

function child(parent: Parent, key: string | number): Json | undefined {
  if (Array.isArray(parent)) return typeof key === "number" ? parent[key] : undefined;
  return Object.hasOwn(parent, key) ? parent[key] : undefined;
}
