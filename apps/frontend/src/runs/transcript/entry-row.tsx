import { memo } from "react";
import { classes } from "../../ui/classes.ts";
import { ErrorBoundary } from "../../ui/error-boundary.tsx";
import type { Entry } from "../entries/entry.ts";
import type { Speaker } from "../entries/rows.ts";
import type { Folds } from "../page/use-run-stream.ts";
import { EntryBody } from "./entry-body.tsx";
import { isOpenTool } from "./tools/open-tools.ts";

type Props = { entry: Entry; depth: number; by: Speaker; folds: Folds; runEnded: boolean; targeted: boolean };

/** About how high an entry is before it was measured, in pixels. */
export const estimateEntryHeight = (entry: Entry): number => {
  switch (entry.kind) {
    case "text":
      return 32 + Math.ceil(entry.text.length / 90) * 22;
    case "tool":
      return isOpenTool(entry.name) ? 180 : 32;
    case "step":
      return 110;
    case "judge":
      return 190;
    default:
      return 32;
  }
};

/** One entry of the transcript. Drawn again only when it, or what is folded, changed. */
export const EntryRow = memo(({ entry, depth, by, folds, runEnded, targeted }: Props) => (
  <div
    id={`m${entry.seq}`}
    className={classes("py-1.5", depth > 0 && "border-l-2 border-line", targeted && "rounded-md bg-accent-soft")}
    style={depth > 0 ? { marginLeft: `${depth * 1.25 - 0.5}rem`, paddingLeft: "0.75rem" } : undefined}
  >
    <ErrorBoundary name="message">
      <EntryBody entry={entry} by={by} folds={folds} runEnded={runEnded} />
    </ErrorBoundary>
  </div>
));
