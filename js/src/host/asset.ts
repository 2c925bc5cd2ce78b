// Loads parts of the front end over the comm, once per page, on the first need.
import type { Signal } from "@preact/signals";
import type { Commands } from "./commands";

/**
 * Returns what loads a part into a signal, which stays null without a kernel to ask; `read` takes from its
 * module what is wanted.
 */
export function loader<T>(into: Signal<T | null>, name: string, read: (part: Record<string, unknown>) => T) {
  let loading = false;
  return async (commands: Commands): Promise<void> => {
    if (loading || into.value !== null) return;
    loading = true;
    try {
      const { buffers } = await commands.send("asset", { name }, `asset ${name}`);
      const [source] = buffers;
      if (source !== undefined) into.value = read(await imported(source));
    } catch {
      // What does without it stays; the next one that needs it asks again.
    }
    loading = false;
  };
}

async function imported(source: DataView): Promise<Record<string, unknown>> {
  const bytes = new Uint8Array(source.buffer as ArrayBuffer, source.byteOffset, source.byteLength);
  const url = URL.createObjectURL(new Blob([bytes], { type: "text/javascript" }));
  try {
    return (await import(/* @vite-ignore */ url)) as Record<string, unknown>;
  } finally {
    URL.revokeObjectURL(url);
  }
}
