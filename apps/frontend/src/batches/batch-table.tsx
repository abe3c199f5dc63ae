import type { BatchRow, BatchView } from "@ccr/protocol";
import { Link } from "@tanstack/react-router";
import { ArrowDown, ArrowUp, Columns3 } from "lucide-react";
import { memo, useState } from "react";
import { RunBadge } from "../runs/status.tsx";
import { Button } from "../ui/button.tsx";
import { classes } from "../ui/classes.ts";
import { plural } from "../ui/format.ts";
import { TailPath } from "../ui/tail-path.tsx";
import { Checks, Figure, Mark, RowCost, RowDuration, Size } from "./figures.tsx";
import type { Sort, TableSearch } from "./table.ts";
import { competes, describeWay } from "./words.ts";

const ROWS = 200;
/** The last is for what leads to those that a run competes with. */
const COLUMNS = "lg:grid-cols-[11rem_minmax(0,1fr)_4rem_4.5rem_5rem_6rem_7rem]";
const COMPETING_COLUMNS = "lg:grid-cols-[11rem_minmax(0,1fr)_4rem_4.5rem_5rem_6rem_7rem_1.75rem]";

const HEADS: readonly { sort: Sort; label: string; end: boolean }[] = [
  { sort: "outcome", label: "Outcome", end: false },
  { sort: "repository", label: "Repository", end: false },
  { sort: "checks", label: "Checks", end: true },
  { sort: "attempts", label: "Attempts", end: true },
  { sort: "cost", label: "Cost", end: true },
  { sort: "duration", label: "Duration", end: true },
  { sort: "size", label: "Changes", end: true },
];

/** The next order when a head is asked for: by it, then the other way round, then as the batch was listed. Pure. */
const nextOrder = ({ sort, down }: TableSearch, asked: Sort): Pick<TableSearch, "sort" | "down"> => {
  if (sort !== asked) return { sort: asked };
  return down === true ? {} : { sort: asked, down: true };
};

const Heads = ({
  search,
  columns,
  onSort,
}: {
  search: TableSearch;
  columns: string;
  onSort: (order: Pick<TableSearch, "sort" | "down">) => void;
}) => (
  <div className={classes("hidden gap-4 border-b border-line bg-sunken px-4 py-1 text-xs text-ink-faint lg:grid", columns)}>
    {HEADS.map(({ sort, label, end }) => {
      const isBy = search.sort === sort;
      const Arrow = search.down === true ? ArrowDown : ArrowUp;
      return (
        <button
          key={sort}
          type="button"
          aria-pressed={isBy}
          aria-label={`Sort by ${label.toLowerCase()}${isBy ? (search.down === true ? ", now from the greatest" : ", now from the least") : ""}`}
          onClick={() => onSort(nextOrder(search, sort))}
          className={classes(
            "inset-ring-focus flex h-6 items-center gap-1 rounded hover:text-ink",
            end && "justify-end",
            isBy && "font-medium text-ink",
          )}
        >
          {label}
          {isBy && <Arrow aria-hidden className="size-3" />}
        </button>
      );
    })}
  </div>
);

const Row = memo(({ row, batch }: { row: BatchRow; batch: Pick<BatchView, "id" | "attempts" | "variants"> }) => {
  const way = describeWay(row, batch.attempts);
  const isCompeting = competes(batch);
  return (
    <li
      className={classes(
        "relative grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-4 gap-y-1 px-4 py-2 transition-colors hover:bg-hover",
        isCompeting ? COMPETING_COLUMNS : COLUMNS,
        row.mark === "closed" && "opacity-70",
      )}
    >
      <div className="order-2 justify-self-end lg:order-none lg:justify-self-start">
        <RunBadge run={row} className="max-w-44" />
      </div>
      <div className="order-1 min-w-0 lg:order-none">
        <Link
          to="/runs/$runId"
          params={{ runId: row.runId }}
          title={row.outcome?.sentence}
          className="inset-ring-focus flex min-w-0 items-center gap-2 rounded after:absolute after:inset-0"
        >
          <TailPath text={row.ref === null ? row.repository : `${row.repository}@${row.ref}`} className="font-medium" />
          <Mark mark={row.mark} />
        </Link>
        {(way !== "" || row.tries > 1) && (
          <p className="truncate text-xs text-ink-faint">
            {[way, row.tries > 1 ? `launched ${row.tries} times` : ""].filter((part) => part !== "").join(" · ")}
          </p>
        )}
      </div>
      <div className="order-3 col-span-2 flex flex-wrap gap-x-3 text-xs text-ink-soft lg:contents">
        <Figure label="Checks">
          <Checks checks={row.checks} />
        </Figure>
        <Figure label="Attempts">{row.attemptsUsed === 0 ? "–" : row.attemptsUsed}</Figure>
        <Figure label="Cost">
          <RowCost costUsd={row.costUsd} />
        </Figure>
        <Figure label="Duration">
          <RowDuration {...row} />
        </Figure>
        <Figure label="Changes">
          <Size diff={row.diff} />
        </Figure>
        {isCompeting && (
          <Link
            to="/batches/$batchId/groups/$group"
            params={{ batchId: batch.id, group: String(row.group) }}
            title="Compare with the others of this repository"
            aria-label={`Compare the runs of ${row.repository}`}
            className="relative z-10 ml-auto grid size-7 place-items-center rounded-md text-ink-soft hover:bg-hover hover:text-ink"
          >
            <Columns3 aria-hidden className="size-4" />
          </Link>
        )}
      </div>
    </li>
  );
});

/** The runs of a batch as a table, some hundred at a time. */
export const BatchTable = ({
  rows,
  batch,
  search,
  onSort,
}: {
  rows: readonly BatchRow[];
  batch: BatchView;
  search: TableSearch;
  onSort: (order: Pick<TableSearch, "sort" | "down">) => void;
}) => {
  const [shown, setShown] = useState(ROWS);
  const left = rows.length - shown;
  return (
    <>
      <Heads search={search} columns={competes(batch) ? COMPETING_COLUMNS : COLUMNS} onSort={onSort} />
      <ul className="divide-y divide-line" aria-label="Runs of this batch">
        {rows.slice(0, shown).map((row) => (
          <Row key={row.place} row={row} batch={batch} />
        ))}
      </ul>
      {left > 0 && (
        <div className="flex justify-center border-t border-line p-3">
          <Button onClick={() => setShown(shown + ROWS)}>
            Show {Math.min(left, ROWS)} more of {plural(left, "run")}
          </Button>
        </div>
      )}
    </>
  );
};
