// The icons: 16 px box, 1.6 px line, each with its own outline.

const PATHS = {
  play: "M4.5 2.8v10.4L13 8z",
  stop: "M5 4h6a1 1 0 0 1 1 1v6a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1V5a1 1 0 0 1 1-1z",
  pending: "M2.4 8a5.6 5.6 0 1 1 11.2 0a5.6 5.6 0 1 1-11.2 0",
  running: "M8 2.4A5.6 5.6 0 1 1 2.4 8",
  waiting: "M2.2 8a5.8 5.8 0 1 1 11.6 0a5.8 5.8 0 1 1-11.6 0M8 4.8V8l2.2 1.6",
  completed: "M2.2 8a5.8 5.8 0 1 1 11.6 0a5.8 5.8 0 1 1-11.6 0M5.4 8.2l1.8 1.8 3.4-3.8",
  failed: "M5.6 2.2h4.8l3.4 3.4v4.8l-3.4 3.4H5.6l-3.4-3.4V5.6zM8 5v3.4M8 10.9v.1",
  skipped: "M2.2 8a5.8 5.8 0 1 1 11.6 0a5.8 5.8 0 1 1-11.6 0M5.4 8h5.2",
  canceled: "M2.2 8a5.8 5.8 0 1 1 11.6 0a5.8 5.8 0 1 1-11.6 0M6 6l4 4m0-4l-4 4",
  stale: "M13 6.5A5.3 5.3 0 0 0 3.6 5M3 9.5A5.3 5.3 0 0 0 12.4 11M3.4 2.4V5H6M12.6 13.6V11H10",
  asks: "M2.5 3.2h11v7.6H8l-3 2.6v-2.6H2.5zM5.4 6h5.2M5.4 8.2h3.2",
  paused: "M5.8 4v8M10.2 4v8",
  copy: "M6.5 5.5H12a1 1 0 0 1 1 1v6a1 1 0 0 1-1 1H6.5a1 1 0 0 1-1-1v-6a1 1 0 0 1 1-1zM10.5 5.5V3.2a.9.9 0 0 0-.9-.9H4a1 1 0 0 0-1 1v6.1a1 1 0 0 0 1 1h1.5",
  done: "M3.5 8.5l3 3 6-7",
  edit: "M3 13l.6-2.8 7-7a1.3 1.3 0 0 1 1.9 0l.3.3a1.3 1.3 0 0 1 0 1.9l-7 7z",
  plus: "M3.5 8h9M8 3.5v9",
  minus: "M3.5 8h9",
  up: "M4 10l4-4 4 4",
  down: "M4 6l4 4 4-4",
  file: "M4 2h5l3 3v9H4zM9 2v3h3",
  plug: "M5.8 2.2v3m4.4-3v3M4 5.2h8v2.4a4 4 0 0 1-8 0zM8 11.6v2.2",
  pin: "M5.6 2.6h4.8M6.4 2.6l-.5 4.6-2 2.2h8.2l-2-2.2-.5-4.6M8 9.4v4.2",
  write: "M2.6 4h10.8M2.6 7.4h5.2M2.6 10.8h3M8 13.2l.5-2 3.9-3.9a1 1 0 0 1 1.5 1.5L10 12.7z",
  warn: "M8 2.4L14.2 13H1.8zM8 6.6v3M8 11.3v.1",
  info: "M2.2 8a5.8 5.8 0 1 1 11.6 0a5.8 5.8 0 1 1-11.6 0M8 7.4v3.4M8 5.2v.1",
};

export type IconName = keyof typeof PATHS;

/** Statuses that borrow the icon of another. */
const SAME: Record<string, IconName> = { interrupted: "canceled", disconnected: "skipped", never: "pending" };

export function Icon({ name }: { name: IconName }) {
  const dashes = name === "pending" ? "2.2 2.2" : undefined;
  return (
    <svg viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} stroke-dasharray={dashes} />
    </svg>
  );
}

export function statusIcon(status: string): IconName {
  return SAME[status] ?? (status in PATHS ? (status as IconName) : "info");
}
