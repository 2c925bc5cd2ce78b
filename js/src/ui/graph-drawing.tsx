// Draws the graph: its lines, the words on them, its steps.
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { type Layout, type Line, wordWidth } from "../model/graph";
import { moved } from "../model/graph-moves";
import { waysOf } from "../model/graph-words";
import { isActive } from "../model/status";
import { useUi } from "./context";
import { Node } from "./graph-node";

interface Props {
  layout: Layout;
  /** The step that is shown below. */
  chosen: number;
  press: (step: number) => void;
}

/** One stop for Tab; arrow keys move between the steps. */
export function Drawing({ layout, chosen, press }: Props) {
  const { session } = useUi();
  const flow = session.store.flow.value;
  const ways = useMemo(() => waysOf(flow), [flow]);
  const box = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState(0);
  const stop = Math.min(at, layout.spots.length - 1);
  const move = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const next = moved(layout, stop, event.key);
    if (next === null && !event.key.startsWith("Arrow")) return;
    event.preventDefault();
    if (next !== null) box.current?.querySelector<HTMLElement>(`.node[data-step="${next}"]`)?.focus();
  };
  useLayoutEffect(() => {
    setAt(chosen);
  }, [chosen]);
  const drawn = useMemo(
    () => (
      <>
        <svg aria-hidden="true" width={layout.width} height={layout.height}>
          {layout.lines.map((line, n) => (
            <Edge key={n} edge={n} line={line} />
          ))}
        </svg>
        {layout.lines.map((line, n) => line.word !== null && <Word key={n} edge={n} line={line} />)}
      </>
    ),
    [layout],
  );
  const latest = useRef(press);
  latest.current = press;
  const nodes = useMemo(
    () =>
      flow.steps.map((def, n) => (
        <Node
          key={def.id}
          step={n}
          def={def}
          spot={layout.spots[n] ?? { x: 0, y: 0 }}
          ways={ways[n] ?? []}
          isChosen={chosen === n}
          isStop={stop === n}
          focus={setAt}
          press={(step) => latest.current(step)}
        />
      )),
    [flow, layout, chosen, stop],
  );
  return (
    <div
      class="plane"
      ref={box}
      role="group"
      aria-label="Steps; arrow keys move between them"
      style={{ width: `${layout.width}px`, height: `${layout.height}px` }}
      onKeyDown={move}
    >
      {drawn}
      {nodes}
    </div>
  );
}

/** How an edge is drawn: as its status says, and with colour while what it leads to is at work. */
function useEdge(edge: number, target: number): string {
  const { session } = useUi();
  const status = session.store.edge(edge);
  const isLive = status === "fired" && isActive(session.store.step(target)?.status ?? "pending");
  return isLive && !session.gone.value ? "live" : status;
}

function Edge({ edge, line }: { edge: number; line: Line }) {
  const status = useEdge(edge, line.target);
  return (
    <g data-e={status}>
      <path d={line.d} />
      <path class="head" d={line.head} />
    </g>
  );
}

function Word({ edge, line }: { edge: number; line: Line }) {
  const status = useEdge(edge, line.target);
  const width = wordWidth(line.label);
  const left = (line.word?.x ?? 0) - width / 2;
  return (
    <span
      class="word"
      data-e={status}
      aria-hidden="true"
      title={line.label}
      style={{ left: `${left}px`, top: `${(line.word?.y ?? 0) - 8}px`, width: `${width}px` }}
    >
      {line.label}
    </span>
  );
}
