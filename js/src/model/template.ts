// Splits a prompt into text and references `{{…}}`, and finds the nearest known name of an unknown one.

export interface Piece {
  text: string;
  /** Null for text; else whether the reference is known. */
  known: boolean | null;
}

const REFERENCE = /\{\{[^{}\n]*\}\}/g;

export function pieces(prompt: string, references: readonly string[]): Piece[] {
  const out: Piece[] = [];
  let at = 0;
  for (const match of prompt.matchAll(REFERENCE)) {
    if (match.index > at) out.push({ text: prompt.slice(at, match.index), known: null });
    out.push({ text: match[0], known: unknownIn(match[0], references).length === 0 });
    at = match.index + match[0].length;
  }
  if (at < prompt.length) out.push({ text: prompt.slice(at), known: null });
  return out;
}

/** The paths in `{{ path }}` or `{{ a ?? b }}`, without spaces, filters and block marks. */
export function namesIn(reference: string): string[] {
  const inner = reference.slice(2, -2).trim();
  const paths = inner.replace(/^[#/^]\s*(if|each|unless|with)?\s*/, "").split("??");
  return paths.map((path) => path.trim().split(/[\s|]/)[0] ?? "");
}

/** The paths of a reference that are not known. */
export function unknownIn(reference: string, references: readonly string[]): string[] {
  return namesIn(reference).filter((name) => !isKnown(name, references));
}

/** A path is known when it, or a path it starts with, is listed. With no list nothing is called unknown. */
export function isKnown(name: string, references: readonly string[]): boolean {
  if (references.length === 0 || name === "" || name === "else" || name.startsWith("@")) return true;
  return references.some(
    (known) => name === known || name.startsWith(`${known}.`) || known.startsWith(`${name}.`),
  );
}

export function nearest(name: string, references: readonly string[]): string | null {
  let best: string | null = null;
  let bestDistance = Math.max(3, Math.ceil(name.length / 2));
  for (const known of references) {
    const distance = editDistance(name, known);
    if (distance < bestDistance) [best, bestDistance] = [known, distance];
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, n) => n);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, swap));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
