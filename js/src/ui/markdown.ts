// Markdown: parsed and drawn by a part that is fetched when the first is shown; until then it is plain text.
import { type Signal, signal } from "@preact/signals";
import type { FunctionComponent } from "preact";
import type { Block } from "../model/markdown";
import { partLoader } from "./parts";

export interface MarkdownPart {
  markdown: (source: string) => Block[];
  MarkdownView: FunctionComponent<{ blocks: readonly Block[] }>;
}

/** Shared by all widgets of a page. Null while loading, and for good when there is no kernel to ask. */
export const markdownPart: Signal<MarkdownPart | null> = signal(null);
export const loadMarkdown = partLoader(markdownPart, "flow_markdown");
