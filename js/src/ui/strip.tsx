// The strip with the steps and what follows what; a press on one goes to it.
import { useMemo } from "preact/hooks";
import { stepStatus, WORD } from "../model/status";
import { layout, NODE } from "../model/strip";
import type { StepDef } from "../model/wire";
import { useUi } from "./context";
import { QUIET } from "./controls";
import { Icon, statusIcon } from "./icons";

export function Strip({ press }: { press: (step: number) => void }) {
  const { session } = useUi();
  const flow = session.store.flow.value;
  const { steps } = flow;
  const { width, height, spots, lines } = useMemo(() => layout(steps.length, flow.edges), [flow]);
  return (
    <nav class="fw-graph" aria-label="Graph">
      <div class="plane" style={{ width: `${width}px`, height: `${height}px` }}>
        <svg aria-hidden="true">
          {lines.map((d, n) => (
            <Edge key={n} edge={n} d={d} />
          ))}
        </svg>
        {steps.map((step, n) => (
          <Node key={step.id} step={n} def={step} x={spots[n]?.x ?? 0} y={spots[n]?.y ?? 0} press={press} />
        ))}
      </div>
    </nav>
  );
}

function Edge({ edge, d }: { edge: number; d: string }) {
  const status = useUi().session.store.edge(edge);
  return (
    <g data-e={status}>
      <path d={d} />
    </g>
  );
}

interface NodeProps {
  step: number;
  def: StepDef;
  x: number;
  y: number;
  press: (step: number) => void;
}

function Node({ step, def, x, y, press }: NodeProps) {
  const { session } = useUi();
  const status = stepStatus(session.store.step(step), session.gone.value);
  return (
    <button
      {...QUIET}
      type="button"
      class="node"
      title={def.name}
      data-s={status}
      style={{ left: `${x}px`, top: `${y}px`, width: `${NODE.width}px` }}
      onClick={() => press(step)}
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
