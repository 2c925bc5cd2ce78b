// The forms that change something. They are fetched when the first is opened: without a kernel they would be no use.
import { type Signal, signal } from "@preact/signals";
import type { FunctionComponent } from "preact";
import { useLayoutEffect } from "preact/hooks";
import { useUi } from "./context";
import type { EditorProps } from "./editor";
import type { OutputEditorProps } from "./output-editor";
import { partLoader } from "./parts";

export interface ToolsPart {
  Editor: FunctionComponent<EditorProps>;
  OutputEditor: FunctionComponent<OutputEditorProps>;
  BudgetRow: FunctionComponent;
  LargerLimits: FunctionComponent;
}

/** Null until it is loaded; what stood there stays. */
export const toolsPart: Signal<ToolsPart | null> = signal(null);
const load = partLoader(toolsPart, "flow_tools");

/** Loads the forms, and returns them once they are there. */
export function useTools(): ToolsPart | null {
  const { commands } = useUi().session;
  useLayoutEffect(() => void load(commands), [commands]);
  return toolsPart.value;
}
