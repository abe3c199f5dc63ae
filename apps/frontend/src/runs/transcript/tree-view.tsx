import { useMemo } from "react";
import { classes } from "../../ui/classes.ts";
import type { Folds } from "../page/use-run-stream.ts";
import { CopyCorner } from "./copy-corner.tsx";
import { Output } from "./output.tsx";
import { type TreeRow, treeRows } from "./tree-rows.ts";

const TONES: Record<TreeRow["kind"], string> = {
  text: "text-ink",
  number: "text-code-number",
  word: "text-code-keyword",
  none: "text-ink-faint italic",
  group: "text-ink-faint",
};

/** A longer text in a tree scrolls inside of itself. */
const LONG = 600;

/** A value as a tidy tree: a name and a value on each line. What is too large for that is JSON. */
export const TreeView = ({
  value,
  foldKey,
  folds,
  label,
}: {
  value: unknown;
  foldKey: string;
  folds: Folds;
  /** What it is: `Arguments`. */
  label: string;
}) => {
  const rows = useMemo(() => treeRows(value), [value]);
  if (rows === null) {
    return <Output text={JSON.stringify(value, null, 2) ?? ""} foldKey={foldKey} folds={folds} label={label} />;
  }
  return (
    <div className="group/copy relative rounded-lg border border-line bg-sunken px-3 py-2">
      <ul aria-label={label} className="code flex flex-col gap-0.5 pr-8">
        {rows.map(({ depth, key, text, kind }, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the lines of one value never change
          <li key={index} className="flex gap-2" style={depth === 0 ? undefined : { paddingLeft: `${depth}rem` }}>
            {key !== null && <span className="shrink-0 text-code-tag">{key}</span>}
            <span
              // What scrolls must be reachable by keyboard.
              {...(text.length > LONG ? { tabIndex: 0, role: "group", "aria-label": key ?? label } : {})}
              className={classes(
                "min-w-0 whitespace-pre-wrap [overflow-wrap:anywhere]",
                TONES[kind],
                text.length > LONG && "inset-ring-focus max-h-60 overflow-y-auto rounded",
              )}
            >
              {text}
            </span>
          </li>
        ))}
      </ul>
      <CopyCorner text={() => JSON.stringify(value, null, 2) ?? ""} label={`Copy the ${label.toLowerCase()} as JSON`} />
    </div>
  );
};
