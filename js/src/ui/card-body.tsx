// What stands below a card's lines: notes, attempts, and the editor or the text.
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { counted } from "../model/format";
import { pieces } from "../model/template";
import type { ActionDef, ActionView } from "../model/wire";
import { Attempts } from "./attempts";
import { type Card, views } from "./card-views";
import { useUi } from "./context";
import { loadMarkdown, markdownPart } from "./markdown";
import { Notes } from "./notes";
import { Output } from "./output";
import { Progress } from "./progress";
import { Stream } from "./stream";
import { useTools } from "./tools";

export function Body(card: Card) {
  const { step, action, def, view, shown, ui } = card;
  const root = useRef<HTMLDivElement>(null);
  const canEdit = def.fields !== null;
  const gone = useUi().session.gone.value;
  const focus = (button: string) =>
    root.current?.closest(".fw-action")?.querySelector<HTMLElement>(button)?.focus();
  const close = () => {
    const was = ui.editing.peek();
    ui.editing.value = null;
    focus(was === "output" ? ".fw-edit-output" : ".fw-edit");
  };
  const closeAttempts = () => {
    ui.attemptsOpen.value = false;
    focus(".attempts");
  };
  return (
    <div class="fw-body" ref={root}>
      {!gone && <Progress view={view} name={def.name} />}
      {ui.attempt.value === null && (
        <Notes
          view={view}
          shown={shown}
          step={step}
          action={action}
          name={def.name}
          ui={ui}
          canEdit={canEdit}
        />
      )}
      {ui.attemptsOpen.value && view.attempts.length > 1 && (
        <Attempts view={view} step={step} action={action} ui={ui} close={closeAttempts} />
      )}
      {ui.editing.value === null ? <Content {...card} /> : <Editors card={card} close={close} />}
    </div>
  );
}

/** The editor that is open, in place of the text; until it has come, the text. */
function Editors({ card, close }: { card: Card; close: () => void }) {
  const { step, action, def, view, ui, why } = card;
  const tools = useTools();
  const shared = { step, action, name: def.name, ui, why, close };
  if (tools !== null && ui.editing.value === "output") {
    const text = ui.attempt.value?.text ?? view.text;
    const isMono = def.has_schema || view.is_json;
    return <tools.OutputEditor {...shared} text={text} isData={def.has_schema} isMono={isMono} />;
  }
  if (tools !== null && def.fields !== null)
    return <tools.Editor {...shared} fields={def.fields} edited={def.edited} />;
  return <Content {...card} />;
}

function Content(card: Card) {
  const { step, action, def, view, shown, ui } = card;
  const { session } = useUi();
  const old = ui.attempt.value;
  const holder = useRef<HTMLDivElement>(null);
  const held = useHeldBySelection(holder, view.status === "running");
  const wants = views(card).value;
  const { commands } = session;
  useLayoutEffect(() => {
    if (view.text !== "" && markdownPart.value === null && !def.has_schema) void loadMarkdown(commands);
  }, [view.status, view.text === ""]);
  if (old?.loading) return <p class="fw-prompt">Waiting for the text of attempt {old.number}</p>;
  if (old)
    return <Output key={old.number} text={old.text} view={wants} whole={ui.whole} toggled={ui.toggled} />;
  if (view.status === "pending" || (view.status === "waiting" && view.attempt === 0))
    return <Prompt def={def} />;
  if (view.status === "waiting" && view.text !== "") return <Stopped {...card} />;
  if (shown === "running" && view.text === "") return view.progress === null ? <NoText view={view} /> : null;
  if (view.text === "") return null;
  return (
    <div class="fw-holder" ref={holder}>
      {view.status === "running" || held ? (
        <Stream step={step} action={action} caret={shown === "running"} />
      ) : (
        <Output
          text={view.text}
          view={wants}
          whole={ui.whole}
          toggled={ui.toggled}
          mono={def.has_schema || view.is_json}
        />
      )}
    </div>
  );
}

function Stopped({ view }: Card) {
  return (
    <div class="fw-prompt">
      <span class="label">{`Attempt ${view.attempt} stopped after ${counted(view.text.length, "character")}`}</span>
      <div class="fw-output bare">
        <p class="pre">{view.text}</p>
      </div>
    </div>
  );
}

/** What it will do: the prompt of a chat, else a summary; in code nothing is a reference. */
function Prompt({ def: { type, prompt, fields } }: { def: ActionDef }) {
  const { references } = useUi().session.store.flow.value;
  if (prompt === "") return null;
  const isCode = type === "code";
  const parts = isCode ? [{ text: prompt, known: null }] : pieces(prompt, references);
  return (
    <div class="fw-prompt">
      <span class="label">{fields === null ? "Definition" : "Prompt"}</span>
      <p class={isCode ? "pre mono" : "pre"}>
        {parts.map((part, n) =>
          part.known === null ? (
            part.text
          ) : (
            <span key={n} class={part.known ? "ref" : "ref bad"}>
              {part.text}
            </span>
          ),
        )}
      </p>
    </div>
  );
}

function NoText({ view }: { view: ActionView }) {
  const { session } = useUi();
  session.clock.seconds.value;
  const seconds = view.started_at === null ? 0 : Math.floor(session.clock.now() - view.started_at);
  return (
    <p class="fw-prompt">
      <span class="caret" />
      {seconds >= 2 && <span class="fw-quiet">{`No text yet, ${seconds}\u00a0s`}</span>}
    </p>
  );
}

/** True after the text has settled while the reader still has a selection inside it. */
function useHeldBySelection(holder: { current: HTMLElement | null }, running: boolean): boolean {
  const [, redraw] = useState(0);
  const wasRunning = useRef(running);
  const selection = holder.current?.ownerDocument.getSelection() ?? null;
  const selected =
    selection !== null && !selection.isCollapsed && holder.current?.contains(selection.anchorNode) === true;
  const held = !running && wasRunning.current && selected;
  wasRunning.current = running || held;
  useLayoutEffect(() => {
    if (!held) return;
    const changed = () => redraw((n) => n + 1);
    document.addEventListener("selectionchange", changed);
    return () => document.removeEventListener("selectionchange", changed);
  }, [held]);
  return held;
}
