import { memo } from "react";
import { classes } from "../../ui/classes.ts";
import type { Entry } from "../entries/entry.ts";
import type { Row } from "../entries/rows.ts";
import type { Folds } from "../page/use-run-stream.ts";
import { EntryRow } from "./entry-row.tsx";
import { RowActions } from "./row-actions.tsx";

/** A row at its place in the list. `isPointed`: one points at it or is in it. Drawn again only when something of it changed. */
export const RowBox = memo(
  ({
    row: { entry, depth, by, isOver },
    index,
    folds,
    runEnded,
    targeted,
    isCurrent,
    isPointed,
    onRaw,
  }: {
    row: Row;
    index: number;
    folds: Folds;
    runEnded: boolean;
    targeted: boolean;
    isCurrent: boolean;
    isPointed: boolean;
    onRaw: (entry: Entry) => void;
  }) => (
    <div
      data-index={index}
      data-current={isCurrent ? "" : undefined}
      data-key={entry.key}
      tabIndex={-1}
      className={classes(
        "relative [contain:layout_style]",
        isCurrent ? "rounded-md outline-2 outline-offset-2 outline-accent/60" : "outline-none",
      )}
    >
      <EntryRow entry={entry} depth={depth} by={by} folds={folds} runEnded={runEnded || isOver} targeted={targeted} />
      {isPointed && <RowActions entry={entry} onRaw={onRaw} />}
    </div>
  ),
);
