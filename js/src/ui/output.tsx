// Draws a settled output in the chosen view, cut after eight lines until the reader wants all.
import type { Signal } from "@preact/signals";
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { count, lineCount, size } from "../model/format";
import { Button } from "./controls";
import { JsonView } from "./json-view";
import { markdownPart } from "./markdown";
import type { OutputView } from "./ui-state";

/** Eight lines of 20 px, the gaps between them, and the padding above. */
const CUT_HEIGHT = 172;
/** Of a longer text only the beginning is in the page while it is cut. */
const LONG = 20_000;
const HEAD = 6000;

interface Props {
  /** True for the text of JSON that is not drawn as a tree. */
  mono?: boolean;
  text: string;
  view: OutputView;
  whole: Signal<boolean>;
  toggled: Signal<ReadonlySet<string>>;
}

export function Output({ text, view, whole, toggled, mono = false }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const [cut, setCut] = useState<{ height: number; lines: number } | null>(null);
  const open = whole.value;
  const isLong = text.length > LONG && !open && view !== "json";
  const shown = isLong ? text.slice(0, HEAD) : text;
  const part = markdownPart.value;
  const blocks = useMemo(
    () => (view === "markdown" && part !== null ? part.markdown(shown) : null),
    [shown, view, part],
  );
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return;
    const cutToSize = () => {
      const measured = measure(element);
      const lines = isLong ? lineCount(text) : measured?.lines;
      setCut(measured === null || lines === undefined ? null : { height: measured.height, lines });
    };
    cutToSize();
    return onWidth(element, cutToSize);
  }, [shown, view, part, open]);
  const folded = cut !== null && !open;
  return (
    <>
      <div
        class={`fw-output${folded ? " folded" : ""}`}
        ref={box}
        style={folded ? { height: `${cut.height}px` } : undefined}
      >
        {view === "json" ? (
          <JsonView text={text} toggled={toggled} />
        ) : part === null || blocks === null ? (
          <p class={mono ? "pre mono" : "pre"}>{shown}</p>
        ) : (
          <part.MarkdownView blocks={blocks} />
        )}
      </div>
      {cut !== null && (
        <div class="fw-more">
          <Button
            class="link"
            expanded={open}
            press={() => {
              whole.value = !open;
            }}
          >
            {open ? "Show less" : `Show all ${count(cut.lines)} lines`}
          </Button>
          <span>{size(text.length)}</span>
        </div>
      )}
    </>
  );
}

/** Calls back when the width changes, which it also does when the element comes into the page. */
function onWidth(element: HTMLElement, changed: () => void): (() => void) | undefined {
  if (typeof ResizeObserver === "undefined") return undefined;
  let width = element.offsetWidth;
  const observer = new ResizeObserver(() => {
    if (element.offsetWidth === width) return;
    width = element.offsetWidth;
    changed();
  });
  observer.observe(element);
  return () => observer.disconnect();
}

/** Returns the height that ends on a line, and the number of lines; null when all fits into eight lines. */
function measure(box: HTMLElement): { height: number; lines: number } | null {
  const content = box.firstElementChild;
  if (content === null) return null;
  const full = content.scrollHeight;
  if (full <= CUT_HEIGHT - 4) return null;
  const range = document.createRange();
  range.selectNodeContents(content);
  if (typeof range.getClientRects !== "function") return null;
  const top = box.getBoundingClientRect().top;
  const line = content.classList.contains("json") ? 18 : 20;
  let bottom = 0;
  for (const rect of range.getClientRects()) {
    const end = rect.bottom - top;
    if (end <= CUT_HEIGHT && rect.height <= 2 * line) bottom = Math.max(bottom, end);
    else if (rect.top - top > CUT_HEIGHT) break;
  }
  return { height: bottom > 60 ? Math.ceil(bottom) + 3 : CUT_HEIGHT, lines: Math.round(full / line) };
}
