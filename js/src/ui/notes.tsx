// The notes of a card: why it failed, waits, is stale, was skipped or canceled, and what can be done.
import type { ComponentChildren } from "preact";
import { capital, count, wait } from "../model/format";
import { waitCause, whyNotRun } from "../model/status";
import type { ActionView, ErrorView } from "../model/wire";
import { useUi } from "./context";
import { Button, Copy, Offer, Prose } from "./controls";
import { Icon, type IconName } from "./icons";
import type { ActionUi } from "./ui-state";

interface Place {
  step: number;
  action: number;
  name: string;
  ui: ActionUi;
}

export function Note(props: { tone: "err" | "warn" | "calm"; icon: IconName; children: ComponentChildren }) {
  return (
    <div class={`fw-msg ${props.tone}`}>
      <Icon name={props.icon} />
      <div>{props.children}</div>
    </div>
  );
}

export function RequestId({ id }: { id: string | null }) {
  if (id === null || id === "") return null;
  return (
    <span class="id">
      {id}
      <Copy label="Copy request id" text={() => id} />
    </span>
  );
}

export function Notes({
  view,
  shown,
  canEdit,
  ...place
}: Place & { view: ActionView; shown: string; canEdit: boolean }) {
  if (shown === "stale") return <StaleNote view={view} />;
  if (view.status === "failed" && view.error !== null) {
    return <ErrorNote error={view.error} canEdit={canEdit} {...place} />;
  }
  if (shown === "waiting") return <WaitNote view={view} {...place} />;
  if (shown === "skipped") return <SkipNote reason={view.reason} />;
  if (shown === "canceled" || shown === "interrupted") return <CancelNote view={view} shown={shown} />;
  return null;
}

function ErrorNote({
  error,
  canEdit,
  step,
  action,
  name,
  ui,
}: Place & { error: ErrorView; canEdit: boolean }) {
  const { session } = useUi();
  const why = whyNotRun(session.store.top(), session.gone.value);
  const key = `run_action ${step} ${action}`;
  const retry = () => void session.act("run_action", { step, action }, key);
  const edit = () => {
    ui.editing.value = "action";
  };
  return (
    <Note tone="err" icon="failed">
      <p>
        <strong>
          <Prose text={error.what} />
        </strong>{" "}
        <Prose text={error.hint} />
      </p>
      <div class="row">
        <Offer class="b small" command={key} why={why} label={`Retry ${name}`} press={retry}>
          Retry
        </Offer>
        {canEdit && !error.retryable && (
          <Button class="b small" press={edit} label={`Edit action ${name}`}>
            Edit action
          </Button>
        )}
        <Details
          error={error}
          open={ui.details.value}
          toggle={() => (ui.details.value = !ui.details.value)}
        />
        <RequestId id={error.request_id} />
      </div>
      {ui.details.value && <pre class="fw-details">{detail(error)}</pre>}
    </Note>
  );
}

function detail(error: ErrorView): string {
  return [error.kind, error.detail].filter((part) => part !== "").join("\n");
}

export function Details({ error, open, toggle }: { error: ErrorView; open: boolean; toggle: () => void }) {
  if (error.detail === "") return null;
  return (
    <Button class="link" expanded={open} press={toggle}>
      Details
    </Button>
  );
}

function WaitNote({ view, step, action, name }: Place & { view: ActionView }) {
  const { session } = useUi();
  const key = `try_now ${step} ${action}`;
  const { error } = view;
  return (
    <Note tone="warn" icon="waiting">
      <p>
        <strong>
          <NextTry view={view} />
        </strong>{" "}
        <Prose text={waitCause(view)} />
      </p>
      <div class="row">
        <Offer
          class="b small"
          command={key}
          label={`Try now: ${name}`}
          why={session.gone.value ? "Kernel restarted" : null}
          press={() => void session.act("try_now", { step, action }, key)}
        >
          Try now
        </Offer>
        <RequestId id={error?.request_id ?? null} />
      </div>
    </Note>
  );
}

/** Counts down; nobody knows the instant, or it has passed, and the try is about to begin. */
function NextTry({ view }: { view: ActionView }) {
  const { session } = useUi();
  const until = view.waits?.until ?? null;
  session.clock.tenths.value;
  const left = until === null || session.gone.value ? 0 : until - session.clock.now();
  return <>{left > 0 ? `Next try in ${wait(left)}.` : "Next try soon."}</>;
}

function StaleNote({ view }: { view: ActionView }) {
  const { session } = useUi();
  const top = session.store.top();
  return (
    <Note tone="warn" icon="stale">
      <p>
        <strong>Stale:</strong> {view.stale} ·{" "}
        <Offer
          class="link"
          command="run_stale"
          why={whyNotRun(top, session.gone.value)}
          press={() => void session.act("run_stale")}
        >
          {`Run stale (${top.run?.stale ?? 0})`}
        </Offer>
      </p>
    </Note>
  );
}

function SkipNote({ reason }: { reason: string | null }) {
  const { session, goTo } = useUi();
  const place = /step (\d+)/.exec(reason ?? "");
  const step = place === null ? null : Number(place[1]);
  const failed = step === null ? -1 : failedAction(session.store.view.run?.steps[step]?.actions);
  return (
    <Note tone="calm" icon="skipped">
      <p>
        {reason === null ? "Not run." : `Not run: ${reason}.`}{" "}
        {step !== null && failed !== -1 && (
          <Button class="link" press={() => goTo(step, failed)}>
            Go to the error
          </Button>
        )}
      </p>
    </Note>
  );
}

function failedAction(actions: readonly ActionView[] | undefined): number {
  return actions?.findIndex((action) => action.status === "failed") ?? -1;
}

function CancelNote({ view, shown }: { view: ActionView; shown: string }) {
  const chars = view.text.length;
  const kept =
    chars === 0 ? "" : ` ${count(chars)} ${chars === 1 ? "character was" : "characters were"} kept.`;
  // The banner has the numbers.
  const stop = useUi().session.store.top().run?.stop?.text.split(". ")[0]?.replace(/ \(.*/, "");
  const reason =
    view.reason ?? (shown === "interrupted" ? "the kernel stopped" : (stop ?? "You canceled this run"));
  return (
    <Note tone="calm" icon="canceled">
      <p>{`${capital(reason.replace(/\.$/, ""))}.${kept}`}</p>
    </Note>
  );
}
