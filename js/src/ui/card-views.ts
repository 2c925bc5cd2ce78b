// What the parts of a card are given, and which views of its text apply.
import type { Shown } from "../model/status";
import type { ActionDef, ActionView } from "../model/wire";
import type { ActionUi, OutputView } from "./ui-state";

export interface CardProps {
  step: number;
  action: number;
  def: ActionDef;
  /** The only action of its step: the step's line has said name, status and time. */
  solo: boolean;
}

export interface Card extends CardProps {
  view: ActionView;
  shown: Shown;
  ui: ActionUi;
  why: string | null;
}

/** A number, true, false or null looks the same in every view. */
const BARE = /^\s*(-?\d+(\.\d+)?(e[+-]?\d+)?|true|false|null)\s*$/i;

/** The views that apply to this text, and the one that is shown. */
export function views(card: Card): { options: OutputView[]; value: OutputView } {
  const { view, ui } = card;
  const old = ui.attempt.value;
  const text = old?.text ?? view.text;
  if (text === "" || (old === null && view.status === "waiting")) return { options: [], value: "text" };
  if (BARE.test(text)) return { options: [], value: "text" };
  const isJson = old?.is_json ?? view.is_json;
  const rich: OutputView | null = isJson ? "json" : card.def.has_schema ? null : "markdown";
  const options: OutputView[] = rich === null ? ["text"] : [rich, "text"];
  const usual: OutputView = (view.status === "completed" || old !== null) && rich !== null ? rich : "text";
  const chosen = ui.view.value;
  return { options, value: chosen !== null && options.includes(chosen) ? chosen : usual };
}
