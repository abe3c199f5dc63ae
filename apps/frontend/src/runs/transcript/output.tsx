import { memo, useMemo } from "react";
import { classes } from "../../ui/classes.ts";
import { plural } from "../../ui/format.ts";
import type { Folds } from "../page/use-run-stream.ts";
import { parseAnsi, stripAnsi } from "./ansi.ts";
import { lookOfAnsi } from "./ansi-look.ts";
import { CopyCorner } from "./copy-corner.tsx";
import { viewOutput } from "./output-lines.ts";

const Ansi = memo(({ text }: { text: string }) =>
  useMemo(() => parseAnsi(text), [text]).map(({ text: part, style: ansi }, index) => {
    const { className, style } = lookOfAnsi(ansi);
    return (
      // biome-ignore lint/suspicious/noArrayIndexKey: spans of one text have no other name
      <span key={index} className={className === "" ? undefined : className} style={style}>
        {part}
      </span>
    );
  }),
);

/** What a command or a tool put out: folded in the middle when long, colours kept, copied whole. */
export const Output = ({
  text,
  foldKey,
  folds,
  isError = false,
  lines,
  label = "Output",
}: {
  text: string;
  foldKey: string;
  folds: Folds;
  isError?: boolean;
  lines?: number;
  /** What it is, for those who do not see where it stands. */
  label?: string;
}) => {
  const open = folds.isOpen(foldKey);
  const view = useMemo(() => viewOutput(text, open, lines), [text, open, lines]);
  if (text.trim() === "") return <p className="text-xs text-ink-faint">No output</p>;
  const canFold = view.hidden > 0 || view.isCut || (open && view.total > 14);
  return (
    <div className={classes("group/copy relative rounded-lg border bg-sunken", isError ? "border-bad/40" : "border-line")}>
      <pre
        // What scrolls must be reachable by keyboard.
        {...(open ? { tabIndex: 0, role: "region", "aria-label": label } : {})}
        className={classes(
          "code inset-ring-focus overflow-x-auto rounded-lg px-3 py-2 whitespace-pre-wrap [overflow-wrap:anywhere]",
          open && "max-h-[70vh] overflow-y-auto",
        )}
      >
        <Ansi text={view.head} />
        {view.hidden > 0 && (
          <>
            {"\n"}
            <span className="text-ink-faint italic select-none">… {plural(view.hidden, "line")} not shown …</span>
            {"\n"}
            <Ansi text={view.tail} />
          </>
        )}
      </pre>
      {canFold && (
        <button
          type="button"
          aria-expanded={open}
          onClick={() => folds.set(foldKey, !open)}
          className="inset-ring-focus w-full rounded-b-lg border-t border-line px-3 py-1 text-left text-xs font-medium text-accent hover:bg-hover"
        >
          {open ? "Show less" : view.total === 1 ? "Show all of it" : `Show all ${plural(view.total, "line")}`}
        </button>
      )}
      <CopyCorner text={() => stripAnsi(text)} label={`Copy the ${label.toLowerCase()}`} />
    </div>
  );
};
