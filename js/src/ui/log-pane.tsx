// The log: level, filter, following, copying, and the rows.
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { count, counted } from "../model/format";
import { asText } from "../model/log-window";
import type { Json, LogLevel, LogLineView } from "../model/wire";
import { useUi } from "./context";
import { Button, Copy, QUIET } from "./controls";
import { LogView } from "./log-view";

const LEVELS: { value: LogLevel; word: string }[] = [
  { value: "debug", word: "all levels" },
  { value: "info", word: "info and above" },
  { value: "warn", word: "warn and above" },
  { value: "error", word: "error only" },
];
/** Lines that one press on the older ones brings. */
const OLDER = 1000;

export function LogPane() {
  const { session, state, frame, signal, goTo } = useUi();
  const { store } = session;
  const box = useRef<HTMLDivElement>(null);
  const drawn = useRef<LogView | null>(null);
  const [rows, setRows] = useState(0);
  const [missed, setMissed] = useState(0);
  const follow = state.follow.value;
  const filter = { level: state.level.value, text: state.filter.value };
  useLayoutEffect(() => {
    if (box.current === null) return;
    const end = new AbortController();
    const view = new LogView(box.current, store, frame, {
      counted: (rows, missed) => {
        setRows(rows);
        setMissed(missed);
      },
      followed: (follow) => {
        state.follow.value = follow;
      },
      goTo,
    });
    view.listen(AbortSignal.any([signal, end.signal]));
    drawn.current = view;
    return () => end.abort();
  }, []);
  useLayoutEffect(() => drawn.current?.reset(filter), [filter.level, filter.text]);
  useLayoutEffect(() => drawn.current?.setFollow(follow), [follow]);
  const copy = () => {
    const start = store.view.run?.started_at ?? 0;
    return (drawn.current?.window.lines ?? []).map((line) => asText(line, start)).join("\n");
  };
  return (
    <div class="fw-logbox">
      <div class="fw-loghead">
        <h3>Log</h3>
        <select
          {...QUIET}
          class="field"
          aria-label="Level"
          value={filter.level}
          onChange={(event) => {
            state.level.value = event.currentTarget.value as LogLevel;
          }}
        >
          {LEVELS.map(({ value, word }) => (
            <option key={value} value={value} selected={value === filter.level}>
              {word}
            </option>
          ))}
        </select>
        <input
          {...QUIET}
          class="field"
          placeholder="Filter"
          aria-label="Filter log"
          value={filter.text}
          onInput={(event) => {
            state.filter.value = event.currentTarget.value;
          }}
        />
        <span class="count">{counted(rows, "line")}</span>
        <span class="seg">
          <Button
            class=""
            pressed={follow}
            press={() => {
              state.follow.value = !follow;
            }}
          >
            Follow
          </Button>
        </span>
        <Copy label="Copy log" text={copy} />
      </div>
      <Older rows={rows} />
      <div class="fw-log" role="log" aria-live="off" aria-label="Log" tabIndex={0} {...QUIET} ref={box} />
      {missed > 0 && (
        <Button
          class="fw-new"
          press={() => {
            state.follow.value = true;
          }}
        >
          {`${count(missed)} new ${missed === 1 ? "line" : "lines"}`}
        </Button>
      )}
    </div>
  );
}

/** Offers the lines that are still in Python. Redrawn when `rows` changes. */
function Older({ rows }: { rows: number }) {
  const { session } = useUi();
  const { store } = session;
  const first = store.older[0]?.n ?? store.view.run?.log.first ?? 0;
  if (first <= 0 || rows < 0) return null;
  const fetch = async () => {
    const reply = await session.act("log", { before: first, count: OLDER });
    if (reply !== null) store.prepend(linesOf(reply.data));
  };
  return (
    <Button
      class="fw-new"
      command="log"
      why={session.gone.value ? "Kernel restarted" : null}
      press={() => void fetch()}
    >
      {`${count(first)} older ${first === 1 ? "line" : "lines"}`}
    </Button>
  );
}

function linesOf(data: Json): LogLineView[] {
  if (data === null || typeof data !== "object" || Array.isArray(data)) return [];
  return Array.isArray(data.lines) ? (data.lines as unknown as LogLineView[]) : [];
}
