// The graph in its box, and how to look at it: zoom, and whether it follows the run.
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { arrange } from "../model/arrange";
import { counted } from "../model/format";
import { type Layout, layoutOf, SIZE } from "../model/graph";
import { fitting, ZOOMS, zoomed } from "../model/graph-moves";
import { useUi } from "./context";
import { Button } from "./controls";
import { Drawing } from "./graph-drawing";

/** Room around the graph in its box, on both sides. */
const PADDING = 32;

interface Props {
  /** The step that is shown below. */
  chosen: number;
  press: (step: number) => void;
}

export function Canvas({ chosen, press }: Props) {
  const { session, state } = useUi();
  const flow = session.store.flow.value;
  const layout = useMemo(() => layoutOf(flow, arrange), [flow]);
  const box = useRef<HTMLElement>(null);
  const { canvas } = state;
  const tracing = state.tracing.value;
  const follow = () => {
    if (!tracing) canvas.step = -1;
    else if (canvas.step === chosen && canvas.flow === flow) return;
    else if (show(box.current, layout, chosen, state.zoom.value))
      Object.assign(canvas, { step: chosen, flow });
  };
  const latest = useRef(follow);
  latest.current = follow;
  useLayoutEffect(() => {
    const arrive = () => {
      box.current?.scrollTo(canvas.left, canvas.top);
      latest.current();
    };
    return box.current === null ? undefined : whenOnPage(box.current, arrive);
  }, []);
  useLayoutEffect(() => fade(box.current), [layout, state.zoom.value]);
  useLayoutEffect(follow, [chosen, layout, tracing]);
  return (
    <>
      <Tools layout={layout} box={box} />
      <nav
        class="fw-canvas"
        aria-label="Graph"
        ref={box}
        onScroll={({ currentTarget }) => {
          const { clientWidth, scrollLeft, scrollTop } = currentTarget;
          if (clientWidth > 0) Object.assign(canvas, { left: scrollLeft, top: scrollTop });
          fade(currentTarget);
        }}
      >
        <Scaled layout={layout}>
          <Drawing layout={layout} chosen={chosen} press={press} />
        </Scaled>
      </nav>
    </>
  );
}

function Scaled({ layout, children }: { layout: Layout; children: ComponentChildren }) {
  const zoom = useUi().state.zoom.value;
  const style = { width: `${layout.width * zoom}px`, height: `${layout.height * zoom}px` };
  return (
    <div class="scaled" style={style} data-small={zoom < 0.5 ? "" : undefined}>
      <div style={{ transform: zoom === 1 ? undefined : `scale(${zoom})`, transformOrigin: "0 0" }}>
        {children}
      </div>
    </div>
  );
}

function Tools({ layout, box }: { layout: Layout; box: { current: HTMLElement | null } }) {
  const { session, state } = useUi();
  const flow = session.store.flow.value;
  const zoom = state.zoom.value;
  const set = (next: number) => {
    state.zoom.value = next;
  };
  const fit = () => {
    const { clientWidth = 0 } = box.current ?? {};
    set(fitting(layout, clientWidth - PADDING, MOST_HEIGHT - PADDING));
  };
  return (
    <div class="fw-graph-tools">
      <Legend />
      <span class="count">{`${counted(flow.steps.length, "step")}, ${counted(flow.edges.length, "edge")}`}</span>
      <span class="seg">
        <Button
          class=""
          title="Show the step that runs"
          pressed={state.tracing.value}
          press={() => {
            state.tracing.value = !state.tracing.value;
          }}
        >
          Follow
        </Button>
      </span>
      <span class="seg zoom" role="group" aria-label="Zoom">
        <Button
          class="i"
          icon="minus"
          label="Zoom out"
          why={zoom <= (ZOOMS[0] ?? 0) ? "This is the smallest" : null}
          press={() => set(zoomed(zoom, -1))}
        />
        <Button
          class=""
          label={`Zoom ${Math.round(zoom * 100)} %, back to 100 %`}
          title="Back to 100 %"
          press={() => set(1)}
        >
          {`${Math.round(zoom * 100)}\u00a0%`}
        </Button>
        <Button
          class="i"
          icon="plus"
          label="Zoom in"
          why={zoom >= (ZOOMS.at(-1) ?? 1) ? "This is the largest" : null}
          press={() => set(zoomed(zoom, 1))}
        />
        <Button class="" title="Show all of the graph" press={fit}>
          Fit
        </Button>
      </span>
    </div>
  );
}

/** The height that the graph grows to before it scrolls; `.fw-canvas` says the same. */
const MOST_HEIGHT = 440;
const LEGEND = [
  ["fired", "Taken"],
  ["dead", "Not taken"],
  ["waiting", "Open"],
] as const;

/** What the lines mean; for the eye only, because each step says it of its own edges. */
function Legend() {
  return (
    <span class="legend" aria-hidden="true">
      {LEGEND.map(([status, word]) => (
        <span key={status}>
          <svg viewBox="0 0 20 8" aria-hidden="true">
            <g data-e={status}>
              <path d="M0 4H20" />
            </g>
          </svg>
          {word}
        </span>
      ))}
    </span>
  );
}

/**
 * Calls back each time a box comes onto the page: before that it can't be scrolled, and a notebook that
 * draws a view anew, as it does when a run ends, draws it first and puts it in its place later.
 */
function whenOnPage(box: HTMLElement, arrive: () => void): () => void {
  let was = false;
  const look = () => {
    const is = box.clientWidth > 0;
    if (is && !was) arrive();
    was = is;
    fade(box);
  };
  look();
  const observer = new ResizeObserver(look);
  observer.observe(box);
  return () => observer.disconnect();
}

/** Marks a box whose graph goes on to the right, or to the left. */
function fade(box: HTMLElement | null): void {
  const { scrollLeft = 0, clientWidth = 0, scrollWidth = 0 } = box ?? {};
  box?.toggleAttribute("data-more", scrollWidth - scrollLeft - clientWidth > PADDING / 2);
  box?.toggleAttribute("data-less", scrollLeft > PADDING / 2);
}

/** Scrolls the graph inside its box so that a step is seen, unless the box is not on the page. */
function show(box: HTMLElement | null, layout: Layout, step: number, zoom: number): boolean {
  const spot = layout.spots[step];
  if (box === null || box.clientWidth === 0 || spot === undefined) return false;
  const [x, y] = [spot.x * zoom, spot.y * zoom];
  const [width, height] = [SIZE.width * zoom + PADDING, SIZE.height * zoom + PADDING];
  if (x < box.scrollLeft || x + width > box.scrollLeft + box.clientWidth) {
    box.scrollLeft = x - (box.clientWidth - width) / 2;
  }
  if (y < box.scrollTop || y + height > box.scrollTop + box.clientHeight) {
    box.scrollTop = y - (box.clientHeight - height) / 2;
  }
  return true;
}
