// Opens a widget on the page of a test, over a model without a kernel.
import flowWidget from "../src/flow-widget";
import type { View } from "../src/model/wire";
import { FakeModel } from "./fake-model";
import { actionDef, flowView } from "./make";

export const flow = flowView([
  ["Read", [actionDef("Timeline"), actionDef("Facts")]],
  ["Write", [actionDef("Summary")]],
]);

export function open(run: View, views = 1, of = flow) {
  const model = new FakeModel(of, run);
  const end = new AbortController();
  const widget = flowWidget();
  widget.initialize({ model: { ...bound(model) }, signal: end.signal });
  const roots = Array.from({ length: views }, () => {
    const el = document.createElement("div");
    document.body.append(el);
    widget.render({ model: { ...bound(model) }, el, signal: end.signal });
    return el;
  });
  const [root] = roots;
  if (root === undefined) throw new Error("no view");
  return { model, root, roots, end };
}

/** As anywidget does it: another proxy for each call. */
function bound(model: FakeModel) {
  return {
    get: model.get.bind(model),
    set: model.set.bind(model),
    send: model.send.bind(model),
    on: model.on.bind(model),
    off: model.off.bind(model),
  };
}

export function find(root: HTMLElement, selector: string): HTMLElement {
  const found = root.querySelector<HTMLElement>(selector);
  if (found === null) throw new Error(`no ${selector}`);
  return found;
}

/** The button with these words or this label. */
export function button(root: HTMLElement, words: string): HTMLElement {
  const all = [...root.querySelectorAll<HTMLElement>("button")];
  const found = all.find((one) => one.textContent === words || one.getAttribute("aria-label") === words);
  if (found === undefined) throw new Error(`no button ${words}`);
  return found;
}
