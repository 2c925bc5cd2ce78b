// Writes numbers, durations, sizes and times as the page shows them; units follow a no-break space.

const NBSP = "\u00a0";
const grouped = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

export function count(value: number): string {
  return grouped.format(value);
}

/** `1 action`, `2 actions`, `1,204 tokens`. */
export function counted(value: number, noun: string): string {
  return `${count(value)}${NBSP}${noun}${value === 1 ? "" : "s"}`;
}

/** `0.41 s`, `4.1 s`, `2 min 5 s`, `1 h 4 min`; nothing below 10 ms, where `instant` says it in a title. */
export function duration(seconds: number): string {
  const s = Math.max(0, seconds);
  if (s < 0.01) return "";
  if (s < 0.995) return `${s.toFixed(2)}${NBSP}s`;
  if (s < 59.95) return `${s.toFixed(1)}${NBSP}s`;
  const whole = Math.round(s);
  if (whole < 3600) return `${Math.floor(whole / 60)}${NBSP}min${NBSP}${whole % 60}${NBSP}s`;
  return `${Math.floor(whole / 3600)}${NBSP}h${NBSP}${Math.floor((whole % 3600) / 60)}${NBSP}min`;
}

/** The title of what took less time than is shown. */
export function instant(view: { started_at: number | null; ended_at: number | null } | null) {
  const { started_at = null, ended_at = null } = view ?? {};
  const isShort = started_at !== null && ended_at !== null && ended_at - started_at < 0.01;
  return isShort ? `<0.01${NBSP}s` : undefined;
}

/** A running clock: tenths below a minute from the start, so that its width does not jump. */
export function ticking(seconds: number): string {
  const s = Math.max(0, seconds);
  return s < 59.95 ? `${(Math.floor(s * 10) / 10).toFixed(1)}${NBSP}s` : duration(Math.floor(s));
}

/** A wait in whole seconds, at least one. */
export function wait(seconds: number): string {
  return seconds < 60 ? `${Math.max(1, Math.ceil(seconds))}${NBSP}s` : duration(Math.ceil(seconds));
}

/** Two significant digits below a cent, cents above a dollar, four decimals between. */
export function cost(usd: number): string {
  if (usd === 0) return "$0";
  if (usd < 0.01) return `$${Number(usd.toPrecision(2)).toFixed(Math.max(2, decimals(usd)))}`;
  return usd < 1 ? `$${usd.toFixed(4)}` : `$${usd.toFixed(2)}`;
}

/** A limit in dollars as one would write it: `$0.05`. */
export function dollars(usd: number): string {
  return cost(usd).replace(/(\.\d\d.*?)0+$/, "$1");
}

/** A limit in seconds: `90 s`, `5 min`. */
export function span(seconds: number): string {
  return seconds < 120 ? `${seconds}${NBSP}s` : duration(seconds).replace(`${NBSP}0${NBSP}s`, "");
}

function decimals(usd: number): number {
  return Math.min(10, 1 - Math.floor(Math.log10(usd)));
}

export function size(bytes: number): string {
  if (bytes < 1000) return `${bytes}${NBSP}B`;
  const [value, unit] = bytes < 999_500 ? [bytes / 1000, "kB"] : [bytes / 1_000_000, "MB"];
  return `${value < 9.95 ? trim(value.toFixed(1)) : Math.round(value)}${NBSP}${unit}`;
}

function trim(text: string): string {
  return text.endsWith(".0") ? text.slice(0, -2) : text;
}

/** The time of day, `14:26`, in the reader's zone. */
export function clock(epochSeconds: number): string {
  const date = new Date(epochSeconds * 1000);
  return `${String(date.getHours()).padStart(2, "0")}:${String(date.getMinutes()).padStart(2, "0")}`;
}

/** When a run began: the time of day, or the day when it is another, with its year when that is another. */
export function when(epochSeconds: number, now: number): string {
  const [date, today] = [new Date(epochSeconds * 1000), new Date(now * 1000)];
  if (date.toDateString() === today.toDateString()) return clock(epochSeconds);
  const year = date.getFullYear() === today.getFullYear() ? "" : ` ${date.getFullYear()}`;
  return `${date.getDate()} ${MONTHS.slice(3 * date.getMonth(), 3 * date.getMonth() + 3)}${year}`;
}

const MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec";

export function firstLine(text: string): string {
  const head = text.slice(0, 400).trimStart();
  const line = head.split("\n", 1)[0] ?? "";
  return line.replace(/^[#>*\-\s]+/, "").replace(/[*`]{1,3}/g, "");
}

export function lineCount(text: string): number {
  let lines = 1;
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) lines++;
  return text.endsWith("\n") && lines > 1 ? lines - 1 : lines;
}

/** With a capital and a full stop, whichever it had. */
export function sentence(text: string): string {
  return text === "" ? "" : `${capital(text.replace(/\.$/, ""))}.`;
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
