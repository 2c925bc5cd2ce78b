// What concerns the whole widget: the kernel is gone, a command was refused, why a run stopped, what changed since.
import { useLayoutEffect, useState } from "preact/hooks";
import { isLive } from "../model/status";
import type { ErrorView, NoticeView, StopView } from "../model/wire";
import { useUi } from "./context";
import { Button, Prose } from "./controls";
import { Icon, type IconName } from "./icons";
import { Details, RequestId } from "./notes";
import { Resume } from "./resume";
import { useTools } from "./tools";

export function Banners() {
  const { session } = useUi();
  const view = session.store.top();
  const { run, notices } = view;
  const { problems } = session.store.flow.value;
  const said = session.refusal.value;
  // What keeps a flow from running stands below already, each problem with its place.
  const refusal = said?.kind === "invalid_flow" && problems.length > 0 ? null : said;
  return (
    <>
      {session.gone.value && (
        <div class="fw-banner">
          <Icon name="plug" />
          <p>
            <strong>Kernel restarted: run the cell again.</strong>
            {run !== null && ` Outputs below are from run ${run.number}.`}
          </p>
        </div>
      )}
      {refusal !== null && <ErrorBanner error={refusal} close={() => (session.refusal.value = null)} />}
      {run?.stop && !isLive(view) && <Stop key={run.id} stop={run.stop} />}
      {notices.map((notice) => (
        <Notice key={`${notice.kind} ${notice.text}`} notice={notice} />
      ))}
      {problems.map((problem) => (
        <div class={`fw-banner ${problem.severity}`} key={`${problem.place} ${problem.what}`}>
          <Icon name={problem.severity === "error" ? "failed" : "info"} />
          <p>
            <strong>
              <Prose text={problem.what} />
            </strong>{" "}
            <Prose text={problem.hint} /> <code>{problem.place}</code>
          </p>
        </div>
      ))}
    </>
  );
}

const STOP_ICON: Record<StopView["cause"], IconName> = {
  budget: "warn",
  store: "failed",
  interrupted: "plug",
};

/** Why the run ended before its end; after a spent budget with larger limits to go on with. */
function Stop({ stop }: { stop: StopView }) {
  const { state } = useUi();
  useLayoutEffect(() => {
    state.typedLarger.value = null;
  }, []);
  return (
    <div class={`fw-banner ${stop.cause === "store" ? "error" : ""}`}>
      <Icon name={STOP_ICON[stop.cause]} />
      <p>
        <Lead text={stop.text} />
      </p>
      {stop.cause === "budget" && (
        <span class="fw-act">
          <Larger />
          <Resume small />
        </span>
      )}
    </div>
  );
}

function Larger() {
  const tools = useTools();
  return tools && <tools.LargerLimits />;
}

/** What differs from the run that is shown, or a store that cannot be written. */
function Notice({ notice: { kind, text, details } }: { notice: NoticeView }) {
  const [open, setOpen] = useState(false);
  return (
    <div class={`fw-banner ${kind === "changed" ? "calm" : ""}`}>
      <Icon name={kind === "changed" ? "info" : "warn"} />
      <div>
        <p>
          <Lead text={text} />
          {details.length > 0 && (
            <>
              {" "}
              <Button class="link" expanded={open} press={() => setOpen(!open)}>
                Details
              </Button>
            </>
          )}
        </p>
        {open && (
          <ul class="fw-details">
            {details.map((line) => (
              <li key={line}>{line}</li>
            ))}
          </ul>
        )}
      </div>
    </div>
  );
}

/** A text whose first sentence is set in bold. */
function Lead({ text }: { text: string }) {
  const end = text.search(/[.!?] /) + 1;
  if (end === 0) return <Prose text={text} />;
  return (
    <>
      <strong>
        <Prose text={text.slice(0, end)} />
      </strong>
      <Prose text={text.slice(end)} />
    </>
  );
}

function ErrorBanner({ error, close }: { error: ErrorView; close: () => void }) {
  const [open, setOpen] = useState(false);
  return (
    <div class="fw-banner error" role="alert">
      <Icon name="failed" />
      <div>
        <p>
          <strong>
            <Prose text={error.what} />
          </strong>{" "}
          <Prose text={error.hint} /> <Details error={error} open={open} toggle={() => setOpen(!open)} />
          <RequestId id={error.request_id} />
        </p>
        {open && <pre class="fw-details">{error.detail}</pre>}
      </div>
      <Button class="link" press={close}>
        Close
      </Button>
    </div>
  );
}
