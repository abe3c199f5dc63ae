import { type BatchRow, type BatchView, isFinal } from "@ccr/protocol";
import { useMutation } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Check } from "lucide-react";
import { useApi } from "../api/client.ts";
import { RunBadge } from "../runs/status.tsx";
import { Button } from "../ui/button.tsx";
import { classes } from "../ui/classes.ts";
import { Confirm } from "../ui/confirm.tsx";
import { plural } from "../ui/format.ts";
import { useToasts } from "../ui/toast.tsx";
import { useRefreshBatches } from "./batch-actions.tsx";
import { Checks, Figure, Mark, RowCost, RowDuration, Size } from "./figures.tsx";
import { choiceWords, describeWay } from "./words.ts";

/** How a run is called among those that it competes with. Pure. */
export const nameOf = (row: BatchRow, batch: BatchView): string => {
  const way = describeWay(row, batch.attempts);
  return way === "" ? "the run" : way;
};

const ChooseButton = ({ row, others, name }: { row: BatchRow; others: readonly BatchRow[]; name: string }) => {
  const { trpc } = useApi();
  const toasts = useToasts();
  const refresh = useRefreshBatches();
  const choose = useMutation(
    trpc.batches.choose.mutationOptions({
      onSuccess: ({ closed }) =>
        toasts.ok(closed.length === 0 ? "Chosen." : `Chosen; ${plural(closed.length, "other run")} closed.`),
      onError: toasts.error,
      onSettled: refresh,
    }),
  );
  if (row.mark === "chosen") {
    return (
      <span className="inline-flex h-7 items-center gap-1.5 px-2.5 text-xs font-medium text-accent">
        <Check aria-hidden className="size-3.5" /> Chosen
      </span>
    );
  }
  const isOpen = !isFinal(row.status);
  return (
    <Confirm
      title={`Choose ${name}?`}
      action="Choose it"
      keep="Not now"
      tone="primary"
      onConfirm={() => choose.mutate({ runId: row.runId })}
      trigger={
        <Button
          size="sm"
          busy={choose.isPending}
          disabled={isOpen}
          aria-label={`Choose ${name}`}
          title={isOpen ? "It can be chosen when it has ended" : undefined}
        >
          Choose
        </Button>
      }
    >
      {choiceWords(others, isFinal)}
    </Confirm>
  );
};

const COLUMNS = "lg:grid-cols-[1.25rem_minmax(0,1fr)_9rem_3.5rem_4rem_4rem_5rem_6rem_5rem]";

/** What stands in the columns, where there is room for columns. */
export const CompetitorHead = () => (
  <div
    aria-hidden
    className={classes("hidden gap-4 border-b border-line bg-sunken px-4 py-2 text-xs text-ink-faint lg:grid", COLUMNS)}
  >
    <span className="col-start-2">Run</span>
    <span>Outcome</span>
    {["Checks", "Attempts", "Cost", "Duration", "Changes"].map((label) => (
      <span key={label} className="text-right">
        {label}
      </span>
    ))}
  </div>
);

/** One of the runs that compete: its figures, whether its changes are shown, and the button that chooses it. */
export const CompetitorRow = ({
  row,
  batch,
  others,
  shown,
  onShow,
}: {
  row: BatchRow;
  batch: BatchView;
  others: readonly BatchRow[];
  shown: boolean;
  onShow: (shown: boolean) => void;
}) => {
  const name = nameOf(row, batch);
  return (
    <li
      className={classes(
        "grid grid-cols-[1.25rem_minmax(0,1fr)_auto] items-center gap-x-3 gap-y-1 px-4 py-2 lg:gap-x-4",
        COLUMNS,
        row.mark === "chosen" && "bg-accent-soft",
      )}
    >
      <input
        type="checkbox"
        aria-label={`Show the changes of ${name}`}
        checked={shown}
        onChange={({ target }) => onShow(target.checked)}
        className="size-4 accent-accent"
      />
      <div className="flex min-w-0 items-center gap-2">
        <Link to="/runs/$runId" params={{ runId: row.runId }} className="min-w-0 truncate rounded font-medium hover:underline">
          {name}
        </Link>
        {row.mark !== "chosen" && <Mark mark={row.mark} />}
      </div>
      <div className="order-4 col-span-2 col-start-2 lg:order-none lg:col-auto">
        <RunBadge run={row} />
      </div>
      <div className="order-5 col-span-2 col-start-2 flex flex-wrap gap-x-3 text-xs text-ink-soft lg:contents">
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
      </div>
      <div className="justify-self-end">
        <ChooseButton row={row} others={others} name={name} />
      </div>
    </li>
  );
};
