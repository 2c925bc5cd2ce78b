// Loads the Markdown module over the comm, once per page, on the first need; null until it is there.
import { type Signal, signal } from "@preact/signals";
import type { Block } from "../model/markdown";
import type { Commands } from "./commands";

export type Markdown = (source: string) => Block[];

/** Shared by all widgets of a page. Null while loading, and for good when there is no kernel to ask. */
export const markdown: Signal<Markdown | null> = signal(null);
export const MARKDOWN_ASSET = "flow_markdown";

let loading = false;

export async function loadMarkdown(commands: Commands): Promise<void> {
  if (loading || markdown.value !== null) return;
  loading = true;
  try {
    const { buffers } = await commands.send("asset", { name: MARKDOWN_ASSET }, "asset");
    const [source] = buffers;
    if (source !== undefined) markdown.value = await importMarkdown(source);
  } catch {
    // Plain text stays; the next card that settles asks again.
  }
  loading = false;
}

async function importMarkdown(source: DataView): Promise<Markdown> {
  const bytes = new Uint8Array(source.buffer as ArrayBuffer, source.byteOffset, source.byteLength);
  const url = URL.createObjectURL(new Blob([bytes], { type: "text/javascript" }));
  try {
    const module = (await import(/* @vite-ignore */ url)) as { markdown: Markdown };
    return module.markdown;
  } finally {
    URL.revokeObjectURL(url);
  }
}
