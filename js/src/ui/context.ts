// What every component of one view can reach.
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { InputEdits } from "../host/inputs";
import type { Session } from "../host/session";
import type { Frame } from "./frame";
import type { UiState } from "./ui-state";

export interface Ui {
  session: Session;
  inputs: InputEdits;
  state: UiState;
  frame: Frame;
  /** Ends every listener of this view. */
  signal: AbortSignal;
  /** Says a fact to a screen reader. */
  announce: (text: string) => void;
  /** Opens, shows and focuses a step, an action, or the field in it. */
  goTo: (step: number, action: number | null) => void;
}

export const UiContext = createContext<Ui | null>(null);

export function useUi(): Ui {
  const ui = useContext(UiContext);
  if (ui === null) throw new Error("No Ui around this component.");
  return ui;
}
