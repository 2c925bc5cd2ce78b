// Parts that draw with the widget's own Preact and context: how they are loaded, and what they are given.
import type { Signal } from "@preact/signals";
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { Fragment, jsx, jsxs } from "preact/jsx-runtime";
import { loader } from "../host/asset";
import { useUi } from "./context";
import { Button, Copy, Elapsed, Offer, QUIET } from "./controls";

/** What a part takes from here, by the names it imports: both must have one Preact and one context. */
const SHARED: Record<string, object> = {
  "preact/hooks": { useLayoutEffect, useMemo, useRef, useState },
  "preact/jsx-runtime": { Fragment, jsx, jsxs },
  "./context": { useUi },
  "./controls": { Button, Copy, Elapsed, Offer, QUIET },
};

type Make<T> = (require: (name: string) => object | undefined) => T;

/** Returns what loads a part into a signal, once per page. */
export function partLoader<T>(into: Signal<T | null>, name: string) {
  return loader(into, name, (part) => (part.default as Make<T>)((wanted) => SHARED[wanted]));
}
