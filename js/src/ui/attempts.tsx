// The list of attempts of an action; an older one is fetched when it is chosen.
import { useLayoutEffect, useRef } from "preact/hooks";
import { counted, duration } from "../model/format";
import { WORD } from "../model/status";
import type { ActionView, AttemptLine, Json } from "../model/wire";
import { useUi } from "./context";
import { QUIET } from "./controls";
import { Icon, statusIcon } from "./icons";
import type { ActionUi } from "./ui-state";

interface Props {
  view: ActionView;
  step: number;
  action: number;
  ui: ActionUi;
  close: () => void;
}

export function Attempts({ view, step, action, ui, close }: Props) {
  const { session } = useUi();
  const list = useRef<HTMLDivElement>(null);
  const lines = [...view.attempts].sort((a, b) => b.number - a.number);
  const chosen = ui.attempt.value?.number ?? view.attempt;
  const choose = async (number: number) => {
    if (number === view.attempt) {
      ui.attempt.value = null;
      return;
    }
    ui.attempt.value = { number, text: "", is_json: false, loading: true };
    const reply = await session.act(
      "attempt",
      { step, action, attempt: number },
      `attempt ${step} ${action} ${number}`,
    );
    if (ui.attempt.value?.number !== number) return;
    ui.attempt.value = reply === null ? null : { number, ...attemptData(reply.data), loading: false };
  };
  const press = (event: KeyboardEvent) => {
    const at = lines.findIndex((line) => line.number === chosen);
    const by = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (event.key === "Escape") close();
    else if (by === 0) return;
    const next = lines[at + by];
    if (by !== 0 && next !== undefined) {
      void choose(next.number);
      (list.current?.children[at + by] as HTMLElement | undefined)?.focus();
    }
    event.preventDefault();
  };
  useLayoutEffect(() => {
    const [selected] = list.current?.querySelectorAll<HTMLElement>('[aria-selected="true"]') ?? [];
    selected?.focus({ preventScroll: true });
  }, []);
  return (
    <div class="fw-attempts" role="listbox" aria-label="Attempts" ref={list} onKeyDown={press}>
      {lines.map((line) => (
        // biome-ignore lint/a11y/useKeyWithClickEvents: the list handles the keys
        <div
          key={line.number}
          {...QUIET}
          role="option"
          aria-selected={line.number === chosen}
          tabIndex={line.number === chosen ? 0 : -1}
          onClick={() => void choose(line.number)}
        >
          <span class="fw-mark" data-s={line.status}>
            <Icon name={statusIcon(line.status)} />
          </span>
          <span>{line.number === view.attempt ? `${line.number} · newest` : line.number}</span>
          <span>{line.ended_at === null ? "" : duration(line.ended_at - line.started_at)}</span>
          <span class="what">{summary(line)}</span>
        </div>
      ))}
    </div>
  );
}

function summary(line: AttemptLine): string {
  const word = WORD[line.status];
  if (line.error !== null) {
    const what = line.error.what.replace(/\.$/, "");
    const kept = line.chars > 0 ? `, ${counted(line.chars, "character")} kept` : "";
    return `${word}: ${what.charAt(0).toLowerCase()}${what.slice(1)}${kept}`;
  }
  return line.tokens === null ? word : `${word}, ${counted(line.tokens, "token")}`;
}

function attemptData(data: Json): { text: string; is_json: boolean } {
  if (data === null || typeof data !== "object" || Array.isArray(data)) return { text: "", is_json: false };
  return { text: typeof data.text === "string" ? data.text : "", is_json: data.is_json === true };
}
