// Draws a text while it grows: only its end is in the page, written by appendData once a frame.
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { size } from "../model/format";
import type { Store } from "../model/store";
import { useUi } from "./context";
import { Button, QUIET } from "./controls";
import type { Frame, Painter } from "./frame";

/** Characters of a streaming text that are in the page; a fifth more before it is cut again. */
const TAIL = 4096;
const SLACK = 820;
const SLACK_WHEN_READING = 60_000;

interface Parts {
  box: HTMLElement;
  /** Where the text goes; the caret stands behind it. */
  body: HTMLElement;
  more: HTMLElement;
  moreText: HTMLElement;
}

/** Where the tail starts: at a line or a word if one begins soon. */
export function tailStart(text: string): number {
  if (text.length <= TAIL) return 0;
  const from = text.length - TAIL;
  const line = text.indexOf("\n", from);
  if (line !== -1 && line - from < 200) return line + 1;
  const space = text.indexOf(" ", from);
  return space !== -1 && space - from < 60 ? space + 1 : from;
}

export class StreamPainter implements Painter {
  following = true;
  private readonly node = document.createTextNode("");
  private start = 0;
  private written = 0;
  private visible = true;
  private showAll = false;
  private lastTop = 0;

  constructor(
    private readonly parts: Parts,
    private readonly text: () => string,
    private readonly frame: Frame,
    private readonly followChanged: (following: boolean) => void,
  ) {
    parts.body.insertBefore(this.node, parts.body.firstChild);
  }

  listen(store: Store, step: number, action: number, signal: AbortSignal): void {
    store.onText(step, action, (from) => this.changed(from), signal);
    this.parts.box.addEventListener("scroll", () => this.scrolled(), { signal, passive: true });
    if (typeof IntersectionObserver !== "undefined") {
      const seen = new IntersectionObserver((entries) => {
        this.visible = entries.some((entry) => entry.isIntersecting);
        if (this.visible) this.frame.request(this);
      });
      seen.observe(this.parts.box);
      signal.addEventListener("abort", () => seen.disconnect());
    }
    signal.addEventListener("abort", () => this.frame.forget(this));
    this.write();
    this.frame.request(this);
  }

  all(): void {
    this.showAll = true;
    this.restart();
  }

  follow(): void {
    this.following = true;
    this.frame.request(this);
  }

  write(): void {
    const text = this.text();
    if (text.length < this.written) this.reset();
    const { node } = this;
    // A reader who has scrolled up keeps what is on the screen: cutting would move it.
    const slack = this.following ? SLACK : SLACK_WHEN_READING;
    if (!this.showAll && text.length - this.start > TAIL + slack) {
      this.start = tailStart(text);
      node.data = text.slice(this.start);
    } else if (text.length > this.written) node.appendData(text.slice(this.written));
    this.written = text.length;
    this.parts.more.hidden = this.start === 0;
    if (this.start > 0) this.parts.moreText.textContent = `Last 4\u00a0kB of ${size(text.length)}`;
  }

  scroll(): void {
    const { box } = this.parts;
    if (this.following) {
      box.scrollTop = box.scrollHeight;
      this.lastTop = box.scrollTop;
    }
    const scrolls = box.scrollHeight > box.clientHeight + 1;
    if (scrolls !== (box.tabIndex === 0)) box.tabIndex = scrolls ? 0 : -1;
  }

  private changed(from: number): void {
    if (from === -1) this.reset();
    if (this.visible) this.frame.request(this);
  }

  private reset(): void {
    this.node.data = "";
    this.start = 0;
    this.written = 0;
  }

  private restart(): void {
    this.reset();
    this.frame.request(this);
  }

  private scrolled(): void {
    const { box } = this.parts;
    const top = box.scrollTop;
    const atEnd = top + box.clientHeight >= box.scrollHeight - 8;
    const before = this.following;
    if (top < this.lastTop - 2 && !atEnd) this.following = false;
    else if (atEnd) this.following = true;
    this.lastTop = top;
    if (before !== this.following) this.followChanged(this.following);
  }
}

export function Stream({ step, action, caret }: { step: number; action: number; caret: boolean }) {
  const { session, frame, signal } = useUi();
  const box = useRef<HTMLDivElement>(null);
  const body = useRef<HTMLParagraphElement>(null);
  const more = useRef<HTMLDivElement>(null);
  const moreText = useRef<HTMLSpanElement>(null);
  const painter = useRef<StreamPainter | null>(null);
  const [following, setFollowing] = useState(true);
  useLayoutEffect(() => {
    if (!box.current || !body.current || !more.current || !moreText.current) return;
    const parts = { box: box.current, body: body.current, more: more.current, moreText: moreText.current };
    const end = new AbortController();
    const text = () => session.store.actionNow(step, action).text;
    const drawn = new StreamPainter(parts, text, frame, setFollowing);
    drawn.listen(session.store, step, action, AbortSignal.any([signal, end.signal]));
    painter.current = drawn;
    return () => end.abort();
  }, [step, action]);
  const follow = () => {
    painter.current?.follow();
    setFollowing(true);
  };
  return (
    <>
      <div class="fw-more top" ref={more} hidden>
        <span ref={moreText} />
        <Button class="link" press={() => painter.current?.all()}>
          Show all
        </Button>
      </div>
      <div class="fw-live">
        <div class="fw-output live" ref={box} {...QUIET} tabIndex={-1}>
          <p class="pre" ref={body}>
            {caret && <span class="caret" />}
          </p>
        </div>
        {!following && (
          <Button class="b small fw-follow" press={follow}>
            Follow
          </Button>
        )}
      </div>
    </>
  );
}
