// The views of one model: a view that is drawn anew goes on from the one whose place it takes.
import { effect } from "@preact/signals";
import type { Session } from "../host/session";
import { isLive } from "../model/status";
import type { UiState } from "./ui-state";

/** How long the place of a view keeps its height after a run ended, when notebooks draw it anew. */
const HOLD_MS = 1500;
const PLACE = ".jp-OutputArea-output, .output_subarea";

interface View {
  root: HTMLElement;
  state: UiState;
  end: () => void;
  focused: string | null;
}

/**
 * A notebook that gets a new record of a display (Python refreshes it when a run ends) throws the old
 * view's element away and asks for a new one. What the reader folded, filtered and focused is handed on.
 */
export class Views {
  private readonly all: View[] = [];

  /** Returns the state of a view that has left the page, and ends that view; null when there is none. */
  take(): { state: UiState; focused: string | null } | null {
    const gone = this.all.findIndex((view) => !view.root.isConnected);
    const view = gone < 0 ? undefined : this.all.splice(gone, 1)[0];
    view?.end();
    return view ?? null;
  }

  /** Remembers a view until another takes its place. */
  add(root: HTMLElement, state: UiState, end: () => void, signal: AbortSignal): void {
    const view: View = { root, state, end, focused: null };
    this.all.push(view);
    const watch = (event: Event) => {
      const target = event.target;
      if (!root.isConnected || !(target instanceof HTMLElement)) return;
      view.focused = root.contains(target) ? nameOf(target) : null;
    };
    document.addEventListener("focusin", watch, { signal });
    document.addEventListener("pointerdown", watch, { signal });
  }
}

/** Focuses what had the focus in the view before, unless the reader has gone elsewhere. */
export function refocus(root: HTMLElement, name: string | null): void {
  if (name === null) return;
  requestAnimationFrame(() => {
    if (document.activeElement !== document.body && document.activeElement !== null) return;
    const found = [...root.querySelectorAll<HTMLElement>("button, input, textarea, select, [tabindex]")];
    found.find((element) => nameOf(element) === name)?.focus({ preventScroll: true });
  });
}

function nameOf(element: HTMLElement): string {
  const label = element.getAttribute("aria-label") ?? element.textContent ?? "";
  const place = element.closest<HTMLElement>("[data-step]");
  return `${element.tagName} ${label} ${place?.dataset.step ?? ""} ${place?.dataset.action ?? ""}`;
}

/** Keeps the height of the output around a view for a moment whenever a run ends. */
export function holdHeight(session: Session, root: HTMLElement, signal: AbortSignal): void {
  let wasLive = false;
  const stop = effect(() => {
    const live = isLive(session.store.top());
    if (wasLive && !live) hold(root.closest<HTMLElement>(PLACE));
    wasLive = live;
  });
  signal.addEventListener("abort", stop);
}

function hold(place: HTMLElement | null): void {
  if (place === null) return;
  place.style.minHeight = `${place.offsetHeight}px`;
  setTimeout(() => place.style.removeProperty("min-height"), HOLD_MS);
}
