// Draws a JSON document as a tree: ← → fold, ↑ ↓ move.
import type { Signal } from "@preact/signals";
import { useMemo, useState } from "preact/hooks";
import { parse, type Row, rows } from "../model/json-tree";
import { QUIET } from "./controls";

export function JsonView({ text, toggled }: { text: string; toggled: Signal<ReadonlySet<string>> }) {
  const parsed = useMemo(() => parse(text), [text]);
  const [at, setAt] = useState("$");
  if (parsed === null) return <p class="pre">{text}</p>;
  const all = rows(parsed.value, toggled.value);
  const current = all.some((row) => row.path === at) ? at : "$";
  const toggle = (row: Row) => {
    const next = new Set(toggled.value);
    if (!next.delete(row.path)) next.add(row.path);
    toggled.value = next;
  };
  const focus = (tree: HTMLElement, n: number) => {
    const row = all[Math.max(0, Math.min(all.length - 1, n))];
    if (row === undefined) return;
    setAt(row.path);
    (tree.children[all.indexOf(row)] as HTMLElement | undefined)?.focus();
  };
  const press = (event: KeyboardEvent) => {
    const n = all.findIndex((row) => row.path === current);
    const row = all[n];
    const tree = event.currentTarget as HTMLElement;
    if (row === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "ArrowDown") focus(tree, n + 1);
    else if (event.key === "ArrowUp") focus(tree, n - 1);
    else if (event.key === "Home") focus(tree, 0);
    else if (event.key === "End") focus(tree, all.length - 1);
    else if (event.key === "ArrowRight" && row.open === false) toggle(row);
    else if (event.key === "ArrowRight" && row.open) focus(tree, n + 1);
    else if (event.key === "ArrowLeft" && row.open) toggle(row);
    else if (event.key === "ArrowLeft") focus(tree, parentRow(all, n));
    else if ((event.key === "Enter" || event.key === " ") && row.open !== null) toggle(row);
    else return;
    event.preventDefault();
  };
  return (
    <div class="json" role="tree" aria-label="Output as a tree" onKeyDown={press}>
      {all.map((row) => (
        // biome-ignore lint/a11y/useKeyWithClickEvents: the tree handles the keys
        <div
          key={row.path}
          {...QUIET}
          role="treeitem"
          aria-level={row.depth + 1}
          aria-expanded={row.open ?? undefined}
          tabIndex={row.path === current ? 0 : -1}
          style={{ paddingLeft: `${14 + row.depth * 16}px` }}
          onClick={() => {
            setAt(row.path);
            if (row.open !== null) toggle(row);
          }}
        >
          {row.open !== null && (
            <span
              class="tw"
              style={{ left: `${row.depth * 16 - 2}px` }}
              data-open={row.open ? "" : undefined}
            />
          )}
          {row.key !== null && <span class="k">{row.key}</span>}
          {row.key !== null && ": "}
          <span class={row.kind}>{row.text}</span>
        </div>
      ))}
    </div>
  );
}

function parentRow(all: readonly Row[], n: number): number {
  const depth = all[n]?.depth ?? 0;
  for (let at = n - 1; at >= 0; at--) if ((all[at]?.depth ?? 0) < depth) return at;
  return n;
}
