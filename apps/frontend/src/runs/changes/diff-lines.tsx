import { classes } from "../../ui/classes.ts";
import type { PatchLine } from "./patch.ts";

const ROW = { context: "", added: "bg-added", removed: "bg-removed" } as const;
const GUTTER = {
  context: "text-ink-faint",
  added: "bg-added-gutter text-ink-soft",
  removed: "bg-removed-gutter text-ink-soft",
} as const;
const MARK = { context: " ", added: "+", removed: "-" } as const;

/** One line of a diff: both numbers, the mark, the text. */
export const DiffLine = ({
  line: { kind, oldLine, newLine, text, noNewline },
  oldNumbers = true,
}: {
  line: PatchLine;
  oldNumbers?: boolean;
}) => (
  <div className={classes("code flex h-5 min-w-full whitespace-pre", ROW[kind])}>
    {oldNumbers && (
      <span aria-hidden className={classes("nums w-11 shrink-0 pr-1.5 text-right text-2xs leading-5 select-none", GUTTER[kind])}>
        {oldLine}
      </span>
    )}
    <span aria-hidden className={classes("nums w-11 shrink-0 pr-1.5 text-right text-2xs leading-5 select-none", GUTTER[kind])}>
      {newLine}
    </span>
    <span className="w-5 shrink-0 text-center text-ink-soft select-none">{MARK[kind]}</span>
    <span className="pr-4">
      {text.replace(/\r$/, "␍")}
      {noNewline && (
        <span className="text-ink-faint select-none" title="No newline at the end of the file">
          {" "}
          ⏎̸
        </span>
      )}
    </span>
  </div>
);
