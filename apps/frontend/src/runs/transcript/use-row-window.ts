import { type RefObject, useEffect, useLayoutEffect, useReducer, useRef, useState } from "react";
import type { Row } from "../entries/rows.ts";
import { type RowRange, RowWindow } from "./row-window.ts";

type Refs = {
  scroller: RefObject<HTMLElement | null>;
  inner: RefObject<HTMLDivElement | null>;
  block: RefObject<HTMLDivElement | null>;
};

/** Which rows a list draws, and what holds them in place; the list hands its elements over by `refs`. */
export const useRowWindow = (
  rows: readonly Row[],
  estimate: (row: Row) => number,
): { window: RowWindow; range: RowRange; refs: Refs } => {
  const [, redraw] = useReducer((count: number) => count + 1, 0);
  const [rowWindow] = useState(() => new RowWindow({ estimate, changed: redraw }));
  const scroller = useRef<HTMLElement>(null);
  const inner = useRef<HTMLDivElement>(null);
  const block = useRef<HTMLDivElement>(null);
  const range = rowWindow.sync(rows);
  useLayoutEffect(() => {
    if (scroller.current === null || inner.current === null || block.current === null) return;
    return rowWindow.attach({ scroller: scroller.current, inner: inner.current, block: block.current });
  }, [rowWindow]);
  // After each drawing: any of them may have changed a height.
  useLayoutEffect(() => rowWindow.settle());
  useEffect(() => {
    // Fonts that come late change heights without a drawing.
    void document.fonts.ready.then(() => rowWindow.settle());
  }, [rowWindow]);
  return { window: rowWindow, range, refs: { scroller, inner, block } };
};
