import { memo, useMemo } from "react";
import { classes } from "../../ui/classes.ts";
import { CopyButton } from "../../ui/copy-button.tsx";
import { plural } from "../../ui/format.ts";
import type { Folds } from "../page/use-run-stream.ts";
import { type AnsiColor, parseAnsi, stripAnsi } from "./ansi.ts";
import { viewOutput } from "./output-lines.ts";

const COLORS: Record<AnsiColor, string> = {
  black: "text-ink-faint",
  red: "text-bad",
  green: "text-ok",
  yellow: "text-warn",
  blue: "text-accent",
  magenta: "text-accent",
  cyan: "text-accent",
  white: "text-ink",
};

const Ansi = memo(({ text }: { text: string }) =>
  useMemo(() => parseAnsi(text), [text]).map(({ text: part, color, bold, dim }, index) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: spans of one text have no other name
    <span key={index} className={classes(color !== null && COLORS[color], bold && "font-semibold", dim && "text-ink-faint")}>
      {part}
    </span>
  )),
);

/** What a command or a tool put out: folded in the middle when long, colours kept, copied whole. */
export const Output = ({
  text,
  foldKey,
  folds,
  isError = false,
  lines,
}: {
  text: string;
  foldKey: string;
  folds: Folds;
  isError?: boolean;
  lines?: number;
}) => {
  const open = folds.isOpen(foldKey);
  const view = useMemo(() => viewOutput(text, open, lines), [text, open, lines]);
  if (text.trim() === "") return <p className="text-xs text-ink-faint">No output</p>;
  const canFold = view.hidden > 0 || (open && view.total > 14);
  return (
    <div className={classes("group/output relative rounded-lg border bg-sunken", isError ? "border-bad/40" : "border-line")}>
      <pre
        className={classes(
          "code overflow-x-auto px-3 py-2 whitespace-pre-wrap [overflow-wrap:anywhere]",
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
          onClick={() => folds.set(foldKey, !open)}
          className="inset-ring-focus w-full rounded-b-lg border-t border-line px-3 py-1 text-left text-xs font-medium text-accent hover:bg-hover"
        >
          {open ? "Show less" : `Show all ${plural(view.total, "line")}`}
        </button>
      )}
      <span className="absolute top-1 right-1 rounded-md bg-sunken opacity-0 transition-opacity group-focus-within/output:opacity-100 group-hover/output:opacity-100">
        <CopyButton text={() => stripAnsi(text)} label="Copy the output" />
      </span>
    </div>
  );
};
