// Buttons, switches, copies and clocks. Every focusable element keeps the notebook's shortcuts away.
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { ticking } from "../model/format";
import { type Shown, WORD } from "../model/status";
import { copyText } from "./clipboard";
import { useUi } from "./context";
import { Icon, type IconName, statusIcon } from "./icons";

/** On every focusable element, or a press of `b` inserts a notebook cell. */
export const QUIET = { "data-lm-suppress-shortcuts": "true" } as const;

interface ButtonProps {
  class?: string;
  icon?: IconName;
  children?: ComponentChildren;
  /** What the button does and where, when its words do not say it. */
  label?: string;
  title?: string | undefined;
  /** Why it cannot be pressed; null or absent when it can. */
  why?: string | null | undefined;
  /** Key of the command it sends: it ignores presses until the ack. */
  command?: string;
  pressed?: boolean;
  expanded?: boolean;
  popup?: "listbox";
  step?: number;
  action?: number;
  press: (event: MouseEvent) => void;
}

/** A button that stays focusable when it cannot be pressed, so that focus is never lost by a press. */
export function Button(props: ButtonProps) {
  const { session } = useUi();
  const why = props.why ?? null;
  const busy = props.command !== undefined && session.commands.busy.value.has(props.command);
  return (
    <button
      {...QUIET}
      type="button"
      class={props.class ?? "b"}
      aria-label={props.label}
      title={why ?? props.title ?? (props.children === undefined ? props.label : undefined)}
      aria-disabled={why !== null ? "true" : undefined}
      aria-pressed={props.pressed}
      aria-expanded={props.expanded}
      aria-haspopup={props.popup}
      data-busy={busy ? "" : undefined}
      data-step={props.step}
      data-action={props.action}
      onClick={(event: MouseEvent) => {
        // Asked anew: the second press of a double click comes before the redraw.
        const held = props.command !== undefined && session.commands.busy.peek().has(props.command);
        if (why === null && !held) props.press(event);
      }}
    >
      {props.icon && <Icon name={props.icon} />}
      {props.children}
    </button>
  );
}

/** A button that goes when it has done its work; its focus then goes to its card, or to Run flow. */
export function Offer(props: ButtonProps) {
  const box = useRef<HTMLSpanElement>(null);
  useLayoutEffect(() => {
    const element = box.current;
    return () => {
      const page = element?.getRootNode() as Document | ShadowRoot | undefined;
      if (!element?.contains(page?.activeElement ?? null)) return;
      const card = element.closest<HTMLElement>(".fw-action");
      (card ?? element.closest(".fw")?.querySelector<HTMLElement>(".fw-run-flow"))?.focus({
        preventScroll: true,
      });
    };
  }, []);
  return (
    <span class="fw-slot" ref={box}>
      <Button {...props} />
    </span>
  );
}

interface SwitchProps<T extends string> {
  label: string;
  options: readonly { value: T; word: string }[];
  value: T;
  choose: (value: T) => void;
}

/** A segmented switch; ← and → move in it. */
export function Switch<T extends string>({ label, options, value, choose }: SwitchProps<T>) {
  const move = (event: KeyboardEvent) => {
    const by = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (by === 0) return;
    event.preventDefault();
    const at = options.findIndex((option) => option.value === value);
    const next = options[(at + by + options.length) % options.length];
    if (next === undefined) return;
    choose(next.value);
    const all = (event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>("button");
    all[options.indexOf(next)]?.focus();
  };
  return (
    <span class="seg" role="group" aria-label={label} onKeyDown={move}>
      {options.map((option) => (
        <Button
          key={option.value}
          class=""
          pressed={option.value === value}
          press={() => choose(option.value)}
        >
          {option.word}
        </Button>
      ))}
    </span>
  );
}

export function Status({ status, word, title }: { status: Shown; word?: string; title?: string }) {
  return (
    <span class="fw-status" data-s={status} title={title}>
      <Icon name={statusIcon(status)} />
      {word ?? WORD[status]}
    </span>
  );
}

/** Copies what `text` returns; the icon says so for a moment. */
export function Copy({ label, text }: { label: string; text: () => string }) {
  const { announce } = useUi();
  const [done, setDone] = useState(false);
  const press = async (event: MouseEvent) => {
    if (!(await copyText(text(), event.currentTarget as HTMLElement))) return;
    announce("Copied");
    setDone(true);
    setTimeout(() => setDone(false), 1500);
  };
  return (
    <Button
      class="i"
      icon={done ? "done" : "copy"}
      label={label}
      title={done ? "Copied" : label}
      press={(event) => void press(event)}
    />
  );
}

/** The index of a step or action; a press copies the call that runs it. */
export function Index({ text, call }: { text: string; call: string }) {
  const { announce } = useUi();
  const press = async (event: MouseEvent) => {
    if (await copyText(call, event.currentTarget as HTMLElement)) announce("Copied");
  };
  return (
    <Button class="idx" title={`Copy: ${call}`} press={(event) => void press(event)}>
      {text}
    </Button>
  );
}

/** A running time: tenths of a second below a minute, then seconds. */
export function Elapsed({ from }: { from: number }) {
  const { session } = useUi();
  const { clock } = session;
  const long = clock.now() - from >= 60;
  if (long) clock.seconds.value;
  else clock.tenths.value;
  return <>{ticking(clock.now() - from)}</>;
}

/** Text with `code` between backticks. */
export function Prose({ text }: { text: string }) {
  const parts = text.split(/`([^`\n]+)`/);
  return <>{parts.map((part, n) => (n % 2 === 1 ? <code key={n}>{part}</code> : part))}</>;
}
