// The module that anywidget loads: a session per model, a view per place where it is shown.
import { InputEdits } from "./host/inputs";
import type { HostModel } from "./host/model";
import { Session } from "./host/session";
import { Views } from "./ui/views";
import { mount } from "./ui/widget";

interface InitializeProps {
  model: HostModel;
  signal?: AbortSignal;
}

interface RenderProps extends InitializeProps {
  el: HTMLElement;
}

/**
 * anywidget calls this once per model. It hands out a new proxy of the model to every call below, so the
 * proxy cannot be the key to the session: the closure is.
 */
export default function flowWidget() {
  let session: Session | null = null;
  let inputs: InputEdits | null = null;
  const views = new Views();

  function initialize({ model, signal }: InitializeProps): () => void {
    const end = endOf(signal);
    session = new Session(model);
    inputs = new InputEdits(session);
    session.start(end.signal);
    return () => end.abort();
  }

  function render({ model, el, signal }: RenderProps): () => void {
    const end = endOf(signal);
    if (session === null) initialize({ model, signal: end.signal });
    if (session !== null && inputs !== null) mount(session, inputs, views, el, end);
    return () => end.abort();
  }

  return { initialize, render };
}

function endOf(signal: AbortSignal | undefined): AbortController {
  const end = new AbortController();
  signal?.addEventListener("abort", () => end.abort(), { once: true });
  return end;
}
