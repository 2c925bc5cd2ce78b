// Draws the Markdown tree as elements with text in them, never as HTML.
import type { ComponentChildren, JSX } from "preact";
import type { Block, Cell, Inline, Item } from "../model/markdown";
import { Copy, QUIET } from "./controls";

export function MarkdownView({ blocks }: { blocks: readonly Block[] }) {
  return <div class="md">{blocks.map(drawBlock)}</div>;
}

function drawBlock(block: Block, key: number): JSX.Element {
  switch (block.kind) {
    case "paragraph":
      return <p key={key}>{block.children.map(drawInline)}</p>;
    case "heading":
      return (
        <p key={key} class={`h h${block.level}`} role="heading" aria-level={Math.min(6, block.level + 4)}>
          {block.children.map(drawInline)}
        </p>
      );
    case "code":
      return (
        <div key={key} class="code">
          <pre {...QUIET} tabIndex={0}>
            {block.text}
          </pre>
          <Copy label="Copy code" text={() => block.text} />
        </div>
      );
    case "quote":
      return <blockquote key={key}>{block.blocks.map(drawBlock)}</blockquote>;
    case "list":
      return block.ordered ? (
        <ol key={key} start={block.start}>
          {block.items.map(drawItem)}
        </ol>
      ) : (
        <ul key={key}>{block.items.map(drawItem)}</ul>
      );
    case "table":
      return (
        <div key={key} class="table">
          <table>
            <thead>
              <tr>{block.head.map((cell, n) => drawCell(cell, n, "th"))}</tr>
            </thead>
            <tbody>
              {block.rows.map((row, n) => (
                <tr key={n}>{row.map((cell, at) => drawCell(cell, at, "td"))}</tr>
              ))}
            </tbody>
          </table>
        </div>
      );
    case "rule":
      return <hr key={key} />;
  }
}

function drawItem({ checked, blocks }: Item, key: number): JSX.Element {
  const [only] = blocks;
  const tight = blocks.length > 0 && only?.kind === "paragraph";
  const body: ComponentChildren = tight
    ? [
        <span key="t">{only.children.map(drawInline)}</span>,
        ...blocks.slice(1).map((b, n) => drawBlock(b, n + 1)),
      ]
    : blocks.map(drawBlock);
  if (checked === null) return <li key={key}>{body}</li>;
  return (
    <li key={key} class="task">
      <span
        class="tick"
        role="img"
        aria-label={checked ? "Done" : "To do"}
        data-on={checked ? "" : undefined}
      />
      {body}
    </li>
  );
}

function drawCell({ align, children }: Cell, key: number, Tag: "th" | "td"): JSX.Element {
  return (
    <Tag key={key} style={align === null ? undefined : { textAlign: align }}>
      {children.map(drawInline)}
    </Tag>
  );
}

function drawInline(part: Inline, key: number): ComponentChildren {
  switch (part.kind) {
    case "text":
      return part.text;
    case "code":
      return <code key={key}>{part.text}</code>;
    case "break":
      return <br key={key} />;
    case "link":
      return (
        <a key={key} {...QUIET} href={part.href} target="_blank" rel="noopener noreferrer" title={part.href}>
          {part.children.map(drawInline)}
        </a>
      );
    case "strong":
      return <strong key={key}>{part.children.map(drawInline)}</strong>;
    case "em":
      return <em key={key}>{part.children.map(drawInline)}</em>;
    case "del":
      return <del key={key}>{part.children.map(drawInline)}</del>;
  }
}
