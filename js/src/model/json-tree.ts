// Turns a JSON document into the rows of a tree: which are open, how deep, and what each one says.
import type { Json } from "./wire";

export interface Row {
  path: string;
  depth: number;
  /** The key or index, null at the root. */
  key: string | null;
  /** Null for a leaf. */
  open: boolean | null;
  /** `{4}` or `[3]` for a container; the JSON of a leaf. */
  text: string;
  kind: "container" | "string" | "value" | "more";
}

/** So many children of one container are drawn; the rest is in the text view. */
export const MOST_CHILDREN = 500;

export function parse(text: string): { value: Json } | null {
  try {
    return { value: JSON.parse(text) as Json };
  } catch {
    return null;
  }
}

/** Open by default: the root, and containers of the first two levels with at most 8 children. */
export function rows(value: Json, toggled: ReadonlySet<string>): Row[] {
  const out: Row[] = [];
  walk(value, null, "$", 0, toggled, out);
  return out;
}

function walk(
  value: Json,
  key: string | null,
  path: string,
  depth: number,
  toggled: ReadonlySet<string>,
  out: Row[],
): void {
  if (value === null || typeof value !== "object") {
    const kind = typeof value === "string" ? "string" : "value";
    out.push({ path, depth, key, open: null, text: JSON.stringify(value), kind });
    return;
  }
  const isList = Array.isArray(value);
  const children: [string, Json][] = isList
    ? value.map((item, n) => [String(n), item])
    : Object.entries(value);
  const size = children.length;
  const open = size > 0 && isOpen(depth, size, isList) !== toggled.has(path);
  out.push({
    path,
    depth,
    key,
    open: size === 0 ? null : open,
    text: isList ? `[${size}]` : `{${size}}`,
    kind: "container",
  });
  if (!open) return;
  for (const [name, item] of children.slice(0, MOST_CHILDREN)) {
    walk(item, name, `${path}/${name}`, depth + 1, toggled, out);
  }
  if (size <= MOST_CHILDREN) return;
  const text = `… ${size - MOST_CHILDREN} more`;
  out.push({ path: `${path}/…`, depth: depth + 1, key: null, open: null, text, kind: "more" });
}

function isOpen(depth: number, size: number, isList: boolean): boolean {
  return depth === 0 || (depth === 1 && size <= 8 && !isList);
}
