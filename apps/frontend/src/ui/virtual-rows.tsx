import { useVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, type Ref, useEffect, useImperativeHandle, useRef } from "react";
import { classes } from "./classes.ts";

export type VirtualRowsHandle = { scrollTo(index: number): void };

/** Rows of one fixed height, of which only those in view are drawn; scrolls both ways when `minWidth` is wider than the place. */
export const VirtualRows = ({
  count,
  rowHeight,
  render,
  minWidth,
  header,
  className,
  label,
  rows,
  onRange,
  ref,
}: {
  count: number;
  rowHeight: number;
  render: (index: number) => ReactNode;
  minWidth?: string;
  /** Stays at the top. */
  header?: ReactNode;
  className?: string;
  label: string;
  /** The rows say that they are those of a table, of so many with its header; left out: they are lines of a region. */
  rows?: number;
  /** Told of the first and the last row that are drawn, each time when they are others. */
  onRange?: (first: number, last: number) => void;
  ref?: Ref<VirtualRowsHandle>;
}) => {
  const scroller = useRef<HTMLElement>(null);
  const virtualizer = useVirtualizer({
    count,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 20,
  });
  const { startIndex: first, endIndex: last } = virtualizer.range ?? { startIndex: 0, endIndex: 0 };
  // biome-ignore lint/correctness/useExhaustiveDependencies: who is told may be another one at each drawing
  useEffect(() => onRange?.(first, last), [first, last]);
  useImperativeHandle(ref, () => ({ scrollTo: (index) => virtualizer.scrollToIndex(index, { align: "start" }) }), [virtualizer]);
  return (
    <section
      ref={scroller}
      aria-label={label}
      {...(rows === undefined ? {} : { role: "table", "aria-rowcount": rows })}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
      tabIndex={0}
      className={classes("inset-ring-focus min-h-0 flex-1 overflow-auto", className)}
    >
      <div style={{ minWidth }}>
        {header !== undefined && <div className="sticky top-0 z-10">{header}</div>}
        <div className="relative" style={{ height: virtualizer.getTotalSize() }}>
          {virtualizer.getVirtualItems().map(({ index, key, start }) => (
            <div
              key={key}
              className="absolute top-0 left-0 w-full"
              style={{ height: rowHeight, transform: `translateY(${start}px)` }}
            >
              {render(index)}
            </div>
          ))}
        </div>
      </div>
    </section>
  );
};
