// Python's clock as the browser sees it, and the ticks that running times are drawn with.
import { type ReadonlySignal, signal } from "@preact/signals";

export class Clock {
  private readonly beat = signal(0);
  private readonly slowBeat = signal(0);
  private offset: number | null = null;
  private timer: ReturnType<typeof setInterval> | null = null;
  private ticks = 0;

  /** Takes Python's `now` of a message; the least delayed message is the best clock. */
  hear(now: number): void {
    const offset = now - performance.now() / 1000;
    if (this.offset === null || offset > this.offset || offset < this.offset - 5) this.offset = offset;
  }

  now(): number {
    return performance.now() / 1000 + (this.offset ?? 0);
  }

  /** Ticks ten times a second while the clock runs. */
  get tenths(): ReadonlySignal<number> {
    return this.beat;
  }

  get seconds(): ReadonlySignal<number> {
    return this.slowBeat;
  }

  run(running: boolean): void {
    if (running === (this.timer !== null)) return;
    if (this.timer !== null) {
      clearInterval(this.timer);
      this.timer = null;
      return;
    }
    this.timer = setInterval(() => this.tick(), 100);
  }

  private tick(): void {
    this.ticks++;
    this.beat.value = this.ticks;
    if (this.ticks % 10 === 0) this.slowBeat.value = this.ticks;
  }
}
