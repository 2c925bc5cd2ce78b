// Keeps which log lines pass the filter, and which of them are on the screen: rows of one height, one opened.
import type { LogLevel, LogLineView } from "./wire";

export const ROW_HEIGHT = 18;
const OVERSCAN = 12;
const RANK: Record<LogLevel, number> = { debug: 0, info: 1, out: 1, warn: 2, error: 3 };

export interface Filter {
  level: LogLevel;
  text: string;
}

export class LogWindow {
  lines: LogLineView[] = [];
  /** The `n` of the opened line, and how much taller it is than the others. */
  opened: number | null = null;
  extra = 0;
  private filter: Filter = { level: "info", text: "" };
  private read = 0;

  /** Starts over with `older` and then `lines`. */
  reset(older: readonly LogLineView[], lines: readonly LogLineView[], filter: Filter): void {
    this.filter = { level: filter.level, text: filter.text.trim().toLowerCase() };
    this.lines = [];
    this.read = 0;
    for (const line of older) if (this.passes(line)) this.lines.push(line);
    this.grow(lines);
  }

  /** Takes the lines that were pushed since; returns how many of them pass. */
  grow(lines: readonly LogLineView[]): number {
    const before = this.lines.length;
    for (; this.read < lines.length; this.read++) {
      const line = lines[this.read];
      if (line !== undefined && this.passes(line)) this.lines.push(line);
    }
    return this.lines.length - before;
  }

  get height(): number {
    return this.lines.length * ROW_HEIGHT + (this.openedRow() === -1 ? 0 : this.extra);
  }

  top(row: number): number {
    const opened = this.openedRow();
    return row * ROW_HEIGHT + (opened !== -1 && row > opened ? this.extra : 0);
  }

  /** The rows to draw when `height` pixels from `scrollTop` on are visible: from the first to before the last. */
  range(scrollTop: number, height: number): [number, number] {
    const opened = this.openedRow() === -1 ? 0 : this.extra;
    const first = Math.floor((scrollTop - opened) / ROW_HEIGHT) - OVERSCAN;
    const last = Math.ceil((scrollTop + height) / ROW_HEIGHT) + OVERSCAN;
    return [Math.max(0, Math.min(first, this.lines.length)), Math.min(this.lines.length, last)];
  }

  private openedRow(): number {
    const n = this.opened;
    if (n === null) return -1;
    const row = this.rowFrom(n);
    return this.lines[row]?.n === n ? row : -1;
  }

  /** The row of the first line from number `n` on; binary search, as `n` grows from row to row. */
  rowFrom(n: number): number {
    let low = 0;
    let high = this.lines.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.lines[middle]?.n ?? 0) < n) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private passes(line: LogLineView): boolean {
    if (RANK[line.level] < RANK[this.filter.level]) return false;
    if (this.filter.text === "") return true;
    return `${place(line)} ${line.level} ${line.text}`.toLowerCase().includes(this.filter.text);
  }
}

/** `1` for a step, `1, 0` for an action, empty for the flow. */
export function place(line: LogLineView): string {
  if (line.step === null) return "";
  return line.action === null ? String(line.step) : `${line.step}, ${line.action}`;
}

/** A line as it is copied. */
export function asText(line: LogLineView, startedAt: number): string {
  const at = Math.max(0, line.at - startedAt).toFixed(3);
  return [at, line.level, place(line), line.text].join("\t");
}
