// What concerns the whole widget: the kernel is gone, a command was refused, the flow or the run has an error.
import { useState } from "preact/hooks";
import type { ErrorView } from "../model/wire";
import { useUi } from "./context";
import { Button, Prose } from "./controls";
import { Icon } from "./icons";
import { Details, RequestId } from "./notes";

export function Banners() {
  const { session } = useUi();
  const { run } = session.store.top();
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
