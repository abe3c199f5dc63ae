import { isFinal, type ListedRun, type RunId } from "@ccr/protocol";
import { useQuery } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import { ArrowUp, CircleCheck, Play, SearchX, TriangleAlert, X } from "lucide-react";
import { useState } from "react";
import { useApi } from "../../api/client.ts";
import { Button, buttonClasses, IconButton } from "../../ui/button.tsx";
import { classes } from "../../ui/classes.ts";
import { EmptyState, LoadError, Notice, Skeleton } from "../../ui/feedback.tsx";
import { plural } from "../../ui/format.ts";
import { Card, Page } from "../../ui/layout.tsx";
import { ShowMore } from "../../ui/show-more.tsx";
import { isNarrowed, toFilter } from "../filter.ts";
import { PriorityButtons, usePriority } from "../priority-buttons.tsx";
import { RUN_COLUMNS, RunRow } from "../run-row.tsx";
import { BulkBar } from "./bulk-bar.tsx";
import { RunFilters } from "./filters.tsx";
import { nothing, type Selection, toggle, toggleShown } from "./selection.ts";
import type { Told } from "./told.ts";
import { asDone, useBulk } from "./use-bulk.ts";
import { useHeld } from "./use-held.ts";
import { useRunList } from "./use-run-list.ts";

const COUNTS_MS = 5000;

/** A box to choose a run by, as large as a finger needs. */
const Choose = ({
  label,
  checked,
  mixed = false,
  onChoose,
}: {
  label: string;
  checked: boolean;
  mixed?: boolean;
  onChoose: (range: boolean) => void;
}) => (
  <label className="relative z-10 -m-1 grid size-7 shrink-0 place-items-center">
    <input
      type="checkbox"
      aria-label={label}
      checked={checked}
      ref={(box) => {
        if (box !== null) box.indeterminate = mixed;
      }}
      onChange={() => {}}
      onClick={({ shiftKey }) => onChoose(shiftKey)}
      className="size-4 accent-accent"
    />
  </label>
);

const ToldNotice = ({ told, onClose }: { told: Told; onClose: () => void }) => (
  <Notice tone={told.problems.length === 0 ? "info" : "warn"} icon={told.problems.length === 0 ? CircleCheck : TriangleAlert}>
    <div className="flex items-start gap-3">
      <div role="status" className="min-w-0 flex-1">
        <p>{told.text}</p>
        {told.problems.length > 0 && (
          <ul className="mt-1 list-disc pl-4 text-ink-soft">
            {told.problems.map((problem) => (
              <li key={problem}>{problem}</li>
            ))}
          </ul>
        )}
      </div>
      <IconButton label="Close this message" onClick={onClose} className="-my-1">
        <X aria-hidden className="size-3.5" />
      </IconButton>
    </div>
  </Notice>
);

const NoRuns = ({ filtered }: { filtered: boolean }) =>
  filtered ? (
    <EmptyState
      icon={SearchX}
      title="No run fits this filter"
      action={
        <Link to="/runs" className={buttonClasses("secondary")}>
          Show all runs
        </Link>
      }
    />
  ) : (
    <EmptyState
      icon={Play}
      title="No runs yet"
      action={
        <Link to="/" className={buttonClasses("primary")}>
          Start one
        </Link>
      }
    >
      Each launch becomes a run, with its transcript, its changes and its outcome.
    </EmptyState>
  );

/** Every run: looked for, sorted, and canceled or launched again together. */
export const RunsPage = () => {
  const { trpc } = useApi();
  const search = useSearch({ from: "/runs" });
  const [openedAt] = useState(Date.now);
  const filter = toFilter(search, openedAt);
  const { status: _, ...others } = filter;
  const reading = useHeld();
  const [selection, setSelection] = useState(nothing);
  const isChoosing = selection.runs.size > 0;
  const list = useRunList(filter, search.sort ?? "newest", reading.held || isChoosing);
  const counts = useQuery(
    trpc.runs.counts.queryOptions(others, { refetchInterval: COUNTS_MS, placeholderData: (before) => before }),
  );
  const priority = usePriority();
  const bulk = useBulk(() => setSelection(nothing));
  const scope = JSON.stringify(filter);
  const [chosenIn, setChosenIn] = useState(scope);
  // What is chosen is chosen among what is shown.
  if (chosenIn !== scope) {
    setChosenIn(scope);
    setSelection(nothing);
  }

  const { pages } = list;
  const runs = list.runs.map((run) => priority.shown(asDone(run, bulk.pending.get(run.id))));
  const known = new Map<RunId, ListedRun>(runs.map((run) => [run.id, run]));
  const allShown = runs.length > 0 && runs.every(({ id }) => selection.runs.has(id));
  const isFiltered = isNarrowed(search) || search.status !== undefined;
  const showNew = async (): Promise<void> => {
    await list.update();
    reading.top.current?.scrollIntoView({ block: "end" });
  };
  const noteOf = (run: ListedRun): string | null => {
    const doing = bulk.pending.get(run.id);
    if (doing === undefined) return null;
    return doing === "retry" ? "Launching it again." : isFinal(run.status) ? null : "Canceling it.";
  };
  return (
    <Page title="Runs" heading="Runs" width="max-w-6xl">
      <div className="flex flex-col gap-3">
        <RunFilters search={search} counts={counts.data} runs={runs} />
        {bulk.told !== null && <ToldNotice told={bulk.told} onClose={bulk.forget} />}
        <div ref={reading.top} aria-hidden className="-mb-3 h-px" />
        {list.waiting !== null && (
          <div role="status" className="sticky top-3 z-20 flex justify-center">
            <Button size="sm" tone="primary" className="rounded-full shadow-float" busy={pages.isFetching} onClick={showNew}>
              <ArrowUp aria-hidden className="size-3.5" />
              {list.waiting.fresh > 0 ? `Show ${plural(list.waiting.fresh, "new run")}` : "Bring the list up to date"}
            </Button>
          </div>
        )}
        <Card className="overflow-clip">
          {pages.data === undefined ? (
            pages.error === null ? (
              <Skeleton rows={6} />
            ) : (
              <LoadError error={pages.error} onRetry={() => pages.refetch()} />
            )
          ) : runs.length > 0 ? (
            <div {...reading.within}>
              <div className="flex items-center gap-3 border-b border-line bg-sunken px-4 py-1.5 text-xs text-ink-faint">
                <Choose
                  label="Choose every run that is shown"
                  checked={allShown}
                  mixed={isChoosing && !allShown}
                  onChoose={() => setSelection(toggleShown(selection, runs))}
                />
                <div aria-hidden className={classes("hidden flex-1 gap-4 md:grid", RUN_COLUMNS)}>
                  <span>Outcome</span>
                  <span>Task and repository</span>
                  <span className="text-right">Launched</span>
                  <span className="text-right">Duration</span>
                  <span className="text-right">Cost</span>
                </div>
                <span aria-hidden className="md:hidden">
                  Choose all that are shown
                </span>
                <span aria-hidden className="hidden w-15 md:block" />
              </div>
              <ul className="divide-y divide-line">
                {runs.map((run) => (
                  <RunRow
                    key={run.id}
                    run={run}
                    note={noteOf(run)}
                    className={selection.runs.has(run.id) ? "bg-accent-soft" : undefined}
                    lead={
                      <Choose
                        label={`Choose ${run.taskName}, ${run.repository}`}
                        checked={selection.runs.has(run.id)}
                        onChoose={(range) => setSelection(toggle(selection, runs, { id: run.id, range }))}
                      />
                    }
                    actions={
                      <div
                        className={classes(
                          "relative z-10 shrink-0 flex-col md:w-15 md:flex-row",
                          run.status === "queued" ? "flex" : "hidden md:flex",
                        )}
                      >
                        {run.status === "queued" && <PriorityButtons run={run} priority={priority} look="icons" />}
                      </div>
                    }
                  />
                ))}
              </ul>
            </div>
          ) : pages.hasNextPage ? (
            <EmptyState icon={SearchX} title="Nothing among the newest runs">
              So many were looked through. There are older ones.
            </EmptyState>
          ) : (
            <NoRuns filtered={isFiltered} />
          )}
        </Card>
        <ShowMore pages={pages} />
        {isChoosing && (
          <BulkBar
            selection={selection}
            current={(id) => known.get(id)?.status}
            filter={filter}
            hasMore={pages.hasNextPage || selection.runs.size < runs.length}
            busy={bulk.busy}
            onSelect={(next: Selection | null) => setSelection(next ?? nothing)}
            onCancel={bulk.cancel}
            onRetry={bulk.retry}
          />
        )}
      </div>
    </Page>
  );
};
