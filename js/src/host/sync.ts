// Keeps the store equal to Python's view: orders deltas, asks for a snapshot after a gap, notices silence.
//
// Theory of operation (docs/wire.md, "Rules in the view"). `seq` counts deltas. A delta is applied only when
// it is the next one; an older one is dropped; a newer one waits in the queue while one `sync` is under way.
// An empty delta is a heartbeat: it repeats Python's seq, so one that is ahead of ours shows a lost delta.
import type { Store } from "../model/store";
import type { Delta, View } from "../model/wire";

/** A queue longer than this is dropped: the snapshot that comes has its content. */
const LONGEST_QUEUE = 500;
/** A `sync` that got no snapshot is repeated after this long, when something new arrives. */
const RETRY_MS = 3000;

export class Sync {
  private queue: Delta[] = [];
  private askedAt: number | null = null;

  constructor(
    private readonly store: Store,
    private readonly ask: (have: number) => void,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Takes a delta or a heartbeat; says whether the store changed. */
  delta(delta: Delta): boolean {
    const mine = this.store.view.seq;
    if (delta.seq <= mine) return false;
    if (isEmpty(delta)) {
      this.request();
      return false;
    }
    if (delta.seq === mine + 1 && this.queue.length === 0 && this.store.apply(delta)) return true;
    this.queue.push(delta);
    if (this.queue.length > LONGEST_QUEUE) this.queue = this.queue.slice(-LONGEST_QUEUE);
    this.request();
    return false;
  }

  /** Takes a snapshot; one that is older than ours is dropped, and asked for again. */
  snapshot(view: View): boolean {
    this.askedAt = null;
    const replaced = view.seq >= this.store.view.seq;
    if (replaced) this.store.replace(view);
    this.drain();
    return replaced;
  }

  /** Asks for a snapshot unless one is on its way. */
  request(): void {
    const now = this.now();
    if (this.askedAt !== null && now - this.askedAt < RETRY_MS) return;
    this.askedAt = now;
    this.ask(this.store.view.seq);
  }

  private drain(): void {
    const queue = this.queue.sort((a, b) => a.seq - b.seq);
    this.queue = [];
    for (const [at, delta] of queue.entries()) {
      if (delta.seq <= this.store.view.seq) continue;
      if (delta.seq === this.store.view.seq + 1 && this.store.apply(delta)) continue;
      this.queue = queue.slice(at);
      return this.request();
    }
  }
}

function isEmpty(delta: Delta): boolean {
  return delta.set.length === 0 && delta.add.length === 0 && delta.push.length === 0;
}
