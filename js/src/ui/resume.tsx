// Going on with a run that failed, was canceled or was cut off.
import { doubled, onlySet, readLimits, writtenAll } from "../model/budget";
import { whatToResume } from "../model/status";
import type { Json } from "../model/wire";
import { useUi } from "./context";
import { Offer } from "./controls";

/** Resume, or Retry failed; after a spent budget with the larger limits that the banner shows. */
export function Resume({ small = false }: { small?: boolean }) {
  const { session, state } = useUi();
  const view = session.store.top();
  session.store.facts();
  const { run } = view;
  const word = whatToResume(view);
  if (run === null || word === null) return null;
  const isSpent = run.stop?.cause === "budget" && run.budget !== null;
  const read = isSpent && run.budget ? readLimits(state.typedLarger.value ?? doubled(run.budget)) : null;
  const why = session.gone.value
    ? "Kernel restarted"
    : read === null
      ? null
      : read.problem !== null
        ? "A limit is not valid yet"
        : writtenAll(read.budget) === ""
          ? "Enter a larger limit first"
          : null;
  const press = async () => {
    const fields: Record<string, Json> = read === null ? {} : { budget: onlySet(read.budget) };
    if ((await session.act("resume", fields)) !== null) state.typedLarger.value = null;
  };
  const most = read === null ? "" : writtenAll(read.budget);
  return (
    <Offer
      class={small ? "b small" : "b fw-resume"}
      command="resume"
      why={why}
      title={most === "" ? undefined : `${word} with ${most}`}
      press={() => void press()}
    >
      {word}
    </Offer>
  );
}
