import { type BatchRow, isFinal } from "@ccr/protocol";
import type { ReactNode } from "react";
import { Cost } from "../runs/cost.tsx";
import { classes } from "../ui/classes.ts";
import { formatElapsed, plural } from "../ui/format.ts";
import { Elapsed } from "../ui/time.tsx";
import { MARKS } from "./words.ts";

/** How many files and lines a run changed. */
export const Size = ({ diff }: { diff: BatchRow["diff"] }) => {
  if (diff === null) return <span className="text-ink-faint">–</span>;
  if (diff.files === 0) return <span className="text-ink-faint">none</span>;
  return (
    <span title={plural(diff.files, "file")}>
      <span className="text-ok">+{diff.additions.toLocaleString("en")}</span>{" "}
      <span className="text-bad">−{diff.deletions.toLocaleString("en")}</span>
    </span>
  );
};

/** How many of the checks passed; a dash where there are none. */
export const Checks = ({ checks: { passed, total } }: Pick<BatchRow, "checks">) =>
  total === 0 ? (
    <span className="text-ink-faint">–</span>
  ) : (
    <span className={passed === total ? "text-ok" : undefined}>
      {passed}/{total}
    </span>
  );

/** A dash until there is a cost. */
export const RowCost = ({ costUsd }: Pick<BatchRow, "costUsd">) => (
  <Cost usage={{ costUsd, inputTokens: 0, outputTokens: 0, turns: 0 }} />
);

/** Ticks while the run goes on; a dash before it has started. */
export const RowDuration = ({ startedAt, endedAt, status }: Pick<BatchRow, "startedAt" | "endedAt" | "status">) => {
  if (startedAt === null) return <span className="text-ink-faint">–</span>;
  return isFinal(status) && endedAt !== null ? (
    formatElapsed(Date.parse(endedAt) - Date.parse(startedAt))
  ) : (
    <Elapsed from={startedAt} to={null} />
  );
};

/** What was decided about a run. */
export const Mark = ({ mark }: Pick<BatchRow, "mark">) =>
  mark === null ? null : (
    <span
      className={classes(
        "shrink-0 rounded-md px-1.5 text-2xs font-medium",
        mark === "chosen" ? "bg-accent-soft text-accent" : "bg-hover text-ink-faint",
      )}
    >
      {MARKS[mark]}
    </span>
  );

/** A figure with its name before it, which the head of a column says where there is one. */
export const Figure = ({ label, children }: { label: string; children: ReactNode }) => (
  <span className="nums whitespace-nowrap lg:text-right">
    <span className="text-ink-faint lg:sr-only">{label} </span>
    {children}
  </span>
);
