// Turns Markdown into a small tree of our own: no HTML, no images, links only to http, https and mailto.
import { Lexer, type MarkedToken, type Token, type Tokens } from "marked";

export type Inline =
  | { kind: "text" | "code"; text: string }
  | { kind: "strong" | "em" | "del"; children: Inline[] }
  | { kind: "link"; href: string; children: Inline[] }
  | { kind: "break" };

export interface Item {
  checked: boolean | null;
  blocks: Block[];
}

export interface Cell {
  align: "left" | "center" | "right" | null;
  children: Inline[];
}

export type Block =
  | { kind: "paragraph"; children: Inline[] }
  | { kind: "heading"; level: number; children: Inline[] }
  | { kind: "code"; lang: string; text: string }
  | { kind: "quote"; blocks: Block[] }
  | { kind: "list"; ordered: boolean; start: number; items: Item[] }
  | { kind: "table"; head: Cell[]; rows: Cell[][] }
  | { kind: "rule" };

/** Deeper quotes and lists are shown as text, so that a hostile document cannot exhaust the stack. */
const DEEPEST = 24;

export function markdown(source: string): Block[] {
  try {
    return blocks(Lexer.lex(source, { gfm: true, breaks: false }), source, 0);
  } catch {
    return [{ kind: "paragraph", children: [{ kind: "text", text: source }] }];
  }
}

function blocks(tokens: readonly Token[], raw: string, depth: number): Block[] {
  if (depth > DEEPEST) return [{ kind: "paragraph", children: [{ kind: "text", text: raw }] }];
  return tokens.flatMap((token) => block(token as MarkedToken, depth));
}

function block(token: MarkedToken, depth: number): Block[] {
  switch (token.type) {
    case "space":
    case "def":
      return [];
    case "heading":
      return [{ kind: "heading", level: token.depth, children: inlines(token.tokens, depth) }];
    case "code":
      return [{ kind: "code", lang: token.lang ?? "", text: token.text }];
    case "blockquote":
      return [{ kind: "quote", blocks: blocks(token.tokens, token.raw, depth + 1) }];
    case "list":
      return [list(token, depth)];
    case "table":
      return [{ kind: "table", head: token.header.map(cell), rows: token.rows.map((row) => row.map(cell)) }];
    case "hr":
      return [{ kind: "rule" }];
    case "html":
      return [{ kind: "paragraph", children: [{ kind: "text", text: token.raw.trimEnd() }] }];
    case "paragraph":
      return [{ kind: "paragraph", children: inlines(token.tokens, depth) }];
    case "text":
      return [
        { kind: "paragraph", children: token.tokens ? inlines(token.tokens, depth) : plain(token.text) },
      ];
    default:
      return token.raw.trim() === "" ? [] : [{ kind: "paragraph", children: plain(token.raw) }];
  }
}

function list(token: Tokens.List, depth: number): Block {
  const items = token.items.map((item) => ({
    checked: item.task ? item.checked === true : null,
    blocks: blocks(
      item.tokens.filter((part) => (part.type as string) !== "checkbox"),
      item.text,
      depth + 1,
    ),
  }));
  return { kind: "list", ordered: token.ordered, start: Number(token.start) || 1, items };
}

function cell(token: Tokens.TableCell): Cell {
  return { align: token.align, children: inlines(token.tokens, 0) };
}

function plain(text: string): Inline[] {
  return [{ kind: "text", text }];
}

function inlines(tokens: readonly Token[], depth: number): Inline[] {
  if (depth > DEEPEST * 2) return plain(tokens.map((token) => token.raw).join(""));
  return tokens.flatMap((token) => inline(token as MarkedToken, depth + 1));
}

function inline(token: MarkedToken, depth: number): Inline[] {
  switch (token.type) {
    case "strong":
    case "em":
    case "del":
      return [{ kind: token.type, children: inlines(token.tokens, depth) }];
    case "codespan":
      return [{ kind: "code", text: token.text }];
    case "br":
      return [{ kind: "break" }];
    case "image":
      return plain(token.text === "" ? token.href : `${token.text} (${token.href})`);
    case "link":
      return link(token, depth);
    case "escape":
      return plain(token.text);
    case "text":
      return token.tokens ? inlines(token.tokens, depth) : plain(unescapeEntities(token.text));
    default:
      return (token as { type: string }).type === "checkbox" ? [] : plain(token.raw);
  }
}

function link(token: Tokens.Link, depth: number): Inline[] {
  const href = safeHref(token.href);
  const children = inlines(token.tokens, depth);
  if (href !== null) return [{ kind: "link", href, children }];
  return token.raw === token.href ? plain(token.raw) : [...children, ...plain(` (${token.href})`)];
}

/** The address when it is absolute and http, https or mailto; else null. */
export function safeHref(href: string): string | null {
  try {
    const url = new URL(href);
    return ["http:", "https:", "mailto:"].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

const ENTITY: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', nbsp: "\u00a0", "#39": "'" };

function unescapeEntities(text: string): string {
  return text.replace(/&(amp|lt|gt|quot|nbsp|#39);/g, (whole, name: string) => ENTITY[name] ?? whole);
}
