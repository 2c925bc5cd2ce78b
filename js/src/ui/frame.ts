// One animation frame for all that streams: first every write, then every scroll, so that layout runs once.

export interface Painter {
  write(): void;
  scroll?(): void;
}

export class Frame {
  private readonly dirty = new Set<Painter>();
  private asked: number | null = null;

  constructor(signal: AbortSignal) {
    signal.addEventListener("abort", () => {
      if (this.asked !== null) cancelAnimationFrame(this.asked);
      this.dirty.clear();
    });
  }

  request(painter: Painter): void {
    this.dirty.add(painter);
    this.asked ??= requestAnimationFrame(() => this.flush());
  }

  forget(painter: Painter): void {
    this.dirty.delete(painter);
  }

  private flush(): void {
    this.asked = null;
    const painters = [...this.dirty];
    this.dirty.clear();
    for (const painter of painters) painter.write();
    for (const painter of painters) painter.scroll?.();
  }
}
