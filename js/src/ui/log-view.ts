// The rows of the log: only those on the screen are in the page, so that a hundred thousand lines scroll.
import { count } from "../model/format";
import { type Filter, LogWindow, place, ROW_HEIGHT } from "../model/log-window";
import type { LogChange, Store } from "../model/store";
import type { LogLineView } from "../model/wire";
import type { Frame, Painter } from "./frame";

/** Characters of a growing output that its row shows; the row cuts them on the left. */
const TAIL = 200;

export interface LogEvents {
  /** The number of rows that pass the filter, and of those that came while the reader had scrolled up. */
  counted(rows: number, missed: number): void;
  followed(follow: boolean): void;
  goTo(step: number, action: number | null): void;
}

export class LogView implements Painter {
  readonly window = new LogWindow();
  private readonly canvas = document.createElement("div");
  private rows = new Map<number, HTMLElement>();
  private follow = true;
  private missed = 0;
  private lastTop = 0;

  constructor(
    private readonly box: HTMLElement,
    private readonly store: Store,
    private readonly frame: Frame,
    private readonly events: LogEvents,
  ) {
    this.canvas.className = "fw-rows";
    box.replaceChildren(this.canvas);
  }

  listen(signal: AbortSignal): void {
    this.store.onLog((change) => this.changed(change), signal);
    this.store.onAnyText(() => this.frame.request(this), signal);
    this.box.addEventListener("scroll", () => this.scrolled(), { signal, passive: true });
    this.box.addEventListener("click", (event) => this.clicked(event), { signal });
    signal.addEventListener("abort", () => this.frame.forget(this));
  }

  reset(filter: Filter): void {
    const log = this.store.view.run?.log;
    this.filter = filter;
    this.window.reset(this.store.older, log?.lines ?? [], filter);
    this.rows.clear();
    this.canvas.replaceChildren();
    this.tell();
    this.frame.request(this);
  }

  setFollow(follow: boolean): void {
    this.follow = follow;
    if (follow) this.missed = 0;
    this.tell();
    this.frame.request(this);
  }

  write(): void {
    const { window } = this;
    this.canvas.style.height = `${window.height}px`;
    if (this.follow) this.box.scrollTop = window.height;
    const [first, last] = window.range(this.box.scrollTop, this.box.clientHeight || 12 * ROW_HEIGHT);
    const kept = new Map<number, HTMLElement>();
    for (let at = first; at < last; at++) {
      const line = window.lines[at];
      if (line === undefined) continue;
      const row = this.rows.get(line.n) ?? this.draw(line);
      this.rows.delete(line.n);
      kept.set(line.n, row);
      row.style.top = `${window.top(at)}px`;
      if (line.level === "out") this.drawOutput(row, line);
    }
    for (const row of this.rows.values()) row.remove();
    this.rows = kept;
  }

  scroll(): void {
    this.lastTop = this.box.scrollTop;
  }

  private filter: Filter = { level: "info", text: "" };

  private changed(change: LogChange): void {
    if (change === "replaced") return this.replaced();
    if (change === "line") return this.frame.request(this);
    const added = this.window.grow(this.store.view.run?.log.lines ?? []);
    if (!this.follow) this.missed += added;
    this.tell();
    this.frame.request(this);
  }

  /** Draws another log, with the line that was first on the screen where it was. */
  private replaced(): void {
    const { window, box } = this;
    const at = Math.floor(box.scrollTop / ROW_HEIGHT);
    const anchor = window.lines[at]?.n;
    const rest = box.scrollTop - window.top(at);
    this.reset(this.filter);
    if (this.follow || anchor === undefined) return;
    this.canvas.style.height = `${window.height}px`;
    box.scrollTop = window.top(window.rowFrom(anchor)) + rest;
    this.lastTop = box.scrollTop;
  }

  private tell(): void {
    this.events.counted(this.window.lines.length, this.missed);
  }

  private scrolled(): void {
    const { box } = this;
    const atEnd = box.scrollTop + box.clientHeight >= box.scrollHeight - 4;
    const before = this.follow;
    if (box.scrollTop < this.lastTop - 2 && !atEnd) this.follow = false;
    else if (atEnd && box.scrollTop > this.lastTop) this.follow = true;
    this.lastTop = box.scrollTop;
    if (before !== this.follow) {
      if (this.follow) this.missed = 0;
      this.events.followed(this.follow);
      this.tell();
    }
    this.frame.request(this);
  }

  private clicked(event: MouseEvent): void {
    const target = event.target as HTMLElement;
    const row = target.closest<HTMLElement>("[data-n]");
    const line = this.window.lines.find((candidate) => String(candidate.n) === row?.dataset.n);
    if (row === null || line === undefined) return;
    if (target.classList.contains("wh") && line.step !== null) {
      this.events.goTo(line.step, line.action);
      return;
    }
    if (this.box.ownerDocument.getSelection()?.isCollapsed === false) return;
    this.open(line, row);
  }

  /** Opens a row in full, or folds it again; one at a time. */
  private open(line: LogLineView, row: HTMLElement): void {
    const { window } = this;
    this.canvas.querySelector("[data-open]")?.removeAttribute("data-open");
    const opens = window.opened !== line.n;
    window.opened = opens ? line.n : null;
    row.toggleAttribute("data-open", opens);
    window.extra = opens ? Math.max(0, row.offsetHeight - ROW_HEIGHT) : 0;
    this.setFollow(this.follow && !opens);
    this.events.followed(this.follow);
  }

  private draw(line: LogLineView): HTMLElement {
    const row = document.createElement("div");
    row.dataset.l = line.level;
    row.dataset.n = String(line.n);
    row.toggleAttribute("data-open", this.window.opened === line.n);
    const at = Math.max(0, line.at - (this.store.view.run?.started_at ?? line.at)).toFixed(3);
    const where = span("wh", place(line));
    if (line.step !== null) where.title = "Go to it";
    row.append(
      span("at", at),
      span("lv", line.level),
      where,
      span("tx", line.level === "out" ? "" : line.text),
    );
    this.canvas.append(row);
    return row;
  }

  /** An `out` row shows the end of its action's text while that attempt runs, else what came with the line. */
  private drawOutput(row: HTMLElement, line: LogLineView): void {
    const [text, chars, grows] = this.output(line);
    const tail = text.slice(-TAIL).replace(/\s+/g, " ");
    const stamp = `${chars} ${grows}`;
    if (row.dataset.stamp === stamp) return;
    row.dataset.stamp = stamp;
    const box = row.lastElementChild;
    if (box === null) return;
    if (box.childElementCount === 0) {
      const cut = span("tail", "");
      cut.append(document.createElement("bdi"));
      box.append(document.createElement("b"), cut, span("caret", ""));
      box.classList.add("out");
    }
    const [number, cut, caret] = box.children as unknown as [HTMLElement, HTMLElement, HTMLElement];
    number.textContent = `${count(chars)} chars`;
    if (cut.firstElementChild) cut.firstElementChild.textContent = tail;
    caret.hidden = !grows;
  }

  private output(line: LogLineView): [string, number, boolean] {
    if (line.chars !== null || line.step === null || line.action === null) {
      return [line.text, line.chars ?? line.text.length, false];
    }
    const action = this.store.actionNow(line.step, line.action);
    if (action.attempt !== line.attempt) return [line.text, line.text.length, false];
    return [action.text, action.text.length, action.status === "running"];
  }
}

function span(name: string, text: string): HTMLElement {
  const element = document.createElement("span");
  element.className = name;
  element.textContent = text;
  return element;
}
