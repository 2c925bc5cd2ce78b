// The strip with the steps and what follows what; a press on one goes to it.
import { layout, NODE } from "../model/graph";
import { stepStatus, WORD } from "../model/status";
import type { StepDef } from "../model/wire";
import { useUi } from "./context";
import { QUIET } from "./controls";
import { Icon, statusIcon } from "./icons";

export function Graph() {
  const { session } = useUi();
  const { steps, edges, sequence } = session.store.flow.value;
  const chain = sequence && edges.length === 0;
  const all = chain ? steps.slice(1).map((_, n) => ({ source: n, target: n + 1, port: "" })) : edges;
  const { width, height, spots, lines } = layout(steps.length, all);
  return (
    <nav class="fw-graph" aria-label="Graph">
      <div style={{ width: `${width}px`, height: `${height}px` }}>
        <svg aria-hidden="true">
          {lines.map((line) => (
            <Edge key={`${line.source} ${line.target} ${line.port}`} {...line} />
          ))}
        </svg>
        {steps.map((step, n) => (
          <Node key={step.id} step={n} def={step} x={spots[n]?.x ?? 0} y={spots[n]?.y ?? 0} />
        ))}
      </div>
    </nav>
  );
}

/** Dashed when nothing came along it: its target was skipped, or its source failed or was skipped. */
function Edge({ d, source, target }: { d: string; source: number; target: number }) {
  const { session } = useUi();
  const from = session.store.step(source)?.status;
  const dead = session.store.step(target)?.status === "skipped" && (from === "failed" || from === "skipped");
  return <path class={dead ? "dead" : undefined} d={d} />;
}

function Node({ step, def, x, y }: { step: number; def: StepDef; x: number; y: number }) {
  const { session, goTo } = useUi();
  const status = stepStatus(session.store.step(step), session.gone.value);
  return (
    <button
      {...QUIET}
      type="button"
      class="node"
      title={def.name}
      style={{ left: `${x}px`, top: `${y}px`, width: `${NODE.width}px` }}
      onClick={() => goTo(step, null)}
    >
      <span class="fw-mark" data-s={status}>
        <Icon name={statusIcon(status)} />
      </span>
      <span class="vh">{WORD[status]}</span>
      <span class="idx">{step}</span>
      <span class="name">{def.name}</span>
    </button>
  );
}
