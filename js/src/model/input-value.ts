// Reads what is typed into an input as a value, and shows a value as text.
import type { InputView, Json } from "./wire";

export type Read = { value: Json } | { problem: string };

export function readInput(type: InputView["type"], text: string): Read {
  if (type === "text") return { value: text };
  const trimmed = text.trim();
  if (trimmed === "") return { value: null };
  if (type === "json") return readJson(trimmed);
  const number = Number(trimmed);
  if (!Number.isFinite(number)) return { problem: "Not a number" };
  if (type === "integer" && !Number.isInteger(number)) return { problem: "Not a whole number" };
  return { value: number };
}

function readJson(text: string): Read {
  try {
    return { value: JSON.parse(text) as Json };
  } catch (error) {
    return { problem: `Not JSON: ${error instanceof Error ? error.message : "it cannot be read"}` };
  }
}

export function shownInput(type: InputView["type"], value: Json): string {
  if (value === null) return "";
  if (typeof value === "string" && type !== "json") return value;
  const line = JSON.stringify(value);
  return type === "json" && line.length > 60 ? JSON.stringify(value, null, 2) : line;
}
